"""Parity is exact for untouched rows; a planted difference gets its name."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.decisions import SCORES
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.weeks import add_weeks, week_start, weeks_of
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    dump_numbers,
    payload_sha256,
)
from step3_assets.domain.portfolio.variants import Period, run_account
from step3_assets.domain.shadow import parity as parity_module
from step3_assets.domain.shadow.parity import Parity, WalkedMonths, check_parity
from step3_assets.domain.shadow.playback import weekly_closes
from step3_assets.domain.shadow.step import (
    RetrainedWeek,
    ShadowRows,
    WeekCalibrator,
    process_delivery,
)
from step3_assets_tests.domain.shadow.shadow_world import (
    ACCOUNT,
    CONFIG,
    FIRST,
    LAST,
    MONTHS,
    delivered,
    everything,
    model_of,
    play,
    scores_of,
    see,
)

WEEKS = weekly_closes(FIRST, LAST)[::2]
MODELS = {month: model_of(month) for month in MONTHS}


@pytest.fixture(scope="module")
def stored() -> ShadowRows:
    return play(WEEKS)


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return scores_of(everything().events)


def compare(stored, scores, events=None, bars=None, models=None) -> Parity:
    whole = everything()
    return check_parity(
        ACCOUNT,
        stored,
        WalkedMonths(
            scores,
            whole.events if events is None else events,
            whole.bars if bars is None else bars,
            models or MODELS,
        ),
        CONFIG,
    )


def names(parity: Parity) -> set[str]:
    return set(parity.differences["difference"])


def test_three_months_are_the_same_to_the_bit(stored, scores):
    parity = compare(stored, scores)
    assert parity.is_exact, parity.differences["text"].tolist()
    assert parity.largest_gap_usd == 0.0
    figures = parity.metrics.set_index("metric")
    assert (figures["shadow"] == figures["backtest"]).all()
    shadow = figures["shadow"].to_dict()
    assert shadow["trades closed"] > 20
    assert shadow["P&L (USD)"] != 0.0
    assert "the same trades, sizes and P&L" in parity.sentence


def test_an_unfinished_account_is_compared_as_far_as_labels_are_final(scores):
    """Positions are open over the week's end, in both."""
    half = play(WEEKS[:4])
    as_known = delivered(WEEKS[3])
    parity = compare(half, scores_of(as_known.events), as_known.events, as_known.bars)
    assert parity.is_exact, parity.differences["text"].tolist()
    assert WEEKS[2] < parity.until <= WEEKS[3]
    whole = compare(half, scores)
    assert whole.is_exact
    assert whole.until == WEEKS[3] + pd.Timedelta(1, "us")


def test_the_backtest_may_lag_behind_the_shadow(stored, scores):
    """Months that are not scored yet are not compared, and no difference."""
    parity = compare(stored, scores[scores["month"] < LAST])
    assert parity.is_exact
    assert parity.until < pd.Timestamp("2023-09-05", tz="UTC")
    nothing = compare(stored, scores.head(0))
    assert nothing.is_exact
    events = everything().events
    instants = events.loc[events["month"] == FIRST, "decision_instant_utc"]
    assert nothing.until == instants.min()


def altered(frame: pd.DataFrame, row: int, **values) -> pd.DataFrame:
    changed = frame.copy()
    for name, value in values.items():
        changed.loc[row, name] = value
    return changed


def test_a_score_altered_after_the_fact(stored, scores):
    row = int(np.flatnonzero(stored.decisions["is_gated"])[10])
    forged = altered(stored.decisions, row, ev_final=0.5, size_frac=0.01)
    parity = compare(replace(stored, decisions=forged), scores)
    first = parity.differences[parity.differences["difference"] == "score_altered"].iloc[0]
    assert tuple(first[EVENT_KEY]) == tuple(stored.decisions.loc[row, EVENT_KEY])
    assert "not the one that was appended" in first["text"]


def test_a_fill_altered_after_the_fact(stored, scores):
    row = int(np.flatnonzero(stored.fills["kind"] == "exit")[3])
    forged = altered(stored.fills, row, pnl_usd=1e6)
    parity = compare(replace(stored, fills=forged), scores)
    assert names(parity) == {"fill_altered"}
    assert tuple(parity.differences.iloc[0][EVENT_KEY]) == tuple(stored.fills.loc[row, EVENT_KEY])
    assert "1000000.0" in parity.differences["text"].iloc[0]


