"""The weekly retraining: training rows, validation labels, and when a model is used."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.live import RECALIBRATIONS, WEEKLY_MODELS
from step3_assets.config import RecalibrationConfig, Step3Config
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import month_start
from step3_assets.domain.core.validation import validate_frame
from step3_assets.domain.core.weeks import first_session, month_of_week, week_of
from step3_assets.domain.folds import build as folds
from step3_assets.domain.live import retraining, verify
from step3_assets.domain.live.base_model import CALENDAR_MONTH, Base, BaseModel, chain_of
from step3_assets.domain.live.recalibration import final_instants
from step3_assets.domain.live.retraining import (
    History,
    known_before,
    retrained_week,
    train_week,
    week_span,
)
from step3_assets.domain.models.text_format import ModelIntegrityError
from step3_assets_tests.domain.models.training_frames import (
    FOLDS_24,
    MONTH,
    QUICK,
    make_fold,
    make_market,
    train_events,
)

WEEKS = [date(2018, 1, 2), date(2018, 1, 8), date(2018, 1, 16), date(2018, 1, 22)]  # with sessions
WEEKS = [week_of(day) for day in WEEKS]
END = pd.Timestamp("2018-01-19 21:00", tz="UTC")
EVENTS, BARS = make_market(edge_bps=40.0, seed=3)
CONFIG = Step3Config(
    folds=FOLDS_24,
    models=QUICK,
    recalibration=RecalibrationConfig(method="retrain", min_check_rows=5),
)
BASE_MODELS = train_events(EVENTS, make_fold(EVENTS, BARS), QUICK).models
BASE = BaseModel.of_models(BASE_MODELS, Base(MONTH, CALENDAR_MONTH))
NONE = pd.DataFrame(columns=WEEKLY_MODELS.names)


def session(week: date):
    found = first_session(week)
    assert found is not None
    return found


def history(
    events: pd.DataFrame = EVENTS, stored: pd.DataFrame = NONE, config: Step3Config = CONFIG
) -> History:
    return History(events, BARS, stored, {MONTH: config})


def row_of(week: date, of: History | None = None) -> Mapping[str, Any]:
    frame = retrained_week(of or history(), BASE, BASE_MODELS, chain_of(week, month_of_week), END)
    row = validate_frame(frame, RECALIBRATIONS).iloc[0].to_dict()
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


@pytest.fixture(scope="module")
def trained() -> dict[date, pd.DataFrame]:
    return {week: train_week(EVENTS, BARS, session(week), CONFIG) for week in WEEKS[:3]}


@pytest.fixture(scope="module")
def rows(trained: dict[date, pd.DataFrame]) -> dict[date, Mapping[str, Any]]:
    stored = pd.concat(trained.values())
    return {week: row_of(week, history(stored=stored)) for week in WEEKS}


def test_a_week_is_trained_on_what_was_known_at_its_open(trained: dict[date, pd.DataFrame]):
    models = validate_frame(trained[WEEKS[2]], WEEKLY_MODELS)
    opened = session(WEEKS[2]).open_utc
    assert set(models["as_of_utc"]) == {opened}
    assert (models["last_final_utc"] < opened).all()
    events, bars = known_before(EVENTS, BARS, session(WEEKS[2]))
    assert events["decision_time_utc"].max() < opened
    again = train_week(events, bars, session(WEEKS[2]), CONFIG)
    pd.testing.assert_frame_equal(again, trained[WEEKS[2]], check_exact=True)
    changed = EVENTS.copy()
    late = (final_instants(changed, BARS) >= opened).to_numpy()
    assert late.sum() > 20
    changed.loc[late, ["gross_logret", "net_logret"]] += 0.01
    changed.loc[late, "y"] = 1 - changed.loc[late, "y"]
    again = train_week(changed, BARS, session(WEEKS[2]), CONFIG)
    pd.testing.assert_frame_equal(again, trained[WEEKS[2]], check_exact=True)


def test_the_fold_of_a_week_is_a_fold_with_the_week_in_the_months_place():
    span = week_span(session(WEEKS[2]))
    fold = folds.cut_fold(EVENTS, BARS, span, FOLDS_24)
    manifest = fold.manifest.iloc[0]
    assert manifest["test_start_utc"] == pd.Timestamp("2018-01-16 14:30", tz="UTC")
    assert manifest["test_end_utc"] == pd.Timestamp("2018-01-22", tz="UTC")
    assert manifest["window_start_utc"] == pd.Timestamp("2016-01-16 14:30", tz="UTC")
    assert fold.manifest["n_test"].min() > 0
    assert fold.manifest["n_purged"].sum() + fold.manifest["n_embargoed"].sum() > 0
    inner = folds.inner_blocks(span.start, FOLDS_24)
    assert inner[0][0] == pd.Timestamp("2017-01-16 14:30", tz="UTC")
    assert inner[-1][1] == span.start
    same = folds.cut_fold(EVENTS, BARS, folds.FoldSpan.of_month(MONTH), FOLDS_24)
    pd.testing.assert_frame_equal(same.members, make_fold(EVENTS, BARS).members)


def test_stored_models_are_handed_back_unless_what_they_were_trained_on_has_changed(
    trained: dict[date, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    calls = []
    real = retraining.train_fold
    monkeypatch.setattr(retraining, "train_fold", lambda *a: calls.append(1) or real(*a))
    stored = trained[WEEKS[0]]
    assert train_week(EVENTS, BARS, session(WEEKS[0]), CONFIG, stored) is stored
    assert calls == []
    restated = EVENTS.copy()
    restated.loc[restated.index[-400], "gross_logret"] += 0.01
    again = train_week(restated, BARS, session(WEEKS[0]), CONFIG, stored)
    assert (calls, again["inputs_hash"].iloc[0] == stored["inputs_hash"].iloc[0]) == ([1], False)


def test_the_first_week_of_a_base_has_nothing_to_judge_and_each_later_one_the_week_before(
    rows: dict[date, Mapping[str, Any]], trained: dict[date, pd.DataFrame]
):
    first = rows[WEEKS[0]]
    assert (first["reason"], first["new_week"], first["in_force_week"]) == (
        "no_challenger",
        None,
        None,
    )
    for before, week in pairwise(WEEKS):
        row = rows[week]
        assert row["new_week"] == before
        assert row["check_from_utc"] == session(before).open_utc
        assert row["labels_hash"] == trained[before]["labels_hash"].iloc[0]
        assert row["incumbent_week"] == rows[before]["in_force_week"]
        assert row["in_force_week"] == (before if row["is_used"] else row["incumbent_week"])
    assert {row["is_used"] for row in rows.values()} == {True, False}, "both outcomes are tried"


def test_no_label_checked_on_was_known_to_either_of_the_models_compared(
    trained: dict[date, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    seen: list[tuple[int, pd.DataFrame]] = []
    real = retraining.predict_forecasts
    monkeypatch.setattr(
        retraining, "predict_forecasts", lambda p, rows: seen.append((id(p), rows)) or real(p, rows)
    )
    week = WEEKS[3]
    row_of(week, history(stored=pd.concat(trained.values())))
    for newer, (_, rows) in zip((WEEKS[0], WEEKS[1], WEEKS[2]), seen[::3], strict=True):
        assert (rows["final_at_utc"] >= session(newer).open_utc).all()
        assert (rows["final_at_utc"] < session(week).open_utc).all()
        assert (trained[newer]["last_final_utc"] < rows["final_at_utc"].min()).all()
        # No label checked on overlaps one that was trained on, on the bars of its own symbol.
        events, bars = known_before(EVENTS, BARS, session(newer))
        members = folds.cut_fold(events, bars, week_span(session(newer)), FOLDS_24).members
        kept = members[folds.training_mask(members)].merge(EVENTS, on=EVENT_KEY)
        ends = kept.groupby("symbol")["label_end_idx"].max()
        assert (rows["t_idx"] + 1 >= rows["symbol"].map(ends)).all()


def test_the_way_a_week_comes_changes_nothing(
    rows: dict[date, Mapping[str, Any]], trained: dict[date, pd.DataFrame]
):
    """With none of the weeks before stored, or one of them, or others' rows: the same row."""
    week = WEEKS[2]
    restated = trained[WEEKS[1]].assign(inputs_hash="of other data", payload="altered")
    for stored in (NONE, trained[WEEKS[1]], pd.concat([trained[WEEKS[0]], restated])):
        assert row_of(week, history(stored=stored)) == rows[week]


