"""Whole worlds: reproducible, lawful deliveries, an oracle that tells the truth."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.worlds import WorldConfig, simulate_world, write_world
from step3_assets.domain.worlds.clock import read_clock
from step3_assets.domain.worlds.edge import drift_law
from step3_assets.domain.worlds.oracle import World, expected_returns
from step3_assets.domain.worlds.prices import simulate_history
from step3_assets.domain.worlds.shocks import draw_history, laws_of

SMALL = WorldConfig(years=1.2, edge_bps=10, seed=5, oracle_paths=16)


@pytest.fixture(scope="module")
def small():
    return simulate_world(SMALL)


def pooled(world) -> pd.DataFrame:
    events = pd.concat(world.delivery.events.values(), ignore_index=True)
    oracle = pd.concat(world.oracle.values(), ignore_index=True)
    assert (events["decision_time_utc"] == oracle["decision_time_utc"]).all()
    events["expected_net"] = oracle["expected_net"]
    return events[events["net_logret"].notna()]


def test_the_same_config_gives_the_same_bits(small):
    again = simulate_world(SMALL)
    for symbol in SMALL.symbols:
        pd.testing.assert_frame_equal(small.bars[symbol], again.bars[symbol], check_exact=True)
        pd.testing.assert_frame_equal(small.oracle[symbol], again.oracle[symbol], check_exact=True)


def test_the_oracle_changes_nothing_in_the_world(small):
    without = simulate_world(SMALL, has_oracle=False)
    assert without.oracle == {}
    assert without.truth() == {}
    for symbol in SMALL.symbols:
        pd.testing.assert_frame_equal(small.bars[symbol], without.bars[symbol], check_exact=True)


def test_another_seed_is_another_world(small):
    other = simulate_world(SMALL.model_copy(update={"seed": 6}), has_oracle=False)
    assert (small.bars["QQQ"]["close"].to_numpy() != other.bars["QQQ"]["close"].to_numpy()).any()


def test_a_written_world_is_a_delivery_with_the_oracle_beside_it(small, tmp_path: Path):
    write_world(small, tmp_path / "world")
    write_world(small, tmp_path / "world")  # a world may be replaced
    delivery = read_delivery(tmp_path / "world" / "step2_out")
    assert delivery.is_synthetic
    assert len(delivery.events) == sum(map(len, small.delivery.events.values()))
    names = {path.name for path in (tmp_path / "world" / "step2_out").rglob("*") if path.is_file()}
    assert not any("oracle" in name for name in names)
    columns = set(delivery.events.columns) | set(delivery.bars.columns)
    assert not any("expected" in column and "seconds" not in column for column in columns)
    facts = json.loads((tmp_path / "world" / "world.json").read_text("utf-8"))
    assert facts["synthetic"] is True
    assert facts["config"]["seed"] == 5
    assert 0.3 < facts["oracle_gate_share"] < 0.8
    assert [path.name for path in tmp_path.iterdir()] == ["world"]  # nothing left beside it


def test_a_folder_of_something_else_is_left_alone(small, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match=r"holds no world\.json"):
        write_world(small, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_null_world_pays_nobody():
    truth = simulate_world(SMALL.model_copy(update={"edge_bps": 0.0, "oracle_paths": 64})).truth()
    assert -3.5 < truth["mean_expected_net_bps"] < -1.5
    assert truth["oracle_gate_share"] < 0.03  # the oracle's own noise about zero
    assert truth["oracle_gate_mean_net_bps"] < 0.5


def test_the_oracle_is_unbiased_and_explains_outcomes():
    # An edge so large that one world's outcomes bear witness.
    events = pooled(simulate_world(WorldConfig(years=6, edge_bps=30, seed=2, oracle_paths=16)))
    expected, found = events["expected_net"].to_numpy(), events["net_logret"].to_numpy()
    weeks = pd.to_datetime(events["decision_time_utc"], utc=True).dt.strftime("%G-%V").to_numpy()
    _, week = np.unique(weeks, return_inverse=True)
    surplus = np.bincount(week, found - expected)
    z = surplus.sum() / np.sqrt((surplus**2).sum())
    assert abs(z) < 3
    slope = np.polyfit(expected, found, 1)[0]
    assert 0.7 < slope < 1.3
    assert found[expected > 0].mean() > found[expected <= 0].mean() + 30e-4


def test_the_oracle_does_not_see_the_worlds_future():
    clock, laws, law = read_clock(SMALL), laws_of(SMALL), drift_law(SMALL)
    draws, shocks, hidden = draw_history(laws, clock, np.random.default_rng(1))
    cut = clock.n_bars // 2
    other = shocks.steps.copy()
    other[..., cut + 1 :] *= -1
    events = simulate_world(SMALL, has_oracle=False).delivery.events
    early = {symbol: frame[frame["t_idx"] <= cut] for symbol, frame in events.items()}
    said = []
    for changed in (shocks, replace(shocks, steps=other)):
        history = simulate_history(SMALL, clock, draws, changed, law)
        world = World(SMALL, clock, laws, law, history, hidden)
        said.append(expected_returns(world, early, np.random.default_rng(2)))
    for symbol in SMALL.symbols:
        pd.testing.assert_frame_equal(said[0][symbol], said[1][symbol], check_exact=True)


def test_more_symbols_move_together():
    config = WorldConfig(years=0.5, symbols=("DIA", "IWM", "QQQ", "SPY"), seed=1)
    world = simulate_world(config, has_oracle=False)
    returns = pd.DataFrame(
        {name: frame["close"].pct_change() for name, frame in world.bars.items()}
    )
    together = returns.corr().to_numpy()[np.triu_indices(4, 1)]
    assert ((together > 0.8) & (together < 0.97)).all()
    assert list(world.delivery.events) == ["DIA", "IWM", "QQQ", "SPY"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbols": ("QQQ",)}, "at least 2"),
        ({"symbols": ("QQQ", "qqq")}, "appears twice"),
        ({"symbols": ("QQQ", "../x")}, "not a plain ticker|ticker"),
        ({"edge_bps": -1.0}, "greater than or equal to 0"),
        ({"years": 0.0}, "greater than 0"),
        ({"seed_": 1}, "Extra inputs"),
    ],
)
def test_a_config_that_cannot_be(change: dict, message: str):
    with pytest.raises((ValidationError, ValueError), match=message):
        WorldConfig(**change)