def test_a_fill_that_vanished(stored, scores):
    row = int(np.flatnonzero(stored.fills["kind"] == "exit")[3])
    parity = compare(replace(stored, fills=stored.fills.drop(index=row)), scores)
    assert "fill_missing" in names(parity)


def restated(stored: ShadowRows, **values) -> tuple[pd.DataFrame, tuple]:
    """The events with one traded row changed, and its key."""
    key = stored.fills.loc[stored.fills["kind"] == "exit", EVENT_KEY].iloc[5]
    events = everything().events
    row = int(np.flatnonzero((events[EVENT_KEY] == key).all(axis=1))[0])
    values = {n: v * events.loc[row, n] for n, v in values.items()}
    return altered(events, row, **values), tuple(key)


def test_an_outcome_restated_after_its_fill(stored, scores):
    events, key = restated(stored, exit_open=1.01)
    parity = compare(stored, scores, events)
    found = parity.differences[parity.differences["difference"] == "outcome_restated"]
    assert tuple(found.iloc[0][EVENT_KEY]) == key
    assert names(parity) <= {"outcome_restated", "follows"}


def test_an_arrival_reports_what_was_restated_and_overwrites_nothing(stored):
    events, key = restated(stored, exit_open=1.01)
    result = process_delivery(
        ACCOUNT, stored, replace(everything(), events=events), model_of, CONFIG
    )
    assert any(
        f"{key[0]} {key[1]} exit: price_usd is stored as" in t for t in result.contradictions
    )
    both = stored.plus(result.new).fills
    kept = both.merge(stored.fills[[*EVENT_KEY, "kind"]], on=[*EVENT_KEY, "kind"])
    pd.testing.assert_frame_equal(kept, stored.fills, check_exact=True)


def test_an_event_revised_after_it_was_scored(stored):
    events, key = restated(stored, sigma=3.0, tp_to_cost=0.1)
    parity = compare(stored, scores_of(events), events)
    found = parity.differences[parity.differences["difference"] == "event_revised"]
    assert [tuple(k) for k in found[EVENT_KEY].to_numpy()] == [key]
    assert names(parity) <= {"event_revised", "follows"}


def test_an_event_withdrawn_after_it_was_scored(stored):
    key = stored.fills.loc[stored.fills["kind"] == "exit", EVENT_KEY].iloc[5]
    events = everything().events
    events = events[~(events[EVENT_KEY] == key).all(axis=1)]
    parity = compare(stored, scores_of(events), events)
    found = parity.differences[parity.differences["difference"] == "event_withdrawn"]
    assert [tuple(k) for k in found[EVENT_KEY].to_numpy()] == [tuple(key)]


def test_another_model_and_other_settings(stored, scores):
    shifted = scores.assign(ev_final=scores["ev_final"] + 1e-9)
    heads = model_of(FIRST).models
    changed = heads.assign(payload_sha256=heads["payload_sha256"].str[::-1])
    models = {m: replace(MODELS[m], models=changed) for m in MONTHS}
    assert names(compare(stored, shifted, models=models)) == {"model_differs"}
    gate = CONFIG.gate.model_copy(update={"k": 0.5})
    config = CONFIG.model_copy(update={"gate": gate})
    models = {m: replace(MODELS[m], config=config) for m in MONTHS}
    assert names(compare(stored, shifted, models=models)) == {"settings_differ"}
    assert names(compare(stored, shifted)) == {"score_differs"}


def test_what_the_shadow_never_saw_and_what_the_backtest_lacks(stored, scores):
    lost = stored.decisions[stored.decisions["month"] == date(2023, 8, 1)].index[7]
    parity = compare(replace(stored, decisions=stored.decisions.drop(index=lost)), scores)
    assert "not_seen" in names(parity)
    hole = scores.drop(index=scores.index[40])
    assert "not_scored" in names(compare(stored, hole))


def test_a_trade_that_nothing_explains_is_said_to_be_so(stored, scores):
    """Both ran on the same decisions and prices, the backtest from another capital."""
    richer = CONFIG.execution.model_copy(update={"initial_capital_usd": 20_000.0})
    backtest = run_account(
        scores,
        everything().events,
        Period(MONTHS, MarkClock.from_bars(everything().bars)),
        CONFIG.model_copy(update={"execution": richer}),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity_module, "run_account", lambda *_: backtest)
        parity = compare(stored, scores)
    assert names(parity) == {"unexplained"}
    assert "units is" in parity.differences["text"].iloc[0]


