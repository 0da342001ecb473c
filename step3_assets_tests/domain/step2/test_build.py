"""A delivery as a whole: what is in it, as of when, with which partner."""

from datetime import date

import pandas as pd
import pytest

from step3_assets.catalogue.delivery import EVENTS
from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.step2.bars import BarsError
from step3_assets.domain.step2.build import (
    BuildError,
    BuildOptions,
    build_delivery,
    count_steps,
    iter_delivery,
)
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import BAR_FEATURES_SCHEMA, OUTCOMES, events_schema
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

BARS = {"SPY": random_bars(1), "QQQ": random_bars(2)}
ALWAYS = SHORT.model_copy(update={"trend_in": -1e9})  # every bar with signals is a candidate


@pytest.fixture(scope="module")
def full():
    return build_delivery(BARS, ALWAYS)


def _as_of(text, **options):
    return build_delivery(BARS, ALWAYS, as_of=pd.Timestamp(text), **options)


def test_each_symbol_has_all_columns_in_order(full):
    assert list(full.events) == list(full.bar_features) == list(full.meta) == ["QQQ", "SPY"]
    for own, other in (("QQQ", "SPY"), ("SPY", "QQQ")):
        assert list(full.events[own]) == events_schema(other).names
        assert list(full.bar_features[own]) == BAR_FEATURES_SCHEMA.names
    assert len(events_schema("SPY").names) == 50


def test_columns_are_those_of_the_catalogue():
    delivered = {column.name for column in EVENTS.columns if column.is_delivered}
    ours = {name.replace("spy_", "cross_") for name in events_schema("SPY").names}
    assert ours == delivered


def test_an_event_points_at_its_bars(full):
    events, bars = full.events["QQQ"], full.bar_features["QQQ"]
    text = bars["date"].dt.strftime("%Y-%m-%d %H:%M:%S+00:00")
    assert (events["decision_time_utc"] == text.iloc[events["t_idx"]].to_numpy()).all()
    assert (events["entry_time_utc"] == text.iloc[events["t_idx"] + 1].to_numpy()).all()
    assert (events["exit_time_utc"] == text.iloc[events["label_end_idx"]].to_numpy()).all()
    assert (events["sigma"] == bars["sigma"].iloc[events["t_idx"]].to_numpy()).all()
    assert events["decision_time_utc"].is_monotonic_increasing


def test_the_end_of_the_data_leaves_two_bars_without_event_and_cuts_horizons(full):
    n_bars = len(full.bar_features["QQQ"])
    events = full.events["QQQ"]
    assert events["t_idx"].iloc[-1] == n_bars - 3
    # The last scanned bar, t + 1 + H, must not pass the last but one.
    is_cut = events["t_idx"] + 1 + events["H"] > n_bars - 2
    assert (events["truncated_horizon"] == is_cut).all()
    assert is_cut.sum() == 12
    assert full.meta["QQQ"]["events_summary"]["n_pending"] == 0


@pytest.mark.parametrize(
    ("as_of", "last_bar"),
    [
        ("2023-06-20 20:00Z", "2023-06-20 19:00Z"),
        ("2023-06-20 19:59:59Z", "2023-06-20 18:00Z"),
        ("2023-06-20 13:59Z", "2023-06-16 19:00Z"),  # the opening bar ends at 14:00
        ("2023-06-20 14:00Z", "2023-06-20 13:30Z"),
        ("2023-06-20 10:00-04:00", "2023-06-20 13:30Z"),
        ("2023-07-03 17:00Z", "2023-07-03 16:00Z"),  # a half day
        ("2030-01-01 00:00Z", "2023-07-14 19:00Z"),
    ],
)
def test_a_bar_is_known_at_its_end(as_of, last_bar):
    delivery = _as_of(as_of)
    for symbol in ("QQQ", "SPY"):
        assert delivery.bar_features[symbol]["date"].iloc[-1] == pd.Timestamp(last_bar)
        assert delivery.meta[symbol]["as_of"] == pd.Timestamp(as_of).isoformat()


