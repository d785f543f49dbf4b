"""What is sent and answered whatever the model is: one type a message, for its schema alone."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sixgates.gates.records import Arm
from sixgates.gateway.openapi.columns import MOMENT, Schema, ref
from sixgates.gateway.protocols.protocol import MAX_ROWS

_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0)]
_Digest = Annotated[str, Meta(description="SHA-256 of the model's text.")]


class Error(msgspec.Struct):
    """Why a request was refused."""

    error: Annotated[str, Meta(min_length=1, description="One sentence.")]


class Label(msgspec.Struct):
    """The outcome of one row, known now."""

    request: Annotated[str, Meta(description="The x-request-id of its request.")]
    row: Annotated[int, Meta(ge=0, lt=MAX_ROWS, description="Position in the request, from 0.")]
    label: Annotated[Any, Meta(extra_json_schema=ref("Outcome"))]
    at: Annotated[Any, Meta(extra_json_schema=MOMENT)] = None


class Accepted(msgspec.Struct):
    """How many labels were kept."""

    accepted: _Count


class Health(msgspec.Struct):
    """A model is served; `degraded` names what a person should look at."""

    status: Annotated[str, Meta(pattern="^(ok|degraded)$")]
    sentence: str
    unlogged: Annotated[int, Meta(ge=0, description="Answers that are not in the log.")]


class Empty(msgspec.Struct):
    """No model is served, or the gateway was told to stop."""

    status: Annotated[str, Meta(pattern="^(empty|stopping)$")]
    error: str


class Serving(msgspec.Struct):
    """Who serves here."""

    epoch: Annotated[int, Meta(ge=0, description="Of the route that is followed; 0 before any.")]
    champion: Annotated[str, Meta(description="Version that answers.")]
    champion_digest: _Digest
    beside: Annotated[str, Meta(description="Version next to it, or empty.")]
    beside_digest: _Digest
    arm: Annotated[str, Meta(pattern=f"^({Arm.CANARY}|{Arm.HOLDBACK})?$")]
    share: _Share
    lapsed: Annotated[bool, Meta(description="The canary's lease ran out.")]
    cut: Annotated[str, Meta(description="Why the canary was cut off here, or empty.")]
    unlogged: _Count
    log_share: Annotated[_Share, Meta(description="Share of requests that are logged.")]
    left_out: Annotated[_Count, Meta(description="Answers of the other requests.")]
    left_out_labels: Annotated[_Count, Meta(description="Labels of the other requests.")]
    refused: Annotated[dict[str, str], Meta(description="Version to the sentence why not.")]
    clock: Annotated[float, Meta(description="This machine's, seconds since 1970.")]


class Proof(msgspec.Struct):
    """Which version to load and to check."""

    digest: _Digest


class Proved(msgspec.Struct):
    """It answers as it should."""

    ok: bool


class Server(msgspec.Struct):
    """This server, in the Open Inference Protocol."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(msgspec.Struct):
    """An input or an output."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(msgspec.Struct):
    """What a client builds its request from."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    properties: Annotated[dict[str, str], Meta(description="Inputs that may be left out.")]


class OutputTensor(TensorMetadata):
    """Predictions, row by row."""

    data: list[float]


class InferenceParameters(msgspec.Struct):
    """What else there is to say about an answer."""

    epoch: _Count


class Inference(msgspec.Struct):
    """Predictions in the Open Inference Protocol."""

    model_name: str
    id: str
    parameters: InferenceParameters
    outputs: list[OutputTensor]
    model_version: Annotated[str, Meta(description="Absent where two versions answered.")] = ""


MESSAGES = (
    Error, Label, Accepted, Health, Empty, Serving, Proof, Proved, Server, ModelMetadata, Inference,
)  # fmt: skip


def schemas() -> dict[str, Schema]:
    """Return the schema of each message under its name."""
    _, found = msgspec.json.schema_components(MESSAGES, ref_template="#/components/schemas/{name}")
    return found