def test_too_few_labels_of_the_week_before_lead_to_the_week_before_that(
    trained: dict[date, pd.DataFrame], rows: dict[date, Mapping[str, Any]]
):
    stored = pd.concat(trained.values())
    newest = rows[WEEKS[2]]["n_check"]
    least = CONFIG.recalibration.model_copy(update={"min_check_rows": newest + 1})
    strict = CONFIG.model_copy(update={"recalibration": least})
    row = row_of(WEEKS[2], history(stored=stored, config=strict))
    assert (row["new_week"], row["check_from_utc"]) == (WEEKS[0], session(WEEKS[0]).open_utc)
    assert row["n_check"] > newest
    none = CONFIG.recalibration.model_copy(update={"min_check_rows": 10_000})
    never = CONFIG.model_copy(update={"recalibration": none})
    row = row_of(WEEKS[2], history(stored=stored, config=never))
    assert (row["reason"], row["in_force_week"]) == ("too_few_new_labels", None)


def test_broken_models_are_judged_worse_and_altered_ones_refused(
    trained: dict[date, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    stored = pd.concat(trained.values())
    altered = stored.assign(payload=stored["payload"].mask(stored["head"] == "calibrator", "{}"))
    with pytest.raises(ModelIntegrityError, match="was altered"):
        row_of(WEEKS[1], history(stored=altered))
    real = retraining.predict_forecasts
    own = retraining.read_payloads(BASE_MODELS)

    def broken(payloads, events):
        figures = real(payloads, events)
        if payloads == own:
            return figures
        return figures.assign(p_calibrated=np.where(events["y"] == 1, 0.1, 0.9))

    monkeypatch.setattr(retraining, "predict_forecasts", broken)
    row = row_of(WEEKS[3], history(stored=stored))
    assert (row["reason"], row["in_force_week"], row["in_force_hash"]) == (
        "worse_brier",
        None,
        BASE.artefact_hash,
    )
    assert row["brier_incumbent"] == row["brier_fold"]


def test_a_base_without_models_stays_without():
    row = retrained_week(
        history(),
        BaseModel(MONTH, "", "", None),
        BASE_MODELS[:0],
        chain_of(WEEKS[1], month_of_week),
        END,
    ).iloc[0]
    assert (row["reason"], row["in_force_week"], row["in_force_hash"]) == ("no_model", None, None)


def test_too_few_labels_train_nothing_and_judge_nothing():
    few = CONFIG.model_copy(update={"models": QUICK.model_copy(update={"min_train_rows": 9999})})
    assert train_week(EVENTS, BARS, session(WEEKS[0]), few).empty
    assert row_of(WEEKS[1], history(config=few))["reason"] == "no_challenger"


def test_correct_weeks_pass_and_planted_leaks_are_found(
    trained: dict[date, pd.DataFrame],
    rows: dict[date, Mapping[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
):
    models = pd.concat(trained.values())
    judged = pd.DataFrame(list(rows.values()))
    assert verify.trained_violations(models, EVENTS, BARS, FOLDS_24) == []
    assert verify.validation_violations(judged, EVENTS, BARS, FOLDS_24) == []
    assert verify.weekly_model_violations(models) == []
    assert verify.models_in_force_violations(judged, models) == []

    real = folds.drop_reasons
    monkeypatch.setattr(folds, "drop_reasons", lambda *a: _not_purged(real(*a)))
    leaky = train_week(EVENTS, BARS, session(WEEKS[1]), CONFIG)
    (problem,) = verify.trained_violations(leaky, EVENTS, BARS, FOLDS_24)
    assert f"week {WEEKS[1]} was trained on" in problem
    assert leaky["n_rows"].iloc[0] > trained[WEEKS[1]]["n_rows"].iloc[0]


def _not_purged(reasons: np.ndarray) -> np.ndarray:
    return np.where(np.isin(reasons, ["purged", "embargoed"]), "", reasons).astype(object)


def test_a_label_used_before_it_was_final_is_found(
    trained: dict[date, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    real = retraining.labels_between
    monkeypatch.setattr(
        retraining,
        "labels_between",
        lambda outcomes, since, until: real(outcomes, since, until + pd.Timedelta(days=1)),
    )
    row = row_of(WEEKS[2], history(stored=pd.concat(trained.values())))
    (problem,) = verify.validation_violations(pd.DataFrame([row]), EVENTS, BARS, FOLDS_24)
    assert f"was checked on {row['n_check']} labels" in problem


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"as_of_utc": month_start(MONTH)}, "but it opens at"),
        ({"last_final_utc": pd.Timestamp("2018-02-01", tz="UTC")}, "became final at"),
        ({"labels_hash": "of others"}, "that are not the"),
    ],
)
def test_rows_that_say_what_cannot_be_are_found(
    trained: dict[date, pd.DataFrame], planted: dict, words: str
):
    models = trained[WEEKS[0]].assign(**planted)
    (problem,) = verify.trained_violations(models, EVENTS, BARS, FOLDS_24)
    assert words in problem


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"as_of_utc": month_start(MONTH)}, "does not open at"),
        ({"new_week": WEEKS[3]}, "which cannot be"),
        ({"incumbent_week": WEEKS[1]}, "which cannot be"),
        ({"labels_hash": "of others"}, "were not trained on"),
        ({"n_check": 1}, "was checked on 1 labels"),
    ],
)
def test_impossible_comparisons_are_found(
    rows: dict[date, Mapping[str, Any]], planted: dict, words: str
):
    row = pd.DataFrame([{**rows[WEEKS[2]], **planted}])
    (problem,) = verify.validation_violations(row, EVENTS, BARS, FOLDS_24)
    assert words in problem


def test_altered_and_exchanged_models_are_found(
    trained: dict[date, pd.DataFrame], rows: dict[date, Mapping[str, Any]]
):
    models = trained[WEEKS[0]]
    is_own = models["head"] == "ridge"
    (problem,) = verify.weekly_model_violations(
        models.assign(payload=models["payload"].mask(is_own, "{}"))
    )
    assert "ridge" in problem
    (problem,) = verify.weekly_model_violations(models[models["head"] != "blend"])
    assert "lacks blend" in problem
    exchanged = models.assign(payload_sha256=models["payload_sha256"].mask(is_own, "0" * 64))
    found = verify.models_in_force_violations(pd.DataFrame([rows[WEEKS[1]]]), exchanged)
    assert f"refers to models of week {WEEKS[0]}" in found[0]
