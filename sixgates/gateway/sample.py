"""What is logged of requests and labels: all of them, or those of the requests in a sample."""

from collections.abc import Callable, Sequence

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


def logged_labels(labels: list[Label], share: float) -> list[Label]:
    """Return the labels of requests that are logged where such a share of them is."""
    return [label for label in labels if is_logged(label.request, share)]
