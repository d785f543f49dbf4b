"""The page at `/`: who serves, is anything wrong, what happens next."""
