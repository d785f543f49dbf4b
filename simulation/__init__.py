"""What if the world moved: worlds, traffic and scenarios."""
