"""Epochs: their months, and what was known when they began."""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import OUTCOME_COLUMNS
from step3_assets.config import FoldConfig, SearchConfig
from step3_assets.domain.search.epochs import epochs_between, known_before, make_epoch
from step3_assets_tests.domain.search.search_frames import searched_market

CONFIG, FOLDS = SearchConfig(), FoldConfig()


def test_half_years_with_the_two_years_before_them():
    epoch = make_epoch(date(2021, 7, 1), date(2016, 2, 1), CONFIG, FOLDS)
    assert epoch.last == date(2021, 12, 1)
    assert (epoch.inner[0], epoch.inner[-1]) == (date(2019, 7, 1), date(2021, 6, 1))
    assert len(epoch.inner) == 24


def test_the_first_inner_month_has_a_year_of_data_before_it():
    epoch = make_epoch(date(2019, 1, 1), date(2016, 2, 1), CONFIG, FOLDS)
    assert (epoch.inner[0], len(epoch.inner)) == (date(2017, 2, 1), 23)


def test_too_few_inner_months_are_none():
    assert make_epoch(date(2018, 1, 1), date(2016, 2, 1), CONFIG, FOLDS).inner == ()


def test_every_epoch_that_holds_a_month():
    epochs = epochs_between(date(2019, 2, 1), date(2020, 1, 1), date(2016, 2, 1), CONFIG, FOLDS)
    assert [e.first for e in epochs] == [date(2019, 1, 1), date(2019, 7, 1), date(2020, 1, 1)]


def test_a_bar_that_is_under_way_at_the_start_is_not_known():
    events, bars = searched_market()
    start = pd.Timestamp("2017-07-01", tz="UTC")
    last = bars[bars["bar_end_utc"] <= start].iloc[[-1]]
    half_hour = pd.Timedelta(minutes=30)
    under_way = last.assign(date=start - half_hour, bar_end_utc=start + half_hour)
    over = last.assign(date=start - 2 * half_hour, bar_end_utc=start)
    _, seen = known_before(events, pd.concat([bars, under_way, over]), date(2017, 7, 1))
    assert not (seen["date"] == start - half_hour).any()
    assert (seen["date"] == start - 2 * half_hour).any()


def test_what_is_not_over_by_the_start_is_pending():
    events, bars = searched_market()
    start = pd.Timestamp("2017-07-01", tz="UTC")
    over = events["exit_time_utc"] < start
    straddling = ~over & (events["decision_instant_utc"] <= start)
    assert straddling.sum() > 0
    cut, seen = known_before(events, bars, date(2017, 7, 1))
    assert seen["bar_end_utc"].max() <= start
    assert len(cut) == over.sum() + straddling.sum()
    pending = cut.loc[straddling[straddling].index]
    assert set(pending["maturity"]) == {"pending"}
    assert pending[list(OUTCOME_COLUMNS)].isna().all(axis=None)
    kept = cut.loc[over[over].index]
    np.testing.assert_array_equal(kept["net_logret"], events.loc[over, "net_logret"])
    assert list(cut.dtypes) == list(events.dtypes)
