"""What one client may take from the others: time, connections, bytes that are no body.

Bodies and rows have their limits where they are read: `bodies.MAX_BODY`, `protocol.MAX_ROWS`.
Tests lower these before they serve, so they are read where they are used.
"""

HEAD_SECONDS: float = 10
"""From a request's first byte to the end of its head; 408 after it."""

BODY_SECONDS: float = 30
"""From a request's first byte to the last one of its body; 408 after it."""

IDLE_SECONDS: float = 75
"""How long a connection may be without a request, and how long an answer may lie unread."""

MAX_CONNECTIONS = 1000
"""Connections at once; one beyond them gets 503."""

MAX_HEAD = 64 * 1024
"""Bytes of a head that comes in pieces; 431 above it."""

MAX_HELD = 256 * 2**20
"""Bytes of large requests that are held at once, of all clients; one that goes beyond gets 503."""

DRAIN_SECONDS: float = 10
"""How long requests under way may take once the process is told to stop."""

LINGER_SECONDS: float = 1
"""How long a client that is left is still listened to, so that it can read its last answer."""
