"""Shares of equity by month, from data before it."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from step3_assets.config import AllocationConfig, RiskConfig, Step3Config
from step3_assets.domain.core.instants import instant_us
from step3_assets.domain.core.months import add_months, month_of, month_range, month_start
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.portfolio import allocation
from step3_assets.domain.portfolio.allocation import (
    SessionReturns,
    allocate,
    equal_weight,
    weight_turnover,
)
from step3_assets.domain.portfolio.variants import Period, run_account
from step3_assets_tests.domain.execution.samples import make_bars


def test_equal_weight_counts_the_symbols_that_have_bars_in_the_month():
    hours = 24 * 31
    bars = pd.concat(
        [
            make_bars("AAA", [1, 1], hours=[0, hours]),  # March and April
            make_bars("BBB", [1], hours=[hours]),  # joins in April
        ]
    )
    months = [date(2020, 3, 1), date(2020, 4, 1), date(2020, 5, 1)]
    assert equal_weight(MarkClock.from_bars(bars), months) == {
        date(2020, 3, 1): {"AAA": 1.0},
        date(2020, 4, 1): {"AAA": 0.5, "BBB": 0.5},
        date(2020, 5, 1): {},
    }


MONTHS = month_range(date(2019, 1, 1), date(2020, 6, 1))


def two_symbols(seed: int = 0) -> pd.DataFrame:
    """Daily bars of a calm and a wild symbol, two years and a half."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2018-09-01", "2020-07-10", tz="UTC") + pd.Timedelta(hours=15)
    frames = []
    for symbol, scale in (("CALM", 0.005), ("WILD", 0.015)):
        path = 50 * np.exp(np.cumsum(scale * rng.standard_normal(2 * len(days))))
        frame = pd.DataFrame({"symbol": symbol, "date": days.as_unit("us")})
        frame["bar_end_utc"] = frame["date"] + pd.Timedelta(hours=5)
        frame["open"], frame["close"] = path[::2], path[1::2]
        frame["low"] = frame[["open", "close"]].min(axis=1)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def sleeves_on(clock: MarkClock, gains: tuple[float, float], seed: int = 1) -> SessionReturns:
    ends = clock.stamp_us[clock.session_ends]
    noise = 0.004 * np.random.default_rng(seed).standard_normal((len(ends), 2))
    return SessionReturns(ends, clock.symbols, noise + np.array(gains))


BARS = two_symbols()
CLOCK = MarkClock.from_bars(BARS)
INVERSE = AllocationConfig(method="inverse_volatility")
CALMAR = AllocationConfig(method="calmar", smoothing=1.0, turnover_penalty_bps=0.0)
HELD_LAST = date(2020, 6, 1)


def test_inverse_volatility_by_hand():
    """Deviations of 1 % and 3 % are weights of 3/4 and 1/4."""
    days = pd.bdate_range("2020-01-02", "2020-04-10", tz="UTC") + pd.Timedelta(hours=15)
    frames = []
    for symbol, step in (("AAA", 0.01), ("BBB", 0.03)):
        close = 100 * np.exp(np.where(np.arange(len(days)) % 2, step, 0.0))
        frame = pd.DataFrame({"symbol": symbol, "date": days.as_unit("us"), "open": close})
        frame["bar_end_utc"] = frame["date"] + pd.Timedelta(hours=5)
        frames.append(frame.assign(close=close, low=close))
    clock = MarkClock.from_bars(pd.concat(frames))
    months = month_range(date(2020, 1, 1), date(2020, 4, 1))
    config = AllocationConfig(method="inverse_volatility", vol_sessions=66)
    shares = allocate(clock, months, config)
    # A third of 66 is 22; January's sessions give 21 returns, so February waits as well.
    assert [shares[m]["AAA"] for m in months] == pytest.approx([0.5, 0.5, 0.75, 0.75], rel=1e-12)
    assert shares[months[-1]]["BBB"] == pytest.approx(0.25, rel=1e-12)


def test_calmar_weights_by_brute_force():
    sleeves = sleeves_on(CLOCK, (8e-4, 2e-4))
    shares = allocate(CLOCK, MONTHS, CALMAR, sleeves)
    rows = (sleeves.end_us > instant_us(month_start(date(2018, 6, 1)))) & (
        sleeves.end_us <= instant_us(month_start(HELD_LAST))
    )

    def ratio(weight: float) -> float:
        earned = sleeves.values[rows] @ [weight, 1.0 - weight]
        path = np.concatenate([[0.0], np.cumsum(earned)])
        return earned.mean() / np.max(np.maximum.accumulate(path) - path)

    grid = np.linspace(0.1, 0.9, 801)
    best = grid[np.argmax([ratio(w) for w in grid])]
    assert shares[HELD_LAST]["CALM"] == pytest.approx(best, abs=2e-3)
    assert best > 0.5


