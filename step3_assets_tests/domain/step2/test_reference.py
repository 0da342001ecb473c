"""The builder against a real delivery, where one is at hand: the same rows, the same values."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from step3_assets.domain.step2.bars import read_bars
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.knobs import Step2Config, read_config
from step3_assets.domain.step2.layout import OUTCOMES
from step3_assets.domain.step2.write import write_delivery


@pytest.fixture(scope="module")
def real(reference_dir) -> Path:
    """The folder of bars and delivery; skips where the bars are not there."""
    if not (reference_dir / "bars").is_dir():
        pytest.skip("the reference delivery comes without its bars")
    return reference_dir


@pytest.fixture(scope="module")
def bars(real) -> dict[str, pd.DataFrame]:
    return read_bars(real / "bars")


@pytest.fixture(scope="module")
def built(bars, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "step2_out"
    write_delivery(build_delivery(bars, Step2Config()), out)
    return out


@pytest.mark.parametrize("table", ["events", "bar_features"])
def test_the_real_delivery_is_reproduced(built, real, table):
    paths = sorted((real / "step2_out" / table).glob("*.parquet"))
    assert [path.name for path in paths] == sorted(p.name for p in (built / table).iterdir())
    for path in paths:
        ours, wanted = pq.read_table(built / table / path.name), pq.read_table(path)
        assert ours.schema.equals(wanted.schema)
        assert len(ours) == len(wanted) > 0
        for column in wanted.schema.names:
            _assert_equal(ours[column].to_pandas(), wanted[column].to_pandas(), column)


def _assert_equal(ours: pd.Series, wanted: pd.Series, column: str) -> None:
    if pd.api.types.is_float_dtype(wanted):
        np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=0, err_msg=column)
    else:
        pd.testing.assert_series_equal(ours, wanted)


def test_our_knobs_and_counts_are_the_real_ones(built, real):
    paths = sorted((real / "step2_out" / "meta").glob("*.json"))
    assert paths
    for path in paths:
        wanted = json.loads(path.read_text())
        name = f"{wanted['trade_symbol'].lower()}_step2_config.json"
        ours = json.loads((built / "meta" / name).read_text())
        assert read_config(path) == Step2Config()
        assert {knob: ours["knobs"][knob] for knob in wanted["knobs"]} == wanted["knobs"]
        for figure, value in wanted["events_summary"].items():
            assert ours["events_summary"][figure] == pytest.approx(value, rel=1e-9), figure


def test_a_build_as_of_a_real_day_keeps_what_was_known(built, bars):
    """The prefix rule on real bars: 2021-11-24 closes before a holiday and a half day."""
    as_of = pd.Timestamp("2021-11-24 21:00", tz="UTC")
    then = build_delivery(bars, Step2Config(), as_of=as_of, emit_pending=True)
    for symbol, features in then.bar_features.items():
        name = symbol.lower()
        later = pd.read_parquet(built / f"bar_features/{name}_bar_features.parquet")
        ahead = ["gap_ret_realized"]
        pd.testing.assert_frame_equal(
            features.drop(columns=ahead), later.iloc[: len(features)].drop(columns=ahead)
        )
        events = then.events[symbol]
        after = pd.read_parquet(built / f"events/{name}_events.parquet").iloc[: len(events)]
        is_final = (events["truncated_horizon"] == 0).fillna(False).to_numpy(dtype=bool)
        pd.testing.assert_frame_equal(events[is_final], after[is_final], check_dtype=False)
        known = [column for column in events if column not in OUTCOMES]
        pd.testing.assert_frame_equal(events[known], after[known], check_dtype=False)
