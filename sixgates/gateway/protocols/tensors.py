"""Tensors of the Open Inference Protocol, version 2, as columns of a table.

https://github.com/open-inference/open-inference-protocol
"""

import math
from collections.abc import Sequence
from typing import Any

from sixgates.gates.card import Feature, ModelCard
from sixgates.gates.row_reader import Table
from sixgates.gateway.protocols.elements import Tensor, bad, bytes_of, elements_of
from sixgates.gateway.protocols.protocol import refuse_above_limit


def table_of(tensors: list[Tensor], behind: memoryview, card: ModelCard) -> Table:
    """Read each tensor as one column, or as all features in the model's order.

    A tensor of shape [n] or [n, 1] is the column of its name. One of shape [n, features] whose name
    is no column's holds all features; categories are named in it as elsewhere, never coded.

    Args:
        tensors: As the JSON describes them.
        behind: What follows the JSON: the bytes of those whose elements are not in it.
        card: Of the champion.

    Raises:
        Refusal: 400 where shape, datatype or elements do not fit, 413 for too many rows.
    """
    columns: dict[str, Sequence[Any]] = {}
    features = [feature.name for feature in card.features]
    known = {card.event_time, card.entity, *features}
    length = tensors[0].shape[0] if tensors and tensors[0].shape else 0
    refuse_above_limit(length, "rows")
    for tensor, raw in zip(tensors, bytes_of(tensors, behind), strict=True):
        width = _width(tensor, length)
        if width == len(features) and len(tensor.shape) > 1 and tensor.name not in known:
            _refuse_codes(tensor, card)
            elements = elements_of(tensor, raw, length, width)
            found = {name: elements[j::width] for j, name in enumerate(features)}
        elif width == 1:
            found = {tensor.name: elements_of(tensor, raw, length, width)}
        else:
            raise bad(
                tensor,
                f"shape {tensor.shape!r:.60} is neither one column nor {len(features)} features",
            )
        if twice := columns.keys() & found.keys():
            raise bad(tensor, f"gives the column {min(twice)!r} a second time")
        columns |= found
    return Table(length, columns)


def datatype_of(feature: Feature) -> str:
    """Return the datatype in which a feature is best sent."""
    return "FP64" if feature.levels is None else "BYTES"


def _width(tensor: Tensor, length: int) -> int:
    """Return the columns that a tensor of so many rows has."""
    match tensor.shape:
        case [rows] if rows == length:
            return 1
        case [rows, width] if rows == length:
            return width
    raise bad(tensor, f"shape {tensor.shape!r:.60} is not [{length}] or [{length}, columns]")


def _refuse_codes(tensor: Tensor, card: ModelCard) -> None:
    """Refuse numbers for categories whose names are text: they could only be codes."""
    if tensor.datatype == "BYTES":
        return
    for feature in card.features:
        if feature.levels and not any(map(_is_number, feature.levels)):
            raise bad(
                tensor, f"{feature.name!r} is a category and goes by name: send a tensor a column"
            )


def _is_number(level: str) -> bool:
    try:
        return math.isfinite(float(level))
    except ValueError:
        return False
