"""The gate's permutation test: by hand, its size on null worlds, planted skill, its refusals."""

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks.null_events import NullWorld, blind_gates, make_events, one_position_each
from step3_assets.domain.statistics.permutation import gate_null, next_candidates

SESSIONS = pd.bdate_range("2021-01-04", "2021-12-31")


def candidates(per_session: int = 2, seed: int = 0, share: float = 0.1) -> pd.DataFrame:
    """A year of independent candidates of two symbols."""
    rng = np.random.default_rng(seed)
    parts = []
    for symbol in ("AAA", "BBB"):
        day = np.repeat(SESSIONS.to_numpy(), per_session)
        hour = np.tile(np.arange(per_session), len(SESSIONS)) + 10
        stamps = pd.DatetimeIndex(day + hour * np.timedelta64(1, "h"))
        stamps = stamps.tz_localize("America/New_York").tz_convert("UTC")
        n = len(stamps)
        net, traded = 80.0 * rng.standard_normal(n), rng.random(n) < share
        parts.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "decision_time_utc": stamps,
                    "net_bps": net,
                    "is_traded": traded,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def draw(rows: pd.DataFrame, n_permutations: int = 4000, seed: int = 1):
    return gate_null(rows, n_permutations=n_permutations, level=0.90, seed=seed)


def plain_p_value(rows: pd.DataFrame) -> float:
    """The share of shifts of one block that do as well, written out loop by loop.

    Valid where every symbol has one candidate a session: shift `k` moves a trade `k` sessions on.
    """
    week = rows["decision_time_utc"].dt.isocalendar()
    label = (week["year"] * 100 + week["week"]).to_numpy()
    found = []
    n = len(SESSIONS)
    for k in range(n):
        sums: dict[int, float] = {}
        for _, part in rows.groupby("symbol"):
            net, at = part["net_bps"].to_numpy(), label[part.index]
            for i in np.flatnonzero(part["is_traded"].to_numpy()):
                j = (i + k) % n
                sums[at[j]] = sums.get(at[j], 0.0) + net[j] - net.mean()
        found.append(sum(sums.values()) / math.sqrt(sum(s**2 for s in sums.values())))
    return float(np.mean(np.array(found) >= found[0] - 1e-9))


def test_the_p_value_is_the_share_of_all_shifts_that_do_as_well():
    for seed in range(3):
        rows = candidates(per_session=1, seed=seed)
        assert draw(rows, 40_000).p_value == pytest.approx(plain_p_value(rows), abs=0.01)


def test_a_p_value_is_never_zero():
    """What happened counts as one of the draws, whichever shifts are drawn beside it."""
    rows = candidates(per_session=1, seed=4)
    rows.loc[rows["is_traded"], "net_bps"] += 1000.0
    n_unmoved = (np.random.default_rng(5).integers(len(SESSIONS), size=99) == 0).sum()
    assert draw(rows, 99, seed=5).p_value == pytest.approx((1 + n_unmoved) / 100)


def test_size_on_null_worlds_whose_symbols_share_their_noise():
    """All outcome-blind gates on 12 null worlds; `benchmarks/size.py` has the full study."""
    shares = []
    for seed in range(11_000, 11_012):
        events = make_events(NullWorld(seed=seed, years=2.0))
        p_values = [
            draw(events.assign(is_traded=traded), 500, seed).p_value
            for _, traded in blind_gates(events)
        ]
        shares.append(np.mean(np.array(p_values) <= 0.10))
    rejected = np.array(shares)
    error = rejected.std(ddof=1) / math.sqrt(len(rejected))
    assert abs(rejected.mean() - 0.10) < 3 * error


