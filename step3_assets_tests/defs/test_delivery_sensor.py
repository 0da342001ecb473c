"""The runs that the delivery sensor requests, evaluation by evaluation."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from step3_assets.defs.delivery import sensor as delivery_sensor
from step3_assets.defs.delivery.plan import Cursor, read_cursor
from step3_assets.defs.partitions import partitions_for
from step3_assets.defs.settings import load_settings
from step3_assets_tests.defs.desk import Desk, observation, restate, verdicts
from step3_assets_tests.defs.installation import START
from step3_assets_tests.deliveries import write_small_delivery

FAILED = dg.DagsterRunStatus.FAILURE
EVENTS_B = "events/bbb_events.parquet"
BARS_B = "bar_features/bbb_bar_features.parquet"
# Training takes 24 months, so 2021-01 is the first test month.


def write(folder: Path, n_months: int = 27, **kwargs) -> Path:
    return write_small_delivery(
        folder, start=START, n_months=n_months, events_per_month=3, **kwargs
    )


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """27 months, less the last bars; the last two candidates of each symbol are pending."""
    return write(tmp_path_factory.mktemp("early"), drop_last_bars=12, has_pending=True)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory, early: Path) -> Path:
    """A month more than `early`; what was pending there is final."""
    pending = pd.read_parquet(early / EVENTS_B)["t_idx"].iloc[-2:].tolist()
    return write(tmp_path_factory.mktemp("later"), 28, extra_candidates=pending)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, early: Path) -> tuple[Path, str]:
    """A home that has `early` stored, and the cursor of a sensor that knows it."""
    home = tmp_path_factory.mktemp("done") / "home"
    with dg.DagsterInstance.ephemeral() as instance:
        desk = Desk(home, instance)
        desk.deliver(early)
        desk.ingest(START, date(2021, 3, 1))
        assert "the stored rows are the same" in desk.says()
        assert desk.cursor is not None
        return home, desk.cursor


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(tmp_path / "home", instance)


@pytest.fixture
def ready(tmp_path: Path, done: tuple[Path, str]) -> Iterator[Desk]:
    """A desk that has `early` done; its files are copies, so they are hashed again."""
    home, cursor = done
    shutil.copytree(home, tmp_path / "home")
    with dg.DagsterInstance.ephemeral() as instance:
        desk = Desk(tmp_path / "home", instance)
        desk.settle()
        desk.cursor = cursor
        yield desk


def test_a_first_delivery_asks_for_everything_in_order(desk: Desk, early: Path):
    with pytest.warns(UserWarning, match="cannot be read"):
        assert "waiting: events/: the folder is missing" in desk.says()
    desk.deliver(early)
    assert desk.asks() == ["ingest 2019-01..2021-03"]
    assert desk.says() == "under way: ingest 2019-01 to 2021-03"
    desk.end_runs()
    assert desk.asks() == ["walk_forward 2021-01..2021-03"]
    assert desk.says() == "under way: walk_forward 2021-01 to 2021-03"
    desk.end_runs()
    assert desk.asks() == ["results", "shadow"]
    desk.end_runs()
    assert "done: ingest 2019-01 to 2021-03; walk_forward" in desk.says()
    assert desk.memory.plan is None


def test_the_same_content_is_not_asked_for_again(ready: Desk, early: Path):
    for _ in range(2):
        ready.deliver(early)  # every file written anew
        assert "nothing new" in ready.says()
    table = pd.read_parquet(ready.folder / EVENTS_B)
    table.to_parquet(ready.folder / EVENTS_B, index=False, compression="gzip")  # other bytes
    ready.settle()
    assert "the stored rows are the same" in ready.says()
    assert ready.instance.get_runs() == []


def test_a_week_asks_for_the_month_under_way_and_the_one_that_matured(ready: Desk, later: Path):
    ready.deliver(later)
    result = ready.look()
    seen = observation(result)
    assert seen["months to ingest"] == "2021-03 to 2021-04"
    assert seen["test months to make"] == "2021-02 to 2021-04"  # bars of March mark February
    assert seen["rows matured"] > 0
    assert (seen["rows restated"], seen["rows withdrawn"]) == (0, 0)
    assert "| events       | 2021-04 |" in seen["rows by month"]
    assert [v.passed for v in verdicts([result])] == [True]
    ready.end_runs()
    assert ready.finish() == [["walk_forward 2021-02..2021-04"], ["results", "shadow"]]


def test_a_revised_label_in_an_old_month_asks_for_exactly_what_rests_on_it(ready: Desk):
    restate(ready.folder, "AAA", date(2019, 5, 1))
    ready.settle()
    result = ready.look()
    seen = observation(result)
    assert (seen["months to ingest"], seen["rows restated"], seen["rows new"]) == ("2019-05", 1, 0)
    ready.end_runs()
    assert ready.finish() == [["walk_forward 2021-01..2021-03"], ["results", "shadow"]]


def test_a_revised_label_in_a_test_month_leaves_the_months_before_it(ready: Desk):
    restate(ready.folder, "AAA", date(2021, 2, 1))
    ready.settle()
    assert ready.finish() == [
        ["ingest 2021-02..2021-02"],
        ["walk_forward 2021-02..2021-03"],
        ["results", "shadow"],
    ]


def test_months_apart_are_runs_apart(ready: Desk):
    restate(ready.folder, "AAA", date(2019, 5, 1))
    restate(ready.folder, "BBB", date(2020, 5, 1))
    ready.settle()
    assert ready.asks() == ["ingest 2019-05..2019-05", "ingest 2020-05..2020-05"]


def revised(later: Path, folder: Path) -> Path:
    """A copy of the later delivery with one value of 2021-03 restated."""
    shutil.copytree(later, folder)
    restate(folder, "AAA", date(2021, 3, 1))
    return folder


def test_there_back_and_there_again_is_asked_for_each_time(
    ready: Desk, later: Path, tmp_path: Path
):
    asked = []
    other = revised(later, tmp_path / "revised")
    for source in (later, other, later):
        for path in ready.folder.rglob("*.parquet"):
            path.unlink()
        ready.deliver(source)
        asked.append(ready.finish()[0])
    assert asked == [
        ["ingest 2021-03..2021-04"],
        ["ingest 2021-03..2021-03"],
        ["ingest 2021-03..2021-03"],
    ]
    keys = [run.tags["dagster/run_key"] for run in ready.instance.get_runs()]
    assert len(set(keys)) == len(keys) == 12


def test_content_that_comes_back_before_the_walk_forward_owes_nothing(ready: Desk, early: Path):
    restate(ready.folder, "AAA", date(2021, 2, 1))
    ready.settle()
    assert ready.asks() == ["ingest 2021-02..2021-02"]
    ready.end_runs()
    ready.deliver(early)
    assert ready.finish() == [["ingest 2021-02..2021-02"]]


def test_a_new_delivery_in_the_middle_takes_over_what_was_owed(ready: Desk):
    restate(ready.folder, "AAA", date(2021, 1, 1))
    ready.settle()
    assert ready.asks() == ["ingest 2021-01..2021-01"]
    restate(ready.folder, "AAA", date(2021, 3, 1))  # while the ingest runs
    ready.settle()
    assert "under way" in ready.says()
    ready.ingest(date(2021, 1, 1), date(2021, 1, 1))
    ready.end_runs()
    assert ready.finish() == [
        ["ingest 2021-03..2021-03"],
        ["walk_forward 2021-01..2021-03"],
        ["results", "shadow"],
    ]


def test_a_walk_forward_that_may_have_run_in_part_is_owed_even_when_the_content_comes_back(
    ready: Desk, early: Path
):
    restate(ready.folder, "AAA", date(2021, 2, 1))
    ready.settle()
    ready.look()
    ready.end_runs()
    assert ready.asks() == ["walk_forward 2021-02..2021-03"]
    ready.end_runs(FAILED)
    ready.deliver(early)
    assert ready.finish() == [
        ["ingest 2021-02..2021-02"],
        ["walk_forward 2021-02..2021-03"],
        ["results", "shadow"],
    ]


def test_a_failed_run_is_told_once_and_goes_on_when_it_is_executed_again(ready: Desk):
    restate(ready.folder, "AAA", date(2021, 3, 1))
    ready.settle()
    ready.look()
    ready.end_runs(FAILED)
    first, second = ready.look(), ready.look()
    assert "failed: ingest 2021-03 (run " in observation(first)["verdict"]
    assert second.asset_events == []
    assert "re-execute" in ready.says()
    assert ready.memory.message.startswith("failed: ")
    ready.re_execute()
    assert "under way" in ready.says()
    assert ready.memory.message == "under way: ingest 2021-03, executed again"
    ready.end_runs()
    assert ready.finish() == [["walk_forward 2021-03..2021-03"], ["results", "shadow"]]


def test_a_fixed_delivery_goes_on_after_a_failed_run(ready: Desk):
    restate(ready.folder, "AAA", date(2021, 3, 1))
    ready.settle()
    ready.look()
    ready.end_runs(FAILED)
    restate(ready.folder, "BBB", date(2021, 2, 1))
    ready.settle()
    assert ready.asks() == ["ingest 2021-02..2021-03"]


def test_a_refused_delivery_is_told_once_and_the_fixed_one_goes_on(
    ready: Desk, monkeypatch: pytest.MonkeyPatch
):
    sent = []
    monkeypatch.setattr(delivery_sensor, "notify", lambda _s, message, _log: sent.append(message))
    before = ready.place.store.table_hashes()
    good = (ready.folder / EVENTS_B).read_bytes()
    broken = pd.read_parquet(ready.folder / EVENTS_B)
    broken.loc[4, "cost_rt"] = -1.0
    broken.to_parquet(ready.folder / EVENTS_B, index=False)
    ready.settle()
    looks = [ready.look(), ready.look()]
    assert all(not r.run_requests for r in looks)
    (verdict,) = verdicts(looks)
    assert (verdict.passed, verdict.check_name) == (False, "delivery")
    assert "events/bbb_events.parquet, column cost_rt, row 4" in str(verdict.description)
    assert "refused: events/bbb_events.parquet" in ready.says()
    assert len(sent) == 1
    assert "cost_rt" in sent[0].line()
    assert ready.place.store.table_hashes() == before

    monkeypatch.setattr(delivery_sensor, "read_delivery", lambda _f: pytest.fail("read again"))
    assert "nothing new" in ready.says()
    monkeypatch.undo()
    (ready.folder / EVENTS_B).write_bytes(good)
    restate(ready.folder, "BBB", date(2021, 3, 1))
    ready.settle()
    assert [v.passed for v in verdicts([ready.look()])] == [True]
    assert ready.memory.plan is not None


def test_a_refusal_does_not_stop_the_plan_under_way(ready: Desk):
    restate(ready.folder, "AAA", date(2021, 3, 1))
    ready.settle()
    ready.look()
    ready.end_runs()
    (ready.folder / "meta" / "aaa_step2_config.json").write_text("{")
    ready.settle()
    result = ready.look()
    assert [v.passed for v in verdicts([result])] == [False]
    assert [r.job_name for r in result.run_requests or []] == ["walk_forward"]
    ready.end_runs()
    ready.finish()
    assert ready.memory.message.startswith("done: ingest 2021-03")
    assert "the delivery in the folder is refused: meta/aaa_step2_config.json" in ready.says()


def test_a_half_written_file_waits_and_touches_nothing(ready: Desk, later: Path):
    whole = (later / BARS_B).read_bytes()
    ready.deliver(later)
    (ready.folder / BARS_B).write_bytes(whole[: len(whole) // 2])
    ready.settle()
    with pytest.warns(UserWarning, match="cannot be read"):
        result = ready.look()
    assert result.asset_events == []
    assert f"waiting: {BARS_B} has no complete" in str(result.skip_message)
    (ready.folder / BARS_B).write_bytes(whole)
    assert "was written a moment ago" in ready.says()
    ready.settle()
    assert ready.asks() == ["ingest 2021-03..2021-04"]


def test_a_file_that_changes_while_the_delivery_is_read_waits(
    ready: Desk, later: Path, monkeypatch: pytest.MonkeyPatch
):
    real = delivery_sensor.read_delivery

    def meddle(folder: Path):
        delivery = real(folder)
        restate(folder, "AAA", date(2020, 1, 1))
        return delivery

    monkeypatch.setattr(delivery_sensor, "read_delivery", meddle)
    ready.deliver(later)
    assert ready.says() == "waiting: the delivery changed while it was read"
    monkeypatch.undo()
    ready.settle()
    assert ready.asks() == ["ingest 2020-01..2020-01", "ingest 2021-03..2021-04"]


def test_a_delivery_that_takes_months_back_is_refused(ready: Desk, early: Path, later: Path):
    ready.deliver(later)
    ready.finish()
    ready.deliver(early)
    (verdict,) = verdicts([ready.look()])
    assert not verdict.passed
    assert "holds no bars of 2021-04" in str(verdict.description)
    assert "--accept-withdrawal" in str(verdict.description)
    assert ready.memory.plan is None


def test_symbols_that_come_one_after_the_other(ready: Desk, later: Path):
    pair = ("events/aaa_events.parquet", "bar_features/aaa_bar_features.parquet")
    ready.deliver(later, *pair)
    (verdict,) = verdicts([ready.look()])
    assert "cross_age_min" in str(verdict.description) or "bbb_age_min" in str(verdict.description)
    assert not verdict.passed  # half of it is of another build
    ready.deliver(later)
    assert ready.finish()[0] == ["ingest 2021-03..2021-04"]


def test_a_restart_goes_on_from_the_stored_cursor(ready: Desk, later: Path):
    ready.deliver(later)
    ready.look()
    stored, runs = ready.cursor, ready.instance
    ready.end_runs()
    again = object.__new__(Desk)
    again.__dict__ = {**ready.__dict__, "cursor": stored, "instance": runs}
    assert again.finish() == [["walk_forward 2021-02..2021-04"], ["results", "shadow"]]


def test_a_request_that_never_became_a_run_is_made_again_under_the_same_key(
    ready: Desk, later: Path
):
    ready.deliver(later)
    first = ready.look().run_requests or []
    ready.instance.delete_run(ready.instance.get_runs()[0].run_id)
    second = ready.look().run_requests or []
    assert [r.run_key for r in second] == [r.run_key for r in first]


@pytest.mark.parametrize("text", [None, "", "not a cursor", '{"other": 1}'])
def test_a_cursor_that_is_not_ours_is_a_fresh_one(text: str | None):
    assert read_cursor(text) == Cursor()


def test_a_cursor_under_its_earlier_names_is_read():
    told = '{"delivery": "d:1", "stages": [[{"key": "k", "job": "ingest"}]], "told": ["run"]}'
    text = (
        '{"judged": "abc", "generation": 3, "owed": {"events": {"2021-03-01": "x"}}, '
        f'"said": "accepted", "said_at": "2021-04-01 09:00 UTC", "plan": {told}}}'
    )
    cursor = read_cursor(text)
    assert (cursor.checked, cursor.generation) == ("abc", 3)
    assert cursor.outdated == {"events": {date(2021, 3, 1): "x"}}
    assert (cursor.message, cursor.message_at) == ("accepted", "2021-04-01 09:00 UTC")
    assert cursor.plan is not None
    assert cursor.plan.reported == ("run",)
    assert read_cursor(cursor.model_dump_json()) == cursor


def test_a_lost_cursor_asks_only_for_what_is_not_stored(ready: Desk, later: Path, tmp_path: Path):
    ready.deliver(later)
    ready.finish()
    ready.deliver(revised(later, tmp_path / "revised"))
    ready.cursor = None  # and with it the generation
    asked = ready.finish()
    assert asked[0] == ["ingest 2021-03..2021-03"]
    keys = [run.tags["dagster/run_key"] for run in ready.instance.get_runs()]
    assert len(set(keys)) == len(keys)


def test_no_delivery_says_how_to_set_one(desk: Desk):
    (desk.place.home / "step3.toml").write_text("workers = 1\n")
    assert "step3.toml" in desk.says()


def test_a_delivery_that_begins_earlier_asks_for_a_reload(
    ready: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    loaded = partitions_for(load_settings(ready.place.home))
    monkeypatch.setattr("step3_assets_tests.defs.desk.partitions_for", lambda _s: loaded)
    longer = write_small_delivery(
        tmp_path / "longer", start=date(2018, 12, 1), n_months=28, events_per_month=3
    )
    ready.deliver(longer)
    assert "reload it (Deployment" in ready.says()
    monkeypatch.undo()
    assert ready.asks() == ["ingest 2018-12..2021-03"]


def test_what_follows_is_what_the_asset_graph_says(tmp_path: Path, early: Path):
    """The arithmetic of dependent months against Dagster's own partition mappings."""
    from step3_assets.definitions import build_defs
    from step3_assets.defs.partitions import partition_key
    from step3_assets.domain.delivery.changes import MonthChanges, dependent_test_months
    from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
    from step3_assets_tests.defs.installation import Installation

    settings = load_settings(Installation(tmp_path, early).home)
    graph = build_defs(settings).resolve_asset_graph()
    first_test, last = date(2021, 1, 1), date(2021, 3, 1)
    for table, month in (("events", date(2021, 2, 1)), ("bar_features", date(2021, 2, 1))):
        reached: set[str] = set()
        frontier = {(dg.AssetKey(table), partition_key(month))}
        while frontier:
            children = set()
            for key, partition in frontier:
                for child in graph.get(key).child_keys:
                    mapped = downstream(graph, key, child, partition)
                    children |= {(child, p) for p in mapped}
            reached |= {p for _, p in children if p <= partition_key(last)}
            frontier = children
        is_bars = table == "bar_features"
        changes = MonthChanges((), (month,)) if is_bars else MonthChanges((month,), ())
        ours = dependent_test_months(changes, LOOK_BACK_MONTHS, first_test, last)
        assert {partition_key(m) for m in ours} == reached


def downstream(graph, parent: dg.AssetKey, child: dg.AssetKey, partition: str) -> set[str]:
    node, source = graph.get(child), graph.get(parent)
    if node.partitions_def is None or node.group_name not in ("walk_forward", "baselines"):
        return set()
    mapping = graph.get_partition_mapping(child, parent)
    subset = source.partitions_def.subset_with_partition_keys([partition])
    found = mapping.get_downstream_partitions_for_partitions(
        subset, source.partitions_def, node.partitions_def
    )
    return set(found.get_partition_keys())
