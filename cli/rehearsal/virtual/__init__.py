"""A rehearsal without servers: a clock that is a variable, and everything else in one process."""
