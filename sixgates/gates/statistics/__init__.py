"""The e-processes and bounds that the gates judge by: pure functions of NumPy arrays."""
