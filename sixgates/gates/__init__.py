"""What passing means: evidence and policy in, a verdict out. No I/O in this room."""
