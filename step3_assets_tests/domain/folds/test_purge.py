import numpy as np
import pandas as pd
import pytest
from purgedcv import purge

from step3_assets.domain.folds.purge import BarClock, FoldError, LabelSpans, drop_reasons
from step3_assets_tests.domain.folds.fold_frames import calendar, make_bars, make_pair

JAN, FEB = pd.Timestamp("2016-01-01", tz="UTC"), pd.Timestamp("2016-02-01", tz="UTC")
STARTS = calendar(JAN.date(), 2)
FIRST_FEB = int(STARTS.searchsorted(FEB))


def one_event(end_from_feb: int, **changes) -> pd.DataFrame:
    """One final label of AAA that ends so many bars after the first bar of February."""
    end = FIRST_FEB + end_from_feb
    row = {
        "symbol": "AAA",
        "t_idx": end - 5,
        "decision_time_utc": STARTS[end - 5],
        "H": 12,
        "label_end_idx": float(end),
        "exit_time_utc": STARTS[end],
        "maturity": "final",
    }
    return pd.DataFrame([row | changes])


def reason_of(events: pd.DataFrame, bars: pd.DataFrame, embargo_bars: int) -> str:
    clock = BarClock.from_bars(bars)
    spans = LabelSpans.from_events(events, clock)
    return drop_reasons(spans, clock.boundary_at(FEB, embargo_bars), JAN)[0]


BARS = make_bars("AAA", STARTS)


@pytest.mark.parametrize(
    ("end_from_feb", "embargo_bars", "expected"),
    [
        (0, 0, "purged"),  # it exits at the open of the first test bar
        (-1, 0, ""),
        (-1, 12, "embargoed"),
        (-12, 12, "embargoed"),
        (-13, 12, ""),
        (3, 12, "purged"),
    ],
)
def test_distance_from_the_test_month(end_from_feb, embargo_bars, expected):
    assert reason_of(one_event(end_from_feb), BARS, embargo_bars) == expected


def test_decided_in_the_test_month_or_before_the_window():
    assert reason_of(one_event(5), BARS, 12) == "outside_window"
    clock = BarClock.from_bars(BARS)
    spans = LabelSpans.from_events(one_event(-40), clock)
    late_window = pd.Timestamp("2016-01-28", tz="UTC")
    assert drop_reasons(spans, clock.boundary_at(FEB, 12), late_window) == ["outside_window"]


def test_label_that_may_still_change_is_not_final():
    assert reason_of(one_event(-40, maturity="provisional"), BARS, 12) == "not_final"


@pytest.mark.parametrize("maturity", ["provisional", "pending"])
def test_label_that_is_not_final_lasts_as_long_as_it_may(maturity):
    # t_idx + H + 2 = -10 - 5 + 14 = -1: two bars more than an embargo counted from t_idx would see.
    event = one_event(-10, maturity=maturity)
    if maturity == "pending":
        event["label_end_idx"] = np.nan
        event["exit_time_utc"] = event["exit_time_utc"].shift(1)
    assert reason_of(event, BARS, 1) == "embargoed"
    assert reason_of(event, BARS, 0) == "not_final"


def test_clock_purges_where_the_symbols_own_rows_would_not():
    # BBB has no bars after mid January, so by its own rows nothing ever ends in February.
    stale = make_bars("BBB", STARTS[: FIRST_FEB - 60], offset=7)
    event = one_event(0, symbol="BBB", t_idx=20, label_end_idx=30.0)
    assert reason_of(event, pd.concat([BARS, stale]), 0) == "purged"


def test_embargo_of_one_symbol_holds_for_all():
    # BBB trades every other bar: its 12 bars before February reach further back than AAA's.
    sparse = make_bars("BBB", STARTS[::2])
    event = one_event(-20)
    assert reason_of(event, BARS, 12) == ""
    assert reason_of(event, pd.concat([BARS, sparse]), 12) == "embargoed"


def test_symbol_that_stopped_trading_long_ago_does_not_stretch_the_embargo():
    gone = make_bars("OLD", calendar(pd.Timestamp("2014-01-01").date(), 3))
    event = one_event(-20)
    assert reason_of(event, pd.concat([BARS, gone]), 12) == ""


@pytest.mark.parametrize(("bars_back", "expected"), [(1, "embargoed"), (12, "embargoed"), (13, "")])
def test_symbol_that_stopped_trading_keeps_its_own_embargo(bars_back, expected):
    """On the clock its last labels ended two months ago; its bars to come are not known."""
    starts = calendar(pd.Timestamp("2015-10-01").date(), 2)
    gone = make_bars("OLD", starts)
    end = len(starts) - bars_back
    event = one_event(0, symbol="OLD", t_idx=end - 5, label_end_idx=float(end))
    event["decision_time_utc"], event["exit_time_utc"] = starts[end - 5], starts[end]
    clock = BarClock.from_bars(pd.concat([BARS, gone]))
    spans = LabelSpans.from_events(event, clock)
    window_start = pd.Timestamp("2015-01-01", tz="UTC")
    assert drop_reasons(spans, clock.boundary_at(FEB, 12), window_start) == [expected]


def test_own_rows_purge_where_the_clock_would_not():
    assert reason_of(one_event(0, exit_time_utc=STARTS[FIRST_FEB - 1]), BARS, 0) == "purged"


def test_live_month_without_bars_starts_after_the_last_bar():
    clock = BarClock.from_bars(make_bars("AAA", STARTS[:FIRST_FEB], offset=100))
    boundary = clock.boundary_at(FEB, 12)
    assert boundary.first_idx == {"AAA": FIRST_FEB + 100}
    assert boundary.embargo_start_utc == STARTS[FIRST_FEB - 12]


def test_events_without_bars_are_refused():
    with pytest.raises(FoldError, match="events of BBB but no bars"):
        reason_of(one_event(-40, symbol="BBB"), BARS, 12)


def test_final_label_without_end_is_refused():
    with pytest.raises(FoldError, match="final labels without label_end_idx"):
        reason_of(one_event(-40, label_end_idx=np.nan), BARS, 12)


def test_purge_agrees_with_purgedcv():
    """Without an embargo, the rows kept are those whose intervals purgedcv keeps."""
    events, bars = make_pair(seed=3, n_months=4, per_month=60)
    events = events[events["maturity"] == "final"].reset_index(drop=True)
    start = pd.Timestamp("2016-03-01", tz="UTC")
    clock = BarClock.from_bars(bars)
    spans = LabelSpans.from_events(events, clock)
    ours = drop_reasons(spans, clock.boundary_at(start, 0), JAN) == ""

    before = events["decision_time_utc"] < start
    # One test row stands for the whole test period, from its first instant on.
    rows = pd.concat([events["decision_time_utc"], pd.Series([start])], ignore_index=True)
    # purgedcv's intervals are half open; ours end at the exit's open, which still belongs.
    ends = events["exit_time_utc"] + pd.Timedelta(1, "us")
    ends = pd.concat([ends, pd.Series([start + pd.Timedelta(days=90)])], ignore_index=True)
    kept = purge(np.flatnonzero(before), np.array([len(events)]), rows, ends)
    assert ours.sum() > 100
    assert np.flatnonzero(ours).tolist() == kept.tolist()
