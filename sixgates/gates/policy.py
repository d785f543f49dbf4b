"""The numbers that gates judge by, with defaults that refuse rather than hope.

Losses and margins are in the units of the project's loss; times are event times.
"""

import math
from datetime import timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sixgates.gates.freeze import Window, leave_time
from sixgates.gates.span import LONGEST, with_its_unit

ServiceName = Literal["server errors", "slow answers", "predictions"]
"""What gates 5 and 6 judge without labels."""


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _times_have_units(cls, value: object, info: ValidationInfo) -> object:
        kind = cls.model_fields[info.field_name or ""].annotation
        is_time = timedelta in {kind, *get_args(kind)}
        return with_its_unit(value) if is_time else value

    @field_validator("*")
    @classmethod
    def _finite(cls, value: object) -> object:
        """Refuse what would go on record as nothing, and by which some gates cannot judge."""
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, float) and not math.isfinite(one):
                raise ValueError(f"{one} is no limit, and None switches off what may be off")
        return value


class ValidationPolicy(_Policy):
    """Gate 1: may this data be trusted?"""

    min_rows: int = Field(1_000, ge=1)
    """Fewest accepted rows with a matured label."""
    max_quarantined_share: float = Field(0.05, ge=0, lt=1)
    """Largest share of rows that may break a rule; more stops the run."""
    max_null_share: float = Field(0.5, ge=0, le=1)
    """Largest share of nulls in any one feature."""
    max_age: timedelta | None = Field(None, gt=timedelta(0))
    """Oldest age of the newest row; None asks for no freshness."""
    max_volume_ratio: float | None = Field(2.0, gt=1, le=1_000)
    """How many times more or fewer rows than usual one of the newest periods may have; None asks
    for nothing. A feed whose volume leaps anyway is given more room."""
    max_repeat_rise: float | None = Field(0.2, gt=0, lt=1)
    """How much the share of rows that come again, or whose key does, may exceed the largest of any
    period before; None asks for nothing."""
    max_label_odds: float | None = Field(5.0, gt=1, le=1_000)
    """How many times the odds of a class may have changed among the newest known labels; None asks
    for nothing. Generous, because a world that moves is what a retrain is for: a rate of 0.3 may
    go up to 0.68, or down to 0.08."""
    max_explained: float | None = Field(0.95, gt=0, lt=1)
    """Largest share of the label that one feature alone may explain on newer rows; more is taken
    for a leak. None asks for nothing."""
    max_skew: float | None = Field(0.1, ge=0, lt=1)
    """Largest share of stored rows to which the champion answered otherwise in service, because the
    gateway was sent other features; None asks for nothing."""


class TrainingPolicy(_Policy):
    """Gate 2: how a challenger is trained, and what stops the training."""

    window: timedelta | None = Field(None, gt=timedelta(0), le=LONGEST)
    """How far back rows are used; None means all."""
    holdout_share: float = Field(0.2, gt=0, lt=0.6)
    """Newest share of rows that training never sees: gates 3 and 4 judge on it."""
    validation_share: float = Field(0.15, gt=0, lt=0.5)
    """Newest share of what remains, for early stopping."""
    newest_shares: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field((1.0,), min_length=1)
    """Newest shares of the training rows that are tried, each with a training of its own; the
    largest is taken that loses no more on the validation rows than the best, within a standard
    error. (1.0, 0.5, 0.25) forgets an older world where that pays, and costs 1.75 trainings."""
    since_drift: bool = False
    """Whether a run that an alert asked for tries, besides, the training rows since that drift
    began, by the same rule: one training more. At least `validation.min_rows` must be left of them
    once the newest rows are set aside for holdout and validation."""
    rounds: int = Field(300, ge=1)
    """Most trees."""
    early_stopping: int = Field(30, ge=1)
    """After so many trees that do not help on the validation rows, training ends."""
    max_seconds: float = Field(900.0, gt=0)
    """Limit on the time of training."""
    max_memory_mb: float = Field(8_000.0, gt=0)
    """Limit on the resident memory of the training process."""
    seed: int = 7
    """The same rows and seed give the same model."""


