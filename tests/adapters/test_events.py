from prefect.events import clients, worker

from sixgates.adapters.events import emit_drift_event


def test_a_drift_event_names_the_model_and_keeps_numbers_as_numbers(monkeypatch):
    asserting = clients.AssertingEventsClient
    asserting.reset()
    instance = worker.EventsWorker.instance(asserting)
    monkeypatch.setattr(worker.EventsWorker, "instance", lambda: instance)
    monkeypatch.setattr("prefect.events.utilities.should_emit_events", lambda: True)
    emit_drift_event("churn", {"psi": 0.31, "features": ["age"]})
    instance.drain()
    (event,) = [e for c in asserting.all for e in c.events]
    assert event.event == "sixgates.drift.detected"
    assert event.resource.id == "sixgates.model.churn"
    assert event.resource.name == "churn"
    assert event.payload == {"psi": 0.31, "features": ["age"]}