@pytest.mark.parametrize(
    ("as_of", "overnight", "horizons", "entries"),
    [
        ("2023-06-20 16:00Z", [0, 0], [12, 12], ["06-20 15:00", "06-20 16:00"]),
        ("2023-06-20 20:00Z", [0, 1], [12, 10], ["06-20 19:00", "06-21 13:30"]),
        ("2023-06-20 14:00Z", [1, 0], [10, 12], ["06-20 13:30", "06-20 14:00"]),
        ("2023-07-03 17:00Z", [0, 1], [12, 10], ["07-03 16:00", "07-05 13:30"]),
        ("2023-06-16 20:00Z", [0, 1], [12, 10], ["06-16 19:00", "06-20 13:30"]),
    ],
    ids=["midday", "close", "open", "half day before a holiday", "long weekend"],
)
def test_pending_candidates_take_their_night_from_the_calendar(
    as_of, overnight, horizons, entries, full
):
    events = _as_of(as_of, emit_pending=True).events["QQQ"]
    pending = events.iloc[-2:]
    assert pending[list(OUTCOMES)].isna().all(axis=None)
    assert events.iloc[:-2][list(OUTCOMES)].notna().all(axis=None)
    assert pending["entry_overnight"].tolist() == overnight
    assert pending["H"].tolist() == horizons
    assert pending["entry_time_utc"].tolist() == [f"2023-{entry}:00+00:00" for entry in entries]
    # What was known then is what the full history says of the same candidates.
    known = [name for name in events if name not in OUTCOMES]
    later = full.events["QQQ"].set_index("t_idx").loc[pending["t_idx"]].reset_index()
    pd.testing.assert_frame_equal(
        pending[known].reset_index(drop=True), later[known], check_exact=True
    )


def test_integers_are_nullable_only_where_something_is_pending(full):
    with_pending = _as_of("2023-06-20 20:00Z", emit_pending=True).events["QQQ"]
    for name in ("y", "label_end_idx", "truncated_horizon", "touch_delay_bars"):
        assert str(full.events["QQQ"][name].dtype) == "int64"
        assert str(with_pending[name].dtype) == "Int64"


def test_without_pending_the_last_bar_of_a_plain_build_has_no_night(full):
    last = full.bar_features["QQQ"].iloc[-1]
    assert last["date"] == pd.Timestamp("2023-07-14 19:00Z")  # the last of a session
    assert not last["entry_overnight"]
    assert full.meta["QQQ"]["last_bar_entry_overnight"] == "no next row: false"
    as_of = _as_of("2023-07-14 20:00Z")
    assert as_of.bar_features["QQQ"].iloc[-1]["entry_overnight"]
    assert as_of.meta["QQQ"]["last_bar_entry_overnight"] == "calendar"


def test_the_next_row_decides_where_the_data_misses_the_end_of_a_session():
    bars = random_bars(1)
    at_three = bars["ny_time"].dt.strftime("%d %H") == "20 15"
    holed = bars[~at_three].reset_index(drop=True)
    features = build_delivery({"SPY": holed}, SHORT).bar_features["SPY"].set_index("date")
    assert features.loc[pd.Timestamp("2023-06-20 18:00Z"), "entry_overnight"]
    # A build of that day could not know that the bar would be missing.
    live = build_delivery({"SPY": holed}, SHORT, as_of=pd.Timestamp("2023-06-20 19:00Z"))
    assert not live.bar_features["SPY"]["entry_overnight"].iloc[-1]


@pytest.mark.parametrize(
    ("partners", "expected"),
    [
        (None, {"A": "B", "B": "A", "C": "A"}),
        ({"A": "C"}, {"A": "C", "B": "A", "C": "A"}),
        ({"a": "c", "c": "b"}, {"A": "C", "B": "A", "C": "B"}),
    ],
    ids=["default", "one given", "two given, lower case"],
)
def test_partners(partners, expected):
    bars = {name: random_bars(seed, end=date(2023, 6, 16)) for seed, name in enumerate("CAB")}
    delivery = build_delivery(bars, SHORT, partners=partners)
    for own, other in expected.items():
        assert f"{other.lower()}_sigma" in delivery.events[own]
        assert delivery.meta[own]["knobs"]["cross_symbol"] == other


