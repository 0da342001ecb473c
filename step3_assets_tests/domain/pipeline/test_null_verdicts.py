"""Cheap null verdicts: blind decisions carry no information, promotions are counted exactly."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.cli.certify import FAMILY_NAMES
from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.pipeline.main_job import PipelineInputs
from step3_assets.domain.pipeline.null_families import FAMILIES, spliced, with_trend
from step3_assets.domain.pipeline.null_verdicts import (
    NullVerdict,
    blind_scores,
    clopper_pearson_upper,
    promotion_rates,
    replay,
    trained_runs,
)
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.domain.audit.audited import CONFIG, MONTHS
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> PipelineInputs:
    """One test month of a market that drifts upwards."""
    folder = tmp_path_factory.mktemp("delivery")
    bars = {
        symbol: random_bars(seed, start=date(2019, 1, 2), end=date(2021, 2, 26), drift=4e-4)
        for symbol, seed in (("SPY", 5), ("QQQ", 6))
    }
    write_delivery(build_delivery(bars, SHORT), folder)
    delivery = read_delivery(folder)
    return PipelineInputs(delivery.events, delivery.bars, MONTHS[:1], CONFIG)


@pytest.fixture(scope="module")
def runs(inputs) -> list:
    return list(trained_runs(inputs))


def skilled_scores(n: int = 4000, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Scores of two symbols that know the outcome exactly, and the outcome."""
    rng = np.random.default_rng(seed)
    stamps = pd.date_range("2020-01-01", periods=n // 2, freq="5h", tz="UTC")
    frame = pd.DataFrame(
        {
            "month": [stamp.date().replace(day=1) for stamp in stamps] * 2,
            "symbol": np.repeat(["AAA", "BBB"], n // 2),
            "decision_time_utc": list(stamps) * 2,
            "ev_final": 1e-3 * rng.standard_normal(n),
            "is_gated": False,
            "gate_reason": "ev_below_threshold",
            "size_frac": 0.0,
        }
    )
    return frame, frame["ev_final"].to_numpy().copy()


@pytest.mark.parametrize("way", ["moved", "shuffled"])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_blind_decisions_have_no_skill_and_trade_the_share_that_is_asked(way, share):
    scores, outcome = skilled_scores()
    blind = blind_scores(scores, way, share, 0.5, seed=3)
    gated = blind["is_gated"].to_numpy()
    assert gated.mean() == pytest.approx(share, abs=0.005)
    assert abs(np.corrcoef(blind["ev_final"], outcome)[0, 1]) < 0.06
    error = outcome.std() / np.sqrt(gated.sum())
    assert abs(outcome[gated].mean()) < 3.5 * error
    assert set(blind.loc[gated, "size_frac"]) == {0.5}
    assert set(blind.loc[~gated, "size_frac"]) == {0.0}
    keys = ["month", "symbol", "decision_time_utc"]
    pd.testing.assert_frame_equal(blind[keys], scores[keys])
    assert sorted(blind["ev_final"]) == sorted(scores["ev_final"])


def test_symbols_are_moved_together_so_that_their_coincidence_stays():
    scores, _ = skilled_scores()
    both = scores.assign(ev_final=np.tile(scores["ev_final"].to_numpy()[: len(scores) // 2], 2))
    for way in ("moved", "shuffled"):
        blind = blind_scores(both, way, 0.1, 1.0, seed=5)
        a, b = (blind.loc[blind["symbol"] == s, "ev_final"].to_numpy() for s in ("AAA", "BBB"))
        np.testing.assert_array_equal(a, b)


def test_draws_differ_and_repeat():
    scores, _ = skilled_scores()
    one, two = (blind_scores(scores, "moved", 0.1, 1.0, seed=s) for s in (1, 2))
    assert not one.equals(two)
    pd.testing.assert_frame_equal(one, blind_scores(scores, "moved", 0.1, 1.0, seed=1))


def test_replaying_the_own_scores_gives_the_own_verdict(inputs, runs):
    scores = pd.concat([run["scores"] for run in runs], ignore_index=True)
    again = replay(runs, inputs, scores)
    trades = runs[0]["fold_trades"]
    pd.testing.assert_frame_equal(again.tables["fold_trades"], trades)
    blind = replay(runs, inputs, blind_scores(scores, "moved", 0.1, 0.5, seed=1))
    assert not blind.tables["fold_trades"].equals(trades)
    assert blind.verdict.startswith("PROMOTE NOTHING")


BARS = pd.DataFrame(
    {
        "date": pd.date_range("2020-01-01", periods=1000, freq="1D", tz="UTC"),
        **dict.fromkeys(("open", "high", "low", "close"), 100.0),
        "volume": 5.0,
    }
)


def test_a_trend_adds_its_growth_and_nothing_else():
    grown = with_trend(BARS, np.log(1.3))
    a_year_on = grown["close"].iloc[365] / grown["close"].iloc[0]
    assert a_year_on == pytest.approx(1.3, rel=1e-3)
    assert (grown["open"] == grown["close"]).all()
    assert (grown["volume"] == 5.0).all()


def test_two_worlds_are_joined_without_a_jump():
    other = BARS.assign(**{name: 300.0 + np.arange(1000) for name in ("open", "close")})
    other = other.assign(high=other["close"], low=other["close"])
    joined = spliced(BARS, other, 1.0)
    moves = np.abs(np.diff(np.log(joined["close"].to_numpy())))
    assert (joined["close"].iloc[:366] == 100.0).all()
    assert moves.max() < 0.01
    assert joined["close"].iloc[-1] > 150.0
    with pytest.raises(ValueError, match="different bars"):
        spliced(BARS, other.iloc[1:].reset_index(drop=True), 1.0)


def test_the_upper_bound_is_exact():
    """Clopper and Pearson by their definition: so many or fewer have a chance of 2.5 %."""
    from scipy import stats

    for hits, n in ((0, 40), (3, 200), (10, 1000)):
        assert stats.binom.cdf(hits, n, clopper_pearson_upper(hits, n)) == pytest.approx(0.025)
    assert clopper_pearson_upper(5, 5) == 1.0
    assert clopper_pearson_upper(0, 0) == 1.0


def test_rates_are_counted_by_family_and_pooled_by_verdict_and_by_world():
    verdict = NullVerdict("bull", 1, "own", 36, 100, 0.5, False, "alpha_lower_bound")
    found = [
        *(replace(verdict, seed=seed) for seed in range(10)),
        replace(verdict, is_promoted=True),
        replace(verdict, is_promoted=True, variant="moved"),
        *(replace(verdict, family="no_edge", seed=seed) for seed in range(8)),
    ]
    bull, no_edge, pooled = promotion_rates(found)
    assert (bull.n, bull.n_promoted, bull.n_worlds) == (12, 2, 10)
    assert (no_edge.n_promoted, no_edge.rate) == (0, 0.0)
    assert (pooled.family, pooled.n, pooled.n_promoted) == ("pooled", 20, 2)
    assert bull.worlds_upper == clopper_pearson_upper(1, 10)


def test_the_command_line_knows_every_family():
    assert tuple(FAMILIES) == FAMILY_NAMES
