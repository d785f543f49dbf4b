"""The gateway's speed, and what its log loses: `python -m bench.gateway`."""
