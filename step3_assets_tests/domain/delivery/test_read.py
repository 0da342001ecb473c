"""A good delivery becomes two canonical tables, however its files were written."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from step3_assets.catalogue.delivery import BAR_FEATURES, EVENTS, OUTCOME_COLUMNS
from step3_assets.domain.core.canonical import canonical_dtype
from step3_assets.domain.core.hashing import frame_hash, text_hash
from step3_assets.domain.delivery import read_delivery
from step3_assets_tests.deliveries import OUTCOMES, small_frames, write_frames, write_small_delivery
from step3_assets_tests.domain.delivery import mutation

PAIR = ("AAA", "BBB")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A delivery of two symbols and two months, with pending rows, and how it reads."""
    folder = tmp_path_factory.mktemp("small")
    frames = small_frames(n_months=2, events_per_month=20, has_pending=True)
    return frames, read_delivery(write_frames(folder, frames))


@pytest.mark.parametrize(("name", "table"), [("events", EVENTS), ("bars", BAR_FEATURES)])
def test_frames_have_the_catalogues_columns_types_and_order(small, name, table):
    frame = getattr(small[1], name)
    assert list(frame.columns) == table.names
    assert {c.name: str(frame[c.name].dtype) for c in table.columns} == {
        c.name: canonical_dtype(c) for c in table.columns
    }
    keys = frame[list(table.key)]
    assert keys.equals(keys.sort_values(list(table.key)))
    assert frame.index.equals(pd.RangeIndex(len(frame)))


def test_every_row_and_value_arrives(small):
    frames, delivery = small
    assert delivery.symbols == PAIR
    for symbol, other in (PAIR, PAIR[::-1]):
        sent = frames[symbol].events
        sent.columns = sent.columns.str.replace(f"{other.lower()}_", "cross_")
        got = delivery.events[delivery.events["symbol"] == symbol].reset_index(drop=True)
        assert set(got["cross_symbol"]) == {other}
        for name in sent.columns.drop(["decision_time_utc", "entry_time_utc", "exit_time_utc"]):
            expected = sent[name].astype(got[name].dtype)
            pd.testing.assert_series_equal(got[name], expected, check_exact=True)
        bars = delivery.bars[delivery.bars["symbol"] == symbol].reset_index(drop=True)
        for name in frames[symbol].bars.columns.drop(["date", "ny_time"]):
            expected = frames[symbol].bars[name].astype(bars[name].dtype)
            pd.testing.assert_series_equal(bars[name], expected, check_exact=True)
        assert (
            bars["date"].dt.tz_convert("America/New_York") == frames[symbol].bars["ny_time"]
        ).all()


def test_ingest_adds_month_row_bar_end_and_decision_instant(small):
    _, delivery = small
    first = delivery.bars.iloc[0]
    assert first["month"] == date(2019, 1, 1)
    assert first["bar_idx"] == 0
    assert first["date"] == pd.Timestamp("2019-01-02 14:30", tz="UTC")
    assert first["bar_end_utc"] == pd.Timestamp("2019-01-02 15:00", tz="UTC")
    second = delivery.bars.iloc[1]
    assert second["bar_end_utc"] == pd.Timestamp("2019-01-02 16:00", tz="UTC")
    bars = delivery.bars.set_index(["symbol", "bar_idx"])
    at = bars.loc[list(zip(delivery.events["symbol"], delivery.events["t_idx"], strict=True))]
    assert (at["date"].array == delivery.events["decision_time_utc"].array).all()
    assert (at["bar_end_utc"].array == delivery.events["decision_instant_utc"].array).all()
    assert (delivery.first_month, delivery.last_month) == (date(2019, 1, 1), date(2019, 2, 1))


def test_maturity_is_pending_provisional_or_final(small):
    events = small[1].events
    last = int(small[1].bars["bar_idx"].max())
    reach = events["t_idx"] + events["H"] + 2
    expected = np.where(
        events["t_idx"] + 2 > last, "pending", np.where(reach > last, "provisional", "final")
    )
    assert events["maturity"].tolist() == expected.tolist()
    assert (events["maturity"] == "pending").sum() == 4
    assert events.loc[events["maturity"] == "pending", list(OUTCOME_COLUMNS)].isna().all(axis=None)


def recode(kind: pa.DataType):
    """Write every text column as another Arrow type."""

    def change(table: pa.Table) -> pa.Table:
        for place, column in enumerate(table.schema):
            if pa.types.is_large_string(column.type):
                values = table.column(place).combine_chunks()
                values = values.dictionary_encode() if kind is None else values.cast(kind)
                table = table.set_column(place, column.name, values)
        return table

    return change


