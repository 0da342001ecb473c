"""The builder against a real delivery, where one is at hand: the same rows, the same values."""

import json
import os
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

REPOSITORY = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("STEP3_REFERENCE_DIR", REPOSITORY.parent / "shared"))

pytestmark = pytest.mark.skipif(
    not ((REFERENCE / "bars").is_dir() and (REFERENCE / "step2_out" / "events").is_dir()),
    reason="no reference bars and delivery (STEP3_REFERENCE_DIR)",
)

TABLES = sorted(
    str(path.relative_to(REFERENCE / "step2_out"))
    for folder in ("events", "bar_features")
    for path in (REFERENCE / "step2_out" / folder).glob("*.parquet")
)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "step2_out"
    write_delivery(build_delivery(read_bars(REFERENCE / "bars"), Step2Config()), out)
    return out


@pytest.mark.parametrize("name", TABLES)
def test_the_real_delivery_is_reproduced(built, name):
    ours, real = pq.read_table(built / name), pq.read_table(REFERENCE / "step2_out" / name)
    assert ours.schema.equals(real.schema)
    assert len(ours) == len(real) > 0
    for column in real.schema.names:
        got, wanted = ours[column].to_pandas(), real[column].to_pandas()
        if pd.api.types.is_float_dtype(wanted):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=0, err_msg=column)
        else:
            pd.testing.assert_series_equal(got, wanted)


@pytest.mark.parametrize("path", sorted((REFERENCE / "step2_out" / "meta").glob("*.json")), ids=str)
def test_our_knobs_and_counts_are_the_real_ones(built, path):
    real = json.loads(path.read_text())
    ours = json.loads(
        (built / "meta" / f"{real['trade_symbol'].lower()}_step2_config.json").read_text()
    )
    assert read_config(path) == Step2Config()
    for name, value in real["knobs"].items():
        assert ours["knobs"][name] == value, name
    for name, value in real["events_summary"].items():
        assert ours["events_summary"][name] == pytest.approx(value, rel=1e-9), name


def test_a_build_as_of_a_real_day_keeps_what_was_known(built):
    """The prefix rule on real bars: 2021-11-24 closes before a holiday and a half day."""
    bars = read_bars(REFERENCE / "bars")
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
