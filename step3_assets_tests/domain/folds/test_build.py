from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from step3_assets.catalogue.folds import FOLD_MEMBERS, FOLDS, ROLES
from step3_assets.config import FoldConfig
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.months import add_months, month_range, month_start
from step3_assets.domain.folds.build import build_fold, inner_blocks, inner_folds, training_mask
from step3_assets_tests.domain.folds.fold_frames import SMALL, make_events, make_pair

MONTH = date(2018, 7, 1)
EVENTS, BARS = make_pair(seed=1)


def joined(fold, events=EVENTS):
    keys = ["symbol", "decision_time_utc"]
    return fold.members.drop(columns="month").merge(events, on=keys, validate="one_to_one")


def touches(rows, bars, boundary, embargo_bars):
    """Row by row: does a label reach `boundary`, or come within the embargo on any symbol?"""
    edge = boundary
    first = {}
    for symbol, own in bars.groupby("symbol"):
        later = own.loc[own["date"] >= boundary, "bar_idx"]
        first[symbol] = later.min() if len(later) else own["bar_idx"].max() + 1
        embargoed = own.loc[own["bar_idx"] == first[symbol] - embargo_bars, "date"]
        edge = min([edge, *embargoed])
    return [
        row.exit_time_utc >= edge or row.label_end_idx >= first[row.symbol] - embargo_bars
        for row in rows.itertuples()
    ]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), per_month=st.integers(2, 25), ahead=st.integers(24, 39))
def test_no_training_label_touches_the_test_month_or_its_embargo(seed, per_month, ahead):
    events, bars = make_pair(seed=seed, per_month=per_month)
    month = add_months(date(2016, 1, 1), ahead)
    fold = build_fold(events, bars, month, SMALL)
    rows = joined(fold, events)
    start = month_start(month)
    window = rows["decision_time_utc"] >= month_start(add_months(month, -24))
    longest = rows.loc[window & (rows["decision_time_utc"] < start), "H"].max()
    seen = bars[bars["date"] < month_start(add_months(month, 1))]
    trains = rows["role"].isin(["fit", "calibration"])
    assert not any(touches(rows[trains], seen, start, longest))
    assert (rows.loc[trains, "maturity"] == "final").all()
    dropped = rows[window & ~trains & (rows["role"] != "test") & (rows["maturity"] == "final")]
    assert all(touches(dropped, seen, start, longest)), "a row was dropped for no reason"
    for inner in inner_folds(fold.members):
        block = inner_blocks(start, SMALL)[inner.number][0]
        keys = fold.members[["symbol", "decision_time_utc"]]
        assert not any(touches(keys[inner.train].merge(events), seen, block, longest))
        assert (keys.loc[inner.validation, "decision_time_utc"] >= block).all()


@pytest.mark.parametrize("later_months", [0, 1, 9])
def test_later_months_change_nothing(later_months):
    whole = build_fold(EVENTS, BARS, MONTH, SMALL)
    end = add_months(MONTH, later_months)
    events, bars = EVENTS[EVENTS["month"] <= end], BARS[BARS["month"] <= end]
    first = add_months(MONTH, -36)
    cut = build_fold(events[events["month"] >= first], bars[bars["month"] >= first], MONTH, SMALL)
    pd.testing.assert_frame_equal(cut.members, whole.members, check_exact=True)
    pd.testing.assert_frame_equal(cut.manifest, whole.manifest, check_exact=True)


def test_row_order_changes_nothing():
    shuffled = build_fold(
        EVENTS.sample(frac=1, random_state=0), BARS.sample(frac=1, random_state=0), MONTH, SMALL
    )
    whole = build_fold(EVENTS, BARS, MONTH, SMALL)
    pd.testing.assert_frame_equal(shuffled.members, whole.members, check_exact=True)


@pytest.mark.parametrize("month", month_range(date(2016, 1, 1), date(2019, 5, 1))[::4])
def test_every_calendar_month_yields_a_fold(month):
    fold = build_fold(EVENTS, BARS, month, SMALL)
    assert fold.manifest["symbol"].tolist() == ["AAA", "BBB"]
    assert frame_hash(fold.manifest, FOLDS)  # canonical: every column, no null, right types
    assert frame_hash(fold.members, FOLD_MEMBERS)
    counts = fold.members["role"].value_counts()
    for role in ROLES:
        assert fold.manifest[f"n_{role}"].sum() == counts.get(role, 0)


def test_month_without_events_is_a_fold_without_test_rows():
    quiet = EVENTS[EVENTS["month"] != MONTH]
    fold = build_fold(quiet, BARS, MONTH, SMALL)
    assert fold.manifest["n_test"].tolist() == [0, 0]
    assert training_mask(fold.members).sum() > 100


def test_market_without_any_event_is_a_fold():
    fold = build_fold(EVENTS.iloc[:0], BARS, MONTH, SMALL)
    assert fold.members.empty
    assert fold.manifest["n_fit"].tolist() == [0, 0]
    assert fold.manifest["embargo_bars"].tolist() == [0, 0]