def stamps_as(kind: pa.DataType, *columns: str):
    def change(table: pa.Table) -> pa.Table:
        for name in columns:
            values = pd.to_datetime(table.column(name).to_pandas(), utc=True)
            array = pa.array(values).cast(pa.timestamp("us", "UTC")).cast(kind)
            table = table.set_column(table.schema.get_field_index(name), name, array)
        return table

    return change


def respell(old: str, new: str):
    return lambda f: f.assign(
        **{c: f[c].str.replace(old, new) for c in f.columns if c.endswith("_time_utc")}
    )


STAMPS = ("decision_time_utc", "entry_time_utc", "exit_time_utc")
REWRITES: dict[str, tuple[str, Callable[[Path, str], None]]] = {
    "row groups and compression": (
        mutation.BARS,
        lambda d, f: pq.write_table(
            pq.read_table(d / f), d / f, row_group_size=17, compression="gzip", use_dictionary=False
        ),
    ),
    "no statistics": (
        mutation.BARS,
        lambda d, f: pq.write_table(pq.read_table(d / f), d / f, write_statistics=False),
    ),
    "older format": (
        mutation.EVENTS,
        lambda d, f: pq.write_table(pq.read_table(d / f), d / f, version="1.0"),
    ),
    "events in another order": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_frame(d, f, lambda e: e.sample(frac=1.0, random_state=1)),
    ),
    "columns in another order": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_frame(d, f, lambda e: e[sorted(e.columns)]),
    ),
    "plain strings": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_arrow(d, f, recode(pa.string())),
    ),
    "dictionaries": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_arrow(d, f, recode(pa.dictionary(pa.int32(), pa.string()))),
    ),
    "stamps of timestamp type": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_arrow(d, f, stamps_as(pa.timestamp("ms", "UTC"), *STAMPS)),
    ),
    "stamps with T and Z": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_frame(
            d, f, lambda e: respell(r"+00:00", "Z")(respell(" ", "T")(e))
        ),
    ),
    "nanosecond bars": (
        mutation.BARS,
        lambda d, f: mutation.rewrite_arrow(d, f, stamps_as(pa.timestamp("ns", "UTC"), "date")),
    ),
    "minus zero": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_frame(d, f, lambda e: e.assign(mkt_age_min=-0.0)),
    ),
    "pandas metadata gone": (
        mutation.EVENTS,
        lambda d, f: mutation.rewrite_arrow(d, f, lambda t: t.replace_schema_metadata(None)),
    ),
}


@pytest.mark.parametrize("name", list(REWRITES))
def test_the_dataset_version_is_of_the_content_and_not_of_the_files(tmp_path, name):
    folder = mutation.copy_good(tmp_path)
    file, rewrite = REWRITES[name]
    before = (folder / file).read_bytes()
    rewrite(folder, file)
    assert (folder / file).read_bytes() != before
    good = read_delivery(mutation.good_folder())
    again = read_delivery(folder)
    assert again.dataset_version == good.dataset_version
    pd.testing.assert_frame_equal(again.events, good.events, check_exact=True)
    pd.testing.assert_frame_equal(again.bars, good.bars, check_exact=True)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        (mutation.EVENTS, mutation.add_to("net_logret", [3], 1e-15)),
        (mutation.EVENTS, mutation.add_to("vol_z", [20], 1e-12)),
        (mutation.EVENTS, lambda f: f.iloc[:-1]),
        (mutation.EVENTS, mutation.set_values("family", [3], "pullback_short")),
        (mutation.EVENTS, lambda f: f.rename(columns=lambda c: c.replace("mkt_", "xyz_"))),
        (mutation.BARS, mutation.add_to("volume", [140], 1.0)),
    ],
    ids=["return", "feature", "row gone", "family", "other symbol", "volume"],
)
def test_another_content_is_another_version(tmp_path, file, change):
    folder = mutation.copy_good(tmp_path)
    mutation.rewrite_frame(folder, file, change)
    good = read_delivery(mutation.good_folder())
    assert read_delivery(folder).dataset_version != good.dataset_version


def test_every_column_of_both_tables_is_part_of_the_version():
    """The version is that of all columns but row numbers; each column counts in a content hash."""
    good = read_delivery(mutation.good_folder())
    hashes = [
        frame_hash(good.events, EVENTS, exclude=("t_idx", "label_end_idx")),
        frame_hash(good.bars, BAR_FEATURES, exclude=("bar_idx",)),
    ]
    assert good.dataset_version == text_hash(" ".join(hashes))[:16]


