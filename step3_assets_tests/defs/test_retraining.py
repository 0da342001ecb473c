"""The weekly retraining through Dagster: any order, the same bits; what its checks catch."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from step3_assets.defs.live.assets import walked_months
from step3_assets.defs.settings import load_settings
from step3_assets.defs.shadow.accounts import walked_model
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.weeks import week_range, weeks_of
from step3_assets.domain.folds import build as folds
from step3_assets.domain.live import retraining
from step3_assets.domain.live.comparison import decide_again, stored_models
from step3_assets.domain.models.text_format import ModelIntegrityError, read_payloads
from step3_assets.domain.shadow.step import ShadowError
from step3_assets_tests.defs.installation import FIRST_TEST, START, failure_text
from step3_assets_tests.defs.test_recalibrations import (
    SCORED,
    SETTINGS,
    Weekly,
    copy_of,
    crown,
    failed_checks,
    plant,
)
from step3_assets_tests.deliveries import write_small_delivery

N_MONTHS = 26
LAST = add_months(START, N_MONTHS - 1)  # February 2021, the second test month
WEEKS = week_range(date(2021, 1, 4), date(2021, 2, 22))
TABLES = ["weekly_models", "recalibrations"]


class Retrained(Weekly):
    """An installation whose weeks train every model anew."""

    def point_to(self, delivery: Path) -> None:
        super().point_to(delivery)
        text = (self.home / "step3.toml").read_text()
        (self.home / "step3.toml").write_text(
            text.replace(SETTINGS, SETTINGS + 'method = "retrain"\n')
        )


def run_all(place: Retrained, *steps: tuple[str, date, date, list[str] | None]) -> Retrained:
    for job, first, last, assets in steps:
        result = place.run(job, first, last, assets=assets)
        assert result.success, failure_text(result)
    return place


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    return write_small_delivery(folder, start=START, n_months=N_MONTHS, events_per_month=40)


@pytest.fixture(scope="module")
def place(delivery: Path, tmp_path_factory: pytest.TempPathFactory) -> Retrained:
    """Two walked months and every one of their weeks, made in one run."""
    return run_all(
        Retrained(tmp_path_factory.mktemp("weeks") / "home", delivery),
        ("ingest", START, LAST, None),
        ("walk_forward", FIRST_TEST, LAST, SCORED),
        ("recalibration", WEEKS[0], WEEKS[-1], None),
    )


@pytest.fixture
def other(place: Retrained, delivery: Path, tmp_path: Path) -> Retrained:
    home = copy_of(place, delivery, tmp_path / "home").home
    return Retrained(home, delivery)


def rows_of(place: Weekly, *weeks: date) -> list[pd.DataFrame]:
    return [place.store.read(table, partitions=list(weeks)) for table in TABLES]


def test_every_week_is_trained_and_used_a_week_later_at_the_earliest(place: Retrained):
    models, rows = rows_of(place, *WEEKS)
    assert sorted(set(models["week"])) == WEEKS
    assert (models["last_final_utc"] < models["as_of_utc"]).all()
    assert rows["week"].tolist() == WEEKS
    assert set(rows["method"]) == {"retrain"}
    starts = rows[rows["reason"] == "no_challenger"]
    assert starts["week"].tolist() == [WEEKS[0], date(2021, 2, 1)], "a month's own fold begins it"
    judged = rows[rows["new_week"].notna()]
    assert (judged["new_week"] < judged["week"]).all()
    assert rows["is_used"].any()
    assert judged["brier_new"].notna().all()


def test_weeks_alone_and_backwards_equal_the_range_though_nothing_else_is_stored(
    place: Retrained, other: Retrained
):
    nothing = dict(zip(TABLES, (rows[:0] for rows in rows_of(place, WEEKS[0])), strict=True))
    other.store.replace_partitions(nothing, WEEKS)
    for week in (WEEKS[3], WEEKS[2]):
        result = other.run("recalibration", week, assets=TABLES)
        assert result.success, failure_text(result)
    wanted = [WEEKS[2], WEEKS[3]]
    for ours, theirs in zip(rows_of(other, *wanted), rows_of(place, *wanted), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert other.store.partitions("weekly_models") == wanted, "a week writes its own models only"


def test_a_week_is_what_it_would_have_been_live(place: Retrained, tmp_path: Path):
    """A delivery that ended the evening before gives the rows that the whole history gives."""
    short = write_small_delivery(
        tmp_path / "short", start=START, n_months=N_MONTHS - 1, events_per_month=40
    )
    week = date(2021, 2, 1)
    live = run_all(
        Retrained(tmp_path / "home", short),
        ("ingest", START, add_months(LAST, -1), None),
        ("walk_forward", LAST, LAST, SCORED),  # February before its first bar
        ("recalibration", week, week, TABLES),
    )
    for ours, theirs in zip(rows_of(live, week), rows_of(place, week), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_where_a_champion_stays_the_chain_goes_on_over_the_end_of_the_month(other: Retrained):
    crown(other, FIRST_TEST, datetime(2021, 1, 20, tzinfo=UTC))
    week = date(2021, 2, 1)
    run_all(other, ("recalibration", week, week, ["recalibrations"]))
    (row,) = other.store.read("recalibrations", partitions=[week]).to_dict("records")
    assert (row["base_source"], row["base_month"]) == ("champion", FIRST_TEST)
    assert row["new_week"] == date(2021, 1, 25), "not stopped by February's own fold"


def test_a_label_final_after_the_open_that_gets_into_training_is_caught(
    other: Retrained, monkeypatch: pytest.MonkeyPatch
):
    real = folds.drop_reasons

    def leaky(*arguments):
        reasons = real(*arguments)
        reasons[reasons == "purged"] = ""
        return reasons

    monkeypatch.setattr(folds, "drop_reasons", leaky)
    result = other.run("recalibration", WEEKS[2], assets=["weekly_models"])
    assert not result.success
    assert failed_checks(result) == {"known_at"}


def test_a_label_judged_on_before_it_was_final_is_caught(
    other: Retrained, monkeypatch: pytest.MonkeyPatch
):
    real = retraining.labels_between
    monkeypatch.setattr(
        retraining,
        "labels_between",
        lambda outcomes, since, until: real(outcomes, since, until + pd.Timedelta(days=3)),
    )
    result = other.run("recalibration", WEEKS[3], assets=["recalibrations"])
    assert not result.success
    assert failed_checks(result) == {"known_at"}


def test_altered_models_are_caught_by_the_checks_and_never_used(other: Retrained):
    week = WEEKS[1]
    models = other.store.read("weekly_models", partitions=[week])
    is_own = models["head"] == "calibrator"
    altered = models.assign(payload=models["payload"].mask(is_own, '{"kind":"base_rate"}'))
    other.store.replace_partitions({"weekly_models": altered}, [week])
    result = other.run("recalibration", WEEKS[2], assets=["recalibrations"])
    assert not result.success
    assert "calibrator of 2021-01-11 was altered" in failure_text(result)
    assert failed_checks(plant(other, "weekly_models", week=week)) == {"integrity"}


def test_models_exchanged_behind_a_week_turn_its_integrity_red(other: Retrained):
    rows = other.store.read("recalibrations")
    used = rows[rows["is_used"]].iloc[0]
    assert failed_checks(plant(other, week=used["week"])) == set()
    models = other.store.read("weekly_models", partitions=[used["new_week"]])
    exchanged = models.assign(payload_sha256="0" * 64)
    other.store.replace_partitions({"weekly_models": exchanged}, [used["new_week"]])
    assert failed_checks(plant(other, week=used["week"])) == {"integrity"}
    weeks = rows[rows["week"] == used["week"]]
    with pytest.raises(ModelIntegrityError):
        stored_models(weeks, exchanged, checked=True)
    with pytest.raises(ModelIntegrityError, match=f"--from {used['new_week']} --to"):
        stored_models(weeks, models[:0], checked=True)


def test_every_retrained_week_is_a_candidate_and_carries_the_figures_of_its_judgement(
    place: Retrained,
):
    models, rows = rows_of(place, *WEEKS)
    registry = place.store.read("model_registry")
    weeks = registry[registry["kind"] == "recalibration"].set_index("period_start").sort_index()
    assert list(weeks.index) == WEEKS
    assert set(weeks["stage"][:-1]) == {"candidate"}
    own = models.groupby("week")
    for week, entry in weeks.iterrows():
        mine = own.get_group(week)
        hashes = dict(zip(mine["head"], mine["payload_sha256"], strict=True))
        assert json.loads(entry["artefacts"]) == hashes
        for name in ("members_hash", "inputs_hash", "config_hash", "features_hash"):
            assert entry[name] == mine[name].iloc[0]
        assert entry["parameters"] is not None
    judged = rows.dropna(subset="new_week").drop_duplicates("new_week", keep="last")
    for row in judged.to_dict("records"):
        figures = json.loads(weeks["metrics"].to_dict()[row["new_week"]])
        assert figures["brier"] == row["brier_new"]
        assert figures["is_used"] == int(row["is_used"])
    assert json.loads(weeks["metrics"].iloc[-1]) == {}, "nobody has judged the last one yet"
    before = place.store.table_hashes()
    result = place.run("recalibration", assets=["model_registry"])
    assert result.success, failure_text(result)
    assert failed_checks(result) == set()
    assert place.store.table_hashes() == before


def test_the_comparison_answers_for_retraining(place: Retrained):
    rows = place.store.read("recalibration_comparison").sort_values("position")
    assert rows["arm"].tolist() == ["walk_forward", "weekly", "weekly_unchecked"]
    assert set(rows["method"]) == {"retrain"}
    assert rows["first_month"].iloc[0] == FIRST_TEST
    assert rows["last_month"].iloc[0] == LAST
    recalibrations = place.store.read("recalibrations")
    in_force = recalibrations["in_force_week"].notna().sum()
    assert rows["n_weeks_recalibrated"].tolist() == [0, in_force, len(WEEKS)]
    assert rows["brier_gain"].iloc[0] == 0.0
    assert rows["brier"].nunique() == 3
    assert rows["n_labels"].nunique() == 1


def test_the_folds_own_models_decide_as_the_walk_forward_did(place: Retrained):
    config = load_settings(place.home).config
    found = walked_months(place.store, set(WEEKS), config)
    own = place.store.read("calibrated_models", partitions=[FIRST_TEST])
    inside = [w for w in WEEKS if w.month == FIRST_TEST.month]
    again = decide_again(found, {}, dict.fromkeys(inside, read_payloads(own)))
    january = again["month"] == FIRST_TEST
    pd.testing.assert_frame_equal(again[january], found.scores[january], check_exact=True)


def test_weeks_of_the_other_method_are_not_compared(other: Retrained):
    rows = other.store.read("recalibrations", partitions=[WEEKS[-1]])
    other.store.replace_partitions(
        {"recalibrations": rows.assign(method="calibrator")}, [WEEKS[-1]]
    )
    result = other.run("recalibration", assets=["recalibration_comparison"])
    assert result.success, failure_text(result)
    compared = other.store.read("recalibration_comparison")
    assert set(compared["last_month"]) == {FIRST_TEST}


def test_the_shadow_scores_a_week_by_the_models_in_force_in_it(other: Retrained):
    with (other.home / "step3.toml").open("a") as file:
        file.write("[config.shadow]\nuse_recalibrations = true\n")
    result = other.run("shadow")
    assert result.success, failure_text(result)
    decisions = other.store.read("shadow_decisions").set_index(EVENT_KEY).sort_index()
    assert set(decisions["month"]) == {LAST}
    weeks = other.store.read("recalibrations")
    in_force = dict(zip(weeks["week"], weeks["in_force_week"], strict=True))
    told = [in_force[w] for w in weeks_of(decisions.reset_index()["decision_time_utc"])]
    recorded = decisions["calibrator_week"].astype(object)
    assert recorded.where(recorded.notna(), None).tolist() == told
    assert 0 < sum(week is None for week in told) < len(told)
    named = set(decisions.loc[recorded.notna().to_numpy(), "model_id"])
    assert named < set(other.store.read("model_registry")["model_id"])
    found = walked_months(other.store, set(WEEKS), load_settings(other.home).config)
    models = stored_models(weeks, other.store.read("weekly_models"), checked=True)
    expected = decide_again(found, {}, models)
    expected = expected[expected["month"] == LAST].set_index(EVENT_KEY).sort_index()
    figures = ["p_raw", "p_calibrated", "ev_struct", "ev_ml", "ev_final", "q10", "size_frac"]
    pd.testing.assert_frame_equal(decisions[figures], expected[figures], check_exact=True)


def test_the_shadow_waits_for_models_of_a_week_that_are_not_there(other: Retrained):
    settings = load_settings(other.home).config
    shadow = settings.shadow.model_copy(update={"use_recalibrations": True})
    config = settings.model_copy(update={"shadow": shadow})
    rows = other.store.read("recalibrations")
    week = next(w for w in rows["in_force_week"].dropna() if w >= LAST)
    assert walked_model(other.store, config, LAST).weeks
    gone = other.store.read("weekly_models", partitions=[week])[:0]
    other.store.replace_partitions({"weekly_models": gone}, [week])
    with pytest.raises(ShadowError, match=f"step3 recalibrate --from {week}"):
        walked_model(other.store, config, LAST)
    assert walked_model(other.store, settings, LAST).weeks == {}
