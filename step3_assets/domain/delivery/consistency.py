"""Consistency: values that follow from other columns, rows or bars are computed again and compared.

Belongs here: rules that need values of several columns, rows or files, on deliveries whose columns
have passed :mod:`step3_assets.domain.delivery.rules` (types, nulls, keys). Does not belong here:
the definition of a signal (:mod:`step3_assets.domain.step2`), which needs the whole history.

Every number is compared with one tolerance, :data:`TOLERANCE`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import (
    CROSS_SUFFIXES,
    EVENT_SIGNALS,
    NUMERIC_FEATURES,
    OUTCOME_COLUMNS,
)
from step3_assets.domain.core.adjustments import Adjustment, unexplained
from step3_assets.domain.core.bar_grid import MAX_OFF_CALENDAR_FRAC, fit_grid, grid_fault
from step3_assets.domain.core.instants import NY
from step3_assets.domain.core.jumps import find_jumps, find_outlying_holes, has_same_bars
from step3_assets.domain.core.label_end import latest_exit_idx
from step3_assets.domain.delivery.problems import Problem
from step3_assets.domain.delivery.sheet import Sheet

TOLERANCE = 1e-9
"""Largest difference between a delivered number and the one computed again: relative above 1,
absolute below. Step 2 and this module add in different orders; both are exact to about 1e-15."""

COPY_LIMIT = 0.45
"""From this rank correlation xi on (Chatterjee 2021, JASA 116) a feature is a function of the
outcome. Without any relation xi is 0 with a standard deviation of 0.63 / sqrt(n). The distances of
the barriers, which bound the outcome, have 0.26 on QQQ and SPY from 2016 to 2023."""

LEAK_LIMIT = 0.5
"""From this Spearman correlation on a feature contains the outcome with noise: in most of the rows,
or as a sum. No signal known at the decision comes near it (QQQ and SPY: 0.06)."""

COPY_LEAST_ROWS = 100
"""With fewer final labels xi is not evaluated: its standard deviation is above 0.06."""

ROWS_AT_ONCE = 6
"""About so many labels overlap, so that many rows count as one in the error of a correlation."""

EXIT_REASONS = ("tp", "sl", "horizon")


@dataclass(frozen=True)
class Declared:
    """What a delivery declares about one symbol's bars, besides the rows.

    Parameters
    ----------
    adjustments : sequence of Adjustment
        Those of kind ``real`` explain a jump.
    max_off_frac : float
        Largest share of bars off the exchange's grid, as the builder's settings allowed.
    """

    adjustments: Sequence[Adjustment] = ()
    max_off_frac: float = MAX_OFF_CALENDAR_FRAC


@dataclass
class _Found:
    """Problems of one file, collected rule by rule."""

    sheet: Sheet
    problems: list[Problem] = field(default_factory=list)

    def add(self, name: str, at_fault: np.ndarray | pd.Series, message: str) -> None:
        mask = np.asarray(at_fault, dtype=bool)
        if mask.any():
            self.problems.append(self.sheet.problem(name, mask, message))


def bar_problems(bars: Sheet, declared: Declared) -> list[Problem]:
    """Every rule that the bars of one symbol break."""
    frame, found = bars.frame, _Found(bars)
    stamps = pd.DatetimeIndex(frame["date"])
    seconds = frame["expected_bar_seconds"].to_numpy()
    holes = find_outlying_holes(stamps)
    if holes:
        at_fault = np.isin(np.arange(len(frame)), holes)
        found.add("date", at_fault, "lies years after the bar above it")
        return found.problems
    fit = fit_grid(stamps, seconds)
    if fault := grid_fault(fit, stamps, declared.max_off_frac):
        return [Problem(bars.file, "date", (), fault)]
    if declared.max_off_frac < 1:
        found.add(
            "expected_bar_seconds",
            fit.is_other_length,
            "is not the length that the exchange calendar gives the bar",
        )
    ends = stamps + pd.to_timedelta(seconds, unit="s")
    overlaps = np.append(ends[:-1] > stamps[1:], False)
    found.add("expected_bar_seconds", overlaps, "the bar ends after the next one starts")
    found.add("is_partial_bar", frame["is_partial_bar"] != (seconds < 3600), "is not < 3600 s")
    days = stamps.tz_convert(NY).tz_localize(None).normalize()
    is_opening = np.append(True, days[1:] != days[:-1])
    found.add(
        "is_opening_bar",
        frame["is_opening_bar"] & ~is_opening,
        "is true, though the bar above it is of the same date",
    )
    _add_prices(found)
    jumps = unexplained(find_jumps(frame), declared.adjustments)
    if jumps and not found.problems:
        rows = np.isin(np.arange(len(frame)), [jump.row for jump in jumps])
        found.add(
            "open",
            rows,
            f"{jumps[0].text}; no market made such a move. Adjust the prices, or name the date in "
            f"adjustments/{bars.symbol.lower()}.csv ({_day(jumps[0].stamp)},,real)",
        )
    _add_derived(found)
    return found.problems


def event_problems(events: Sheet, bars: Sheet) -> list[Problem]:
    """Every rule that the events of one symbol break, alone or against its bars."""
    frame, found = events.frame, _Found(events)
    if not len(frame):
        return []
    at = bars.frame.take(frame["t_idx"].to_numpy()).reset_index(drop=True)
    for name in EVENT_SIGNALS:
        message = f"is not the value of bar t_idx in {bars.file}"
        found.add(name, _differs(frame[name], at[name], nulls=True), message)
    night = at["entry_overnight"].to_numpy(dtype="float64")
    found.add(
        "entry_overnight",
        frame["entry_overnight"].to_numpy() != night,
        f"is not that of bar t_idx in {bars.file}",
    )
    found.add(
        "tp_to_cost",
        _differs(frame["tp_to_cost"], frame["a_tp"] / frame["cost_rt"]),
        "is not a_tp / cost_rt",
    )
    rest = frame["cost_rt"] - 2.0 * (frame["spread_half"] + frame["slip_half"])
    found.add("cost_rt", rest < -TOLERANCE, "is below 2 (spread_half + slip_half)")
    is_other_rest = (rest - rest.median()).abs() > TOLERANCE
    found.add(
        "cost_rt",
        is_other_rest & (rest >= -TOLERANCE),
        "less 2 (spread_half + slip_half) is not the commission of the other rows",
    )
    _add_outcomes(found, bars)
    if not found.problems:
        _add_copies(found)
    return found.problems


def partner_problems(events: Sheet, bars: Sheet, partner: Sheet) -> list[Problem]:
    """Every rule that the other symbol's columns break against that symbol's bars.

    A row without an age must have no values of the partner. With an age, the partner's bar must
    have ended by the decision and must have the signals that the row carries.
    """
    frame, found = events.frame, _Found(events)
    if not len(frame):
        return []
    age = frame["cross_age_min"].to_numpy(dtype="float64")
    has_age = ~np.isnan(age)
    signals = [f"cross_{suffix}" for suffix in CROSS_SUFFIXES if suffix != "age_min"]
    for name in signals:
        found.add(name, ~has_age & frame[name].notna(), "has a value though the age is null")
    decision = _microseconds(frame["decision_time_utc"])
    stamp = decision - np.round(np.where(has_age, age, 0.0) * 6e7).astype(np.int64)
    starts = _microseconds(partner.frame["date"])
    row = np.searchsorted(starts, stamp).clip(max=len(starts) - 1)
    exists = starts[row] == stamp
    found.add("cross_age_min", has_age & ~exists, f"names no bar in {partner.file}")
    known = has_age & exists
    other = partner.frame.take(row).reset_index(drop=True)
    decided = bars.frame.take(frame["t_idx"].to_numpy()).reset_index(drop=True)
    ends = [
        _microseconds(f["date"]) + f["expected_bar_seconds"].to_numpy() * 10**6
        for f in (decided, other)
    ]
    is_ahead = known & (ends[1] > ends[0])
    found.add("cross_age_min", is_ahead, f"the bar in {partner.file} ends after the decision bar")
    for name in signals:
        delivered = other[name.removeprefix("cross_")]
        message = f"is not the value of that bar in {partner.file}"
        found.add(name, known & _differs(frame[name], delivered, nulls=True), message)
    computed = {
        "rs_log": np.log(decided["close"] / other["close"]),
        "ret_spread": decided["r_cc"] - other["r_cc"],
        "regime_agree": (np.sign(decided["trend_score"]) == np.sign(other["trend_score"])) * 1.0,
    }
    for name, values in computed.items():
        message = f"does not follow from the closes and signals in {bars.file} and {partner.file}"
        found.add(name, known & _differs(frame[name], values, nulls=True), message)
    return found.problems


def symbol_problems(
    pairs: Mapping[str, tuple[Sheet, Sheet]], declared: Mapping[str, Declared]
) -> list[Problem]:
    """Every rule of this module, over all symbols."""
    problems, checked = [], []
    for symbol, (_, bars) in pairs.items():
        problems += bar_problems(bars, declared.get(symbol, Declared()))
        for other in checked:
            if has_same_bars(bars.frame, other.frame):
                message = f"are those of {other.file}, price by price"
                problems.append(Problem(bars.file, "close", (), message))
        checked.append(bars)
    if problems:
        return problems
    for events, bars in pairs.values():
        problems += event_problems(events, bars)
        partner = (events.partner or "").upper()
        if partner in pairs:
            problems += partner_problems(events, bars, pairs[partner][1])
    return problems


def xi_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Chatterjee's xi: near 1 when `y` is a function of `x`, near 0 when they are independent.

    Ties in `x` keep their order; ties in `y` are counted as in the paper.

    Examples
    --------
    >>> x = np.arange(200.0)
    >>> round(xi_correlation(x, (x - 100) ** 2), 2)
    0.97
    """
    order = np.argsort(x, kind="stable")
    values = y[order]
    n = len(values)
    rank = np.searchsorted(np.sort(values), values, side="right")
    at_least = n - np.searchsorted(np.sort(values), values, side="left")
    spread = 2.0 * np.sum(at_least * (n - at_least).astype(np.float64))
    if spread == 0:
        return 0.0
    return float(1.0 - n * np.abs(np.diff(rank)).sum() / spread)


