"""Who serves this request: one process a model that answers, splits and logs every prediction."""
