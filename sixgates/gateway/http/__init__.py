"""How requests come in and answers go out: connections, their limits, heads and bodies."""