def _add_prices(found: _Found) -> None:
    frame = found.sheet.frame
    for name in ("open", "close"):
        slack = TOLERANCE * frame[name]
        outside = (frame[name] > frame["high"] + slack) | (frame[name] < frame["low"] - slack)
        found.add(name, outside, "lies outside [low, high]")
    found.add("volume", frame["volume"] < 0, "is negative")


def _add_derived(found: _Found) -> None:
    """Columns of a bar that follow from its prices and from other columns of the same row."""
    f = found.sheet.frame
    close = f["close"]
    with np.errstate(divide="ignore", invalid="ignore"):
        computed = (
            ("log_close", np.log(close), "ln close"),
            ("r_cc", f["log_close"].diff(), "the change of log_close"),
            ("sigma", np.sqrt(f["ewm_var"]), "the root of ewm_var"),
            ("u_atr", f["atr"] / close, "atr / close"),
            ("range_ratio", (f["high"] - f["low"]) / close, "(high - low) / close"),
            ("trend_raw", (f["ema_fast"] - f["ema_slow"]) / close, "(ema_fast - ema_slow) / close"),
            ("trend_score", f["trend_raw"] / f["sigma"], "trend_raw / sigma"),
        )
    for name, values, what in computed:
        found.add(name, _differs(f[name], values), f"is not {what}")
    days = f["ny_time"].dt.tz_convert(NY).dt.tz_localize(None).dt.normalize()
    is_night = (days.shift(-1) != days).to_numpy()
    is_last = np.arange(len(f)) == len(f) - 1
    night = f["entry_overnight"].to_numpy(dtype=bool)
    found.add(
        "entry_overnight",
        ~is_last & (night != is_night),
        "is not whether the next bar is on another date",
    )
    gap = pd.Series(np.log(f["open"].shift(-1) / close)).where(is_night)
    message = "is not ln(next open / close) before a night and null elsewhere"
    found.add(
        "gap_ret_realized", ~is_last & _differs(f["gap_ret_realized"], gap, nulls=True), message
    )


