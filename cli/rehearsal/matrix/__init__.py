"""The kill matrix: every moment at which a process can die, played, and what is left of it."""
