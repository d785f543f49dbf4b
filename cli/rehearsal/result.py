"""What came of a play, as plain values: what the ledger tells, what was served and what it lost."""

from typing import Any

import numpy as np

from cli.rehearsal.play import Play
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.story import tell
from sixgates.adapters.upshot import upshot
from sixgates.gates.encoding import label_array
from sixgates.gates.losses import row_losses
from sixgates.gates.timesplit import label_present


def result_of(play: Play) -> dict[str, Any]:
    """Return the result of a play of any kind."""
    theatre = play.theatre
    clock = theatre.world.clock
    gateways, route = theatre.serving(), theatre.route()
    return {
        **tell(theatre.world, theatre.project.name),
        "next": upshot(theatre.world.ledger, theatre.project.name, None, clock.now())["next"],
        **_losses(play),
        "address": play.address,
        "serving": gateways[0],
        "gateways": [one["url"] for one in gateways],
        "proved": all(
            (one["champion_digest"], one["epoch"]) == (route.champion.digest, route.epoch)
            for one in gateways
        ),
        "failed_requests": sum(day.failed for day in play.sent),
        "first_failure": next((day.faults[0] for day in play.sent if day.faults), None),
    }


def _losses(play: Play) -> dict[str, Any]:
    """Loss of what was served, beside what the first model would have lost on the same rows."""
    project = play.theatre.project
    assert play.first is not None  # noqa: S101 - it was trained before anything was sent
    text, card = play.first
    served: list[np.ndarray] = []
    never: list[np.ndarray] = []
    daily: list[dict[str, Any]] = []
    squares: list[np.ndarray] = []
    for day, classes in zip(play.sent, play.classes, strict=True):
        usable = day.answered & label_present(day.rows, project).to_numpy()
        kept = day.rows.filter(usable)
        if kept.is_empty():
            continue
        labels = label_array(project, kept)
        answers, others = day.predictions[usable], predict(text, card, kept)
        a = row_losses(project, labels, answers, classes)
        b = row_losses(project, labels, others, card.classes)
        served.append(a)
        never.append(b)
        daily.append(
            {
                "at": str(kept[project.roles.event_time][0]),
                "served": float(np.mean(a)),
                "never": float(np.mean(b)),
                "n": kept.height,
            }
        )
        if project.task == "regression":
            squares.append(
                np.stack([(answers.ravel() - labels) ** 2, (others.ravel() - labels) ** 2])
            )
    result: dict[str, Any] = {
        "loss": project.loss,
        "loss_served": _mean(served),
        "loss_never": _mean(never),
        "daily": daily,
    }
    if squares:
        both = np.sqrt(np.concatenate(squares, axis=1).mean(axis=1))
        result["rmse_served"], result["rmse_never"] = map(float, both)
    return result


def _mean(parts: list[np.ndarray]) -> float | None:
    return float(np.concatenate(parts).mean()) if parts else None