@pytest.mark.parametrize(
    ("bars", "config"),
    [
        ({"SPY": BARS["SPY"]}, SHORT),
        (BARS, SHORT.model_copy(update={"include_cross_asset": False})),
    ],
    ids=["alone", "switched off"],
)
def test_without_a_partner_the_cross_columns_are_null(bars, config):
    events = build_delivery(bars, config).events["SPY"]
    assert list(events) == events_schema(None).names
    assert events.loc[:, "none_sigma":].isna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"partners": {"SPY": "IWM"}}, "partner SPY=IWM: no bars for IWM; there are QQQ, SPY"),
        ({"partners": {"IWM": "SPY"}}, "no bars for IWM"),
        ({"partners": {"SPY": "SPY"}}, "cannot be its own partner"),
        ({"symbols": ["IWM"]}, "no bars for symbol IWM; there are QQQ, SPY"),
        ({"as_of": pd.Timestamp("2023-06-20")}, "has no time zone"),
        ({"as_of": pd.Timestamp("2020-01-01 00:00Z")}, "no bar had ended by 2020-01-01"),
    ],
)
def test_impossible_arguments_are_refused(options, message):
    with pytest.raises(BuildError, match=message):
        build_delivery(BARS, SHORT, **options)


@pytest.mark.parametrize(
    ("bars", "message"),
    [({}, "no bars were given"), ({"spy": BARS["SPY"]}, "'spy' is not a plain ticker")],
)
def test_impossible_bars_are_refused(bars, message):
    with pytest.raises(BarsError, match=message):
        build_delivery(bars, SHORT)


def test_symbols_limits_what_is_built_but_not_the_partners(full):
    lines = []
    (one,) = iter_delivery(BARS, ALWAYS, BuildOptions(symbols=["SPY"]), lines.append)
    assert one.symbol == "SPY"
    pd.testing.assert_frame_equal(one.events, full.events["SPY"])
    assert lines == ["SPY: bar features", "QQQ: bar features", "SPY: events"]
    assert len(lines) >= count_steps(1)


def test_a_symbol_without_a_bar_by_then_is_left_out_but_stays_a_partner():
    late = random_bars(3, start=date(2023, 7, 3))
    delivery = build_delivery(
        {"SPY": BARS["SPY"], "QQQ": late}, SHORT, as_of=pd.Timestamp("2023-06-30 20:00Z")
    )
    assert list(delivery.events) == ["SPY"]
    assert delivery.events["SPY"]["qqq_sigma"].isna().all()


def test_missing_partner_bars_leave_nulls_and_are_counted():
    holed = BARS["QQQ"][BARS["QQQ"]["ny_time"].dt.day != 20].reset_index(drop=True)
    delivery = build_delivery({"SPY": BARS["SPY"], "QQQ": holed}, ALWAYS)
    events = delivery.events["SPY"]
    is_20th = events["decision_time_utc"].str.startswith("2023-06-20")
    assert is_20th.sum() == 7
    assert events.loc[is_20th, ["qqq_sigma", "qqq_age_min", "rs_log"]].isna().all(axis=None)
    assert (events.loc[is_20th, "regime_agree"] == 0).all()
    assert delivery.meta["SPY"]["irregularities"]["n_bars_without_partner"] == 7


def test_bars_of_a_length_the_calendar_does_not_know_are_built():
    stamps = pd.date_range("2023-06-05 13:30", periods=400, freq="5min", tz="UTC")
    bars = random_bars(1, end=date(2023, 9, 5)).iloc[:400]
    bars = bars[["open", "high", "low", "close", "volume"]].assign(date=stamps)
    delivery = build_delivery({"SPY": bars}, SHORT, emit_pending=True)
    assert len(delivery.bar_features["SPY"]) == 400
    assert delivery.meta["SPY"]["irregularities"]["n_bars_off_calendar"] > 300


def test_too_few_bars_give_a_delivery_without_events():
    grid = session_bars(date(2023, 6, 5), date(2023, 6, 5))
    delivery = build_delivery({"SPY": random_bars(1).iloc[: len(grid)]}, Step2Config(trend_in=1e9))
    assert len(delivery.events["SPY"]) == 0
    assert delivery.meta["SPY"]["events_summary"]["net_mean_bps"] is None


def test_building_leaves_its_input_alone():
    before = {symbol: frame.copy() for symbol, frame in BARS.items()}
    build_delivery(BARS, ALWAYS)
    for symbol, frame in BARS.items():
        pd.testing.assert_frame_equal(frame, before[symbol])