def calibrator_of(week: date, text: str) -> WeekCalibrator:
    """In force in a week, fitted for the one before."""
    return WeekCalibrator(add_weeks(week, -1), week_start(week), text, payload_sha256(text))


def test_a_weeks_calibrator_is_used_in_its_week_recorded_and_named(stored, scores):
    """Of two weeks that have one, the second's is known too late for its first decisions."""
    text = dump_numbers({"kind": "base_rate", "rate": 0.9})
    first, second = date(2023, 8, 7), date(2023, 8, 14)
    known = pd.Timestamp("2023-08-16", tz="UTC")
    used = {
        first: calibrator_of(first, text),
        second: WeekCalibrator(second, known, text, payload_sha256(text)),
    }
    rows = ShadowRows.none()
    for as_of in WEEKS[:4]:
        rows, _ = see(rows, as_of, lambda month: replace(model_of(month), weeks=used))
    own = rows.decisions["calibrator_week"].isna()
    weeks = weeks_of(rows.decisions["decision_time_utc"])
    late = (weeks == second) & (rows.decisions["decision_instant_utc"] < known)
    assert late.any()
    assert own.equals(~weeks.isin([first, second]) | late)
    assert set(rows.decisions.loc[weeks == first, "calibrator_week"]) == {date(2023, 7, 31)}
    assert set(rows.decisions.loc[~own, "calibrator_sha256"]) == {payload_sha256(text)}
    assert (rows.decisions.loc[~own, "p_calibrated"] == 0.9).all()
    plain = stored.decisions.merge(rows.decisions.loc[own, EVENT_KEY], on=EVENT_KEY)
    figures = [c for c in SCORES.names if c != "month"]
    pd.testing.assert_frame_equal(
        rows.decisions.loc[own, figures].reset_index(drop=True), plain[figures], check_exact=True
    )
    as_known = delivered(WEEKS[3])
    parity = compare(rows, scores_of(as_known.events), as_known.events, as_known.bars)
    assert "recalibrated" in names(parity)
    assert names(parity) <= {"recalibrated", "follows"}


def test_a_retrained_weeks_models_score_in_their_week_are_recorded_and_named():
    """Only what is decided in the week is scored by them."""
    week, text = date(2023, 8, 7), dump_numbers({"kind": "base_rate", "rate": 0.9})
    base = model_of(date(2023, 8, 1))
    other = replace(base, models=base.recalibrated(calibrator_of(week, text)))
    models = other.models.rename(columns={"month": "week"}).assign(week=date(2023, 7, 31))
    retrained = RetrainedWeek(
        date(2023, 7, 31), week_start(week), "recalibration-x", models, other.config.models
    )
    rows = ShadowRows.none()
    for as_of in WEEKS[:4]:
        rows, _ = see(rows, as_of, lambda month: replace(model_of(month), weeks={week: retrained}))
    inside = weeks_of(rows.decisions["decision_time_utc"]) == week
    assert 0 < inside.sum() < len(rows.decisions)
    mine, rest = rows.decisions[inside], rows.decisions[~inside]
    assert set(mine["model_id"]) == {"recalibration-x"}
    assert set(mine["model_hash"]) == {other.model_hash}
    assert set(mine["calibrator_week"]) == {date(2023, 7, 31)}
    assert set(mine["calibrator_sha256"]) == {payload_sha256(text)}
    assert (mine["p_calibrated"] == 0.9).all()
    assert rest["calibrator_week"].isna().all()
    as_known = delivered(WEEKS[3])
    parity = compare(rows, scores_of(as_known.events), as_known.events, as_known.bars)
    differing = parity.differences[parity.differences["difference"] == "model_differs"]
    assert len(differing)
    assert set(weeks_of(differing["decision_time_utc"])) == {week}
    assert names(parity) <= {"model_differs", "follows"}


def test_an_altered_week_calibrator_scores_nothing():
    week = date(2023, 8, 7)
    altered = {week: WeekCalibrator(week, week_start(week), "{}", "0" * 64)}
    with pytest.raises(ModelIntegrityError):
        see(
            ShadowRows.none(),
            WEEKS[3],
            lambda month: replace(model_of(month), weeks=altered),
        )
