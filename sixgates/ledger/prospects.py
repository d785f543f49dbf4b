"""What happens after an outcome, and when, and what a person may do about it. Pure."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from sixgates.gates.later import later
from sixgates.gates.message import Choice, moment
from sixgates.gates.project import Project
from sixgates.gates.verdict import percent
from sixgates.ledger import held_back
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.news import News, What
from sixgates.ledger.route import OPEN_STEPS, Route, Step


def following(
    news: News, serving: Route | None, project: Project | None, now: datetime
) -> Iterator[str]:
    """Say what happens next and when, as far as policies and record tell.

    Args:
        news: What happened.
        serving: The newest route, None before the first.
        project: Whose policies hold; None where its file does not load.
        now: Event time, naive UTC.
    """
    cause = news.cause
    if news.what in _NEXT:
        yield _NEXT[news.what]
    if isinstance(cause, Route):
        if project is not None:
            yield from _dated(cause, project, now)
        if serving is not None and serving.epoch != cause.epoch:
            yield _moved_on(serving)
    elif news.what in {What.LAPSE, What.BREAKER}:
        yield from held_back.following(cause, serving, project)
        if serving is not None and not held_back.lasts(cause, serving):
            yield _moved_on(serving)
    elif news.what is What.HELD:
        yield _until(cause, now)
    elif news.what is What.ASKED:
        ends = moment(datetime.fromisoformat(cause.body["until"]), now)
        yield f"Without an approval by {ends}, it expires and the champion stays."
    if news.what in _ENDED_RUNS:
        nobody = "Nothing answers requests until a first model passes gates 1 to 4."
        yield nobody if serving is None else "What serves goes on serving; nothing was changed."


_ENDED_RUNS = {What.REFUSED, What.BUSY, What.HELD, What.BROKEN}
_TRIES_AGAIN = "The ledger stands. Each tick tries again, and a message says when it is over."
_CLOSED = (
    "The next run begins by schedule, by an alert of the watch, or by hand. Those that begin by"
    " themselves may pause after refusals: `sixgates status` says until when."
)
_NEXT = {
    What.REFUSED: _CLOSED,
    What.BUSY: "No run waits for the release to end: ask again once it has.",
    What.BROKEN: "Nothing was decided, and nothing tries again by itself: mend it, then run again.",
    What.COLD_START: "Every gateway takes it up within seconds, and the watch begins.",
    What.OPENED: "Each tick judges it: what does no harm gets a share of the requests, then more.",
    What.PROMOTED: "Each tick of gate 6 watches it; a regression puts the former champion back.",
    What.CONFIRMED: "The release has ended. The watch goes on looking for drift.",
    What.ROLLED_BACK: "A version that was rolled back is not offered again by itself.",
    What.EXPIRED: _CLOSED,
    What.SUPERSEDED: "The newer run goes through gates 1 to 4, and opens a release of its own.",
    What.ASKED: "Each tick goes on judging it, and rolls it back should it do harm.",
    What.UNPROVED: _TRIES_AGAIN,
    What.UNREACHED: _TRIES_AGAIN,
    What.RESTORED: "Nothing more: gateways and aliases are as the ledger says.",
    What.NOTICE: "Nothing happens by itself because of this notice.",
}


def _moved_on(serving: Route) -> str:
    return f"Meanwhile the model has moved on: {serving.step.replace('_', ' ')}."


def _dated(route: Route, project: Project, now: datetime) -> Iterator[str]:
    """Say what the policies promise after a route, with its time."""
    policies = project.policies
    match route.step:
        case Step.SHADOW:
            shares = ", ".join(map(percent, policies.canary.shares))
            yield f"Its shares are {shares}, as far as the traffic allows."
            ends = moment(later(route.at, policies.canary.deadline), now)
            yield f"Without enough evidence by {ends}, the champion stays."
        case Step.PROMOTED:
            soonest = route.at + policies.monitor.periods * project.period
            yield f"It is confirmed on {moment(soonest, now)}, at the earliest."
        case Step.ROLLED_BACK:
            ends = moment(later(route.at, policies.governor.hold), now)
            yield f"No run begins by itself before {ends}, unless a person acknowledges it."


def choices(news: News, serving: Route | None, asked: str, data: str | None) -> Iterator[Choice]:
    """Say what a person may do, one command each.

    Args:
        news: What happened.
        serving: The newest route, None before the first.
        asked: Name or path of the project file.
        data: Address of the run's data, None for the project's own source.
    """
    project = f"--project {shlex.quote(asked)}"
    yield from _about_gateways(news, serving, project)
    if news.what is What.ASKED:
        yield Choice("let it become champion", f'sixgates approve {project} --reason "why"')
        yield Choice("refuse it", f'sixgates reject {project} --reason "why"')
    if serving is not None and serving.step in OPEN_STEPS:
        over = (
            "put the former champion back" if serving.step is Step.PROMOTED else "end the release"
        )
        yield Choice(f"{over} at once", f'sixgates rollback {project} --reason "why"')
    elif news.what is What.CONFIRMED:
        over = "put the former champion back at once"
        yield Choice(over, f'sixgates rollback {project} --reason "why"')
    if news.what is What.ROLLED_BACK:
        yield Choice(
            "let runs begin again by themselves", f'sixgates acknowledge {project} --reason "why"'
        )
    if not isinstance(news.cause, Route):
        yield from _again(news.what, news.cause, project, data)
    elif news.what is What.EXPIRED:
        yield Choice("run again", f"sixgates retrain {project}{_from(data)}")
    yield Choice("see how it came to this", f"sixgates history {project} --verdicts")


def _about_gateways(news: News, serving: Route | None, project: str) -> Iterator[Choice]:
    what, cause = news.what, news.cause
    if what in {What.LAPSE, What.BREAKER} and isinstance(cause, Entry):
        if held_back.lasts(cause, serving):
            yield Choice("judge the release now", f"sixgates tick {project}")
        yield Choice("see what each gateway serves", f"sixgates status {project}")
    if what in {What.UNPROVED, What.UNREACHED}:
        yield Choice("see what differs", f"sixgates status {project}")
    if what in {What.COLD_START, What.UNPROVED, What.UNREACHED}:
        yield Choice("start a gateway, if none is up", f"sixgates serve {project}")


def _again(what: What, entry: Entry, project: str, data: str | None) -> Iterator[Choice]:
    # An alert has one run: once that has begun, another one cannot answer it.
    alert = entry.body.get("alert") if not entry.release else None
    answers = f" --alert {alert}" if alert is not None else ""
    run = f"sixgates retrain {project}{_from(data or entry.body.get('data'))}{answers}"
    if what is What.HELD and not entry.body.get("until"):
        yield Choice("start the line again", f'sixgates resume {project} --reason "why"')
    elif what is What.HELD and entry.kind is Kind.ANSWER:
        yield Choice("run all the same", f'{run} --override "why"')
    elif what in {What.REFUSED, What.BUSY, What.BROKEN}:
        yield Choice("run again", run)


def _from(data: str | None) -> str:
    return f" --data {shlex.quote(data)}" if data else ""


def _until(cause: Entry, now: datetime) -> str:
    until = cause.body.get("until")
    if not until:
        return "It stays so until a person lifts it."
    ends = moment(datetime.fromisoformat(until), now)
    if cause.kind is Kind.ANSWER:
        return f"Its alert, if it has one, is raised again after {ends}."
    return f"The release goes on after {ends}."
