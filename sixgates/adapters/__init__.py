"""How the pipeline reaches the world: registry, data, gateway, log, clock."""
