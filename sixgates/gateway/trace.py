"""The trace that a request belongs to, as OpenTelemetry hands it on.

https://www.w3.org/TR/trace-context/
"""

import re

from sixgates.gateway.bodies import Headers, Heads

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_of(heads: Heads, headers: Headers) -> str:
    """Return the trace of a request, and hand it on with the answer; empty where there is none.

    What is not written as the standard has it is left out, as the standard has it too.
    """
    parent = heads.get(b"traceparent")
    if parent is None:
        return ""
    found = _TRACEPARENT.fullmatch(parent)
    if found is None:
        return ""
    headers.append((b"traceparent", parent))
    return found[1].decode()