def test_pending_outcomes_may_be_null_double_or_absent(tmp_path):
    versions = []
    for name, change in {
        "nullable integers": lambda f: f,
        "doubles": lambda f: f.assign(
            **{c: f[c].astype("float64") for c in f if f[c].dtype == "Int64"}
        ),
    }.items():
        folder = mutation.copy_good(tmp_path / name, has_pending=True)
        mutation.rewrite_frame(folder, mutation.EVENTS, change)
        versions.append(read_delivery(folder).dataset_version)
    assert len(set(versions)) == 1

    live = {}
    for name, change in {
        "absent": lambda f: f.iloc[-2:].drop(columns=OUTCOMES),
        "null": lambda f: f.iloc[-2:].assign(**dict.fromkeys(OUTCOMES)),
        "NaN": lambda f: f.iloc[-2:].assign(**dict.fromkeys(OUTCOMES, np.nan)),
    }.items():
        folder = mutation.copy_good(tmp_path / name, has_pending=True)
        mutation.rewrite_frame(folder, mutation.EVENTS, change)
        live[name] = read_delivery(folder)
        assert live[name].events["maturity"].tolist() == ["pending", "pending"]
    assert len({d.dataset_version for d in live.values()}) == 1


def test_a_ticker_may_hold_a_dot(tmp_path):
    folder = write_small_delivery(tmp_path, symbols=("BRK.B", "AAA"), n_months=1)
    delivery = read_delivery(folder)
    assert delivery.symbols == ("AAA", "BRK.B")
    assert set(delivery.events["cross_symbol"]) == {"AAA", "BRK.B"}


def test_three_symbols_keep_their_own_partner(tmp_path):
    delivery = read_delivery(write_small_delivery(tmp_path, symbols=("A", "B", "C"), n_months=1))
    pairs = delivery.events[["symbol", "cross_symbol"]].drop_duplicates()
    assert pairs.to_numpy().tolist() == [["A", "B"], ["B", "C"], ["C", "A"]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("false", False), ("null", False)],
)
def test_one_meta_file_that_says_synthetic_makes_the_delivery_so(tmp_path, value, expected):
    folder = mutation.copy_good(tmp_path)
    (folder / "meta" / "extra.json").write_text(f'{{"synthetic": {value}}}')
    delivery = read_delivery(folder)
    assert delivery.is_synthetic is expected
    assert sorted(delivery.meta) == ["aaa_step2_config.json", "extra.json"]
    assert not read_delivery(mutation.good_folder()).is_synthetic


def test_the_published_baseline_and_meta_may_be_absent(tmp_path):
    assert read_delivery(mutation.good_folder()).published_baseline == mutation.BASELINE
    folder = write_small_delivery(tmp_path, symbols=("AAA",), n_months=1)
    (folder / "meta" / "aaa_step2_config.json").unlink()
    (folder / "meta").rmdir()
    delivery = read_delivery(folder)
    assert delivery.published_baseline is None
    assert delivery.meta == {}


def test_other_files_are_listed_and_not_read(tmp_path):
    folder = mutation.copy_good(tmp_path)
    for name in (
        "events/.hidden_events.parquet",
        "events/aaa_events.parquet.tmp",
        "events/notes.txt",
        "bar_features/aaa.parquet",
        "meta/notes.md",
    ):
        (folder / name).write_text("junk")
    (folder / "events" / "zzz_events.parquet").symlink_to(folder / mutation.EVENTS)
    (folder / "events" / "old_events.parquet").mkdir()
    assert read_delivery(folder).ignored_files == (
        "bar_features/aaa.parquet",
        "events/.hidden_events.parquet",
        "events/aaa_events.parquet.tmp",
        "events/notes.txt",
        "events/old_events.parquet",
        "events/zzz_events.parquet",
        "meta/notes.md",
    )


def test_progress_goes_from_nothing_to_done_and_names_the_files_symbols(tmp_path):
    seen: list[tuple[str, float]] = []
    read_delivery(
        mutation.good_folder(symbols=PAIR), progress=lambda text, done: seen.append((text, done))
    )
    fractions = [done for _, done in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert any("AAA" in text for text, _ in seen)
    assert any("BBB" in text for text, _ in seen)


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    folder = mutation.copy_good(tmp_path / "month=2019-01")
    good = read_delivery(mutation.good_folder())
    assert read_delivery(folder).dataset_version == good.dataset_version