def test_a_gate_that_buys_after_a_fall_has_no_skill_by_that():
    """Blocks of a month call it skilled in more than half of the worlds."""
    p_values = []
    for seed in range(11_100, 11_120):
        events = make_events(NullWorld(seed=seed, years=3.0))
        score = -events["ret_5d"].to_numpy()
        traded = one_position_each(events, score > np.quantile(score, 0.7))
        p_values.append(draw(events.assign(is_traded=traded), 500).p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.2


def test_a_draw_for_each_symbol_alone_would_reject_too_often():
    """What is planted here is the fault: symbols that share their noise, shifted one by one."""
    together, apart = [], []
    for seed in range(11_200, 11_212):
        events = make_events(NullWorld(seed=seed, n_symbols=6, correlation=0.97, years=2.0))
        score = events["shared_5d"].to_numpy()
        traded = one_position_each(events, score > np.quantile(score, 0.8))
        rows = events.assign(is_traded=traded)
        together.append(_spread(draw(rows)))
        alone = [_spread(draw(part)) ** 2 for _, part in rows.groupby("symbol")]
        apart.append(math.sqrt(sum(alone)) / 6)
    assert np.mean(together) > 1.5 * np.mean(apart)


def _spread(found) -> float:
    return found.null_upper_bps - found.null_lower_bps


def test_planted_skill_is_found_and_a_good_symbol_is_not_taken_for_it():
    rows = candidates(seed=4)
    assert draw(rows).p_value > 0.05
    skilled = rows.assign(net_bps=rows["net_bps"] + 40.0 * rows["is_traded"])
    assert draw(skilled).p_value < 0.005
    good = rows["symbol"] == "AAA"
    of_symbol = rows.assign(
        is_traded=rows["is_traded"] & good, net_bps=rows["net_bps"] + 500.0 * good
    )
    assert draw(of_symbol).p_value > 0.05


def test_the_number_of_trades_stays_even_where_sessions_lack_candidates():
    rng = np.random.default_rng(7)
    rows = candidates(per_session=3, seed=7, share=0.4)
    rows = rows[rng.random(len(rows)) < 0.5]
    one = rows.assign(net_bps=1.0 + 1e-3 * rng.standard_normal(len(rows)))
    found = draw(one)
    assert found.null_mean_bps == pytest.approx(1.0, abs=1e-3)
    assert found.null_lower_bps > 0.99
    assert found.n_trades == int(rows["is_traded"].sum())


def test_the_order_of_rows_does_not_matter_and_the_seed_decides():
    rows = candidates()
    assert draw(rows) == draw(rows.sample(frac=1.0, random_state=1))
    assert draw(rows, seed=1).p_value != draw(rows, seed=2).p_value


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows.assign(is_traded=False), "there is no trade"),
        (lambda rows: rows.assign(is_traded=True), "none was chosen among others"),
        (lambda rows: rows.assign(net_bps=3.0), "do not vary"),
        (lambda rows: rows.assign(is_traded=rows.index < 4), "week"),
        (lambda rows: rows.iloc[:0], "there is no trade"),
    ],
)
def test_without_a_trade_a_choice_or_variation_there_is_no_p_value_and_a_reason(change, why):
    found = draw(change(candidates()))
    assert math.isnan(found.p_value)
    assert why in found.undefined
    assert draw(candidates()).undefined == ""


def test_outcomes_that_are_not_finite_are_refused():
    rows = candidates()
    rows.loc[5, "net_bps"] = np.nan
    with pytest.raises(ValueError, match=r"1 of \d+ outcomes are not finite"):
        draw(rows)


def test_under_every_shift_a_symbol_s_trades_take_as_many_different_candidates():
    rng = np.random.default_rng(3)
    for _ in range(50):
        n_sessions = int(rng.integers(5, 40))
        n = int(rng.integers(4, 60))
        at = np.sort(rng.integers(0, n_sessions, n) + rng.choice([0.4, 0.5, 0.6], n))
        at = np.unique(at)
        traded = np.sort(rng.choice(len(at), int(rng.integers(1, len(at) + 1)), replace=False))
        chosen = next_candidates(at, traded, n_sessions)
        assert chosen.shape == (n_sessions, len(traded))
        np.testing.assert_array_equal(chosen[0], traded)
        assert (np.diff(chosen, axis=1) > 0).all()
        assert chosen.min() >= 0
        assert chosen.max() < len(at)
