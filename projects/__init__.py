"""What we model: one file per model."""