class EvaluationPolicy(_Policy):
    """Gate 3: absolute limits on the holdout."""

    max_loss: float | None = None
    """Absolute limit on the mean loss; None leaves the limit against the base rate alone."""
    max_loss_over_base: float | None = Field(1.0, gt=0)
    """Limit as a multiple of what always predicting the base rate would lose; None disables it."""
    max_segment_loss_over_base: float | None = Field(1.5, gt=0)
    """The same for each segment with enough rows; None disables it."""
    max_calibration_error: float | None = Field(0.2, gt=0, le=1)
    """Largest difference between stated and true probability, for the means and over ten bins.
    Generous: it is there for broken models. None disables it; regression has none."""
    max_latency_ms: float | None = Field(20.0, gt=0)
    """Median time of scoring one row, in milliseconds; None disables it."""
    max_size_mb: float | None = Field(200.0, gt=0)
    """Size of the model's text in megabytes; None disables it."""
    min_rows: int = Field(200, ge=1)
    """Fewest rows of the holdout."""
    min_segment_rows: int = Field(100, ge=1)
    """Segments with fewer rows are not judged."""


class ComparisonPolicy(_Policy):
    """Gate 4: against the model that really serves, on the same rows."""

    margin: float = Field(..., gt=0)
    """Non-inferiority margin, in units of the loss."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance that a challenger worse by the margin passes."""
    min_clusters: int = Field(30, ge=2)
    """Fewest clusters (entities, or time blocks) for a verdict."""
    cold_start: Literal["refuse", "serve"] = "refuse"
    """What happens while no champion exists: refuse, or serve the first model that passes 1-3."""


