"""What an endpoint of SageMaker has to be for a route, and which route an endpoint says it is.

A configuration is made from the one that serves: instances, data capture and network stay as the
team chose them. Its name is made from its content, so that it is made once. How much of the traffic
a version gets is not part of it: weights are moved on a running endpoint, and read back there.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sixgates.gates.errors import ConfigurationError
from sixgates.gates.ports import Serving
from sixgates.ledger.route import Beside, Route, Version

PARTS = 1_000_000
"""Weights are whole parts of so many: SageMaker keeps them as numbers of 24 bits."""
EPOCH = "sixgates:epoch"
"""Tag of an endpoint: the route that it was found to follow."""
DIGEST = "sixgates:digest"
"""Tag of a SageMaker model: SHA-256 of the text that it answers by."""

_OF_ANOTHER = {"EndpointConfigName", "EndpointConfigArn", "CreationTime", "ResponseMetadata"}
_OF_A_VARIANT = {"VariantName", "ModelName", "InitialVariantWeight"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The configuration of a route."""

    name: str
    document: dict[str, Any]
    """Arguments of CreateEndpointConfig, but for the name."""
    weights: dict[str, float]
    """Weight of each production variant once the endpoint has it; empty where there is one only."""


def wanted_config(
    endpoint: Mapping[str, Any],
    current: Mapping[str, Any],
    route: Route,
    model_name: Callable[[str], str],
) -> Wanted:
    """Return what the endpoint of a route has to be.

    Args:
        endpoint: As SageMaker describes it: it says how many instances there are by now.
        current: The configuration that it has, as SageMaker describes it.
        route: Who is to serve.
        model_name: Gives the name of the SageMaker model of a digest.

    Raises:
        ConfigurationError: the share could not be read back as it is.
    """
    kept = {key: value for key, value in current.items() if value and key not in _OF_ANOTHER}
    pattern = {k: v for k, v in current["ProductionVariants"][0].items() if k not in _OF_A_VARIANT}
    if "InitialInstanceCount" in pattern:
        # An update begins with this number anew, whatever a person or autoscaling has made of it.
        counts = [v.get("DesiredInstanceCount") or 0 for v in endpoint["ProductionVariants"]]
        pattern["InitialInstanceCount"] = max(counts) or pattern["InitialInstanceCount"]

    def variant(version: Version, weight: float) -> dict[str, Any]:
        names = {"VariantName": variant_name(version), "ModelName": model_name(version.digest)}
        return {**pattern, **names, "InitialVariantWeight": weight}

    kept["ProductionVariants"] = [variant(route.champion, 1.0)]
    kept.pop("ShadowProductionVariants", None)
    weights = weights_of(route)
    if weights and route.beside:
        # Without traffic at first: it is asked for its probes before it answers anybody.
        kept["ProductionVariants"].append(variant(route.beside.version, 0.0))
    elif route.beside:
        kept["ShadowProductionVariants"] = [variant(route.beside.version, 1.0)]
    kept["Tags"] = [{"Key": key, "Value": value} for key, value in _tags(route).items()]
    content = json.dumps(kept, sort_keys=True, default=str).encode()
    short = f"{endpoint['EndpointName'][:34]}-{route.champion.digest[:8]}".replace("--", "-")
    return Wanted(f"{short}-{hashlib.sha256(content).hexdigest()[:16]}", kept, weights)


def fits(current: Mapping[str, Any], tags: Mapping[str, str], route: Route, wanted: Wanted) -> bool:
    """Say whether a configuration is already that of a route, whatever its instances."""
    ours = {key: value for key, value in tags.items() if key.startswith("sixgates:")}
    return ours == _tags(route) and all(
        _named(current, which) == _named(wanted.document, which)
        for which in ("ProductionVariants", "ShadowProductionVariants")
    )


def _named(config: Mapping[str, Any], which: str) -> set[tuple[str, str]]:
    return {(v["VariantName"], v["ModelName"]) for v in config.get(which) or ()}


def variant_name(version: Version) -> str:
    """Name the variant of a version, so that metrics and captured data tell who answered.

    >>> variant_name(Version("7", "3f" * 32))
    'v7-3f3f3f3f3f3f'
    """
    return f"v{re.sub('[^a-zA-Z0-9]+', '-', version.number)}-{version.digest[:12]}"


def weights_of(route: Route) -> dict[str, float]:
    """Return the weight of each version that answers, where two do.

    Raises:
        ConfigurationError: the share could not be read back as it is.
    """
    if route.beside is None or not route.beside.share:
        return {}
    share = route.beside.share
    parts = round(share * PARTS)
    if parts / PARTS != share:
        raise ConfigurationError(
            f"SageMaker cannot be told a share of {share!r}, which has more than six decimals:"
            " round the shares of the canary's policy"
        )
    return {
        variant_name(route.champion): float(PARTS - parts),
        variant_name(route.beside.version): float(parts),
    }


def versions_of(route: Route) -> list[Version]:
    """Return the versions of a route, the champion first."""
    return [route.champion] + ([route.beside.version] if route.beside else [])


def current_weights(endpoint: Mapping[str, Any]) -> dict[str, float]:
    """Return the weight of each production variant of an endpoint, as SageMaker describes it."""
    return {v["VariantName"]: float(v["CurrentWeight"]) for v in endpoint["ProductionVariants"]}


def serving_of(
    url: str,
    endpoint: Mapping[str, Any],
    epoch: str,
    of_config: Mapping[str, str],
) -> Serving:
    """Return what an endpoint says it serves; nothing of ours where it is not of our making.

    Args:
        url: How it is called in sentences.
        endpoint: As SageMaker describes it: it says which variants are there and their weights.
        epoch: Its tag.
        of_config: Tags of its configuration: they say which versions the variants are.
    """
    weights = current_weights(endpoint)
    shadows = {v["VariantName"] for v in endpoint.get("ShadowProductionVariants") or ()}
    champion = Version(of_config.get("sixgates:champion", ""), of_config.get(_CHAMPION_DIGEST, ""))
    beside = Version(of_config.get("sixgates:beside", ""), of_config.get(_BESIDE_DIGEST, ""))
    none = Version("", "")
    if variant_name(champion) not in weights:
        return Serving(url, 0, "", "", "", "", "", 0.0, 0)
    if variant_name(beside) not in {*weights, *shadows}:
        beside = none
    total = sum(weights.values())
    share = weights.get(variant_name(beside), 0.0) / total if beside != none and total else 0.0
    return Serving(
        url=url,
        epoch=int(epoch) if epoch.isdecimal() else 0,
        champion=champion.number,
        champion_digest=champion.digest,
        beside=beside.number,
        beside_digest=beside.digest,
        arm=of_config.get("sixgates:arm", "") if beside != none else "",
        share=share,
        unlogged=0,
    )


_CHAMPION_DIGEST, _BESIDE_DIGEST = "sixgates:champion-digest", "sixgates:beside-digest"


def _tags(route: Route) -> dict[str, str]:
    """Return what a configuration says of its variants."""
    beside: Beside | None = route.beside
    given = {"sixgates:champion": route.champion.number, _CHAMPION_DIGEST: route.champion.digest}
    if beside is not None:
        given |= {
            "sixgates:beside": beside.version.number,
            _BESIDE_DIGEST: beside.version.digest,
            "sixgates:arm": str(beside.arm),
        }
    return given
