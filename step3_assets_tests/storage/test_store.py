"""The store: written rows are read back, and invalid rows change nothing."""

import datetime as dt
import pickle
import threading
import time
from contextlib import suppress
from typing import Any

import duckdb
import pandas as pd
import pytest

from step3_assets.catalogue import TABLES
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.storage import transaction as transaction_module
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.storage.rows import FIRST, months, partitions_of, rows_of

BY_MONTH = [name for name, table in TABLES.items() if table.partition]
WHOLE = [name for name, table in TABLES.items() if not table.partition]
NEXT = dt.date(2019, 3, 1)


@pytest.fixture
def store(empty_store: Store) -> Store:
    return empty_store


def put(store: Store, name: str, frame: pd.DataFrame) -> None:
    if TABLES[name].partition:
        store.replace_partitions({name: frame}, partitions_of(TABLES[name]))
    else:
        store.replace_all({name: frame})


@pytest.mark.parametrize("name", TABLES)
def test_every_table_comes_back_as_it_went_in(store: Store, name: str) -> None:
    table = TABLES[name]
    frame = rows_of(table)
    put(store, name, frame.sample(frac=1, random_state=1)[table.names[::-1]])
    stored = store.read(name)
    pd.testing.assert_frame_equal(stored, canonical_frame(frame, table), check_exact=True)
    assert store.table_hash(name) == frame_hash(frame, table)
    assert store.append(name, frame) == 0
    put(store, name, frame.iloc[:0])
    pd.testing.assert_frame_equal(store.read(name), canonical_frame(frame.iloc[:0], table))


def test_reading_chosen_months_and_columns(store: Store) -> None:
    frame = rows_of(TABLES["events"])
    put(store, "events", frame)
    some = store.read("events", partitions=[NEXT, NEXT], columns=["y", "month", "symbol"])
    expected = canonical_frame(frame[frame["month"] == NEXT], TABLES["events"])
    pd.testing.assert_frame_equal(some, expected[["y", "month", "symbol"]])
    assert store.read("events", partitions=[dt.date(2030, 1, 1)]).empty
    none = store.read("events", partitions=[])
    assert none.empty
    pd.testing.assert_series_equal(none.dtypes, store.read("events").dtypes)


def test_months_and_counts(store: Store) -> None:
    assert store.partitions("events") == []
    put(store, "events", rows_of(TABLES["events"]).iloc[:-3])
    assert store.partitions("events") == months(3)
    assert store.count_by_partition("events") == dict(zip(months(3), (8, 8, 5), strict=True))


def test_replacing_touches_the_given_months_only(store: Store) -> None:
    table = TABLES["scores"]
    put(store, "scores", rows_of(table))
    new = rows_of(table, tag=1)
    store.replace_partitions({"scores": new[new["month"] == NEXT].iloc[:2]}, [NEXT])
    assert store.count_by_partition("scores") == dict(zip(months(3), (8, 2, 8), strict=True))
    stored = store.read("scores", partitions=[FIRST])
    old = rows_of(table)
    pd.testing.assert_frame_equal(stored, canonical_frame(old[old["month"] == FIRST], table))
    store.replace_partitions({"scores": new.iloc[:0]}, [NEXT])
    assert store.partitions("scores") == [FIRST, months(3)[2]]


@pytest.mark.parametrize("name", ["scores", "events"])
def test_rows_are_read_in_key_order_however_they_were_written(store: Store, name: str) -> None:
    table = TABLES[name]
    frame = rows_of(table)
    for month in reversed(months(3)):
        store.replace_partitions({name: frame[frame["month"] == month].iloc[1::2]}, [month])
    store.append(name, frame)
    pd.testing.assert_frame_equal(store.read(name), canonical_frame(frame, table))


def test_append_skips_what_is_stored(store: Store) -> None:
    table = TABLES["revisions"]
    frame = rows_of(table)
    assert store.append("revisions", frame.iloc[:10]) == 10
    assert store.append("revisions", rows_of(table, tag=1)) == 14
    assert store.append("revisions", frame) == 0
    stored = store.read("revisions").set_index(list(table.key))
    first = canonical_frame(frame.iloc[:10], table).set_index(list(table.key))
    pd.testing.assert_frame_equal(stored.loc[first.index], first)


