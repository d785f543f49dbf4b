"""Asking the variants of an endpoint of SageMaker for their probes."""

from collections.abc import Mapping

import msgspec

from sixgates.adapters.sagemaker_access import Clients, sagemaker_errors
from sixgates.gates.card import ModelCard
from sixgates.gates.errors import ContractError


class _Answers(msgspec.Struct):
    """What a container says in MLflow's scoring protocol."""

    predictions: list[float | list[float]]


def require_probes(clients: Clients, endpoint: str, cards: Mapping[str, ModelCard]) -> None:
    """Ask each production variant for the probes of its version; a shadow cannot be asked.

    Args:
        clients: What SageMaker is asked by.
        endpoint: Its name; it is in service.
        cards: Of the version that each variant is, by the name of the variant; all there are.

    Raises:
        ContractError: one answers otherwise than its trainer, or in another protocol.
    """
    for variant, card in cards.items():
        # The only variant of an endpoint cannot be chosen.
        choice = {"TargetVariant": variant} if len(cards) > 1 else {}
        expected = [probe.expected for probe in card.probes]
        answers = _ask(clients, endpoint, choice, card)
        right = sum(a == b for a, b in zip(answers, expected, strict=False))
        if not expected or answers != expected:
            raise ContractError(
                f"the variant {variant} of the endpoint {endpoint} answers {right} of"
                f" {len(expected)} probes as its trainer did: see what its SageMaker model was"
                " made from"
            )


def _ask(
    clients: Clients, endpoint: str, choice: Mapping[str, str], card: ModelCard
) -> list[tuple[float, ...]]:
    rows = msgspec.json.encode({"dataframe_records": [probe.row for probe in card.probes]})
    of = " of ".join([*choice.values(), f"the endpoint {endpoint}"])
    try:
        with sagemaker_errors(f"asking {of} for probes"):
            said = clients.runtime.invoke_endpoint(
                EndpointName=endpoint, Body=rows, ContentType="application/json",
                Accept="application/json", **choice,
            )["Body"].read()  # fmt: skip
        given = msgspec.json.decode(said, type=_Answers).predictions
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ContractError(
            f"{of} does not answer in MLflow's scoring protocol ({exc}): see what its container"
            " expects"
        ) from exc
    return [tuple(answer) if isinstance(answer, list) else (answer,) for answer in given]
