"""A delivery on disk: whole, typed, atomic, and accepted at the door."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.step2.build import BuildOptions, build_delivery, iter_delivery
from step3_assets.domain.step2.knobs import read_config
from step3_assets.domain.step2.layout import BAR_FEATURES_SCHEMA, events_schema
from step3_assets.domain.step2.write import write_delivery, write_symbols
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

BARS = {"QQQ": random_bars(2), "SPY": random_bars(1)}
ALWAYS = SHORT.model_copy(update={"trend_in": -1e9})  # every bar with signals is a candidate
FILES = [
    "bar_features/qqq_bar_features.parquet",
    "bar_features/spy_bar_features.parquet",
    "events/qqq_events.parquet",
    "events/spy_events.parquet",
    "manifest.json",
    "meta/qqq_step2_config.json",
    "meta/spy_step2_config.json",
]


def _files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _content(folder):
    return {name: (folder / name).read_bytes() for name in _files(folder)}


@pytest.fixture(scope="module")
def delivery():
    return build_delivery(BARS, ALWAYS, emit_pending=True)


def test_the_layout_is_two_tables_and_a_meta_file_per_symbol(tmp_path, delivery):
    written = write_delivery(delivery, tmp_path / "step2_out")
    assert _files(tmp_path / "step2_out") == FILES
    assert sorted(str(path.relative_to(tmp_path / "step2_out")) for path in written) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["step2_out"]  # nothing left over


def test_types_on_disk_are_the_layouts(tmp_path, delivery):
    write_delivery(delivery, tmp_path / "out")
    events = pq.read_schema(tmp_path / "out/events/qqq_events.parquet")
    bars = pq.read_schema(tmp_path / "out/bar_features/qqq_bar_features.parquet")
    assert events.equals(events_schema("SPY"))
    assert bars.equals(BAR_FEATURES_SCHEMA)
    types = {field.name: str(field.type) for field in [*events, *bars]}
    assert types["decision_time_utc"] == types["symbol"] == "string"
    assert types["y"] == types["barcount"] == "int64"
    assert types["date"] == "timestamp[us, tz=UTC]"
    assert types["ny_time"] == "timestamp[us, tz=America/New_York]"


def test_what_is_read_back_is_what_was_built(tmp_path, delivery):
    write_delivery(delivery, tmp_path / "out")
    for symbol in ("qqq", "spy"):
        events = pd.read_parquet(tmp_path / f"out/events/{symbol}_events.parquet")
        bars = pd.read_parquet(tmp_path / f"out/bar_features/{symbol}_bar_features.parquet")
        pd.testing.assert_frame_equal(events, delivery.events[symbol.upper()], check_dtype=False)
        pd.testing.assert_frame_equal(bars, delivery.bar_features[symbol.upper()])


def test_the_meta_file_builds_the_same_again(tmp_path, delivery):
    write_delivery(delivery, tmp_path / "out")
    meta = json.loads((tmp_path / "out/meta/qqq_step2_config.json").read_text())
    assert read_config(tmp_path / "out/meta/qqq_step2_config.json") == ALWAYS
    assert meta["trade_symbol"] == "QQQ"
    assert meta["knobs"]["cross_symbol"] == "SPY"
    assert meta["as_of"] is None
    assert meta["emit_pending"] is True
    summary = meta["events_summary"]
    assert summary["n_events"] == len(delivery.events["QQQ"])
    assert sum(summary["exit_reasons"].values()) == summary["n_events"] - summary["n_pending"]


def test_written_twice_it_is_the_same_bytes(tmp_path, delivery):
    write_delivery(delivery, tmp_path / "a")
    write_symbols(iter_delivery(BARS, ALWAYS, BuildOptions(emit_pending=True)), tmp_path / "b")
    assert _content(tmp_path / "a") == _content(tmp_path / "b")


@pytest.mark.parametrize(
    ("bars", "options"),
    [
        (BARS, {}),
        (BARS, {"emit_pending": True}),
        (BARS, {"as_of": pd.Timestamp("2023-07-03 17:00Z"), "emit_pending": True}),
        ({"SPY": BARS["SPY"]}, {}),
        ({name: random_bars(seed) for seed, name in enumerate(["IWM", "QQQ", "SPY"])}, {}),
        ({"SPY": BARS["SPY"][["date", "open", "high", "low", "close", "volume"]]}, {}),
    ],
    ids=["two", "pending", "as of a half day", "alone", "three", "needed columns only"],
)
def test_the_door_accepts_what_is_written(tmp_path, bars, options):
    write_delivery(build_delivery(bars, ALWAYS, **options), tmp_path / "out")
    read = read_delivery(tmp_path / "out")
    assert read.symbols == tuple(sorted(bars))
    n_pending = 2 * len(bars) if options.get("emit_pending") else 0
    assert (read.events["maturity"] == "pending").sum() == n_pending
    assert (read.events["maturity"] == "provisional").sum() == 12 * len(bars)


def test_an_existing_delivery_is_replaced_and_other_files_stay(tmp_path, delivery):
    out = tmp_path / "out"
    write_delivery(build_delivery(BARS, SHORT), out)
    (out / "selection").mkdir()
    (out / "selection/summary.json").write_text("{}")
    write_delivery(delivery, out)
    write_delivery(delivery, tmp_path / "fresh")
    assert (out / "selection/summary.json").read_text() == "{}"
    (out / "selection/summary.json").unlink()
    assert _content(out) == _content(tmp_path / "fresh")


@pytest.mark.parametrize("is_first", [True, False], ids=["no folder yet", "a delivery is there"])
def test_a_failure_on_the_way_leaves_everything_as_it_was(tmp_path, delivery, is_first):
    out = tmp_path / "out"
    if not is_first:
        write_delivery(delivery, out)
    before = _content(out) if not is_first else {}

    def failing():
        yield next(iter(iter_delivery(BARS, SHORT)))
        raise RuntimeError("the second symbol fails")

    with pytest.raises(RuntimeError, match="second symbol"):
        write_symbols(failing(), out)
    assert out.exists() == (not is_first)
    assert (_content(out) if out.exists() else {}) == before
    assert [path.name for path in tmp_path.iterdir()] == ([] if is_first else ["out"])


def test_files_of_another_builds_symbol_are_not_mixed_with(tmp_path, delivery):
    out = tmp_path / "out"
    write_delivery(delivery, out)
    before = _content(out)
    with pytest.raises(FileExistsError, match=r"bar_features/spy_bar_features.parquet"):
        write_delivery(build_delivery({"QQQ": BARS["QQQ"]}, SHORT), out)
    assert _content(out) == before


def test_a_table_that_lost_a_column_is_not_written(tmp_path, delivery):
    one = next(iter(iter_delivery({"SPY": random_bars(1, end=date(2023, 6, 9))}, SHORT)))
    one = replace(one, events=one.events.drop(columns="y"))
    with pytest.raises(ValueError, match="not those of the layout"):
        write_symbols([one], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_integers_stay_integers_next_to_nulls(tmp_path, delivery):
    write_delivery(delivery, tmp_path / "out")
    table = pq.read_table(tmp_path / "out/events/qqq_events.parquet")
    events = delivery.events["QQQ"]
    n_pending = int(events["y"].isna().sum())
    assert n_pending == 2
    assert table["y"].null_count == n_pending
    assert np.array_equal(
        table["label_end_idx"].drop_null().to_numpy(),
        events["label_end_idx"].dropna().to_numpy(dtype=np.int64),
    )
