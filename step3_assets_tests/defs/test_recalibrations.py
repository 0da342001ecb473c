"""The weekly recalibration through Dagster: any order, the same bits; what its checks catch."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from step3_assets.cli.main import cli
from step3_assets.defs.partitions import partition_key, partitions_for
from step3_assets.defs.registry.registry_store import REGISTRY_TABLES, put_registry, read_registry
from step3_assets.defs.settings import load_settings
from step3_assets.defs.verification import verify_store
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.weeks import week_range, week_start
from step3_assets.domain.live import recalibration
from step3_assets.domain.live.comparison import covered_months, decide_again, stored_calibrators
from step3_assets.domain.models.text_format import load_numbers
from step3_assets.domain.registry.stages import (
    Change,
    StageBook,
    follow_from,
    standing_fold,
)
from step3_assets_tests.defs.installation import FIRST_TEST, START, Installation, failure_text
from step3_assets_tests.defs.test_recalibration_schedule import asked, monday, tick
from step3_assets_tests.deliveries import write_small_delivery

N_MONTHS = 27
LAST = add_months(START, N_MONTHS - 1)  # March 2021, the third test month
MONTHS = [FIRST_TEST, add_months(FIRST_TEST, 1), LAST]
WEEKS = week_range(date(2021, 1, 4), date(2021, 3, 29))
SCORED = ["folds", "calibrated_models", "scores"]
SETTINGS = """
[config.recalibration]
window_weeks = 13
min_rows = 50
min_check_rows = 5
"""


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    return write_small_delivery(folder, start=START, n_months=N_MONTHS, events_per_month=40)


@pytest.fixture(scope="module")
def place(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Three walked months and every one of their weeks, made in one run."""
    home = tmp_path_factory.mktemp("weeks") / "home"
    installation = Weekly(home, delivery)
    for job, first, last, assets in (
        ("ingest", START, LAST, None),
        ("walk_forward", FIRST_TEST, LAST, SCORED),
        ("recalibration", WEEKS[0], WEEKS[-1], None),
    ):
        result = installation.run(job, first, last, assets=assets)
        assert result.success, failure_text(result)
    return installation


class Weekly(Installation):
    """An installation whose recalibration is content with few labels."""

    def point_to(self, delivery: Path) -> None:
        super().point_to(delivery)
        with (self.home / "step3.toml").open("a") as file:
            file.write(SETTINGS)


def copy_of(place: Installation, delivery: Path, home: Path) -> Weekly:
    shutil.copytree(place.home, home)
    return Weekly(home, delivery)


def failed_checks(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}


def test_every_week_has_its_row_and_the_reasons_are_of_more_than_one_kind(place: Installation):
    rows = place.store.read("recalibrations")
    assert rows["week"].tolist() == WEEKS
    assert place.store.read("weekly_models").empty, "no week is retrained by default"
    assert rows.loc[0, "reason"] == "too_few_labels"
    assert rows["reason"].isin(["no_worse", "worse_brier", "worse_log_loss"]).sum() > 5
    assert rows["is_used"].any()
    assert (rows["last_final_utc"].dropna() < rows.loc[rows["n_labels"] > 0, "as_of_utc"]).all()


