"""Rows that contradict the bars or themselves are refused, each by its column and rows."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.delivery import DeliveryError, read_delivery
from step3_assets.domain.delivery.consistency import COPY_LIMIT, xi_correlation
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.deliveries import small_frames, write_frames
from step3_assets_tests.domain.delivery.mutation import (
    BARS,
    EVENTS,
    add_to,
    copy_good,
    rewrite_frame,
    set_values,
)
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars


def problems_of(folder: Path) -> list:
    with pytest.raises(DeliveryError) as caught:
        read_delivery(folder)
    return list(caught.value.problems)


def assert_named(folder: Path, file: str, column: str, row: int) -> None:
    found = [p for p in problems_of(folder) if p.column == column and row in p.rows]
    assert len(found) >= 1, problems_of(folder)
    assert all(p.file == file for p in found)


EVENT_FAULTS = [
    ("entry_open", 0.01),
    ("exit_open", -0.01),
    ("gross_logret", 1e-6),
    ("net_logret", 1e-6),
    ("tp_to_cost", 1e-4),
    ("cost_rt", 1e-5),
    ("spread_half", 1e-5),
    ("slip_half", 1e-5),
    ("label_end_idx", 1),
    ("touch_delay_bars", 1),
    ("touch_delay_bars", -1),
    ("H", -9),
    *((name, 1e-6) for name in ("trend_score", "pullback_z", "sigma", "u_atr", "range_ratio")),
    *((name, 1e-6) for name in ("ema_fast_slope", "intraday_tail_frac", "vol_z", "gap_sd")),
    *((name, 1e-6) for name in ("sigma_prank", "u_atr_prank", "dist_to_hi", "gap_mu", "gap_tail")),
]


@pytest.mark.parametrize(("column", "amount"), EVENT_FAULTS)
def test_an_event_that_contradicts_the_bars_is_refused(tmp_path, column, amount):
    folder = copy_good(tmp_path)
    events = pd.read_parquet(folder / EVENTS)
    whole = events["truncated_horizon"].eq(0) & events["vol_z"].notna()
    if column == "H":  # shorter than the touch took
        whole &= events["touch_delay_bars"] > 4
    row = int(np.flatnonzero(whole & events["dist_to_hi"].notna())[-1])
    rewrite_frame(folder, EVENTS, add_to(column, [row], amount))
    found = problems_of(folder)
    assert all(p.file == EVENTS and row in p.rows for p in found), found
    blamed = {p.column for p in found}
    assert column in blamed or column in ("H", "spread_half", "slip_half", "label_end_idx")


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("y", lambda v: 1 - v),
        ("same_bar_ambiguous", lambda v: 1 - v),
        ("truncated_horizon", lambda v: 1 - v),
        ("entry_overnight", lambda v: 1 - v),
        ("exit_reason", lambda v: "tp" if v != "tp" else "sl"),
        ("exit_reason", lambda v: "horizon"),
        ("exit_reason", lambda v: "time_stop"),
        ("sigma_prank", lambda v: np.nan),
    ],
)
def test_a_word_or_flag_that_contradicts_the_bars_is_refused(tmp_path, column, change):
    folder = copy_good(tmp_path)
    events = pd.read_parquet(folder / EVENTS)
    touched = events["exit_reason"].isin(["tp", "sl"]) & (events["touch_delay_bars"] < 9)
    touched &= events["truncated_horizon"] == 0
    row = int(np.flatnonzero(touched & events["sigma_prank"].notna())[-1])
    value = change(events[column].iloc[row])
    rewrite_frame(folder, EVENTS, set_values(column, [row], value))
    assert any(row in p.rows for p in problems_of(folder))
    assert_named(folder, EVENTS, column, row)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("open", lambda v: v * 1.02),
        ("close", lambda v: v * 0.97),
        ("volume", lambda v: -1.0),
        ("log_close", lambda v: v + 1e-6),
        ("r_cc", lambda v: v + 1e-6),
        ("ewm_var", lambda v: v * 1.001),
        ("sigma", lambda v: v * 1.001),
        ("atr", lambda v: v * 1.001),
        ("u_atr", lambda v: v * 1.001),
        ("range_ratio", lambda v: v + 1e-6),
        ("ema_fast", lambda v: v + 1e-3),
        ("ema_slow", lambda v: v + 1e-3),
        ("trend_raw", lambda v: v + 1e-6),
        ("trend_score", lambda v: v + 1e-6),
        ("entry_overnight", lambda v: not v),
        ("gap_ret_realized", lambda v: 0.001),
        ("is_partial_bar", lambda v: not v),
        ("is_opening_bar", lambda v: not v),
        ("expected_bar_seconds", lambda v: 1800),
        ("expected_bar_seconds", lambda v: 5400),
    ],
)
def test_a_bar_that_contradicts_itself_is_refused(tmp_path, column, change):
    folder = copy_good(tmp_path)
    bars = pd.read_parquet(folder / BARS)
    row = 80
    assert bars["expected_bar_seconds"].iloc[row] == 3600
    assert not bars["entry_overnight"].iloc[row]
    rewrite_frame(folder, BARS, set_values(column, [row], change(bars[column].iloc[row])))
    found = problems_of(folder)
    assert all(p.file == BARS for p in found), found
    assert any(row in p.rows for p in found), found


def test_a_bar_in_the_future_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    with pytest.raises(DeliveryError, match="lies in the future"):
        read_delivery(folder, now=datetime(2019, 1, 15, tzinfo=UTC))


def test_a_bar_still_running_is_refused(tmp_path):
    folder = copy_good(tmp_path)
    last = pd.read_parquet(folder / BARS)["date"].iloc[-1]
    with pytest.raises(DeliveryError, match="has not ended yet"):
        read_delivery(folder, now=(last + pd.Timedelta(minutes=20)).to_pydatetime())


def test_the_bars_of_one_symbol_under_two_names_are_refused(tmp_path):
    frames = small_frames(symbols=("AAA", "BBB"), n_months=1, events_per_month=25)
    prices = ["date", "open", "high", "low", "close", "volume"]
    frames["BBB"].bars[prices] = frames["AAA"].bars[prices]
    write_frames(tmp_path, frames)
    assert any("price by price" in p.message for p in problems_of(tmp_path))


@pytest.mark.parametrize("column", ["sigma_prank", "beta_proxy", "rs_log"])
@pytest.mark.parametrize(
    "copy", [lambda net: net, lambda net: -(net**2), lambda net: (net > 0) * 1.0, np.round]
)
def test_a_feature_that_is_a_function_of_the_outcome_is_refused(tmp_path, column, copy):
    """In the events and in the bars alike, so that no comparison of the two sees it."""
    frames = small_frames(symbols=("AAA",), n_months=5, events_per_month=40)
    events, bars = frames["AAA"].events, frames["AAA"].bars
    values = copy(events["net_logret"].to_numpy() * (1 if copy is not np.round else 500))
    events[column] = values
    if column in bars:
        bars.loc[events["t_idx"], column] = values
    write_frames(tmp_path, frames)
    found = problems_of(tmp_path)
    assert [(p.column, "function of the outcome" in p.message) for p in found] == [(column, True)]


NOISE = np.random.default_rng(5)


@pytest.mark.parametrize(
    "leak",
    [
        lambda net: net + NOISE.normal(0, net.std(), len(net)),
        lambda net: np.where(NOISE.random(len(net)) < 0.7, net, NOISE.permutation(net)),
        lambda net: np.where(NOISE.random(len(net)) < 0.1, net < 0, net > 0) * 1.0,
    ],
    ids=["a sum", "seven rows in ten", "nine signs in ten"],
)
def test_a_feature_that_holds_the_outcome_with_noise_is_refused(tmp_path, leak):
    frames = small_frames(symbols=("AAA",), n_months=8, events_per_month=40)
    events = frames["AAA"].events
    events["beta_proxy"] = leak(events["net_logret"].to_numpy())
    write_frames(tmp_path, frames)
    assert [p.column for p in problems_of(tmp_path)] == ["beta_proxy"]


def test_a_family_that_names_the_winners_is_refused(tmp_path):
    frames = small_frames(symbols=("AAA",), n_months=5, events_per_month=40)
    events = frames["AAA"].events
    events["family"] = np.where(events["net_logret"] > 0, "trend_long", "pullback_long")
    write_frames(tmp_path, frames)
    assert [p.column for p in problems_of(tmp_path)] == ["family"]


def test_xi_is_small_without_a_relation_and_large_with_one():
    """Size over 400 draws of the fewest rows that are looked at; power with a tenth of noise."""
    rng = np.random.default_rng(11)
    none = [xi_correlation(*rng.standard_normal((2, 100))) for _ in range(400)]
    assert abs(float(np.mean(none))) < 0.02
    assert max(none) < COPY_LIMIT / 2
    x = rng.standard_normal(300)
    assert xi_correlation(x, x + 0.1 * rng.standard_normal(300)) > COPY_LIMIT
    assert xi_correlation(x, np.abs(x)) > COPY_LIMIT
    assert xi_correlation(x, np.ones(300)) == 0.0


@pytest.fixture
def built(tmp_path) -> Path:
    bars = {"QQQ": random_bars(1), "SPY": random_bars(2)}
    write_delivery(build_delivery(bars, SHORT), tmp_path / "built")
    (tmp_path / "built" / "manifest.json").unlink()
    return tmp_path / "built"


QQQ = "events/qqq_events.parquet"


@pytest.mark.parametrize(
    ("column", "amount"),
    [
        ("spy_sigma", 1e-6),
        ("spy_u_atr", 1e-6),
        ("spy_vol_z", 1e-6),
        ("spy_age_min", 7.0),
        ("spy_age_min", -60.0),
        ("rs_log", 1e-6),
        ("ret_spread", 1e-6),
        ("regime_agree", None),
    ],
)
def test_the_other_symbols_columns_are_those_of_its_bars(built, column, amount):
    events = pd.read_parquet(built / QQQ)
    row = len(events) // 2
    value = 1.0 - events[column].iloc[row] if amount is None else events[column].iloc[row] + amount
    rewrite_frame(built, QQQ, set_values(column, [row], value))
    found = problems_of(built)
    assert all(p.file == QQQ and p.rows == (row,) for p in found), found
    assert column in {p.column for p in found}


def test_a_bar_of_the_other_symbol_that_ends_later_is_a_look_ahead(built):
    """The row names the other symbol's next bar: its own values, and not known yet."""
    events = pd.read_parquet(built / QQQ)
    other = pd.read_parquet(built / "bar_features/spy_bar_features.parquet").set_index("date")
    times = pd.to_datetime(events["decision_time_utc"], utc=True)
    row = int(np.flatnonzero((times + pd.Timedelta(hours=1)).isin(other.index))[-1])
    ahead = other.loc[times[row] + pd.Timedelta(hours=1)]
    for name in ("sigma", "u_atr", "trend_score", "pullback_z", "vol_z", "range_ratio"):
        events.loc[row, f"spy_{name}"] = ahead[name]
    events.loc[row, "spy_ema_fast_slope"] = ahead["ema_fast_slope"]
    events.loc[row, "spy_age_min"] = -60.0
    events.to_parquet(built / QQQ, index=False)
    found = [p for p in problems_of(built) if p.column == "spy_age_min"]
    assert ["ends after the decision bar" in p.message for p in found] == [True]


