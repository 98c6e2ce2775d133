"""Share an amount out to the kopeck."""

from collections.abc import Sequence
from decimal import Decimal

from core.money import CENT


def share_out(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Share an amount in roubles out by weights, by the method of the largest remainder; earlier parts win ties.

    The parts sum to the amount to the kopeck. None is above its weight where the amount is not above their sum.
    Raises ValueError for a negative amount or weight, and for weights that are all nothing.
    """
    shares = [int(weight / CENT) for weight in weights]
    total = sum(shares)
    if amount < 0 or total <= 0 or min(shares) < 0:
        raise ValueError("an amount is shared out by weights above nothing")
    kopecks = int(amount / CENT)
    parts = [kopecks * share // total for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-(kopecks * shares[index] % total), index))
    for index in by_remainder[: kopecks - sum(parts)]:
        parts[index] += 1
    return [part * CENT for part in parts]