def _add_outcomes(found: _Found, bars: Sheet) -> None:
    """Outcomes against the opens, highs and lows of the bars that they name."""
    f = found.sheet.frame
    done = f[list(OUTCOME_COLUMNS)].notna().all(axis=1).to_numpy()
    if not done.any():
        return
    opens, high, low = (bars.frame[name].to_numpy() for name in ("open", "high", "low"))
    last = bars.n_rows - 1
    t = f["t_idx"].to_numpy(dtype=np.int64)
    end = np.where(done, f["label_end_idx"].to_numpy(dtype="float64"), 0).astype(np.int64)
    entry_row = np.minimum(t + 1, last)
    net, gross = (f[name].to_numpy(dtype="float64") for name in ("net_logret", "gross_logret"))
    cost, y = f["cost_rt"].to_numpy(), f["y"].to_numpy(dtype="float64")

    def add(name: str, at_fault: np.ndarray, message: str) -> None:
        found.add(name, done & np.asarray(at_fault, dtype=bool), message)

    add(
        "entry_open",
        _differs(f["entry_open"], opens[entry_row]),
        f"is not the open of bar t_idx + 1 in {bars.file}",
    )
    add(
        "exit_open",
        _differs(f["exit_open"], opens[end]),
        f"is not the open of bar label_end_idx in {bars.file}",
    )
    add(
        "gross_logret",
        _differs(gross, np.log(f["exit_open"] / f["entry_open"])),
        "is not ln(exit_open / entry_open)",
    )
    add("net_logret", _differs(net, gross - cost), "is not gross_logret - cost_rt")
    add("y", (np.abs(net) > TOLERANCE) & (y != (net > 0)), "is not net_logret > 0")

    reason = f["exit_reason"].astype(object).to_numpy()
    is_horizon, is_tp, is_sl = (reason == name for name in ("horizon", "tp", "sl"))
    add("exit_reason", ~(is_horizon | is_tp | is_sl), f"is none of {', '.join(EXIT_REASONS)}")
    horizon = f["H"].to_numpy(dtype=np.int64)
    latest = latest_exit_idx(t, np.minimum(horizon, last))
    truncated = f["truncated_horizon"].to_numpy(dtype="float64") == 1
    is_cut = latest > last
    add("truncated_horizon", truncated & ~is_cut, "is 1, though the bars reach t_idx + H + 2")
    add(
        "truncated_horizon",
        ~truncated & is_cut & is_horizon,
        "is 0, though the bars end before t_idx + H + 2",
    )
    add("label_end_idx", ~is_horizon & (end > latest), "lies after t_idx + H + 2")
    add(
        "label_end_idx",
        is_horizon & (end != np.minimum(latest, last)),
        "is not the bar after the horizon's last",
    )
    delay = f["touch_delay_bars"].to_numpy(dtype="float64")
    held = np.where(is_horizon, np.minimum(end - t - 1, horizon), end - t - 1)
    add("touch_delay_bars", delay != held, "is not the number of bars from the entry to the exit")

    target, stop = (
        opens[entry_row] * np.exp(sign * f[name].to_numpy())
        for sign, name in ((1, "a_tp"), (-1, "b_sl"))
    )
    touch = np.clip(end - 1, 0, last)
    reaches_target = high[touch] >= target * (1 - TOLERANCE)
    reaches_stop = low[touch] <= stop * (1 + TOLERANCE)
    add(
        "exit_reason",
        is_tp & ~reaches_target,
        "is tp, though the bar before the exit does not reach the target",
    )
    add(
        "exit_reason",
        is_sl & ~reaches_stop,
        "is sl, though the bar before the exit does not reach the stop",
    )
    is_both = (high[touch] > target * (1 + TOLERANCE)) & (low[touch] < stop * (1 - TOLERANCE))
    ambiguous = f["same_bar_ambiguous"].to_numpy(dtype="float64") == 1
    add(
        "same_bar_ambiguous",
        ambiguous & (is_horizon | ~(reaches_target & reaches_stop)),
        "is 1, though one bar does not reach both barriers",
    )
    add(
        "same_bar_ambiguous",
        ~ambiguous & ~is_horizon & is_both,
        "is 0, though one bar reaches both barriers",
    )
    before = np.where(is_horizon, end - 1, end - 2)
    earlier = _touched_before(np.where(done, entry_row, last), before, high, low, (target, stop))
    add("exit_reason", earlier, "an earlier bar reaches a barrier already")