def test_calmar_weights_wait_for_history_and_for_a_gain():
    early = allocate(CLOCK, MONTHS, CALMAR, sleeves_on(CLOCK, (8e-4, 2e-4)))
    waiting = [m for m in MONTHS if early[m] == {"CALM": 0.5, "WILD": 0.5}]
    # Bars begin in September 2018: twelve months of sessions lie before September 2019.
    assert waiting == month_range(date(2019, 1, 1), date(2019, 7, 1))
    losing = allocate(CLOCK, MONTHS, CALMAR, sleeves_on(CLOCK, (-1e-2, -1e-2)))
    assert all(of == {"CALM": 0.5, "WILD": 0.5} for of in losing.values())


def test_smoothing_and_the_penalty_slow_the_weights_down():
    sleeves = sleeves_on(CLOCK, (8e-4, 2e-4))
    quick = allocate(CLOCK, MONTHS, CALMAR, sleeves)
    slow = CALMAR.model_copy(update={"smoothing": 0.25})
    dear = CALMAR.model_copy(update={"turnover_penalty_bps": 200.0})
    moved = [weight_turnover(allocate(CLOCK, MONTHS, c, sleeves)) for c in (slow, dear)]
    assert max(moved) < weight_turnover(quick)
    first = next(m for m in MONTHS if quick[m]["CALM"] != 0.5)
    step = allocate(CLOCK, MONTHS, slow, sleeves)[first]["CALM"] - 0.5
    assert step == pytest.approx(0.25 * (quick[first]["CALM"] - 0.5), abs=2e-6)


@pytest.mark.parametrize("config", [AllocationConfig(), INVERSE, CALMAR])
def test_shares_are_a_division_whatever_the_symbols(config):
    three = pd.concat([BARS, BARS[BARS["symbol"] == "CALM"].assign(symbol="MORE")])
    joined = MarkClock.from_bars(
        three[(three["symbol"] != "MORE") | (three["date"] >= pd.Timestamp("2020-02-03", tz="UTC"))]
    )
    sleeves = sleeves_on(CLOCK, (8e-4, 2e-4))
    wider = SessionReturns(
        sleeves.end_us, joined.symbols, np.column_stack([sleeves.values, sleeves.values[:, 0]])
    )
    shares = allocate(joined, MONTHS, config, wider)
    for month, of in shares.items():
        assert sum(of.values()) == pytest.approx(1.0, rel=1e-12)
        assert min(of.values()) > 0.0
        assert len(of) == (3 if month >= date(2020, 2, 1) else 2)
    alone = allocate(MarkClock.from_bars(BARS[BARS["symbol"] == "WILD"]), MONTHS, config, sleeves)
    assert all(of == {"WILD": 1.0} for of in alone.values())


@pytest.mark.parametrize("config", [INVERSE, CALMAR])
@pytest.mark.parametrize("month", [date(2019, 9, 1), date(2020, 3, 1)])
def test_nothing_after_a_months_start_changes_its_weights(config, month):
    start = month_start(month)
    rng = np.random.default_rng(9)
    later = BARS.copy()
    late = later["bar_end_utc"] > start
    later.loc[late, ["open", "close"]] *= np.exp(0.2 * rng.standard_normal((int(late.sum()), 2)))
    later["low"] = later[["open", "close"]].min(axis=1)
    sleeves = sleeves_on(CLOCK, (8e-4, 2e-4))
    values = sleeves.values.copy()
    values[sleeves.end_us > instant_us(start)] *= -5.0
    changed = SessionReturns(sleeves.end_us, sleeves.symbols, values)
    before = allocate(CLOCK, MONTHS, config, sleeves)
    after = allocate(MarkClock.from_bars(later), MONTHS, config, changed)
    known = [m for m in MONTHS if m <= month]
    assert {m: before[m] for m in known} == {m: after[m] for m in known}
    assert before != after
    assert before[month] != {"CALM": 0.5, "WILD": 0.5}


def test_weights_that_peek_are_caught(monkeypatch):
    """The property above, on weights that read the month they are for."""
    honest = allocation.month_start
    monkeypatch.setattr(allocation, "month_start", lambda m: honest(add_months(m, 1)))
    with pytest.raises(AssertionError):
        test_nothing_after_a_months_start_changes_its_weights(INVERSE, date(2020, 3, 1))