def test_drop_reasons_of_an_older_look_back_and_of_unripe_labels():
    unripe = EVENTS.copy()
    chosen = unripe["month"] == add_months(MONTH, -3)
    unripe.loc[chosen, "maturity"] = "provisional"
    roles = build_fold(unripe, BARS, MONTH, SMALL).members.set_index(
        ["symbol", "decision_time_utc"]
    )
    keys = pd.MultiIndex.from_frame(unripe.loc[chosen, ["symbol", "decision_time_utc"]])
    assert set(roles.loc[keys, "role"]) == {"not_final"}
    old = EVENTS["month"].between(add_months(MONTH, -36), add_months(MONTH, -25))
    keys = pd.MultiIndex.from_frame(EVENTS.loc[old, ["symbol", "decision_time_utc"]])
    assert set(roles.loc[keys, "role"]) == {"outside_window"}
    assert roles.loc[keys, "uniqueness"].isna().all()


def test_what_happens_in_the_test_month_leaves_the_training_rows_alone():
    before = build_fold(EVENTS, BARS, MONTH, SMALL)
    changed = EVENTS.copy()
    late = changed["exit_time_utc"] >= month_start(MONTH)
    changed.loc[late, "label_end_idx"] += 1
    changed.loc[late, "exit_time_utc"] += pd.Timedelta(hours=1)
    after = build_fold(changed, BARS, MONTH, SMALL)
    trains = training_mask(before.members)
    pd.testing.assert_frame_equal(
        before.members[trains], after.members[training_mask(after.members)], check_exact=True
    )
    assert before.manifest["members_hash"].tolist() == after.manifest["members_hash"].tolist()


def test_planted_late_label_is_purged():
    """The guard sees it: a label moved into the test month leaves the training rows."""
    fold = build_fold(EVENTS, BARS, MONTH, SMALL)
    victim = fold.members[training_mask(fold.members)].iloc[-1]
    planted = EVENTS.copy()
    row = (planted["symbol"] == victim["symbol"]) & (
        planted["decision_time_utc"] == victim["decision_time_utc"]
    )
    planted.loc[row, "exit_time_utc"] = month_start(MONTH)
    roles = build_fold(planted, BARS, MONTH, SMALL).members
    key = (roles["symbol"] == victim["symbol"]) & (
        roles["decision_time_utc"] == victim["decision_time_utc"]
    )
    assert roles.loc[key, "role"].item() == "purged"


@pytest.mark.parametrize(
    ("config", "edges"),
    [
        (FoldConfig(), ["2015-07", "2016-01", "2016-07", "2017-01", "2017-07"]),
        (
            FoldConfig(train_months=24, inner_folds=5, inner_min_train_months=12),
            ["2016-07", "2016-09", "2016-11", "2017-02", "2017-04", "2017-07"],
        ),
    ],
)
def test_inner_blocks_divide_the_calendar(config, edges):
    blocks = inner_blocks(month_start(date(2017, 7, 1)), config)
    assert [f"{a:%Y-%m}" for a, _ in blocks] + [f"{blocks[-1][1]:%Y-%m}"] == edges
    assert all(a < b for a, b in blocks)


def test_calibration_rows_are_those_an_inner_fold_predicts():
    fold = build_fold(EVENTS, BARS, MONTH, SMALL)
    rows = fold.members
    assert rows.loc[rows["role"] == "calibration", "inner_fold"].notna().all()
    assert rows.loc[rows["role"] != "calibration", "inner_fold"].isna().all()
    inner = inner_folds(rows)
    assert [one.number for one in inner] == [0, 1, 2]
    sizes = [one.train.sum() for one in inner]
    assert sizes == sorted(sizes), "inner folds expand"
    assert not any((one.train & one.validation).any() for one in inner)
    assert fold.manifest["n_inner_folds"].tolist() == [3, 3]


def test_inner_fold_with_too_few_training_rows_predicts_nothing():
    strict = SMALL.model_copy(update={"inner_min_rows": 260})
    fold = build_fold(EVENTS, BARS, MONTH, strict)
    numbers = [one.number for one in inner_folds(fold.members)]
    assert numbers == [2]
    assert (fold.members["role"] == "fit").sum() > 250


def test_symbols_may_come_late():
    events, bars = make_pair(seed=5, n_months=40, symbols=("AAA",))
    _, late_bars = make_pair(seed=6, n_months=3, symbols=("NEW",), first=date(2018, 6, 1))
    late = make_events(late_bars, np.random.default_rng(0), 20)
    fold = build_fold(
        pd.concat([events, late]), pd.concat([bars, late_bars]), date(2018, 7, 1), SMALL
    )
    assert fold.manifest["symbol"].tolist() == ["AAA", "NEW"]
    assert fold.manifest["n_test"].min() > 0
    early = build_fold(
        pd.concat([events, late]), pd.concat([bars, late_bars]), date(2018, 5, 1), SMALL
    )
    assert early.manifest["symbol"].tolist() == ["AAA"]
