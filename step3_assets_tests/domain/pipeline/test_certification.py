"""Truth tests, small: an edge is found, a null world is not promoted; figures by hand."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from step3_assets.config import Step3Config
from step3_assets.domain.pipeline.certification import (
    capture_by_family,
    certify_world,
    summarise,
    to_frame,
    value_decisions,
)
from step3_assets.domain.worlds import WorldConfig
from step3_assets_tests.domain.outcomes import NULL, PLANTED


def small_models() -> Step3Config:
    """Defaults but for boosters of 60 rounds: what the defaults find is ``step3 certify``'s work.

    An edge of 30 bps shows within that many, and they take half of the time.
    """
    config = Step3Config()
    boosters = config.models.lightgbm.model_copy(update={"n_rounds": 60})
    return config.model_copy(
        update={"models": config.models.model_copy(update={"lightgbm": boosters})}
    )


def test_a_large_edge_is_found_and_by_more_than_the_mock_baseline():
    world = WorldConfig(years=3.5, edge_bps=30, seed=11, oracle_paths=8)
    outcome = certify_world(world, small_models(), n_months=3)
    assert outcome.n_months == 3
    assert outcome.oracle_net_bps > 20
    assert outcome.capture > 0.6
    assert outcome.capture > outcome.mock_capture


def test_a_null_world_is_not_promoted():
    world = WorldConfig(years=3.5, edge_bps=0, seed=11, oracle_paths=8)
    outcome = certify_world(world, small_models(), n_months=3)
    assert not outcome.is_promoted
    assert outcome.failed_criteria
    assert outcome.oracle_net_bps < 1.5  # the noise of so few futures about zero


def test_a_world_too_short_for_a_fold_says_so():
    with pytest.raises(ValueError, match=r"2\.0 years leave no test month"):
        certify_world(WorldConfig(years=2, oracle_paths=2), Step3Config())


def test_power_pools_sums_and_size_counts_promotions():
    poor = replace(PLANTED, seed=2, oracle_total=0.15, platform_total=0.03, is_promoted=False)
    promoted_null = replace(NULL, seed=3, is_promoted=True)
    found = summarise([PLANTED, poor, NULL, promoted_null])
    assert found.power == pytest.approx(0.06 / 0.20)
    assert found.mock_power == pytest.approx(0.02 / 0.20)
    assert found.power_low <= found.power <= found.power_high
    assert (found.n_planted, found.n_promoted_planted) == (2, 1)
    assert (found.n_null, found.n_promoted_null) == (2, 1)


def test_a_table_of_worlds_begins_with_the_planted():
    frame = to_frame([NULL, PLANTED])
    assert list(frame["edge_bps"]) == [10.0, 0.0]
    assert frame["capture"].iloc[0] == pytest.approx(0.6)
    assert pd.isna(frame["capture"].iloc[1])


def test_a_decision_without_an_oracle_is_refused():
    key = {"symbol": "QQQ", "decision_time_utc": [pd.Timestamp("2020-01-02 15:00", tz="UTC")]}
    gated = pd.DataFrame({**key, "is_gated": [True]})
    other = pd.DataFrame(
        {
            "symbol": "QQQ",
            "decision_time_utc": ["2020-01-02 16:00:00+00:00"],
            "expected_net": [1e-3],
        }
    )
    world: Any = SimpleNamespace(oracle={"QQQ": other})
    result: Any = SimpleNamespace(tables={"scores": gated, "mock_baseline": gated})
    with pytest.raises(ValueError, match="scores: 1 decisions have no oracle"):
        value_decisions(world, result, [])


def test_capture_by_family_pools_and_has_an_error():
    poor = replace(PLANTED, seed=2, platform_total=0.01)
    other = replace(PLANTED, family="monotone", platform_total=0.05)
    rows = capture_by_family([PLANTED, poor, other, NULL]).to_dict("records")
    got = {row["family"]: row for row in rows}
    assert list(got) == ["region", "monotone", "pooled"]
    region = (PLANTED.platform_total + 0.01) / (2 * PLANTED.oracle_total)
    assert got["region"]["capture"] == pytest.approx(region)
    by_hand = abs(PLANTED.platform_total - 0.01) / PLANTED.oracle_total / 2
    assert got["region"]["error"] == pytest.approx(by_hand)
    assert pd.isna(got["monotone"]["error"])
    assert [row["n_worlds"] for row in rows] == [2, 1, 3]