def test_hashes_of_all_tables(store: Store) -> None:
    before = store.table_hashes()
    assert list(before) == list(TABLES)
    put(store, "scores", rows_of(TABLES["scores"]))
    changed = {name for name, value in store.table_hashes().items() if value != before[name]}
    assert changed == {"scores"}


def test_large_model_texts(store: Store) -> None:
    frame = rows_of(TABLES["calibrated_models"], n_months=2, per_month=11)
    frame["payload"] = [f"tree {i} ü\n" * 120_000 for i in range(22)]
    store.replace_partitions({"calibrated_models": frame}, months(2))
    stored = store.read("calibrated_models")
    expected = canonical_frame(frame, TABLES["calibrated_models"])
    assert stored["payload"].str.len().min() > 1_000_000
    pd.testing.assert_series_equal(stored["payload"], expected["payload"])


REFUSED = [
    ("null", {"sigma": None}, "events.sigma: null where none is allowed"),
    ("type", {"sigma": "high"}, "events.sigma: is str, not numbers"),
    ("positive", {"cost_rt": -1.0}, "events.cost_rt: must be above 0"),
    ("infinite", {"net_logret": float("inf")}, "events.net_logret: not finite"),
    ("allowed", {"maturity": "ripe"}, "events.maturity: not one of final, provisional, pending"),
    ("flag", {"y": 2}, "events.y: must be 0 or 1"),
    ("key", {"symbol": "A", "decision_time_utc": pd.Timestamp("2019-02-01", tz="UTC")}, "not uniq"),
    ("unknown", {"gamma": 1.0}, "events: columns unknown 'gamma'"),
    ("month", {"month": dt.date(2019, 5, 1)}, "events.month: 24 rows lie outside .* in 2019-05"),
    ("day", {"month": dt.date(2019, 2, 9)}, "events.month: not the first of a month"),
]


