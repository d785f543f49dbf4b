"""Stored models asked for the holdout, in one process: what gates 3 and 4 judge."""

from collections.abc import Callable

import numpy as np
import polars as pl

from sixgates.adapters.lightgbm_trainer import predict
from sixgates.gates.card import ModelCard
from sixgates.gates.compare import PairedEvidence, forgotten_classes, paired_evidence
from sixgates.gates.encoding import label_array
from sixgates.gates.evaluate import HoldoutEvidence, measure_holdout
from sixgates.gates.footprint import Footprint
from sixgates.gates.losses import base_rate_prediction, row_losses
from sixgates.gates.project import Project
from sixgates.gates.timesplit import TimeSplit

Model = tuple[str, ModelCard]
"""LightGBM's native text, and its card."""
Ask = Callable[[str, ModelCard, pl.DataFrame], np.ndarray]
"""Answers rows as `predict` does; it may know what a model says of the holdout."""


def holdout_evidence(
    project: Project, split: TimeSplit, model: Model, footprint: Footprint, *, ask: Ask = predict
) -> HoldoutEvidence:
    """Ask a stored model for the holdout, and measure its answers.

    Raises:
        ContractError: the text does not match the card's digest, or a row cannot be read.
    """
    text, card = model
    base = base_rate_prediction(project, label_array(project, split.train), card.classes)
    return measure_holdout(
        project,
        split.holdout,
        ask(text, card, split.holdout),
        base,
        card.classes,
        history=pl.concat([split.train, split.validation, split.holdout]),
        footprint=footprint,
    )


def paired_answers(
    project: Project,
    holdout: pl.DataFrame,
    champion: Model,
    challenger: Model,
    *,
    ask: Ask = predict,
) -> PairedEvidence:
    """Let two stored models answer the same rows.

    Raises:
        ContractError: a text does not match its card's digest, or a row cannot be read.
    """
    labels = label_array(project, holdout)
    known, learned = (
        row_losses(project, labels, ask(text, card, holdout), card.classes)
        for text, card in (champion, challenger)
    )
    return paired_evidence(
        project,
        holdout,
        champion=known,
        challenger=learned,
        forgotten=forgotten_classes(champion[1].classes, challenger[1].classes),
    )
