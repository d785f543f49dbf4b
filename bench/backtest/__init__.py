"""What a retraining policy was worth on real histories, and what it takes to find that out."""