def _touched_before(
    first: np.ndarray,
    until: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    barriers: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Whether a barrier is passed by more than the tolerance on a bar from `first` to `until`."""
    target, stop = barriers[0] * (1 + TOLERANCE), barriers[1] * (1 - TOLERANCE)
    touched = np.zeros(len(first), dtype=bool)
    rows, at = np.arange(len(first)), first.copy()
    while True:
        goes_on = at <= until[rows]
        rows, at = rows[goes_on], at[goes_on]
        if not len(rows):
            return touched
        is_hit = (high[at] > target[rows]) | (low[at] < stop[rows])
        touched[rows[is_hit]] = True
        rows, at = rows[~is_hit], at[~is_hit] + 1


def _add_copies(found: _Found) -> None:
    """Features that are a function of the outcome, such as a copy, a square or a rounded copy."""
    f = found.sheet.frame
    final = (f["truncated_horizon"] == 0).to_numpy() & f["net_logret"].notna().to_numpy()
    for name in (*NUMERIC_FEATURES, "family"):
        values = (
            pd.Categorical(f[name]).codes.astype("float64")
            if name == "family"
            else f[name].to_numpy(dtype="float64", na_value=np.nan)
        )
        rows = final & ~np.isnan(values)
        if rows.sum() < COPY_LEAST_ROWS or len(np.unique(values[rows])) < 2:
            continue
        xi = xi_correlation(f["net_logret"].to_numpy()[rows], values[rows])
        if xi > COPY_LIMIT:
            message = (
                f"is a function of the outcome (rank correlation xi {xi:.2f} with net_logret, at "
                f"most {COPY_LIMIT:g}); a feature is known at the decision"
            )
            found.problems.append(
                Problem(found.sheet.file, found.sheet.delivered_name(name), (), message)
            )
            continue
        rho = _rank_correlation(values[rows], f["net_logret"].to_numpy()[rows])
        if abs(rho) > max(LEAK_LIMIT, 4.0 * np.sqrt(ROWS_AT_ONCE / rows.sum())):
            message = (
                f"follows the outcome (Spearman correlation {rho:.2f} with net_logret, at most "
                f"{LEAK_LIMIT:g}); a feature is known at the decision"
            )
            found.problems.append(
                Problem(found.sheet.file, found.sheet.delivered_name(name), (), message)
            )


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's: the correlation of the ranks, ties at their mean."""
    a, b = (pd.Series(values).rank().to_numpy() for values in (x, y))
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def _differs(delivered: object, computed: object, *, nulls: bool = False) -> np.ndarray:
    """Rows in which two columns differ by more than the tolerance.

    A number where none can be computed counts as a difference; with `nulls`, so does a null where
    a number can be computed.
    """
    a, b = (np.asarray(values, dtype="float64") for values in (delivered, computed))
    with np.errstate(invalid="ignore"):
        is_far = np.abs(a - b) > TOLERANCE * np.maximum(1.0, np.abs(b))
    is_odd = np.isnan(a) != np.isnan(b) if nulls else np.isnan(b) & ~np.isnan(a)
    return is_far | is_odd


def _microseconds(stamps: pd.Series) -> np.ndarray:
    return pd.DatetimeIndex(stamps).as_unit("us").asi8


def _day(stamp: pd.Timestamp) -> str:
    return f"{stamp.tz_convert(NY):%Y-%m-%d}"
