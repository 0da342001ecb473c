"""The gate's null: every draw of a small case, the closed form of a large one, planted skill."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.statistics.permutation import gate_null


def candidates(per_stratum: int = 40, n_months: int = 6, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months = np.repeat(np.arange(n_months), 2 * per_stratum)
    n = len(months)
    return pd.DataFrame(
        {
            "month": months,
            "symbol": np.tile(np.repeat(["AAA", "BBB"], per_stratum), n_months),
            "net_bps": 80.0 * rng.standard_normal(n) + 30.0 * (months % 2),
            "is_traded": rng.random(n) < 0.2 + 0.3 * (months % 2),
        }
    )


def draw(rows: pd.DataFrame, n_permutations: int = 4000, seed: int = 1):
    return gate_null(rows, n_permutations=n_permutations, level=0.90, seed=seed)


def test_the_p_value_is_the_share_of_all_choices_that_do_as_well():
    net = [5.0, 1.0, -2.0, 7.0, 0.0, -4.0]
    rows = pd.DataFrame(
        {
            "month": [1] * 6,
            "symbol": ["AAA"] * 6,
            "net_bps": net,
            "is_traded": [True, False, False, True, True, False],
        }
    )
    found = draw(rows, 20_000)
    sums = [sum(choice) for choice in combinations(net, 3)]
    assert found.net_bps == 4.0
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= 12.0), abs=0.01)


def test_the_null_has_the_mean_and_spread_of_sampling_without_replacement():
    rows = candidates()
    found = draw(rows, 20_000)
    n_trades, mean, variance = int(rows["is_traded"].sum()), 0.0, 0.0
    for _, part in rows.groupby(["month", "symbol"]):
        n, k = len(part), int(part["is_traded"].sum())
        mean += k * part["net_bps"].mean()
        variance += k * part["net_bps"].var(ddof=1) * (1 - k / n)
    spread = math.sqrt(variance) / n_trades
    assert found.null_mean_bps == pytest.approx(mean / n_trades, abs=4 * spread / math.sqrt(20_000))
    assert found.null_upper_bps - found.null_lower_bps == pytest.approx(
        2 * 1.6449 * spread, rel=0.03
    )
    assert (found.n_trades, found.n_candidates) == (n_trades, len(rows))


def test_p_values_of_a_gate_without_skill_are_uniform():
    rng = np.random.default_rng(3)
    values = []
    for seed in range(200):
        rows = candidates(per_stratum=20, n_months=3, seed=seed)
        values.append(draw(rows, 200, seed=int(rng.integers(1 << 30))).p_value)
    assert np.mean(np.array(values) <= 0.05) < 0.11
    assert np.mean(values) == pytest.approx(0.5, abs=0.07)


def test_skill_is_found_and_a_good_month_is_not_taken_for_it():
    rows = candidates(seed=4)
    assert draw(rows).p_value > 0.05
    rows["net_bps"] += 40.0 * rows["is_traded"]
    assert draw(rows).p_value < 0.001
    every_month = candidates(seed=5)
    every_month["net_bps"] = 100.0 * (every_month["month"] % 2)
    assert draw(every_month).p_value == 1.0


def test_the_smallest_p_value_is_one_over_draws_plus_one():
    rows = candidates()
    rows["net_bps"] = np.where(rows["is_traded"], 100.0, 0.0)
    assert draw(rows, 199).p_value == 1 / 200


def test_the_order_of_rows_does_not_matter_and_the_seed_decides():
    rows = candidates()
    assert draw(rows) == draw(rows.sample(frac=1.0, random_state=1))
    assert draw(rows, seed=1) != draw(rows, seed=2)


def test_without_a_trade_or_a_choice_there_is_no_p_value():
    none = draw(candidates().assign(is_traded=False))
    assert math.isnan(none.net_bps)
    assert math.isnan(none.p_value)
    every = draw(candidates().assign(is_traded=True))
    assert every.net_bps == pytest.approx(every.null_mean_bps)
    assert math.isnan(every.p_value)