def test_a_split_is_refused_unless_it_is_declared_real(tmp_path):
    bars = random_bars(1)
    start = int(np.flatnonzero(bars["is_opening_bar"])[12])
    bars.loc[start:, ["open", "high", "low", "close"]] *= 0.25
    delivery = build_delivery({"QQQ": bars, "SPY": random_bars(2)}, SHORT)
    assert delivery.meta["QQQ"]["irregularities"]["n_jumps"] == 1
    write_delivery(delivery, tmp_path)
    (problem,) = problems_of(tmp_path)
    assert (problem.file, problem.rows) == ("bar_features/qqq_bar_features.parquet", (start,))
    assert "4-for-1 split" in problem.message
    before = "0" * 16
    day = bars["date"].dt.tz_convert("America/New_York").dt.date.iloc[start]
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "adjustments").mkdir()
    (tmp_path / "adjustments/qqq.csv").write_text(f"date,factor,kind\n{day},,real\n")
    accepted = read_delivery(tmp_path).dataset_version
    assert accepted != before
    (tmp_path / "adjustments/qqq.csv").write_text(
        f"date,factor,kind\n2019-01-02,2,split\n{day},,real\n"
    )
    assert read_delivery(tmp_path).dataset_version != accepted


def test_foreign_bars_are_refused_by_their_kind(tmp_path):
    folder = copy_good(tmp_path)
    shift = pd.Timedelta(minutes=15)
    rewrite_frame(
        folder, BARS, lambda f: f.assign(date=f["date"] + shift, ny_time=f["ny_time"] + shift)
    )
    stamps = [f"{name}_time_utc" for name in ("decision", "entry", "exit")]

    def later(frame: pd.DataFrame) -> pd.DataFrame:
        moved = {
            name: (pd.to_datetime(frame[name], utc=True) + shift).dt.strftime(
                "%Y-%m-%d %H:%M:%S+00:00"
            )
            for name in stamps
        }
        return frame.assign(**moved)

    rewrite_frame(folder, EVENTS, later)
    (problem,) = problems_of(folder)
    assert (problem.file, problem.column) == (BARS, "date")
    assert "off the exchange's hourly grid" in problem.message
