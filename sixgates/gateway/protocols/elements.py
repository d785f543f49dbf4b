"""What a tensor holds, sent as JSON or as bytes behind it.

https://github.com/open-inference/open-inference-protocol, and its binary tensor data extension as
Triton's clients speak it.
"""

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sixgates.gateway.protocols.protocol import Refusal

IN_JSON: dict[str, Any] = {
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

_IN_BYTES = {
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q",
    "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "FP32": "f", "FP64": "d",
}  # fmt: skip
"""Numbers, by the letter that `array` has for them."""

ELSEWHERE = (_SIZE, _REGION) = "binary_data_size", "shared_memory_region"
"""Parameters of a tensor whose elements are not in the JSON."""
_LENGTH = struct.Struct("<I")


class Tensor(msgspec.Struct):
    """One input, as it was sent."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] | None = None


def bytes_of(tensors: list[Tensor], behind: memoryview) -> list[memoryview | None]:
    """Return the bytes of each tensor, None for those whose elements are in the JSON.

    Args:
        tensors: As the JSON describes them.
        behind: What follows the JSON.

    Raises:
        Refusal: 400 where these are not as many bytes as the tensors have.
    """
    found: list[memoryview | None] = []
    first = 0
    for tensor in tensors:
        size = (tensor.parameters or {}).get(_SIZE)
        if size is None:
            found.append(None)
            continue
        left = len(behind) - first
        if type(size) is not int or not 0 <= size <= left:
            raise bad(
                tensor,
                f"{_SIZE} is {size!r:.40}, and {left:,} bytes are left for it: send what it says,"
                " behind the JSON whose end inference-header-content-length names",
            )
        found.append(behind[first : first + size])
        first += size
    if first < len(behind):
        raise Refusal(400, f"{len(behind) - first:,} bytes follow the last tensor")
    return found


def elements_of(tensor: Tensor, raw: memoryview | None, length: int, width: int) -> Sequence[Any]:
    """Return the elements row by row, in whatever way they were sent.

    Args:
        tensor: Which.
        raw: Its bytes, None where the elements are in the JSON.
        length: Rows.
        width: Columns.

    Raises:
        Refusal: 400 where shape, datatype and elements do not fit.
    """
    if tensor.datatype not in IN_JSON:
        raise bad(tensor, f"datatype {tensor.datatype!r:.40}: use one of {', '.join(IN_JSON)}")
    elements = _from_json(tensor, width) if raw is None else _from_bytes(tensor, raw)
    if len(elements) != length * width:
        raise bad(tensor, f"{len(elements)} elements do not fit the shape {tensor.shape}")
    return elements


def bad(tensor: Tensor, what: str) -> Refusal:
    """Refuse a tensor by its name."""
    return Refusal(400, f"input {tensor.name!r:.60}: {what}")


def _from_json(tensor: Tensor, width: int) -> list[Any]:
    elements = tensor.data
    if elements is None or _REGION in (tensor.parameters or ()):
        raise bad(tensor, "send its elements in the request")
    if len(tensor.shape) > 1 and elements and isinstance(elements[0], list):
        nested = elements
        if any(not isinstance(row, list) or len(row) != width for row in nested):
            raise bad(tensor, f"some row has not {width} elements")
        elements = [element for row in nested for element in row]
    try:
        read: list[Any] = msgspec.convert(elements, IN_JSON[tensor.datatype])
    except msgspec.ValidationError as exc:
        raise bad(tensor, f"datatype {tensor.datatype}: {exc}") from exc
    return read


def _from_bytes(tensor: Tensor, raw: memoryview) -> Sequence[Any]:
    if tensor.data is not None:
        raise bad(tensor, f"send data or {_SIZE}, not both")
    if tensor.datatype == "BYTES":
        return _texts(tensor, raw)
    if tensor.datatype == "BOOL":
        return list(map(bool, raw))
    numbers = array(_IN_BYTES[tensor.datatype])
    if len(raw) % numbers.itemsize:
        raise bad(tensor, f"{len(raw):,} bytes are no elements of {tensor.datatype}")
    numbers.frombytes(raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _texts(tensor: Tensor, raw: memoryview) -> list[str]:
    """Return texts, each of which comes after its length."""
    texts: list[str] = []
    whole, end, place = bytes(raw), len(raw), 0
    length, header, keep = _LENGTH.unpack_from, _LENGTH.size, texts.append
    # Where each byte is a character, cutting what was decoded at once takes half of the time.
    text = whole.decode() if whole.isascii() else ""
    try:
        while place < end:
            first = place + header
            place = first + length(whole, place)[0]
            keep(text[first:place] if text else whole[first:place].decode())
    except struct.error as exc:
        raise bad(tensor, "its last element is cut off") from exc
    except UnicodeDecodeError as exc:
        if place <= end:
            raise bad(tensor, f"element {len(texts)} is not UTF-8") from exc
    if place > end:
        raise bad(tensor, "its last element is cut off")
    return texts
