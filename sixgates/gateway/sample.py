"""What is logged of requests and labels: all of them, or those of the requests in a sample."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sixgates.gates.log_sample import is_logged
from sixgates.gates.records import Batch, Label, Prediction
from sixgates.gateway.protocols.protocol import encode_lines

Lines = Callable[[Sequence[Prediction | Batch]], bytes]
"""What is logged of a request, given its records; nothing where it is left out."""


def lines_of(share: float) -> Lines:
    """Return what writes requests down where such a share of them is logged."""
    if share >= 1:
        return encode_lines

    def lines(records: Sequence[Prediction | Batch]) -> bytes:
        return encode_lines(records) if is_logged(records[0].request, share) else b""

    return lines


class LabelLines(NamedTuple):
    """Labels that came in one request, as they are logged."""

    labels: int
    """All that came."""
    left_out: int
    """Those of requests that are not logged."""
    lines: bytes
    """The others."""


def label_lines(labels: list[Label], share: float) -> LabelLines:
    """Write labels down where such a share of requests is logged."""
    kept = [label for label in labels if is_logged(label.request, share)]
    return LabelLines(len(labels), len(labels) - len(kept), encode_lines(kept) if kept else b"")
