"""The objective, worked by hand."""

import numpy as np
import pytest

from step3_assets.config import SearchConfig
from step3_assets.domain.search.objective import objective

PLAIN = SearchConfig(min_month_trades=3, min_trades_per_month=5.0, trades_penalty=1.0)


@pytest.mark.parametrize(
    ("calmar", "trades", "drawdown", "expected"),
    [
        ([2.0, 4.0, 9.0], [5, 5, 5], 0.05, 4.0),
        ([2.0, 4.0], [5, 5], 0.12, 3.0),  # an even number of months; at the cap nothing is taken
        ([2.0, 4.0, 9.0], [5, 5, 5], 0.15, 1.0),  # three points beyond the cap
        ([2.0, 4.0, 9.0], [6, 2, 7], 0.05, 2.0),  # two trades are no evidence of a 4
        ([2.0, -4.0, 9.0], [6, 2, 7], 0.05, 2.0),
        ([-2.0, -4.0, 9.0], [6, 2, 7], 0.05, -2.0),  # but a loss stays a loss
        ([0.0, 0.0, 9.0], [0, 0, 15], 0.05, 0.0),  # months without a trade score 0 and count
        ([0.0, 0.0, 0.0], [0, 0, 0], 0.0, -1.0),  # no trade at all: the whole penalty
        ([1.0, 1.0], [4, 5], 0.0, 0.9),  # 4.5 a month of 5 asked for
    ],
)
def test_by_hand(calmar, trades, drawdown, expected):
    value = objective(np.array(calmar), np.array(trades), drawdown, PLAIN)
    assert value == pytest.approx(expected, abs=1e-12)


def test_no_month_has_no_value():
    with pytest.raises(ValueError, match="no month"):
        objective(np.array([]), np.array([]), 0.0, PLAIN)
