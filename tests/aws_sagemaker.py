"""What SageMaker does and moto 5.2.5 does not, after Amazon's description of its calls.

- An endpoint can be updated. It says `Updating` for as many looks as `looks` of the plan says, and
  takes no other change meanwhile; with `fails` it stays as it was, and says why.
- A configuration has shadow variants: one, beside one production variant. A name is used once.
- A weight of 0 is a weight, and one that is not given is 1. Tags overwrite each other.
- A container answers in MLflow's scoring protocol, by the model text that its model's environment
  names; without one it answers as moto does.
"""

import json
from pathlib import Path

import msgspec
from moto.core.responses import ActionResult
from moto.sagemaker import models, responses
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemakerruntime import responses as runtime

PLAN = {}


def _refuse(said):
    raise AWSValidationException(said)


class Endpoint(models.FakeEndpoint):
    """An endpoint that takes time."""

    looks = 0
    then = None

    def _process_production_variants(self, production_variants):
        return [
            {
                "VariantName": v["VariantName"],
                "CurrentWeight": v.get("InitialVariantWeight", 1.0),
                "DesiredWeight": v.get("InitialVariantWeight", 1.0),
                "CurrentInstanceCount": v.get("InitialInstanceCount", 1),
                "DesiredInstanceCount": v.get("InitialInstanceCount", 1),
            }
            for v in production_variants
        ]

    def begin(self, then):
        if self.endpoint_status != "InService":
            _refuse(f'Cannot update in-progress endpoint "{self.arn}".')
        self.endpoint_status, self.looks, self.then = "Updating", PLAN.get("looks", 0), then

    def look(self):
        if self.endpoint_status == "Updating" and self.looks <= 0:
            self.endpoint_status, self.failure_reason = "InService", PLAN.get("fails")
            if not self.failure_reason:
                self.then()
        self.looks -= 1

    def take(self, config):
        self.endpoint_config_name = config.endpoint_config_name
        self.production_variants = self._process_production_variants(config.production_variants)
        shadows = getattr(config, "shadow_production_variants", None) or []
        self.shadow_production_variants = self._process_production_variants(shadows)


def _create_endpoint_config(self):
    backend, name = self.sagemaker_backend, self._get_param("EndpointConfigName")
    given, shadows = self._get_param("ProductionVariants"), self._get_param(SHADOWS) or []
    if name in backend.endpoint_configs:
        _refuse(f'Cannot create already existing endpoint configuration "{name}".')
    if shadows and (len(given), len(shadows)) != (1, 1):
        _refuse("One production variant is required where a shadow variant is given.")
    backend.validate_production_variants(shadows)
    answer = _CREATE_CONFIG(self)
    backend.endpoint_configs[name].shadow_production_variants = shadows or None
    return answer


SHADOWS = "ShadowProductionVariants"
_CREATE_CONFIG = responses.SageMakerResponse.create_endpoint_config
_DESCRIBE_ENDPOINT = responses.SageMakerResponse.describe_endpoint


def _describe_endpoint(self):
    found = self.sagemaker_backend.endpoints.get(self._get_param("EndpointName"))
    if found is not None:
        found.look()
    return _DESCRIBE_ENDPOINT(self)


def _update_endpoint(self):
    backend = self.sagemaker_backend
    endpoint = _the(backend.endpoints, "endpoint", self._get_param("EndpointName"))
    name = self._get_param("EndpointConfigName")
    config = _the(backend.endpoint_configs, "endpoint configuration", name)
    endpoint.begin(lambda: endpoint.take(config))
    return ActionResult({"EndpointArn": endpoint.arn})


def _update_weights(self):
    endpoint = _the(self.sagemaker_backend.endpoints, "endpoint", self._get_param("EndpointName"))
    wanted = {v["VariantName"]: v for v in self._get_param("DesiredWeightsAndCapacities")}
    if unknown := set(wanted) - {v["VariantName"] for v in endpoint.production_variants}:
        _refuse(f"The variant name(s) {sorted(unknown)} are not present within the configuration.")

    def then():
        for variant in endpoint.production_variants:
            given = wanted.get(variant["VariantName"], {})
            for what in ("Weight", "InstanceCount"):
                now = given.get(f"Desired{what}", variant[f"Desired{what}"])
                variant[f"Current{what}"] = variant[f"Desired{what}"] = now

    endpoint.begin(then)
    return ActionResult({"EndpointArn": endpoint.arn})


def _add_tags(self):
    arn, given = self._get_param("ResourceArn"), self._get_param("Tags")
    self.sagemaker_backend.delete_tags(arn, [tag["Key"] for tag in given])
    return ActionResult({"Tags": self.sagemaker_backend.add_tags(arn, given)})


def _the(things, kind, name):
    return things[name] if name in things else _refuse(f'Could not find {kind} "{name}".')


_INVOKE = runtime.SageMakerRuntimeResponse.invoke_endpoint


def _invoke_endpoint(self):
    backend = models.sagemaker_backends[self.current_account][self.region]
    endpoint = _the(backend.endpoints, "endpoint", self.path.split("/")[2])
    config = backend.endpoint_configs[endpoint.endpoint_config_name]
    variants = {v["VariantName"]: v["ModelName"] for v in config.production_variants}
    target = self.headers.get("X-Amzn-SageMaker-Target-Variant") or next(iter(variants))
    if target not in variants:
        _refuse(f"Variant {target} is not a production variant of the endpoint.")
    container = backend._models[variants[target]].primary_container
    text = container.get("Environment", {}).get("TEXT")
    if text is None:
        return _INVOKE(self)
    return 200, {"Content-Type": "application/json"}, _answer(Path(text), json.loads(self.body))


def _answer(text, asked):
    from sixgates.adapters.lightgbm_trainer import predict_matrix
    from sixgates.gates.card import ModelCard
    from sixgates.gates.encoding import encode_rows

    card = msgspec.json.decode(text.with_suffix(".json").read_bytes(), type=ModelCard)
    matrix = encode_rows(card, asked["dataframe_records"])
    answers = predict_matrix(text.read_text(), card, matrix).tolist()
    return json.dumps({"predictions": [a if len(a) > 1 else a[0] for a in answers]})


def complete():
    """Give moto what it lacks."""
    models.FakeEndpoint = Endpoint
    calls = responses.SageMakerResponse
    calls.create_endpoint_config = _create_endpoint_config
    calls.describe_endpoint = _describe_endpoint
    calls.update_endpoint = _update_endpoint
    calls.update_endpoint_weights_and_capacities = _update_weights
    calls.add_tags = _add_tags
    runtime.SageMakerRuntimeResponse.invoke_endpoint = _invoke_endpoint
