"""What an object store said no with, in one sentence."""

import re

from sixgates.adapters.table_place import ObjectFolder
from sixgates.gates.errors import ConfigurationError, PipelineError, TransientError

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"non-2xx status code\W+(?:\x1b\[31m.*?\x1b\[0m\s*)?(\d{3})", re.DOTALL)
_DENIED = {"401", "403"}
_RUN_OUT = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
"""What a store says, with status 400, of credentials that hold for some hours."""
_METADATA = ("/latest/api/token", "/latest/meta-data")
"""Of the last place where credentials are looked for: the machine of a cloud."""
_STORE = "Generic S3 error"


def store_error(folder: ObjectFolder, exc: BaseException) -> PipelineError | None:
    """Return what stands between this program and the store; None where it is the data itself.

    Messages of deltalake and Polars name neither credentials nor the cause in one line, so the
    cause is looked for in all of them.
    """
    said = str(exc)
    code = found[1] if (found := _CODE.search(said)) else ""
    status = found[1] if (found := _STATUS.search(said)) else ""
    if sentence := _to_correct(folder, said, code, status):
        return ConfigurationError(sentence)
    if isinstance(exc, FileNotFoundError) or not (isinstance(exc, OSError) or _STORE in said):
        return None
    return TransientError(
        f"the object store of {folder} did not answer ({code or status or _last_line(said)}): see"
        " AWS_ENDPOINT_URL and whether the store runs, and run it again"
    )


def _to_correct(folder: ObjectFolder, said: str, code: str, status: str) -> str:
    """Say what a person has to correct; nothing where it is not that."""
    sentence = ""
    if code == "NoSuchBucket":
        sentence = (
            f"there is no bucket {folder.bucket} where {folder} lies: make it, or correct"
            " SIXGATES_TABLES"
        )
    elif any(path in said for path in _METADATA):
        sentence = (
            f"{folder} needs credentials and none were found: set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY"
        )
    elif code in _RUN_OUT:
        sentence = (
            f"the object store refused {folder} ({code}): AWS_SESSION_TOKEN has run out or is"
            " wrong; set it anew, with its AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    elif status in _DENIED:
        sentence = (
            f"the object store refused {folder} ({code or status}): correct AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or let that key list, read, write and delete there"
        )
    elif status.startswith("3"):
        sentence = (
            f"the bucket {folder.bucket} lies elsewhere ({code or status}): set AWS_REGION to its"
            " region"
        )
    elif "URL scheme is not allowed" in said:
        sentence = (
            f"{folder} is asked for without TLS, for AWS_ENDPOINT_URL begins with http: set"
            " AWS_ALLOW_HTTP=true where that is meant"
        )
    elif "conditional put is disabled" in said:
        sentence = (
            f"{folder} cannot be written, for AWS_CONDITIONAL_PUT says `disabled`, and of two who"
            " commit neither would be refused: unset it"
        )
    return sentence


def _last_line(said: str) -> str:
    """Return the innermost cause."""
    lines = [line.strip(" ↳") for line in re.sub(r"\x1b\[\d+m", "", said).splitlines()]
    return next((line for line in reversed(lines) if line), "no reason given")
