"""The user's data: one file for each kind of source, and `ProjectLake` in front of them."""
