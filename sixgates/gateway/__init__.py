"""Who serves this request: splits traffic, logs every prediction, reports what it serves."""
