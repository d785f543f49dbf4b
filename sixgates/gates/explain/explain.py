"""What do the policies of a project mean, before anything runs?

Their margins and error rates in words, how long a release takes at the project's traffic, what
silence does, what each gate refuses; and whether the policies can decide at all.
"""

from dataclasses import dataclass

from sixgates.gates.explain.braking import braking
from sixgates.gates.explain.people import people
from sixgates.gates.explain.plan import Plan, Traffic, plan_release
from sixgates.gates.explain.promises import promises
from sixgates.gates.explain.refusals import refusals
from sixgates.gates.explain.spans import about, percent, span, span_of_days
from sixgates.gates.explain.undecidable import problems_of
from sixgates.gates.explain.watching import watching
from sixgates.gates.project import Project
from sixgates.gates.verdict import number


@dataclass(frozen=True, slots=True)
class Section:
    """Sentences under a heading."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the policies mean."""

    plan: Plan
    sections: tuple[Section, ...]
    problems: tuple[str, ...]
    """Why the policies must not run as they are; empty where they may."""


def explain(project: Project, traffic: Traffic) -> Explanation:
    """Say in words what the policies of a project mean at a traffic.

    Raises:
        ConfigurationError: an assumption about the traffic is out of its range.
    """
    plan = plan_release(project, traffic)
    sections = (
        Section("What is promised", promises(project)),
        Section("How long a release takes", _release(project, traffic, plan)),
        Section("After the promotion", _after(project, plan)),
        Section("On silence", _silence(project)),
        Section("What each gate refuses", refusals(project)),
        Section("When the watch asks for a retrain", watching(project.policies.watch)),
        Section("What brakes it", braking(project.policies.governor)),
        Section("What a person decides", people(project.policies)),
    )
    return Explanation(plan, sections, problems_of(project, traffic, plan))


def _release(project: Project, traffic: Traffic, plan: Plan) -> tuple[str, ...]:
    policy = project.policies.canary
    shares = ", ".join(f"{share:.3g} %" for share in (100 * s for s in plan.shares))
    rate = traffic.requests_per_day
    if rate is None:
        planned = f"Canary shares: {shares}, less those that the traffic cannot fill."
    else:
        left_out = len(policy.shares) - len(plan.shares)
        planned = f"Canary shares at {number(rate)} requests a day: {shares}" + (
            f" ({left_out} left out: less than {policy.min_stage_requests} requests within"
            f" {span(policy.max_stage)})." if left_out else "."
        )  # fmt: skip
    lines = [planned]
    if project.pairs_count:
        lines += [
            f"The loss is judged by shadow pairs, period by period of {span(project.period)}.",
            (
                f"If periods spread by {number(1 / traffic.effect_size)} times the margin: about"
                f" {_count(plan.promote_periods)} matured periods show an equal challenger to be"
                f" good enough; one worse by the margin is rolled back after about"
                f" {_count(plan.rollback_periods)}, in shadow, before it answers anybody."
            ),
            (
                f"Then some {plan.promote_requests:,} clean canary requests show that errors and"
                f" slow answers are within their margins."
            ),
        ]
    elif not project.units_count:
        lines += _by_periods_of_the_split(project, traffic, plan)
    else:
        lines += [
            (
                f"The loss is judged by the random split alone, after"
                f" {span_of_days(plan.shadow_days)} of shadow, unit by unit: the project says that"
                f" the difference between two models does not vary from period to period. Said"
                f" wrongly, it promotes worse models far more often than {percent(policy.alpha)}."
            ),
            (
                f"With a mean loss of {number(traffic.base_rate)} of the largest one and one"
                f" request a unit and period, an equal challenger is promoted after about"
                f" {plan.promote_requests:,} canary requests, and one worse by the margin rolled"
                f" back after about {_count(plan.rollback_requests)} (Wald's expectation; in"
                f" practice some 10 to 20 % more)."
            ),
        ]
    lines.append(
        f"A canary that fails on every request is rolled back after about"
        f" {plan.failing_requests} of them at {100 * plan.shares[0]:.3g} %."
    )
    if plan.promote_days is not None and plan.rollback_days is not None:
        lines.append(
            f"Time to promote an equal challenger: {about(plan.promote_days)}; to roll"
            f" back one worse by the margin: {about(plan.rollback_days)}; deadline:"
            f" {span(policy.deadline)}."
        )
    else:
        lines.append("Times are not worked out: say how many requests a day there are.")
    if project.roles.label_time is not None:
        lines.append("Labels tell their own time: their delay comes on top of every time here.")
    return tuple(lines)


def _by_periods_of_the_split(project: Project, traffic: Traffic, plan: Plan) -> list[str]:
    varies = "may vary" if project.effect_varies == "unknown" else "varies"
    chance = "" if traffic.requests_per_day is None else (
        f" With a mean loss of {number(traffic.base_rate)} of the largest one, chance comes on top."
    )  # fmt: skip
    return [
        (
            f"The loss is judged by the random split alone, after {span_of_days(plan.shadow_days)}"
            f" of shadow, period by period of {span(project.period)}, because the difference"
            f" between two models {varies} from one to the next (effect_varies is"
            f" {project.effect_varies!r}). effect_varies = 'no' would count every unit by itself:"
            f" quicker, and wrong where the difference does vary."
        ),
        (
            f"If the true difference spreads over periods by"
            f" {number(1 / traffic.effect_size)} times the margin: an equal challenger is promoted"
            f" after about {_count(plan.promote_periods)} matured periods of the split, one worse"
            f" by the margin rolled back after about {_count(plan.rollback_periods)}.{chance}"
        ),
        (
            f"Errors, slow answers and predictions need some {plan.promote_requests:,} clean canary"
            f" requests. Every user counts once; those who return show harm beyond twice the margin"
            f" alone."
        ),
    ]


def _after(project: Project, plan: Plan) -> tuple[str, ...]:
    policy = project.policies.monitor
    source = "shadow pairs" if project.pairs_count else "the random split with the hold-back"
    seen = plan.holdback_requests
    at_once = "" if project.pairs_count else ", one far beyond the margin as users show it"
    traffic = "" if seen is None else f", about {number(seen)} requests in a period"
    return (
        (
            f"The previous champion keeps {100 * policy.holdback:.3g} % of the units{traffic}; the"
            f" loss is watched by {source}."
        ),
        (
            f"An equal model alarms once in {number(policy.run_length)} periods or more, and within"
            f" {policy.periods} periods with probability at most"
            f" {percent(min(1.0, policy.periods / policy.run_length))}."
        ),
        (
            f"A rise of the loss can alarm after {number(plan.alarm_periods)} periods at the"
            f" soonest{at_once}; the promotion is confirmed after {policy.periods} without alarm."
        ),
    )


def _silence(project: Project) -> tuple[str, ...]:
    policies = project.policies
    return (
        (
            f"Without requests or labels nothing is promoted: the release waits, and after"
            f" {span(policies.canary.deadline)} it expires and the champion stays."
        ),
        "While answers could not be logged the release is held, for the same reason.",
        (
            "After a promotion there is no deadline: without matured labels it stays unconfirmed,"
            " the previous champion keeps its share, and a new retrain has to wait."
        ),
        f"With fewer than {policies.watch.min_rows:,} rows in its window the watch is silent too.",
    )


def _count(n: int | None) -> str:
    return "more than can be foreseen" if n is None else f"{n:,}"
