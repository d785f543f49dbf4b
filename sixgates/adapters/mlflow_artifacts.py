"""MLflow's artifacts in an S3-compatible store: one that hangs is given up as MLflow itself is."""

from functools import cache
from typing import Any

_SCHEME = "s3"
LIMITS: dict[str, Any] = {
    "connect_timeout": 10,
    "read_timeout": 20,
    "retries": {"total_max_attempts": 2},
}
"""By itself boto3 waits for a minute, three times; a tick has 100 seconds in all."""


def bound_artifacts() -> None:
    """Let MLflow use S3 within limits, unless a plugin of somebody's has taken the place."""
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    known: Any = _artifact_repository_registry
    if known._registry.get(_SCHEME) is S3ArtifactRepository:  # noqa: SLF001 - it tells nobody
        known.register(_SCHEME, _bounded())


@cache
def _bounded() -> type:
    from mlflow.environment_variables import MLFLOW_S3_ENDPOINT_URL, MLFLOW_S3_IGNORE_TLS
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    address: Any = MLFLOW_S3_ENDPOINT_URL
    unchecked: Any = MLFLOW_S3_IGNORE_TLS

    class Bounded(S3ArtifactRepository):
        """What MLflow has for S3, with a client that does not wait for long."""

        def _get_s3_client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
            config = super()._get_s3_client().meta.config  # type: ignore[no-untyped-call]
            import boto3
            from botocore.config import Config

            return boto3.client(
                _SCHEME,
                config=config.merge(Config(**LIMITS)),
                endpoint_url=address.get(),
                verify=False if unchecked.get() else None,
                aws_access_key_id=self._access_key_id,
                aws_secret_access_key=self._secret_access_key,
                aws_session_token=self._session_token,
            )

    return Bounded
