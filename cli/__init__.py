"""The front door: the command sixgates."""
