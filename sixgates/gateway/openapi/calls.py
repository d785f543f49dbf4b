"""Every call of the gateway: what it is for, who may make it, and how it can end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sixgates.gateway.access import Access
from sixgates.gateway.http.bodies import CSV, JSON, MAX_BODY
from sixgates.gateway.openapi.columns import Schema, ref
from sixgates.gateway.protocols.protocol import MAX_ROWS
from sixgates.gateway.tokens import Role

TEXT = "text/plain"
HTML = "text/html"

REFUSALS: dict[int, str] = {
    400: "The request is wrong; or, on a health call of the Open Inference Protocol, nothing is"
    " served.",
    401: "No known token was sent.",
    403: "The token may too little; or no token may do this here.",
    404: "This model or version is not served.",
    405: "Another method is meant.",
    408: "Head or body did not come in time.",
    409: "The version would take no traffic here.",
    413: f"More than {MAX_ROWS:,} rows or labels, or a body above {MAX_BODY:,} bytes.",
    415: "The content type is not one of these, or the body is compressed or not UTF-8.",
    431: "The head is too large.",
    500: "The champion could not answer.",
    503: "No model is served, the ledger does not answer, or there are too many connections.",
    507: "Some labels could not be kept: send all again.",
}
"""What each error status means; its body is always a sentence."""

_ANY = (400, 408, 431, 503)
"""Errors that any call can end with."""
_SENT = (405, 413, 415)
"""Errors of calls with a body."""


class Who(StrEnum):
    """Who may make a call: machines beyond this one need a token for more."""

    ANYONE = "anyone"
    ASKER = "asker"
    SEER = "seer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Call:
    """One method of one path."""

    name: str
    method: str
    path: str
    summary: str
    who: Who = Who.ANYONE
    sent: Mapping[str, Schema] = field(default_factory=dict)
    """Body by content type; empty where there is none."""
    answer: Mapping[str, Schema] = field(default_factory=dict)
    """Body of a 200 by content type; empty where there is none."""
    also: tuple[int, ...] = ()
    """Errors that few others can end with."""
    otherwise: Mapping[int, Schema] = field(default_factory=dict)
    """Bodies of errors that are more than a sentence, by status."""
    predicts: bool = False

    def statuses(self, access: Access) -> list[int]:
        """Return the errors that it can end with."""
        # Whoever chooses the arm of a request needs a token, whoever else may ask.
        token = (401, 403) if self.predicts or role_of(self.who, access) else ()
        sent = _SENT if self.sent else ()
        return sorted({*_ANY, *sent, *token, *self.also})


def role_of(who: Who, access: Access) -> Role | None:
    """Return which role a token must have for such a call at this gateway, None for no token."""
    match who:
        case Who.OPERATOR:
            return Role.OPERATE
        case Who.ASKER if access.asking:
            return Role.READ
        case Who.SEER if access.seeing:
            return Role.READ
    return None


def _json(name: str) -> dict[str, Schema]:
    return {JSON: ref(name)}


_EMPTY: Schema = {"anyOf": [ref("Empty"), ref("Error")]}
_LABELS: Schema = {"type": "array", "items": ref("Label"), "maxItems": MAX_ROWS}
_MODEL, _VERSION = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"

CALLS = (
    Call(
        "invocations", "post", "/invocations", "Predictions, in MLflow's protocol.", Who.ASKER,
        sent={JSON: ref("Invocation"), CSV: ref("Table")}, answer=_json("Predictions"),
        also=(500,), predicts=True,
    ),
    *(
        Call(
            name, "post", f"{path}/infer", "Predictions, in the Open Inference Protocol.",
            Who.ASKER, sent=_json("InferenceRequest"), answer=_json("Inference"),
            also=(404, 500), predicts=True,
        )
        for name, path in (("infer", _MODEL), ("infer_version", _VERSION))
    ),
    Call(
        "labels", "post", "/labels", "Outcomes, when they are known. The first of a row counts.",
        Who.ASKER, sent={JSON: _LABELS}, answer=_json("Accepted"), also=(507,),
    ),
    *(
        Call(path, "get", f"/{path}", "200 while a model is served.", answer=_json("Health"),
             otherwise={503: _EMPTY})
        for path in ("healthz", "ping", "health")
    ),
    Call("serving", "get", "/serving", "Who serves here.", Who.SEER, answer=_json("Serving")),
    Call("metrics", "get", "/metrics", "Counts and times, for Prometheus.", Who.SEER,
         answer={TEXT: {"type": "string"}}),
    Call("page", "get", "/", "A page for people: who serves, what is wrong, what happens next.",
         answer={HTML: {"type": "string"}}),
    Call("page_state", "get", "/page/state", "The page's data. Programs read /serving.", Who.SEER,
         answer={JSON: {"type": "object"}}),
    Call("openapi", "get", "/openapi.json", "This document.", Who.SEER,
         answer={JSON: {"type": "object"}}),
    Call("server", "get", "/v2", "Name and version of this server.", Who.SEER,
         answer=_json("Server")),
    Call("live", "get", "/v2/health/live", "200 while the process answers."),
    Call("ready", "get", "/v2/health/ready", "200 while a model is served."),
    *(
        Call(name, "get", path, "Inputs and outputs of the model.", Who.SEER,
             answer=_json("ModelMetadata"), also=(404,))
        for name, path in (("model", _MODEL), ("model_version", _VERSION))
    ),
    *(
        Call(name, "get", f"{path}/ready", "200 while this is served.", also=(404,))
        for name, path in (("model_ready", _MODEL), ("version_ready", _VERSION))
    ),
    Call("prove", "post", "/admin/prove", "Load a version, and check its answers.", Who.OPERATOR,
         sent=_json("Proof"), answer=_json("Proved"), also=(409,)),
    Call("follow", "post", "/admin/follow", "Read the ledger now.", Who.OPERATOR,
         answer=_json("Serving")),
)  # fmt: skip
"""All of them. A test holds this against the paths that the gateway really answers."""
