"""Calling SageMaker, with its faults in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from sixgates.gates.errors import ConfigurationError, PipelineError, TransientError

_REFUSED = {
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
    "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
}  # fmt: skip
_DENIED = {401, 403}
_INVALID = {"ValidationException", "ValidationError"}
_ABSENT = "Could not find"
_IN_PROGRESS = "in-progress"
_EXISTS = "already exist"


class Clients(NamedTuple):
    """What SageMaker is asked by."""

    control: Any
    """Models, endpoint configurations, endpoints and their tags."""
    runtime: Any
    """Invocations."""


def open_clients() -> Clients:
    """Open both, with address, region and credentials of the usual `AWS_*` variables.

    Raises:
        ConfigurationError: boto3 is not installed, or no region is set.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as exc:
        raise ConfigurationError(
            "SIXGATES_TRAFFIC names SageMaker and boto3 is not installed: install"
            " `sixgates[sagemaker]`"
        ) from exc
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})
    with sagemaker_errors("opening it"):
        return Clients(
            *(boto3.client(n, config=config) for n in ("sagemaker", "sagemaker-runtime"))
        )


class AbsentError(TransientError):
    """SageMaker does not have what was asked for, or no longer."""


class ExistsError(Exception):
    """SageMaker has what was to be made."""


@contextmanager
def sagemaker_errors(doing: str) -> Iterator[None]:
    """Turn what boto3 raises into one sentence.

    Args:
        doing: What was tried, as `describing the endpoint churn`.

    Raises:
        AbsentError: what was asked for is not there, which is transient: somebody may have deleted
            it since it was looked at.
        ExistsError: what was to be made is there.
        ConfigurationError: SageMaker refuses, by the credentials or by what was asked.
        TransientError: it did not answer, is busy, or has no more of what was asked for.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        NoRegionError,
        ParamValidationError,
        PartialCredentialsError,
    )

    try:
        yield
    except ClientError as exc:
        raise _translated(exc.response, doing) from exc
    except NoRegionError as exc:
        raise ConfigurationError("SageMaker has no region: set AWS_DEFAULT_REGION") from exc
    except (NoCredentialsError, PartialCredentialsError) as exc:
        raise ConfigurationError(
            "SageMaker needs credentials and none were found: set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY"
        ) from exc
    except ParamValidationError as exc:
        raise ConfigurationError(
            f"{doing} cannot be asked of SageMaker ({exc}): correct it"
        ) from exc
    except BotoCoreError as exc:
        raise TransientError(f"SageMaker did not answer while {doing} ({exc}): try again") from exc


def _translated(response: Mapping[str, Any], doing: str) -> PipelineError | ExistsError:
    error, status = response.get("Error", {}), response["ResponseMetadata"]["HTTPStatusCode"]
    code, said = str(error.get("Code", "")), str(error.get("Message", ""))
    if code in _REFUSED or status in _DENIED:
        return ConfigurationError(
            f"SageMaker refused the credentials while {doing} ({code}): correct AWS_ACCESS_KEY_ID"
            " and AWS_SECRET_ACCESS_KEY, or let them do so"
        )
    if code in _INVALID and _IN_PROGRESS not in said:
        if said.startswith(_ABSENT):
            return AbsentError(f"SageMaker lacks what it needs while {doing} ({said}): try again")
        if _EXISTS in said:
            return ExistsError(said)
        return ConfigurationError(f"SageMaker did not accept {doing} ({said}): correct it")
    return TransientError(f"SageMaker did not do it while {doing} ({code}: {said}): try again")
