"""From a drift alert to a production model, through six gates."""
