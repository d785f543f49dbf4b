"""From a frame to the model's matrix, fast, with the same numbers that the gateway computes.

Every distinct category is written by `encode_rows` itself and then spread over the column,
so training and serving cannot read a value differently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from sixgates.gates.card import Feature, ModelCard, RowError, Task, level_key
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project
from sixgates.gates.row_reader import RowReader

_CODE = "__code"


def encode_rows(card: ModelCard, rows: Sequence[Mapping[str, object]]) -> np.ndarray:
    """Turn records into the model's matrix, float64 of shape (rows, features).

    Missing values and categories that training never saw become NaN.

    Raises:
        RowError: a column is absent altogether or holds the wrong type.
    """
    packed = np.frombuffer(RowReader(card).pack(rows))
    return packed.reshape(len(rows), len(card.features)).copy()


def encode_frame(card: ModelCard, df: pl.DataFrame) -> np.ndarray:
    """Return the matrix of a model, float64 of shape (rows, features), columns in card order.

    Equal to `encode_rows(card, df.to_dicts())`: missing values and unseen categories are NaN.

    Raises:
        RowError: a column is absent or holds something other than numbers where they are due.
    """
    matrix = np.empty((df.height, len(card.features)), dtype=np.float64, order="F")
    columns = set(df.columns)
    for j, feature in enumerate(card.features):
        if feature.name not in columns:
            raise RowError(f"row 0 lacks the column {feature.name!r}")
        matrix[:, j] = _encode_column(card, feature, df[feature.name])
    return matrix


def category_levels(df: pl.DataFrame, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the known categories of each column as text, sorted; missing ones are none."""
    return {
        column: tuple(sorted({k for v in df[column].unique() if (k := level_key(v)) is not None}))
        for column in columns
    }


def label_array(project: Project, df: pl.DataFrame) -> np.ndarray:
    """Return the labels: float64 with NaN for missing ones, or for multiclass the classes as text.

    A missing class stays None, in an array of objects.

    Raises:
        ConfigurationError: the labels are no numbers, or binary ones other than 0 and 1.
    """
    name = project.roles.label
    labels = df[name]
    if project.task is Task.MULTICLASS:
        distinct = labels.unique()
        keys = pl.Series(_CODE, [level_key(v) for v in distinct], dtype=pl.String)
        texts = spread_over(labels, distinct, keys).to_numpy()
        return texts if labels.null_count() or _nans(labels) else texts.astype(str)
    if not (labels.dtype.is_numeric() or labels.dtype in (pl.Boolean, pl.Null)):
        raise ConfigurationError(
            f"label {name!r} is {labels.dtype}, not a number; "
            f"a {project.task} project needs numbers: convert it in the source"
        )
    values = labels.cast(pl.Float64).to_numpy()
    strange = values[~np.isnan(values) & (values != 0) & (values != 1)]
    if project.task is Task.BINARY and len(strange):
        raise ConfigurationError(
            f"label {name!r} holds {strange[0]:g}; a binary label is 0 or 1: "
            f"convert it in the source"
        )
    return values


def _encode_column(card: ModelCard, feature: Feature, column: pl.Series) -> np.ndarray:
    if feature.levels is None and (column.dtype.is_float() or column.dtype.is_integer()):
        return column.cast(pl.Float64).to_numpy()
    alone, name = replace(card, features=(feature,)), feature.name
    if feature.levels and column.dtype == pl.String and len(feature.levels) <= len(column):
        # A text is a level as it stands: Polars places it, and what is none becomes null.
        places = column.cast(pl.Enum(feature.levels), strict=False).to_physical()
        codes = encode_rows(alone, [{name: level} for level in (*feature.levels, None)])
        return np.asarray(codes[places.fill_null(len(feature.levels)).to_numpy(), 0])
    distinct = column.unique()
    codes = encode_rows(alone, [{name: value} for value in distinct.to_list()])
    return spread_over(column, distinct, pl.Series(_CODE, codes[:, 0])).to_numpy()


def spread_over(column: pl.Series, distinct: pl.Series, values: pl.Series) -> pl.Series:
    """Put to each element what stands beside its distinct value; missing counts as a value.

    Args:
        column: The elements.
        distinct: Each of its values once.
        values: What stands beside these.
    """
    key = column.alias("__key").to_frame()
    table = pl.DataFrame([distinct.alias("__key"), values.alias(_CODE)])
    joined = key.join(table, on="__key", how="left", nulls_equal=True, maintain_order="left")
    return joined[_CODE]


def _nans(column: pl.Series) -> int:
    return int(column.is_nan().sum()) if column.dtype.is_float() else 0