def test_weeks_alone_backwards_equal_the_range(place: Installation, delivery: Path, tmp_path: Path):
    alone = copy_of(place, delivery, tmp_path / "home")
    alone.store.replace_partitions(
        {"recalibrations": place.store.read("recalibrations")[:0]}, WEEKS
    )
    for week in (WEEKS[9], WEEKS[8], WEEKS[10]):
        result = alone.run("recalibration", week, assets=["recalibrations"])
        assert result.success, failure_text(result)
    made = [WEEKS[8], WEEKS[9], WEEKS[10]]
    ours, theirs = (p.store.read("recalibrations", partitions=made) for p in (alone, place))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_a_week_is_what_it_would_have_been_live(
    place: Installation, delivery: Path, tmp_path: Path
):
    """A delivery that ended the evening before gives the row that the whole history gives."""
    short = write_small_delivery(
        tmp_path / "short", start=START, n_months=N_MONTHS - 1, events_per_month=40
    )
    live = Weekly(tmp_path / "home", short)
    for job, first, last, assets in (
        ("ingest", START, add_months(LAST, -1), None),
        ("walk_forward", FIRST_TEST, LAST, SCORED),  # March before its first bar
    ):
        result = live.run(job, first, last, assets=assets)
        assert result.success, failure_text(result)
    week = date(2021, 3, 1)
    assert live.run("recalibration", week, assets=["recalibrations"]).success
    ours, theirs = (p.store.read("recalibrations", partitions=[week]) for p in (live, place))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_three_missed_weeks_are_made_up_for_by_the_next_tick(
    place: Installation, delivery: Path, tmp_path: Path
):
    """Nobody turned the machine on for three Mondays; afterwards every table is as if somebody had.

    The runs of one tick go at once, in any order: here the latest week goes first.
    """
    missed, coming = WEEKS[-4:-1], WEEKS[-1]
    away = copy_of(place, delivery, tmp_path / "home")
    nothing = {t: place.store.read(t)[:0] for t in ("recalibrations", "recalibration_comparison")}
    away.store.replace_partitions({"recalibrations": nothing["recalibrations"]}, [*missed, coming])
    away.store.replace_all({"recalibration_comparison": nothing["recalibration_comparison"]})
    assert away.store.table_hashes() != place.store.table_hashes()

    requests = tick(away.home, monday(coming)).run_requests or []
    assert [r.partition_key for r in requests] == [partition_key(w) for w in (*missed, coming)]
    for request in reversed(requests):
        result = away.run("recalibration", tags=request.tags)
        assert result.success, failure_text(result)
    late, timely = away.store.table_hashes(), place.store.table_hashes()
    # The registry's history keeps the way on which the weeks came; what it led to is the same.
    assert {name for name in late if late[name] != timely[name]} <= {"registry_transitions"}
    assert asked(tick(away.home, monday(coming, 7))) == []


