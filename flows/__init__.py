"""In what order: Prefect flows and their state hooks."""
