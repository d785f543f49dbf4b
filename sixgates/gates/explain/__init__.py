"""What the policies of a project mean, told before anything runs."""
