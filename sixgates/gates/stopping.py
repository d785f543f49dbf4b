"""Where boosting should have stopped, from the loss after each round."""

import math
from collections.abc import Sequence


def best_round(curve: Sequence[float], patience: int, *, higher_is_better: bool = False) -> int:
    """Return the round, from 1, that LightGBM's early stopping would have kept.

    The first round is the best until a later one is better; after `patience` rounds without a
    better one nothing later counts.

    Args:
        curve: A figure of the validation rows after each round.
        patience: Rounds, at least 1.
        higher_is_better: Which way the figure should go.

    Returns:
        The round; 0 where there is none, or a figure is not a number.

    >>> best_round([0.5, 0.4, 0.41, 0.42, 0.1], patience=2)
    2
    """
    if not all(map(math.isfinite, curve)):
        return 0
    best = 0
    for place, figure in enumerate(curve):
        if place and (figure > curve[best] if higher_is_better else figure < curve[best]):
            best = place
        elif place - best >= patience:
            break
    return best + 1 if curve else 0
