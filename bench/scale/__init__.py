"""The bench of what lies past one machine, or past one model."""
