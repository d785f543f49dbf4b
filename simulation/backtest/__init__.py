"""A project's own history, walked forward under every retraining policy, through the gates."""
