from sixgates.adapters.events import emit_drift_event


def test_a_drift_event_names_the_model_and_keeps_numbers_as_numbers(monkeypatch):
    # Prefect's own test client starts a server for ten seconds: what is handed over is enough.
    sent = []
    monkeypatch.setattr("prefect.events.emit_event", lambda **event: sent.append(event))
    emit_drift_event("churn", {"psi": 0.31, "features": ["age"]})
    assert sent == [
        {
            "event": "sixgates.drift.detected",
            "resource": {
                "prefect.resource.id": "sixgates.model.churn",
                "prefect.resource.name": "churn",
            },
            "payload": {"psi": 0.31, "features": ["age"]},
        }
    ]