def test_a_months_method_is_its_own_and_starts_from_the_shares_before_it():
    sleeves = sleeves_on(CLOCK, (8e-4, 2e-4))
    half = CALMAR.model_copy(update={"smoothing": 0.5})
    switch = MONTHS.index(date(2020, 3, 1))
    methods = {m: half if i >= switch else INVERSE for i, m in enumerate(MONTHS)}
    mixed = allocate(CLOCK, MONTHS, methods, sleeves)
    inverse, calmar = (allocate(CLOCK, MONTHS, c, sleeves) for c in (INVERSE, CALMAR))
    first, before = MONTHS[switch], MONTHS[switch - 1]
    assert {m: mixed[m] for m in MONTHS[:switch]} == {m: inverse[m] for m in MONTHS[:switch]}
    # Half of the way from February's inverse volatility to what Calmar wants by itself.
    wanted = 0.5 * (inverse[before]["CALM"] + calmar[first]["CALM"])
    assert mixed[first]["CALM"] == pytest.approx(wanted, abs=2e-6)
    assert mixed[first]["CALM"] != pytest.approx(inverse[first]["CALM"], abs=0.01)


def alternating(symbol: str, step: float) -> pd.DataFrame:
    """Daily bars whose closes go up and down by the step, from 2020 on."""
    days = pd.bdate_range("2020-01-02", "2020-04-20", tz="UTC") + pd.Timedelta(hours=15)
    close = 100 * np.exp(np.where(np.arange(len(days)) % 2, step, 0.0))
    frame = pd.DataFrame({"symbol": symbol, "date": days.as_unit("us"), "open": 100.0})
    frame["bar_end_utc"] = frame["date"] + pd.Timedelta(hours=5)
    frame["month"] = month_of(frame["date"])
    return frame.assign(close=close, low=np.minimum(close, 100.0))


def test_a_method_that_changes_while_a_position_is_open():
    """Equal weight until March, then 3/4 and 1/4: deviations of 1 % and 3 %."""
    bars = pd.concat([alternating("AAA", 0.01), alternating("BBB", 0.03)])
    months = month_range(date(2020, 1, 1), date(2020, 4, 1))

    def event(symbol: str, decided: str, entered: str, left: str) -> dict:
        at, entry, exit_ = (pd.Timestamp(f"{d} 15:00", tz="UTC") for d in (decided, entered, left))
        return {
            "symbol": symbol,
            "decision_time_utc": at,
            "decision_instant_utc": at + pd.Timedelta(hours=5),
            "entry_time_utc": entry,
            "exit_time_utc": exit_,
            "entry_open": 100.0,
            "exit_open": 100.0,
            "cost_rt": 0.0,
            "maturity": "final",
        }

    events = pd.DataFrame(
        [
            event("BBB", "2020-03-30", "2020-03-31", "2020-04-03"),
            event("AAA", "2020-04-01", "2020-04-02", "2020-04-07"),
            event("BBB", "2020-04-06", "2020-04-07", "2020-04-08"),
            event("AAA", "2020-04-07", "2020-04-08", "2020-04-10"),
        ]
    )
    decisions = events[["symbol", "decision_time_utc"]].assign(
        month=month_of(events["decision_time_utc"]), is_gated=True, size_frac=1.0
    )
    config = Step3Config(risk=RiskConfig.off())
    inverse = AllocationConfig(method="inverse_volatility", vol_sessions=60)
    settings = {months[3]: config.model_copy(update={"allocation": inverse})}
    period = Period(months, MarkClock.from_bars(bars), settings)
    trades = run_account(decisions, events, period, config).trades
    assert trades["allocation_frac"].tolist() == pytest.approx([0.5, 0.75, 0.25, 0.75], abs=1e-3)
    # Every fill is at 100 and free: nothing is gained. BBB's 50 shares of March are neither cut
    # nor sold by April's weights; beside them AAA gets the room under the cap, no more.
    assert trades["units"].tolist()[0] == 50.0
    assert trades["exit_time_utc"].tolist() == events["exit_time_utc"].tolist()
    at = (bars["symbol"] == "BBB") & (bars["date"] == events["decision_time_utc"][1])
    held = 50.0 * bars.loc[at, "close"].item()
    equity = 5_000.0 + held
    assert trades["binding_cap"].tolist() == ["size_frac", "gross_cap", "size_frac", "size_frac"]
    assert trades["notional_usd"].tolist()[1] == pytest.approx(equity - held, rel=1e-12)
    later = trades["notional_usd"] / trades["equity_before_usd"]
    assert later.tolist()[2:] == trades["allocation_frac"].tolist()[2:]


def test_calmar_without_sleeves_is_refused():
    with pytest.raises(ValueError, match="what each symbol's trades earned"):
        allocate(CLOCK, MONTHS, CALMAR)
