"""Sample rows with the trainer's own answers, by which a gateway proves that it answers alike."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl

from sixgates.gates.card import ModelCard, Probe, level_key
from sixgates.gates.encoding import encode_rows

MOST_PROBES = 16
_REAL_ROWS = MOST_PROBES - 2

Row = dict[str, float | str | None]


def sample_probes(
    text: str,
    card: ModelCard,
    rows: pl.DataFrame,
    answer: Callable[[str, ModelCard, np.ndarray], np.ndarray],
) -> tuple[Probe, ...]:
    """Return up to 16 probes: rows spread over `rows`, one with nulls, one of unseen categories.

    Args:
        text: The model, as it is stored.
        card: Its card; the probes it may hold do not matter.
        rows: At least one row.
        answer: Asks the model of a text for the answers to an encoded matrix.
    """
    spread = np.unique(np.linspace(0, rows.height - 1, _REAL_ROWS).astype(int))
    probed = [_plain(card, row) for row in rows[spread].to_dicts()]
    probed.append(_row_with_nulls(card, rows))
    if any(feature.levels is not None for feature in card.features):
        probed.append(_row_of_unseen_categories(card, probed[0]))
    answers = answer(text, card, encode_rows(card, probed))
    return tuple(
        Probe(row, tuple(float(value) for value in values))
        for row, values in zip(probed, answers, strict=True)
    )


def _plain(card: ModelCard, row: dict[str, object]) -> Row:
    """Keep the features, as values that survive JSON unchanged."""
    plain: Row = {}
    for feature in card.features:
        value = row[feature.name]
        if feature.levels is not None:
            plain[feature.name] = level_key(value)
        elif isinstance(value, int | float) and math.isfinite(value):
            plain[feature.name] = float(value)
        else:
            plain[feature.name] = None  # JSON has neither NaN nor infinity
    return plain


def _row_with_nulls(card: ModelCard, rows: pl.DataFrame) -> Row:
    with_nulls = rows.filter(pl.any_horizontal(pl.col(f.name).is_null() for f in card.features))
    if with_nulls.height:
        return _plain(card, with_nulls.row(0, named=True))
    return dict.fromkeys((feature.name for feature in card.features), None)


def _row_of_unseen_categories(card: ModelCard, row: Row) -> Row:
    unseen = dict(row)
    for feature in card.features:
        if feature.levels is not None:
            name = "unseen"
            while name in feature.levels:
                name += "~"
            unseen[feature.name] = name
    return unseen
