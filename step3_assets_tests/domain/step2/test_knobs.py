"""Knobs: their bounds, and reading them from a file."""

import json

import pytest
from pydantic import ValidationError

from step3_assets.domain.step2.knobs import KnobsError, Step2Config, read_config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Step2Config().trend_in = 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"trend_inn": 0.5},
        {"atr_span": 0},
        {"ewma_var_alpha": 1.5},
        {"vol_spike_q": 1.0},
        {"same_bar_policy": "random"},
        {"cross_merge_tolerance": "soon"},
        {"cross_merge_tolerance": "-5min"},
        {"spread_half_bps": {"SPY": -1.0}},
        {"volume_window": 40},
        {"gap_min_events": 121},
        {"sigma_rank_window": 100},
    ],
    ids=str,
)
def test_knobs_out_of_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        Step2Config(**wrong)


@pytest.mark.parametrize(
    ("symbol", "half"), [("SPY", 0.8e-4), ("qqq", 1.2e-4), ("SMH", 1.8e-4), ("IWM", 1.5e-4)]
)
def test_half_spread_by_symbol_in_return_units(symbol, half):
    assert Step2Config().spread_half(symbol) == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize(
    "content",
    [{"trend_in": 0.7}, {"script": "x", "knobs": {"trend_in": 0.7, "cross_symbol": "SPY"}}],
    ids=["plain", "meta file"],
)
def test_knobs_are_read_from_either_kind_of_file(tmp_path, content):
    path = tmp_path / "knobs.json"
    path.write_text(json.dumps(content))
    assert read_config(path) == Step2Config(trend_in=0.7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "knobs.json: not JSON"),
        ("[1]", "knobs.json: expected a JSON object"),
        ('{"trend_inn": 1}', "knobs.json: trend_inn: Extra inputs"),
        ('{"atr_span": 0, "trend_in": "x"}', "knobs.json: atr_span: .*; trend_in: "),
        ('{"high_window": 5}', "high_min_periods=20 exceeds its window of 5"),
    ],
)
def test_files_of_wrong_knobs_are_refused_by_name(tmp_path, text, message):
    path = tmp_path / "knobs.json"
    path.write_text(text)
    with pytest.raises(KnobsError, match=message):
        read_config(path)
