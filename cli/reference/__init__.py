"""The part of `docs/reference/` that the code knows, written by `python -m cli.reference`."""
