"""What gate 1 asks of the data, one question a file; the verdict is made in `validate.py`."""
