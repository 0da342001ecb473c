"""The weekly refit: which data it may see, when it is used, and that it depends on data only."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from step3_assets.catalogue.live import RECALIBRATIONS
from step3_assets.domain.core.validation import validate_frame
from step3_assets.domain.core.weeks import month_of_week
from step3_assets.domain.live import recalibration
from step3_assets.domain.live.base_model import CALENDAR_MONTH, Base, BaseModel, chain_of
from step3_assets.domain.live.recalibration import (
    WeekInputs,
    final_labels,
    fit_calibrator,
    recalibrate_week,
    recalibration_step,
)
from step3_assets.domain.models.calibration import calibrate
from step3_assets.domain.models.probability_scores import brier
from step3_assets.domain.models.text_format import load_numbers, payload_sha256
from step3_assets_tests.domain.live.pool import BASE, CONFIG, HORIZON, make_labels

WEEK = date(2023, 3, 20)
END = pd.Timestamp("2023-03-17 20:00", tz="UTC")


def row_of(labels: pd.DataFrame, week: date = WEEK, base: BaseModel = BASE, config=CONFIG) -> dict:
    frame = recalibrate_week(labels, base, chain_of(week, month_of_week), END, config)
    row = validate_frame(frame, RECALIBRATIONS).iloc[0].to_dict()
    return {name: None if pd.isna(value) else value for name, value in row.items()}


def test_a_line_that_the_raw_probabilities_are_off_by_is_found_and_used():
    row = row_of(make_labels(intercept=-0.8), date(2023, 3, 6))
    assert row["is_used"]
    assert row["reason"] == "no_worse"
    assert row["in_force"] == row["calibrator"]
    assert payload_sha256(row["in_force"]) == row["in_force_sha256"]
    raw = np.linspace(0.3, 0.7, 41)
    meant = expit(logit(raw) - 0.8)
    found = calibrate(load_numbers(row["calibrator"]), raw)
    assert abs(found - meant).mean() < 0.06
    assert abs(raw - meant).mean() > 0.15
    assert row["brier_new"] < row["brier_fold"]


def test_the_chain_begins_with_the_base_models_own_and_moves_week_by_week():
    labels = make_labels(intercept=-0.8)
    first = row_of(labels, date(2023, 3, 6))
    assert (first["incumbent_week"], first["in_force_week"]) == (None, date(2023, 3, 6))
    assert first["check_from_utc"] == pd.Timestamp("2023-03-01", tz="UTC")
    assert first["brier_fold"] == first["brier_incumbent"]
    second = row_of(labels, date(2023, 3, 13))
    assert second["incumbent_week"] == date(2023, 3, 6)
    assert second["check_from_utc"] == first["as_of_utc"]
    final = labels["final_at_utc"]
    new = ((final >= first["as_of_utc"]) & (final < second["as_of_utc"])).to_numpy()
    won, raw = labels.loc[new, "y"].to_numpy(), labels.loc[new, "p_raw"].to_numpy()
    assert second["n_check"] == new.sum()
    predicted = calibrate(load_numbers(first["in_force"]), raw)
    assert second["brier_incumbent"] == brier(won, predicted)


def test_no_checked_label_is_predicted_by_a_calibrator_that_saw_it(
    monkeypatch: pytest.MonkeyPatch,
):
    seen = []
    real = recalibration.fit_calibrator

    def watched(labels, instant, *rest):
        fit = real(labels, instant, *rest)
        seen.append((instant, labels.loc[fit.rows, "final_at_utc"].max()))
        return fit

    monkeypatch.setattr(recalibration, "fit_calibrator", watched)
    row = row_of(make_labels())
    assert len(seen) > 10
    assert all(newest < instant for instant, newest in seen)
    assert max(instant for instant, _ in seen) == row["as_of_utc"]
    days = {instant for instant, _ in seen if instant == instant.normalize()}
    assert days, "each new label is predicted as of the start of its own day"


@pytest.mark.parametrize("column", ["y", "p_raw"])
def test_what_becomes_final_later_changes_nothing(column: str):
    labels = make_labels()
    later = (labels["final_at_utc"] >= chain_of(WEEK, month_of_week)[-1].open_utc).to_numpy()
    assert later.sum() > 50
    changed = labels.copy()
    changed.loc[later, column] = 1 - changed.loc[later, column]
    assert row_of(changed) == row_of(labels)
    assert row_of(labels[~later].reset_index(drop=True)) == row_of(labels)
    earlier = labels.copy()
    at = np.flatnonzero(~later)[-1]
    earlier.loc[at, column] = 1 - earlier.loc[at, column]
    assert row_of(earlier)["labels_hash"] != row_of(labels)["labels_hash"]


def test_a_worse_calibrator_leaves_last_weeks_in_force():
    """Sound raw probabilities until March, then a month in which everything wins."""
    labels = make_labels(intercept=-2.0)
    march = labels["decision_time_utc"] >= pd.Timestamp("2023-03-01", tz="UTC")
    rng = np.random.default_rng(2)
    chance = labels["p_raw"].to_numpy()
    labels.loc[march, "y"] = (rng.uniform(size=len(labels)) < chance)[march].astype(float)
    row = row_of(labels, date(2023, 3, 13))
    assert row["reason"] == "worse_brier"
    assert not row["is_used"]
    assert row["in_force_week"] is None
    assert load_numbers(row["in_force"]) == BASE.calibrator
    assert row["calibrator"] != row["in_force"], "what was fitted is kept"


@pytest.mark.parametrize(
    ("floors", "reason"),
    [
        ({"min_rows": 10_000}, "too_few_labels"),
        ({"min_check_rows": 10_000}, "too_few_new_labels"),
    ],
)
def test_too_little_to_go_by_keeps_what_is_in_force(floors: dict, reason: str):
    floor = CONFIG.recalibration.model_copy(update=floors)
    row = row_of(make_labels(), config=CONFIG.model_copy(update={"recalibration": floor}))
    assert (row["reason"], row["in_force_week"]) == (reason, None)
    assert (row["calibrator"] is None) == (reason == "too_few_labels")


def test_one_outcome_is_no_ground_to_fit():
    row = row_of(make_labels().assign(y=1.0))
    assert (row["reason"], row["calibrator"]) == ("one_outcome", None)


def test_a_fold_without_models_has_nothing_to_recalibrate():
    row = row_of(make_labels(), base=BaseModel(BASE.month, "", "", None))
    assert (row["reason"], row["in_force"], row["n_labels"]) == ("no_model", None, 0)


def test_scores_of_other_settings_are_not_comparable():
    labels = make_labels()
    mine = labels["decision_time_utc"] >= pd.Timestamp("2023-01-15", tz="UTC")
    mixed = labels.assign(config_hash=np.where(mine, "settings", "others"))
    assert row_of(mixed)["labels_hash"] == row_of(labels[mine])["labels_hash"]


def test_the_window_ends_where_it_is_configured():
    short = CONFIG.recalibration.model_copy(update={"window_weeks": 13})
    labels, instant = (
        make_labels(start=date(2022, 11, 1)),
        chain_of(WEEK, month_of_week)[-1].open_utc,
    )
    fit = fit_calibrator(labels, instant, BASE, CONFIG.model_copy(update={"recalibration": short}))
    first = labels.loc[fit.rows, "decision_time_utc"].min()
    assert first == pd.Timestamp("2022-12-19 14:30", tz="UTC")


def test_a_week_without_a_session_leaves_no_row():
    empty = recalibration_step(WeekInputs.no_session(make_labels(), CONFIG))["recalibrations"]
    assert empty.empty
    assert list(empty.columns) == RECALIBRATIONS.names


def test_isotonic_is_chosen_on_labels_final_before_each_block(monkeypatch: pytest.MonkeyPatch):
    labels = make_labels()
    splits = recalibration._forward_splits(labels)
    assert len(splits) == recalibration.CHOICE_BLOCKS - 1
    for fitted, predicted in splits:
        newest = labels.loc[fitted, "final_at_utc"].max()
        assert newest < labels.loc[predicted, "decision_time_utc"].min()
    assert splits[-1][1][-1], "the last label is predicted"


def test_a_label_is_final_when_a_delivery_would_first_call_it_so():
    labels = make_labels(end=date(2022, 12, 9))
    bars = pd.DataFrame({"symbol": "QQQ", "bar_idx": range(200)})
    stamps = pd.Timestamp("2022-12-01", tz="UTC") + pd.to_timedelta(range(200), unit="h")
    bars["bar_end_utc"] = pd.Series(stamps).dt.as_unit("us")
    keys = ["symbol", "decision_time_utc"]
    events = labels[[*keys, "t_idx", "label_end_idx", "y"]].assign(H=HORIZON, maturity="final")
    events.loc[0, "maturity"] = "provisional"
    scores = labels[["month", *keys, "p_raw"]].copy()
    scores.loc[1, "p_raw"] = np.nan
    months = sorted(set(labels["month"]))
    models = pd.DataFrame({"month": months, "head": "calibrator", "config_hash": "settings"})
    found = final_labels(scores, events, bars, models)
    assert found["t_idx"].tolist() == labels["t_idx"].tolist()[2:]
    last_scanned_and_next = bars["bar_end_utc"].iloc[found["t_idx"] + HORIZON + 2]
    assert found["final_at_utc"].tolist() == last_scanned_and_next.tolist()
    short = final_labels(scores, events, bars.iloc[:20], models)
    assert short["t_idx"].max() == 19 - HORIZON - 2


def test_an_altered_model_is_refused():
    from step3_assets.domain.models.text_format import ModelIntegrityError

    row = {
        "month": BASE.month,
        "head": "calibrator",
        "payload": '{"kind":"base_rate","rate":0.5}',
        "payload_sha256": "0" * 64,
        "config_hash": "settings",
    }
    with pytest.raises(ModelIntegrityError, match="was altered"):
        BaseModel.of_models(pd.DataFrame([row]), Base(BASE.month, CALENDAR_MONTH))


def test_the_base_month_may_be_another_rule():
    """A registry's model that stays in force makes the chain longer."""
    stays = chain_of(date(2023, 3, 13), lambda week: date(2023, 2, 1))
    assert [stays[0].day, stays[-1].day] == [date(2023, 2, 6), date(2023, 3, 13)]
    assert len(stays) == 6
    assert chain_of(date(2023, 3, 13), month_of_week)[0].day == date(2023, 3, 6)


def test_settings_are_hashed():
    other = CONFIG.recalibration.model_copy(update={"window_weeks": 21})
    changed = row_of(make_labels(), config=CONFIG.model_copy(update={"recalibration": other}))
    assert changed["config_hash"] != row_of(make_labels())["config_hash"]