@pytest.mark.parametrize(
    ("change", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_a_bad_frame_is_refused_and_the_old_months_stand(
    store: Store, change: dict[str, Any], message: str
) -> None:
    put(store, "events", rows_of(TABLES["events"]))
    put(store, "scores", rows_of(TABLES["scores"]))
    before = store.table_hash("events"), store.table_hash("scores")
    new_scores = rows_of(TABLES["scores"], tag=1)
    bad = rows_of(TABLES["events"], tag=1).assign(**change)
    with pytest.raises(StoreError, match=message):
        store.replace_partitions({"scores": new_scores, "events": bad}, months(3))
    refused = pytest.raises(StoreError, match=message)
    with store.transaction(["events", "scores"]) as transaction, refused:
        transaction.replace_partitions({"scores": new_scores, "events": bad}, months(3))
    assert (store.table_hash("events"), store.table_hash("scores")) == before


def test_a_failed_insert_leaves_the_old_month(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delete has run, the insert of the second table fails inside DuckDB."""
    put(store, "scores", rows_of(TABLES["scores"]))
    put(store, "events", rows_of(TABLES["events"]))
    before = store.table_hashes()
    real = transaction_module._insert

    def fail_on_events(connection, table, rows):
        if table.name == "events":
            assert connection.execute("SELECT count(*) FROM step3.events").fetchall() == [(0,)]
            rows = rows.set_column(0, "month", [[None] * rows.num_rows])
        real(connection, table, rows)

    monkeypatch.setattr(transaction_module, "_insert", fail_on_events)
    new = {name: rows_of(TABLES[name], tag=1) for name in ("scores", "events")}
    with pytest.raises(StoreError, match=r"NOT NULL constraint failed: events\.month"):
        store.replace_partitions(new, months(3))
    monkeypatch.undo()
    assert store.table_hashes() == before
    store.replace_partitions(new, months(3))
    assert store.table_hash("events") == frame_hash(new["events"], TABLES["events"])


def test_a_key_stored_under_another_month_is_refused(store: Store) -> None:
    frame = rows_of(TABLES["events"])
    put(store, "events", frame)
    moved = frame.iloc[[2]].assign(month=NEXT)
    with pytest.raises(StoreError, match=r"already stored in partitions .* in 2019-02"):
        store.replace_partitions({"events": moved}, [NEXT])
    assert store.count_by_partition("events") == dict.fromkeys(months(3), 8)


def test_a_conflict_repeats_the_whole_replacement(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Stores whose writers are not alone report conflicts when they commit."""
    real = transaction_module._insert
    failures = iter([True, True, False])

    def conflict_twice(connection, table, rows):
        real(connection, table, rows)
        if next(failures):
            raise duckdb.TransactionException("conflict on tuple")

    monkeypatch.setattr(transaction_module, "_insert", conflict_twice)
    put(store, "scores", rows_of(TABLES["scores"]))
    assert store.count_by_partition("scores") == dict.fromkeys(months(3), 8)
    assert sum("replacing again" in r.message for r in caplog.records) == 2


WRONG_CALLS = [
    (lambda s: s.read("nonsense"), "'nonsense' is not a table of the catalogue"),
    (lambda s: s.read("events; DROP TABLE events"), "is not a table"),
    (lambda s: s.read("events", columns=["y", 'y" FROM x']), 'no such columns: y" FROM x'),
    (lambda s: s.read("events", columns=[]), "no such columns"),
    (lambda s: s.read("portfolio", partitions=[FIRST]), "portfolio: has no partitions"),
    (lambda s: s.partitions("portfolio"), "portfolio: has no partitions"),
    (lambda s: s.read("events", partitions=["2019-02"]), "months are dates on the first"),
    (lambda s: s.read("events", partitions=[dt.date(2019, 2, 2)]), "months are dates on the first"),
    (
        lambda s: s.replace_partitions({}, [dt.datetime(2019, 2, 1)]),
        "months are dates on the first",
    ),
    (lambda s: s.read("recalibrations", partitions=[FIRST]), "weeks are dates on a Monday"),
    (
        lambda s: s.replace_partitions({"recalibrations": pd.DataFrame()}, [FIRST]),
        "weeks are dates on a Monday",
    ),
    (
        lambda s: s.replace_partitions({"portfolio": pd.DataFrame()}, []),
        "portfolio: has no partitions",
    ),
    (lambda s: s.replace_all({"events": pd.DataFrame()}), "events: is replaced by partition"),
    (lambda s: s.append("events", pd.DataFrame()), "events: columns missing"),
]


@pytest.mark.parametrize(("call", "message"), WRONG_CALLS, ids=[m for _, m in WRONG_CALLS])
def test_wrong_calls_say_what_is_wrong(store: Store, call, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        call(store)


def test_weeks_are_replaced_like_months(store: Store) -> None:
    table = TABLES["recalibrations"]
    weeks = partitions_of(table)
    put(store, table.name, rows_of(table))
    new = rows_of(table, tag=1)
    store.replace_partitions({table.name: new.iloc[1:2]}, [weeks[1]])
    stored = store.read(table.name)
    assert stored["week"].tolist() == weeks
    assert weeks == [dt.date(2019, 1, 28), dt.date(2019, 2, 4), dt.date(2019, 2, 11)]
    assert stored["n_labels"].tolist() != rows_of(table)["n_labels"].tolist()
    with pytest.raises(StoreError, match="outside the partitions being replaced, in 2019-01-28"):
        store.replace_partitions({table.name: new}, weeks[1:])
    wrong = new.assign(week=[weeks[0], weeks[1], dt.date(2019, 2, 12)])
    with pytest.raises(StoreError, match="not a Monday in 1 row"):
        store.replace_partitions({table.name: wrong}, weeks)


def test_a_transaction_reads_compares_and_writes_as_one(store: Store) -> None:
    put(store, "events", rows_of(TABLES["events"]))
    with store.transaction(["events", "revisions"]) as transaction:
        old = transaction.read("events", partitions=[FIRST])
        assert len(old) == 8
        revisions = rows_of(TABLES["revisions"])
        assert transaction.append("revisions", revisions) == 24
        assert transaction.append("revisions", revisions) == 0
        transaction.replace_partitions({"events": old.iloc[:3]}, [FIRST])
        assert transaction.count_by_partition("events")[FIRST] == 3
        assert transaction.partitions("events") == months(3)
    assert store.count_by_partition("events")[FIRST] == 3
    assert len(store.read("revisions")) == 24


def test_an_exception_in_a_transaction_undoes_all_of_it(store: Store) -> None:
    put(store, "scores", rows_of(TABLES["scores"]))
    before = store.table_hashes()

    def interrupted() -> None:
        with store.transaction(["scores", "acceptance"]) as transaction:
            transaction.replace_partitions(
                {"scores": rows_of(TABLES["scores"]).iloc[:0]}, months(3)
            )
            transaction.replace_all({"acceptance": rows_of(TABLES["acceptance"])})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store.table_hashes() == before


def test_a_half_done_write_is_not_committed_even_if_its_error_is_swallowed(store: Store) -> None:
    """The first table is written when the second refuses a key that lies in another month."""
    put(store, "events", rows_of(TABLES["events"]))
    before = store.table_hashes()
    frames = {
        "scores": rows_of(TABLES["scores"], n_months=1),
        "events": rows_of(TABLES["events"]).iloc[[10]].assign(month=FIRST),
    }

    def swallowed() -> None:
        with store.transaction(["events", "scores"]) as transaction:
            with suppress(StoreError):
                transaction.replace_partitions(frames, [FIRST])
            transaction.replace_partitions({"scores": frames["scores"]}, [FIRST])

    with pytest.raises(StoreError, match="a write of this transaction failed"):
        swallowed()
    assert store.table_hashes() == before


def test_a_transaction_touches_declared_tables_only_and_ends(store: Store) -> None:
    refused = pytest.raises(StoreError, match="events: not among the transaction's tables")
    with store.transaction(["scores"]) as transaction, refused:
        transaction.read("events")
    with pytest.raises(StoreError, match="scores: the transaction has ended"):
        transaction.read("scores")
    with pytest.raises(StoreError, match="is not a table"), store.transaction(["nonsense"]):
        pass


def test_a_store_call_inside_a_transaction_is_refused_not_a_deadlock(store: Store) -> None:
    with store.transaction(["scores"]), pytest.raises(StoreError, match="has a store open already"):
        store.read("scores")
    assert store.read("scores").empty


def test_a_pickled_store_is_the_same_store(store: Store) -> None:
    put(store, "scores", rows_of(TABLES["scores"]))
    again = pickle.loads(pickle.dumps(store))
    assert again.path == store.path
    assert again.lock_timeout_s == 5
    assert again.table_hash("scores") == store.table_hash("scores")
    assert b"duckdb.duckdb" not in pickle.dumps(store)


def test_threads_share_one_store(store: Store) -> None:
    errors: list[BaseException] = []

    def work(position: int) -> None:
        try:
            month = months(4)[position]
            for tag in range(5):
                frame = rows_of(TABLES["scores"], n_months=4, tag=tag)
                store.replace_partitions({"scores": frame[frame["month"] == month]}, [month])
                assert len(store.read("scores", partitions=[month])) == 8
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert store.table_hash("scores") == frame_hash(
        rows_of(TABLES["scores"], n_months=4, tag=4), TABLES["scores"]
    )


def test_the_file_does_not_grow_with_every_replacement(store: Store) -> None:
    frame = rows_of(TABLES["scores"], per_month=100)
    put(store, "scores", frame)
    sizes = []
    for _ in range(24):
        put(store, "scores", frame)
        sizes.append(store.size_bytes())
    assert max(sizes[12:]) <= max(sizes[:12])


def test_thirty_seven_months_are_read_quickly(store: Store) -> None:
    """Processor time, so that a busy machine does not fail it; twice what is promised."""
    for name in ("events", "bar_features"):
        frame = rows_of(TABLES[name], n_months=40, per_month=170 if name == "events" else 300)
        store.replace_partitions({name: frame}, months(40))
        best = min(_read_seconds(store, name) for _ in range(5))
        assert best < 0.1


def _read_seconds(store: Store, name: str) -> float:
    start = time.process_time()
    store.read(name, partitions=months(37))
    return time.process_time() - start
