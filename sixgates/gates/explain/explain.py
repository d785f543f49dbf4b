"""What do the policies of a project mean, before anything runs?

Their margins and error rates in words, how long a release takes at the project's traffic, what
silence does, what each gate refuses; and whether the policies can decide at all.
"""

from dataclasses import dataclass

from sixgates.gates.explain.plan import Plan, Traffic, plan_release
from sixgates.gates.explain.refusals import refusals
from sixgates.gates.explain.spans import about, span, span_of_days
from sixgates.gates.explain.undecidable import problems_of
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
        Section("What is promised", _promises(project)),
        Section("How long a release takes", _release(project, traffic, plan)),
        Section("After the promotion", _after(project, plan)),
        Section("On silence", _silence(project)),
        Section("What each gate refuses", refusals(project)),
        Section("When the watch asks for a retrain", _watch(project)),
    )
    return Explanation(plan, sections, problems_of(project, traffic, plan))


def _promises(project: Project) -> tuple[str, ...]:
    policy, compare = project.policies.canary, project.policies.comparison
    return (
        (
            f"The margin is {number(policy.margin)}: a challenger whose mean {project.loss} lies"
            f" that much above the champion's, or more, is worse."
        ),
        (
            f"Worse by the margin, it is promoted by gate 5 with probability at most"
            f" {_percent(policy.alpha)} (canary.alpha), however often one looks."
        ),
        (
            f"Exactly as good, it is rolled back by gate 5 with probability at most"
            f" {_percent(policy.beta)} (canary.beta), however often one looks."
        ),
        (
            f"Gate 4 lets one pass that is worse by {number(compare.margin)} with probability about"
            f" {_percent(compare.alpha)} (comparison.alpha), each time it is asked."
        ),
        "A challenger worse by less than the margin may be promoted: that is what a margin is.",
        "These are rates of one release, not of many in a row.",
    )


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
    else:
        lines += [
            (
                f"The loss is judged by the random split alone, after"
                f" {span_of_days(plan.shadow_days)} of shadow."
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


def _after(project: Project, plan: Plan) -> tuple[str, ...]:
    policy = project.policies.monitor
    source = "shadow pairs" if project.pairs_count else "the random split with the hold-back"
    seen = plan.holdback_requests
    traffic = "" if seen is None else f", about {number(seen)} requests in a period"
    return (
        (
            f"The previous champion keeps {100 * policy.holdback:.3g} % of the units{traffic}; the"
            f" loss is watched by {source}."
        ),
        (
            f"An equal model alarms once in {number(policy.run_length)} periods or more, and within"
            f" {policy.periods} periods with probability at most"
            f" {_percent(min(1.0, policy.periods / policy.run_length))}."
        ),
        (
            f"A rise of the loss can alarm after {number(plan.alarm_periods)} periods at the"
            f" soonest; the promotion is confirmed after {policy.periods} without alarm."
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


def _watch(project: Project) -> tuple[str, ...]:
    policy = project.policies.watch
    return (
        (
            f"Inputs: a feature's stability index over {span(policy.window)} reaches both"
            f" {number(policy.psi_floor)} and {number(policy.rank_factor)} times the champion's own"
            f" largest past window, in {policy.persistence} looks in a row."
        ),
        (
            f"Loss: the matured loss lies more than {_percent(policy.loss_tolerance)} above the"
            f" holdout loss, by an e-detector that alarms falsely once in"
            f" {number(1 / policy.alpha)} periods or more."
        ),
        f"Then there is no other alert for {span(policy.cooldown)}, nor while a release is open.",
    )


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _count(n: int | None) -> str:
    return "more than can be foreseen" if n is None else f"{n:,}"
