"""The trace that a request belongs to, as OpenTelemetry hands it on.

https://www.w3.org/TR/trace-context/
"""

import re

from sixgates.gateway.http.bodies import Headers, Heads

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_of(heads: Heads, headers: Headers) -> str:
    """Return the trace of a request that names one, and hand it on with the answer.

    What is not written as the standard has it is left out, as the standard has it too.
    """
    parent = heads[b"traceparent"]
    found = _TRACEPARENT.fullmatch(parent)
    if found is None:
        return ""
    headers.append((b"traceparent", parent))
    return found[1].decode()