class CanaryPolicy(_Policy):
    """Gate 5: growing shares of real traffic."""

    margin: float = Field(..., gt=0)
    """Non-inferiority margin of the loss, in units of the loss."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance that a challenger worse by the margin is promoted, under any peeking."""
    beta: float = Field(0.05, gt=0, lt=0.5)
    """Chance that an equal challenger is rolled back, under any peeking."""
    shares: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5)
    """Shares of units, growing. Shares too small for the traffic are left out."""
    min_stage_requests: int = Field(20, ge=1)
    """Canary requests a stage must see; also what a share must promise within `max_stage`."""
    max_stage: timedelta = Field(timedelta(days=7), gt=timedelta(0))
    """A share that cannot show `min_stage_requests` within this time is left out."""
    min_periods: int = Field(3, ge=2)
    """Periods of shadow pairs before they are judged."""
    error_margin: float = Field(0.02, gt=0, lt=1)
    """Largest tolerated excess of the canary's server error rate."""
    slow_ms: float = Field(50.0, gt=0)
    """Scoring time that counts as slow."""
    slow_margin: float = Field(0.02, gt=0, lt=1)
    """Largest tolerated excess of the canary's share of slow answers."""
    prediction_margin: float | None = Field(0.2, gt=0, le=0.3)
    """Tolerated excess of the share of answers outside the middle 98 % of the champion's own.
    Generous, because a retrained model should move: within it a rollback has at most the chance
    `beta`, at twice of it a promotion at most `alpha`. None disables the guardrail."""
    early_ratio: float | None = Field(1.5, ge=1, le=100)
    """Largest tolerated ratio of the arms' large losses among the labels that came early. Above 1,
    because early labels may show one class only, and a better model may trade one kind of error
    for another. None disables the guardrail."""
    muted: tuple[ServiceName | Literal["early errors"], ...] = ()
    """Guardrails that are recorded and shown but decide nothing. The loss cannot be muted. Muted
    server errors are muted in shadow too."""
    deadline: timedelta = Field(timedelta(days=60), gt=timedelta(0))
    """Without enough evidence by then the champion stays."""
    on_harm: Literal["roll_back", "freeze"] = "roll_back"
    """What follows when harm is shown: the share goes back to nothing, or it stays as it is, a
    notice asks a person, and only harm beyond doubt rolls back: an e-value of 100 times the limit.
    """
    lease: timedelta = Field(timedelta(minutes=5), gt=timedelta(0))
    """Wall time: when no tick has judged for so long, the gateways let the share fall to zero. At
    least twice the time between two ticks."""

    @field_validator("shares")
    @classmethod
    def _growing(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        growing = list(shares) == sorted(set(shares))
        if not shares or not growing or not 0 < shares[0] <= shares[-1] <= 0.5:  # noqa: PLR2004
            raise ValueError("shares must grow, from above 0 to at most 0.5")
        return shares


class MonitorPolicy(_Policy):
    """Gate 6: close watch after promotion, with rollback armed."""

    holdback: float = Field(0.05, gt=0, le=0.5)
    """Share of units that stay on the previous champion."""
    periods: int = Field(7, ge=2)
    """Matured periods without alarm until the promotion is confirmed."""
    run_length: float = Field(200.0, gt=1)
    """Alarm level c of the e-detector: an equal model alarms once in at least c periods."""
    error_margin: float = Field(0.02, gt=0, lt=1)
    """Excess of the share of server errors, and of slow answers, that is looked for."""
    slow_ms: float = Field(50.0, gt=0)
    """Scoring time that counts as slow."""
    prediction_margin: float | None = Field(0.2, gt=0, le=0.3)
    """Tolerated excess of answers outside the middle 98 % of the previous champion's own;
    None disables the guardrail."""
    muted: tuple[ServiceName, ...] = ()
    """Guardrails that are recorded and shown but decide nothing. The loss cannot be muted."""
    beta: float = Field(0.05, gt=0, lt=0.5)
    """Chance of a false rollback by what needs no labels: errors, slow answers, predictions."""


class TriggerPolicy(_Policy):
    """Which of the things that the watch sees ask for a retrain; the others are only told."""

    on: Literal["never", "schedule", "drift", "loss", "cost-benefit", "m of n"] = "drift"
    """"schedule": when `every` has passed since the last run. "drift": any signal. "loss": only
    what the loss shows, as measured or as expected before labels are known. "cost-benefit": where
    there is drift, and the loss that a fresh model would save within `horizon` is worth
    `retrain_cost`. "m of n": at least `agree` signals at once."""
    every: timedelta | None = Field(None, gt=timedelta(0))
    """For "schedule": time between two runs."""
    agree: int = Field(2, ge=1, le=5)
    """For "m of n": how many signals."""
    retrain_cost: float | None = Field(None, ge=0)
    """What a retrain costs, in units of the loss summed over rows."""
    horizon: timedelta = Field(timedelta(days=30), gt=timedelta(0))
    """For how long a fresh model would save what it saves."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.on == "schedule" and self.every is None:
            raise ValueError('trigger.on is "schedule": give trigger.every')
        if self.on == "cost-benefit" and self.retrain_cost is None:
            raise ValueError('trigger.on is "cost-benefit": give trigger.retrain_cost')
        return self


class WatchPolicy(_Policy):
    """The watch: when the world has moved enough to ask for a retrain."""

    window: timedelta = Field(timedelta(days=1), gt=timedelta(0))
    """What is looked at as one; windows follow one another from the champion's newest row on. A
    shorter one than the champion was trained with counts from the next champion on."""
    season: timedelta = Field(timedelta(days=7), gt=timedelta(0))
    """Each window is compared with those at the same place of the season, where the training data
    holds two seasons of whole windows."""
    min_rows: int = Field(200, ge=1)
    """Windows with fewer rows say nothing."""
    run_length: float = Field(365.0, gt=1)
    """While nothing moves, a false alert comes once in at least so many windows, on average."""
    psi_floor: float = Field(0.1, gt=0)
    """Smallest bias-corrected population stability index that may alert, of inputs or answers."""
    area_floor: float = Field(0.6, ge=0.5, lt=1)
    """Smallest area under the curve of the classifier that tells a window from the training."""
    loss_tolerance: float = Field(0.1, ge=0)
    """Rise of the loss over the holdout loss that is tolerated, as a share of it."""
    cooldown: timedelta = Field(timedelta(days=7), ge=timedelta(0))
    """Least time between two alerts of one model; a schedule's, where `trigger.every` is less."""
    trigger: TriggerPolicy = TriggerPolicy()
    """What of it asks for a retrain."""


class GovernorPolicy(_Policy):
    """The governor: when the pipeline may act on its own. All times are event times."""

    hold: timedelta = Field(timedelta(days=1), ge=timedelta(0))
    """After a rollback nothing automatic begins or moves up for so long, or until a person
    acknowledges it."""
    cooldown: timedelta = Field(timedelta(hours=1), ge=timedelta(0))
    """Least time between two automatic runs."""
    runs_a_day: int = Field(6, ge=1)
    """Automatic runs that may begin within any 24 hours."""
    refusals: int = Field(5, ge=1)
    """So many challengers refused in a row pause the automatic runs."""
    pause: timedelta = Field(timedelta(days=3), ge=timedelta(0))
    """How long that pause lasts after the newest refusal, unless a person acknowledges it: so long
    after that many, and twice as long with each further one, up to 64 times. A world that moved
    for good and cannot be learnt better is not worth a training a week."""
    freeze: tuple[Window, ...] = ()
    """Windows in which no automatic run begins and no release moves up, in UTC: every week, such as
    "Fri 16:00 - Mon 08:00", or once, such as "2026-12-24 12:00 - 2027-01-02"."""
    retrain_every: timedelta | None = Field(None, gt=timedelta(0))
    """When no run began for so long, the watch writes a notice; None expects no schedule."""
    answer_within: timedelta = Field(timedelta(hours=1), gt=timedelta(0))
    """When nobody answered an alert for so long, the watch writes a notice."""
    newer: Literal["wait", "replace"] = "wait"
    """A run that is asked for while a challenger is in shadow or canary: it is answered "busy", or
    it ends that release as superseded and begins. A promoted model is never replaced so."""
    run_lease: timedelta = Field(timedelta(minutes=15), gt=timedelta(0))
    """Wall time, beyond the longest training: a run that was silent for so long counts as dead,
    and another may begin."""

    @field_validator("freeze")
    @classmethod
    def _some_time_is_left(cls, freeze: tuple[str, ...]) -> tuple[str, ...]:
        return leave_time(freeze)


class ApprovalPolicy(_Policy):
    """Between gates 5 and 6: must a person say yes before a challenger becomes champion?"""

    need: Literal["off", "required", "above-risk"] = "off"
    """Never, always, or where the upper bound of the loss difference that gate 4 stored lies above
    `risk` times its margin. A bound that cannot be read lies above it."""
    risk: float = Field(0.5, ge=0, le=1)
    """Share of gate 4's margin, for "above-risk": 0 asks of nearly every challenger, 1 of none."""
    expires: timedelta = Field(timedelta(days=3), gt=timedelta(0))
    """Event time after the question at which nobody's answer is a no: the release expires, and the
    champion stays."""


class Policies(_Policy):
    """One policy a gate, plus the watch, the governor and the approval by a person."""

    validation: ValidationPolicy = ValidationPolicy()
    training: TrainingPolicy = TrainingPolicy()
    evaluation: EvaluationPolicy = EvaluationPolicy()
    comparison: ComparisonPolicy
    canary: CanaryPolicy
    monitor: MonitorPolicy = MonitorPolicy()
    watch: WatchPolicy = WatchPolicy()
    governor: GovernorPolicy = GovernorPolicy()
    approval: ApprovalPolicy = ApprovalPolicy()

    @classmethod
    def with_margin(cls, margin: float, **others: object) -> "Policies":
        """Safe defaults everywhere, one non-inferiority margin for gates 4 and 5.

        >>> Policies.with_margin(0.01).canary.margin
        0.01
        """
        chosen = {"comparison": {"margin": margin}, "canary": {"margin": margin}}
        for name, value in others.items():
            given = value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
            chosen[name] = {**chosen.get(name, {}), **dict(given)}  # type: ignore[call-overload]
        return cls.model_validate(chosen)
