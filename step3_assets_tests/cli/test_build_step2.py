"""The verb ``build-step2``: arguments, files, output."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from step3_assets.cli.build_step2 import build_step2
from step3_assets.cli.failures import CommandFailed
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets_tests.domain.step2.small_bars import random_bars


@pytest.fixture
def bars_dir(tmp_path):
    folder = tmp_path / "bars"
    folder.mkdir()
    for seed, symbol in enumerate(("qqq", "spy")):
        random_bars(seed).to_parquet(folder / f"{symbol}_1h_rth_clean.parquet")
    return folder


def _run(bars_dir, *arguments):
    out = bars_dir.parent / "out"
    result = CliRunner().invoke(
        build_step2, ["--bars", str(bars_dir), "--out", str(out), *arguments]
    )
    return result, out


def _events(out, symbol):
    return pd.read_parquet(out / f"events/{symbol}_events.parquet")


def test_bars_in_a_delivery_out(bars_dir):
    result, out = _run(bars_dir)
    assert result.exit_code == 0, result.output
    assert "QQQ" in result.output
    assert f"step3 run --delivery {out}" in result.output
    bars = {"QQQ": random_bars(0), "SPY": random_bars(1)}
    expected = build_delivery(bars, Step2Config()).events["SPY"]
    pd.testing.assert_frame_equal(_events(out, "spy"), expected)


def test_options_reach_the_builder(bars_dir):
    knobs = bars_dir.parent / "knobs.json"
    knobs.write_text(json.dumps({"trend_in": -1e9}))
    result, out = _run(
        bars_dir,
        *("--as-of", "2023-06-20T20:00", "--pending", "--symbols", "spy"),
        *("--partner", "spy=qqq", "--knobs", str(knobs)),
    )
    assert result.exit_code == 0, result.output
    assert not (out / "events/qqq_events.parquet").exists()
    events = _events(out, "spy")
    assert events["decision_time_utc"].iloc[-1] == "2023-06-20 19:00:00+00:00"
    assert events["entry_overnight"].iloc[-1] == 1
    assert events["exit_reason"].isna().sum() == 2
    assert "2 pending" in result.output
    meta = json.loads((out / "meta/spy_step2_config.json").read_text())
    assert meta["as_of"] == "2023-06-20T20:00:00+00:00"
    assert meta["knobs"]["trend_in"] == -1e9


def test_irregular_bars_are_told(bars_dir):
    holed = random_bars(0).drop(index=40)
    holed.to_parquet(bars_dir / "qqq_1h_rth_clean.parquet")
    result, _ = _run(bars_dir)
    assert "note: bars of the calendar missing (skipped): 1" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of", "soon"], "--as-of soon is not a time"),
        (["--as-of", "2001-01-01"], "no bar had ended by 2001-01-01"),
        (["--partner", "QQQ"], "--partner QQQ: expected A=B"),
        (["--partner", "QQQ=IWM"], "no bars for IWM"),
        (["--partner", "QQQ=SPY", "--partner", "qqq=spy"], "QQQ already has a partner"),
        (["--symbols", "IWM"], "no bars for symbol IWM"),
    ],
)
def test_impossible_arguments_are_one_message(bars_dir, arguments, message):
    result, out = _run(bars_dir, *arguments)
    assert isinstance(result.exception, CommandFailed)
    assert message in str(result.exception)
    assert not out.exists()


def test_bad_bars_are_one_message_and_leave_the_output_as_it_was(bars_dir):
    _, out = _run(bars_dir)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    bars = random_bars(0)
    bars.loc[7, "low"] = 1e6
    bars.to_parquet(bars_dir / "qqq_1h_rth_clean.parquet")
    result, _ = _run(bars_dir)
    assert isinstance(result.exception, CommandFailed)
    assert str(result.exception).startswith(
        "qqq_1h_rth_clean.parquet: column high is below low at row 7 (2023-06-06 13:30:00Z)"
    )
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_an_empty_folder_is_one_message(tmp_path):
    (tmp_path / "bars").mkdir()
    result, _ = _run(tmp_path / "bars")
    assert "holds no bar file" in str(result.exception)