def test_a_planted_leak_is_caught_by_the_known_at_check(
    place: Installation, delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    leaky = copy_of(place, delivery, tmp_path / "home")
    real = recalibration.labels_before
    monkeypatch.setattr(
        recalibration,
        "labels_before",
        lambda labels, instant: real(labels, instant + pd.Timedelta(days=2)),
    )
    result = leaky.run("recalibration", WEEKS[6], WEEKS[7], assets=["recalibrations"])
    assert not result.success
    assert "known_at" in failed_checks(result)


def plant(
    place: Installation, table: str = "recalibrations", *, week: date = WEEKS[7], **values: Any
) -> dg.ExecuteInProcessResult:
    """Change the rows of a week and run the checks on it."""
    from step3_assets.definitions import build_defs

    row = place.store.read(table, partitions=[week])
    stamp = place.store.read_manifest()[table][week].made_from
    place.store.replace_partitions({table: row.assign(**values)}, [week], stamp)
    selection = dg.AssetSelection.checks_for_assets(dg.AssetKey(table))
    job = dg.define_asset_job("checks", selection=selection)
    definitions = dg.Definitions.merge(
        build_defs(load_settings(place.home)), dg.Definitions(jobs=[job])
    )
    ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("checks").execute_in_process(
            instance=instance,
            tags=dict.fromkeys(ends, partition_key(week)),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
    place.store.replace_partitions({table: row}, [week], stamp)
    return result


@pytest.mark.parametrize(
    ("values", "check"),
    [
        ({"as_of_utc": week_start(WEEKS[8]).as_unit("us")}, "known_at"),
        ({"n_labels": 10_000}, "known_at"),
        ({"calibrator": '{"kind":"base_rate","rate":0.9}'}, "integrity"),
        ({"base_hash": "0" * 64}, "integrity"),
        ({"data_end_utc": pd.Timestamp("2021-02-10", tz="UTC").as_unit("us")}, "fresh"),
    ],
)
def test_planted_rows_are_caught(place: Installation, values: dict, check: str):
    assert failed_checks(plant(place, **values)) == {check}


def test_honest_rows_pass_every_check(place: Installation):
    assert failed_checks(plant(place)) == set()


def test_before_its_months_fold_is_made_a_week_stands_on_the_month_before_and_says_so(
    place: Installation, delivery: Path, tmp_path: Path
):
    other = copy_of(place, delivery, tmp_path / "home")
    week = date(2021, 4, 5)
    result = other.run("recalibration", week, assets=["recalibrations"])
    assert result.success, failure_text(result)
    (row,) = other.store.read("recalibrations", partitions=[week]).to_dict("records")
    assert (row["base_source"], row["base_month"]) == ("month_before", LAST)
    march = other.store.read("recalibrations", partitions=[WEEKS[-1]])
    assert row["base_hash"] == march["base_hash"].iloc[0]
    folds = other.store.read("folds", partitions=[LAST])
    other.store.replace_partitions({"folds": folds[:0]}, [LAST])  # a whole month behind
    result = other.run("recalibration", week, assets=["recalibrations"])
    assert not result.success
    assert "2021-04-05: ValueError" in failure_text(result)
    assert "step3 run --from 2021-03 --to 2021-04" in failure_text(result)
    weeks = partitions_for(load_settings(other.home)).weeks
    assert not weeks.has_partition_key("2021-05-03"), "nor is a week there that cannot be made"


def week_rows(place: Installation, *weeks: date) -> pd.DataFrame:
    return place.store.read("recalibrations", partitions=list(weeks))


def crown(place: Installation, month: date, at: datetime) -> None:
    """A promotion in the history, whatever the criteria say."""
    registry = read_registry(place.store)
    row = standing_fold(registry, month)
    assert row is not None
    book = StageBook(registry, Change("test", at))
    book.move(row["model_id"], "champion", "promoted", "Planted.")
    with place.store.transaction(REGISTRY_TABLES) as transaction:
        put_registry(transaction, follow_from(book))


def test_weeks_after_a_promotion_stand_on_the_champion_and_those_before_do_not(
    place: Installation, delivery: Path, tmp_path: Path
):
    other = copy_of(place, delivery, tmp_path / "home")
    before, after, last = date(2021, 2, 8), date(2021, 2, 15), date(2021, 3, 1)
    crown(other, FIRST_TEST, datetime(2021, 2, 10, tzinfo=UTC))
    assert failed_checks(plant(other, week=after)) == {"integrity"}, "made before the promotion"
    assert failed_checks(plant(other, week=before)) == set()
    result = other.run("recalibration", before, last, assets=["recalibrations"])
    assert result.success, failure_text(result)
    pd.testing.assert_frame_equal(week_rows(other, before), week_rows(place, before))
    rows = week_rows(other, *week_range(after, last))
    assert set(rows["base_source"]) == {"champion"}
    assert set(rows["base_month"]) == {FIRST_TEST}
    assert set(rows["base_hash"]) == set(week_rows(place, WEEKS[0])["base_hash"])
    # A chain over the end of a month: its own incumbent, not the new month's calibrator.
    assert len(rows) == 3
    theirs = week_rows(place, last)
    assert rows["check_from_utc"].iloc[-1] != theirs["check_from_utc"].iloc[0]
    models = other.store.read("calibrated_models", partitions=[FIRST_TEST])
    other.store.replace_partitions({"calibrated_models": models[:0]}, [FIRST_TEST])
    result = other.run("recalibration", last, assets=["recalibrations"])
    assert result.success, failure_text(result)  # its bytes are gone: the calendar month's fold
    now = week_rows(other, last)
    assert now[["base_source", "base_hash"]].equals(theirs[["base_source", "base_hash"]])


def test_an_edited_week_is_found_by_computing_it_again(place: Installation):
    """Written through the store, with the stamp of the real one."""
    store, settings, week = place.store, load_settings(place.home), WEEKS[-1]
    rows = store.read("recalibrations", partitions=[week])
    stamps = {w: e.made_from for w, e in store.read_manifest()["recalibrations"].items()}
    assert set(stamps) == set(WEEKS)
    assert None not in stamps.values()

    def found(these: pd.DataFrame) -> list[str]:
        store.replace_partitions({"recalibrations": these}, [week], stamps[week])
        ((_, problems),) = verify_store(store, settings, ["weeks"])
        return problems

    edited = found(rows.assign(brier_new=0.123))
    assert found(rows) == []
    assert len(edited) == 1
    assert f"week {week}: recalibrations: 1 rows are not what is computed again" in edited[0]


def test_every_refit_is_registered_and_the_newest_fold_stays_in_the_shadow(place: Installation):
    rows = place.store.read("recalibrations")
    refitted = rows[rows["calibrator"].notna()]
    models = place.store.read("model_registry")
    weeks = models[models["kind"] == "recalibration"].sort_values("period_start")
    assert weeks["period_start"].tolist() == refitted["week"].tolist()
    assert weeks["stage"].tolist() == ["candidate"] * (len(weeks) - 1) + ["shadow"]
    assert weeks["members_hash"].tolist() == refitted["labels_hash"].tolist()
    folds = models[models["kind"] == "fold"].set_index("period_start")["stage"]
    assert folds.to_dict() == dict(zip(MONTHS, ["candidate", "candidate", "shadow"], strict=True))
    newest = json.loads(weeks["artefacts"].iloc[-1])
    assert newest["calibrator"] == refitted["calibrator_sha256"].iloc[-1]
    figures = json.loads(weeks["metrics"].iloc[-1])
    assert figures["brier"] == refitted["brier_new"].iloc[-1]
    before = place.store.table_hashes()
    result = place.run("recalibration", assets=["model_registry"])
    assert result.success, failure_text(result)
    assert failed_checks(result) == set()
    assert place.store.table_hashes() == before


def test_the_command_line_lists_and_shows_weeks_and_promotes_none(
    place: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STEP3_HOME", str(place.home))
    monkeypatch.setenv("COLUMNS", "200")

    def step3(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["registry", *arguments])

    listed = step3("list", "--weeks").output
    assert "week of 2021-03-29" in listed
    assert "week of" not in step3("list").output
    shown = step3("show", "2021-03-29").output
    assert "brier_incumbent" in shown
    assert "fold-2021-03" in shown
    refused = step3("promote", "2021-03-29", "--reason", "hope")
    assert refused.exit_code == 1
    assert "it decides through its base model" in str(refused.exception)


def walked(place: Installation):
    from step3_assets.defs.live.assets import walked_months

    found = walked_months(place.store, set(WEEKS), load_settings(place.home).config)
    assert found is not None
    return found


def test_a_folds_own_calibrator_decides_as_the_walk_forward_did(place: Installation):
    found = walked(place)
    models = place.store.read("calibrated_models")
    own = models[models["head"] == "calibrator"].set_index("month")["payload"]
    month = FIRST_TEST
    inside = [w for w in WEEKS if w.month == month.month][:-1]
    again = decide_again(found, {week: load_numbers(own[month]) for week in inside})
    pd.testing.assert_frame_equal(again, found.scores, check_exact=True)


def test_the_comparison_is_of_every_month_and_answers_with_both_arms(place: Installation):
    rows = place.store.read("recalibration_comparison").sort_values("position")
    by_arm = rows.set_index("arm").to_dict("index")
    assert list(by_arm) == [
        "walk_forward",
        "weekly",
        "weekly_unchecked",
    ]
    assert set(rows["first_month"]) == {FIRST_TEST}
    assert set(rows["last_month"]) == {LAST}
    used = stored_calibrators(place.store.read("recalibrations"), checked=True)
    assert 0 < by_arm["weekly"]["n_weeks_recalibrated"] <= len(used)
    assert by_arm["walk_forward"]["brier_gain"] == 0.0
    assert rows["n_labels"].nunique() == 1
    if {numbers["kind"] for numbers in used.values()} != {"identity"}:  # labels are random here
        assert by_arm["weekly"]["brier"] != by_arm["walk_forward"]["brier"]


def test_a_comparison_is_of_months_without_a_gap():
    weeks = {month: {w for w in WEEKS if w.month == month.month} for month in MONTHS}
    assert covered_months(weeks, set(WEEKS)) == MONTHS
    assert covered_months(weeks, set(WEEKS) - {date(2021, 2, 15)}) == [LAST]
    assert covered_months(weeks, set(WEEKS) - {date(2021, 3, 15)}) == MONTHS[:2]
    assert covered_months({FIRST_TEST: weeks[FIRST_TEST], LAST: weeks[LAST]}, set(WEEKS)) == [LAST]
    assert covered_months(weeks, set()) == []


def test_altered_calibrators_are_refused(place: Installation):
    from step3_assets.domain.models.text_format import ModelIntegrityError

    rows = place.store.read("recalibrations")
    used = rows[rows["is_used"]].assign(in_force='{"kind":"base_rate","rate":0.9}')
    with pytest.raises(ModelIntegrityError, match="was altered"):
        stored_calibrators(used, checked=True)
