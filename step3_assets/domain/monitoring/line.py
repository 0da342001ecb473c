"""One row of table ``drift``, and how a state follows from a value and its limits.

Belongs here: the row and its states. Does not belong here: any metric.
"""

from dataclasses import dataclass

import numpy as np

ALL_FEATURES = "ALL"
NAN = float("nan")


@dataclass(frozen=True)
class Line:
    """One row, without its month."""

    metric: str
    n_rows: int
    min_rows: int
    state: str
    sentence: str
    feature: str = ALL_FEATURES
    value: float = NAN
    reference: float = NAN
    lower: float = NAN
    upper: float = NAN
    threshold: float = NAN


def clamp_bound(least: float, bound: float, most: float) -> float:
    """The bound from chance, clamped between two limits; a NaN bound counts as `least`."""
    return float(min(np.fmax(least, bound), most))


def state_above(value: float, warn: float, error: float) -> str:
    """``error``, ``warn`` or ``quiet`` for a value that should stay below its limits."""
    return "error" if value > error else "warn" if value > warn else "quiet"


def state_of_floors(floors: tuple[float, ...], limits: tuple[float, float]) -> str:
    """State of a mean from its lower confidence bounds at the warning and the error rate.

    An error when the mean is surely above the second limit, a warning when it is surely above the
    first.
    """
    at_warn, at_error = floors
    return "error" if at_error > limits[1] else "warn" if at_warn > limits[0] else "quiet"
