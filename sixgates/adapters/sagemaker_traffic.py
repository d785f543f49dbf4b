"""Traffic that SageMaker serves: one endpoint a model, whose variants are the versions of a route.

The team makes the endpoint and, for each version, a SageMaker model; here is only said which of
them answers how much. What SageMaker does takes minutes: while an endpoint is being updated every
call is a `TransientError`, and the next tick goes on.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sixgates.adapters.sagemaker_access import (
    AbsentError,
    Clients,
    ExistsError,
    open_clients,
    sagemaker_errors,
)
from sixgates.adapters.sagemaker_config import (
    DIGEST,
    EPOCH,
    PARTS,
    Wanted,
    current_weights,
    fits,
    serving_of,
    variant_name,
    versions_of,
    wanted_config,
)
from sixgates.adapters.sagemaker_probes import require_probes
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.ports import Models, Serving
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route

_IN_SERVICE = "InService"
_LONGEST = 63


class SageMakerTraffic:
    """One endpoint of every model."""

    def __init__(self, ledger: Ledger, models: Models, endpoint: str, model_name: str) -> None:
        """Name them.

        Args:
            ledger: Whose routes are followed.
            models: Cards with probes, by digest.
            endpoint: Name of a model's endpoint; `{model}` stands for the model.
            model_name: Name of the SageMaker model of a version; `{digest}` stands for the first
                twelve digits of its digest, `{model}` for the model.
        """
        self._ledger = ledger
        self._models = models
        self._endpoint_name = endpoint
        self._model_name = model_name

    def prove(self, model: str, digest: str) -> list[str]:
        """See that the SageMaker model of a version is there and bears its digest.

        No model runs outside an endpoint, so its probes wait for `follow`; see `proved`.

        Returns:
            One sentence where it does not.

        Raises:
            TransientError: endpoint or SageMaker model are not there yet, or are not at rest.
        """
        if self._at_rest(self._endpoint(model)) is None:
            raise TransientError(
                f"no endpoint {self._endpoint(model)} serves {model}: make it in SageMaker, with"
                " any model on the instances that it is to have"
            )
        refusal = self._refusal(model, digest)
        return [refusal] if refusal else []

    def proved(self, model: str, digest: str) -> str:
        """Say what a proof without refusals means."""
        return (
            f"the SageMaker model {self._name(model, digest)} bears its digest; it was not asked"
            " for its probes, for it runs nowhere yet: it is, on the endpoint, before it answers"
            " anybody"
        )

    def follow(self, model: str, epoch: int) -> list[Serving]:
        """Bring the endpoint one step nearer to the newest route, and say what it serves then.

        Run again it goes on, and changes nothing once the endpoint is there.

        Raises:
            TransientError: it is being updated, or SageMaker did not answer.
            ContractError: a version answers its probes otherwise than its trainer, or its SageMaker
                model bears another digest; it gets no traffic, or no more than it has.
            ConfigurationError: SageMaker refuses.
        """
        endpoint, route = self._endpoint(model), self._ledger.route(model)
        now = self._at_rest(endpoint)
        if now is None:
            return []
        if route is None:
            return self.serving(model)
        what = f"for epoch {epoch}"
        current = self._config(now["EndpointConfigName"])
        wanted = wanted_config(now, current, route, lambda d: self._name(model, d))
        if not fits(current, self._tags(current["EndpointConfigArn"]), route, wanted):
            self._stop_others(endpoint, now, route, wanted, what)
            self._make(wanted, route)
            with sagemaker_errors(f"updating the endpoint {endpoint}"):
                self._clients.control.update_endpoint(
                    EndpointName=endpoint, EndpointConfigName=wanted.name
                )
            now = self._require_at_rest(endpoint, what, now.get("FailureReason"))
        asked = versions_of(route) if wanted.weights else [route.champion]
        cards = {variant_name(v): self._models.get(model, v.digest)[1] for v in asked}
        require_probes(self._clients, endpoint, cards)
        if wanted.weights and current_weights(now) != wanted.weights:
            self._weigh(endpoint, wanted.weights, what)
        self._tag(now["EndpointArn"], route.epoch)
        return self.serving(model)

    def serving(self, model: str) -> list[Serving]:
        """Return what the endpoint serves; none where there is no endpoint.

        Raises:
            TransientError: it is being updated or failed, or SageMaker did not answer.
        """
        endpoint = self._endpoint(model)
        now = self._at_rest(endpoint)
        if now is None:
            return []
        of_config = self._tags(self._config(now["EndpointConfigName"])["EndpointConfigArn"])
        epoch = self._tags(now["EndpointArn"]).get(EPOCH, "")
        return [serving_of(f"sagemaker:{endpoint}", now, epoch, of_config)]

    @cached_property
    def _clients(self) -> Clients:
        return open_clients()

    def _endpoint(self, model: str) -> str:
        return _allowed(self._endpoint_name.format(model=model), "SIXGATES_TRAFFIC")

    def _name(self, model: str, digest: str) -> str:
        name = self._model_name.format(model=model, digest=digest[:12])
        return _allowed(name, "SIXGATES_SAGEMAKER_MODEL")

    def _at_rest(self, endpoint: str) -> Mapping[str, Any] | None:
        """Describe an endpoint that is in service; None where there is none."""
        try:
            with sagemaker_errors(f"describing the endpoint {endpoint}"):
                found = self._clients.control.describe_endpoint(EndpointName=endpoint)
        except AbsentError:
            return None
        if (status := found["EndpointStatus"]) != _IN_SERVICE:
            why = found.get("FailureReason") or "it takes minutes"
            raise TransientError(
                f"the endpoint {endpoint} is {status} ({why}): see it in SageMaker where it stays"
                " so; the next tick goes on"
            )
        return dict(found)

    def _require_at_rest(
        self, endpoint: str, what: str, failed: str | None = None
    ) -> Mapping[str, Any]:
        """Describe an endpoint that was just changed, or say for what it is being changed."""
        try:
            found = self._at_rest(endpoint)
        except TransientError as exc:
            before = f"; the update before failed: {failed}" if failed else ""
            raise TransientError(f"{exc} {what}{before}") from exc
        if found is None:
            raise TransientError(f"the endpoint {endpoint} was deleted meanwhile: make it again")
        return found

    def _stop_others(
        self, endpoint: str, now: Mapping[str, Any], route: Route, wanted: Wanted, what: str
    ) -> None:
        """Take traffic from versions that are to go: it is sooner done than another fleet."""
        weights, champion = current_weights(now), variant_name(route.champion)
        stays = {champion, *wanted.weights}
        if champion in weights and any(w for name, w in weights.items() if name not in stays):
            # None to the version beside it: it would be more than its share, or before its probes.
            alone = {name: float(PARTS) if name == champion else 0.0 for name in weights}
            self._weigh(endpoint, alone, what)

    def _weigh(self, endpoint: str, weights: Mapping[str, float], what: str) -> None:
        given = [{"VariantName": n, "DesiredWeight": weight} for n, weight in weights.items()]
        with sagemaker_errors(f"moving the weights of the endpoint {endpoint}"):
            self._clients.control.update_endpoint_weights_and_capacities(
                EndpointName=endpoint, DesiredWeightsAndCapacities=given
            )
        self._require_at_rest(endpoint, what)

    def _make(self, wanted: Wanted, route: Route) -> None:
        """Make a configuration, unless a former try did."""
        for version in versions_of(route):
            if refusal := self._refusal(route.model, version.digest):
                raise ContractError(refusal)
        try:
            with sagemaker_errors(f"making the endpoint configuration {wanted.name}"):
                self._clients.control.create_endpoint_config(
                    EndpointConfigName=wanted.name, **wanted.document
                )
        except ExistsError:
            return

    def _refusal(self, model: str, digest: str) -> str:
        """Say why a SageMaker model is not that of a digest; nothing where it is."""
        name = self._name(model, digest)
        try:
            with sagemaker_errors(f"describing the model {name}"):
                arn = self._clients.control.describe_model(ModelName=name)["ModelArn"]
        except AbsentError as exc:
            raise TransientError(
                f"there is no SageMaker model {name} yet: let your deployment make it from the"
                f" version of {model} with that digest, tagged {DIGEST}"
            ) from exc
        found = self._tags(arn).get(DIGEST, "")
        if found == digest:
            return ""
        return (
            f"the SageMaker model {name} bears {found[:12] or 'no digest'} in its tag {DIGEST} and"
            f" not {digest[:12]}: make it from that version, with that tag"
        )

    def _config(self, name: str) -> Mapping[str, Any]:
        try:
            with sagemaker_errors(f"describing the endpoint configuration {name}"):
                return dict(self._clients.control.describe_endpoint_config(EndpointConfigName=name))
        except AbsentError as exc:
            raise TransientError(
                f"the endpoint configuration {name} was deleted while it serves: give the endpoint"
                " another one in SageMaker"
            ) from exc

    def _tags(self, arn: str) -> dict[str, str]:
        with sagemaker_errors(f"reading the tags of {arn}"):
            found = self._clients.control.list_tags(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def _tag(self, arn: str, epoch: int) -> None:
        with sagemaker_errors(f"tagging {arn}"):
            tags = [{"Key": EPOCH, "Value": str(epoch)}]
            self._clients.control.add_tags(ResourceArn=arn, Tags=tags)


def _allowed(name: str, setting: str) -> str:
    """Write a name with the letters that SageMaker knows; cut short, it could be another's.

    Raises:
        ConfigurationError: it has more letters than SageMaker takes.
    """
    allowed = "-".join(re.findall("[a-zA-Z0-9]+", name))
    if len(allowed) > _LONGEST:
        raise ConfigurationError(
            f"SageMaker takes names of up to {_LONGEST} letters and not the {len(allowed)} letters"
            f" of {allowed}: write a shorter one into {setting}"
        )
    return allowed
