"""Tensors of the Open Inference Protocol, version 2, as columns of a table.

https://github.com/open-inference/open-inference-protocol
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sixgates.gates.card import Feature, ModelCard
from sixgates.gateway.protocol import Refusal, refuse_above_limit

_ELEMENTS: dict[str, Any] = {
    "BOOL": list[bool | None],
    "INT8": list[Annotated[int, Meta(ge=-(2**7), lt=2**7)] | None],
    "INT16": list[Annotated[int, Meta(ge=-(2**15), lt=2**15)] | None],
    "INT32": list[Annotated[int, Meta(ge=-(2**31), lt=2**31)] | None],
    "INT64": list[int | None],
    "UINT8": list[Annotated[int, Meta(ge=0, lt=2**8)] | None],
    "UINT16": list[Annotated[int, Meta(ge=0, lt=2**16)] | None],
    "UINT32": list[Annotated[int, Meta(ge=0, lt=2**32)] | None],
    "UINT64": list[Annotated[int, Meta(ge=0)] | None],
    "FP32": list[float | None],
    "FP64": list[float | None],
    "BYTES": list[str | None],
}
"""What the elements of each datatype are in JSON; null is a missing value."""

_ELSEWHERE = ("binary_data_size", "shared_memory_region")
"""Parameters of a tensor whose elements are not in the JSON."""


class Tensor(msgspec.Struct):
    """One input, as it was sent."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length."""

    length: int
    columns: dict[str, list[Any]]

    def rows(self) -> list[dict[str, Any]]:
        """Return a record a row."""
        names = list(self.columns)
        return [
            dict(zip(names, values, strict=True))
            for values in zip(*self.columns.values(), strict=True)
        ]


def table_of(tensors: list[Tensor], card: ModelCard) -> Table:
    """Read each tensor as one column, or as all features in the model's order.

    A tensor of shape [n] or [n, 1] is the column of its name. One of shape [n, features] whose name
    is no column's holds all features; categories are named in it as elsewhere, never coded.

    Raises:
        Refusal: 400 where shape, datatype or elements do not fit, 413 for too many rows.
    """
    names = {card.event_time, card.entity, *(feature.name for feature in card.features)}
    columns: dict[str, list[Any]] = {}
    length = tensors[0].shape[0] if tensors and tensors[0].shape else 0
    refuse_above_limit(length, "rows")
    for tensor in tensors:
        width = _width(tensor, length)
        elements = _elements(tensor, length, width)
        if tensor.name not in names and tensor.shape[1:] == [len(card.features)]:
            _refuse_codes(tensor, card)
            found = {f.name: elements[j::width] for j, f in enumerate(card.features)}
        elif width == 1:
            found = {tensor.name: elements}
        else:
            raise _bad(
                tensor,
                f"shape {tensor.shape} is neither one column nor {len(card.features)} features",
            )
        if twice := columns.keys() & found.keys():
            raise _bad(tensor, f"gives the column {min(twice)!r} a second time")
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
        case [rows, width] if rows == length and width > 0:
            return width
    raise _bad(tensor, f"shape {tensor.shape!r:.60} is not [{length}] or [{length}, columns]")


def _elements(tensor: Tensor, length: int, width: int) -> list[Any]:
    """Return the elements row by row, whether they were sent flat or nested."""
    elements = tensor.data
    if elements is None or any(name in tensor.parameters for name in _ELSEWHERE):
        raise _bad(tensor, "send its elements as JSON (with tritonclient: binary_data=False)")
    if len(tensor.shape) > 1 and elements and isinstance(elements[0], list):
        nested = elements
        if any(not isinstance(row, list) or len(row) != width for row in nested):
            raise _bad(tensor, f"some row has not {width} elements")
        elements = [element for row in nested for element in row]
    if len(elements) != length * width:
        raise _bad(tensor, f"{len(elements)} elements do not fit the shape {tensor.shape}")
    if tensor.datatype not in _ELEMENTS:
        raise _bad(tensor, f"datatype {tensor.datatype!r:.40}: use one of {', '.join(_ELEMENTS)}")
    try:
        read: list[Any] = msgspec.convert(elements, _ELEMENTS[tensor.datatype])
    except msgspec.ValidationError as exc:
        raise _bad(tensor, f"datatype {tensor.datatype}: {exc}") from exc
    return read


def _refuse_codes(tensor: Tensor, card: ModelCard) -> None:
    """Refuse numbers for categories whose names are text: they could only be codes."""
    if tensor.datatype == "BYTES":
        return
    for feature in card.features:
        if feature.levels and not any(map(_is_number, feature.levels)):
            raise _bad(
                tensor, f"{feature.name!r} is a category and goes by name: send a tensor a column"
            )


def _is_number(level: str) -> bool:
    try:
        return math.isfinite(float(level))
    except ValueError:
        return False


def _bad(tensor: Tensor, what: str) -> Refusal:
    return Refusal(400, f"input {tensor.name!r:.60}: {what}")
