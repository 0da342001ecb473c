"""What the rows of a delivery must satisfy, beyond the type of each column.

Belongs here: rules between columns, rows and files. Does not belong here: rules that follow from
the catalogue alone (:mod:`step3_assets.domain.core.validation`), or reading files.

:mod:`step3_assets.domain.delivery.consistency` compares the values of rows with the bars;
:func:`label_arithmetic_problems` is the same arithmetic on stored rows, for an asset check.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import OUTCOME_COLUMNS
from step3_assets.domain.core.delivery_layout import TICKER
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.label_end import latest_exit_idx
from step3_assets.domain.core.validation import value_faults
from step3_assets.domain.delivery.problems import Problem, row_problem
from step3_assets.domain.delivery.sheet import Sheet

TOLERANCE = 1e-9
"""Largest difference, in return units, between a delivered return and its arithmetic."""

DAY_SECONDS = 86_400

_LABEL = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Rule:
    """A rule between columns of one file.

    Parameters
    ----------
    column : str
        The column that the problem names.
    needs : tuple of str
        Columns that the rule reads; it is skipped when one of them could not be read.
    message : str
        What is wrong and what is expected.
    find : callable
        From the frame to the mask of rows at fault. A comparison with a null is not a fault.
    """

    column: str
    needs: tuple[str, ...]
    message: str
    find: Callable[[pd.DataFrame], pd.Series | np.ndarray]


def _is_strange_label(values: pd.Series) -> pd.Series:
    is_plain = values.map(lambda text: bool(_LABEL.fullmatch(str(text)))).astype(bool)
    return values.notna() & ~is_plain


EVENT_RULES = (
    Rule(
        "family",
        ("family",),
        "is not a plain name; expected lower case, digits and underscores",
        lambda f: _is_strange_label(f["family"]),
    ),
    Rule(
        "exit_reason",
        ("exit_reason",),
        "is not a plain name; expected lower case, digits and underscores",
        lambda f: _is_strange_label(f["exit_reason"]),
    ),
    Rule(
        "decision_time_utc",
        ("symbol", "decision_time_utc"),
        "appears more than once for its symbol; (symbol, decision_time_utc) is the key",
        lambda f: f.duplicated(EVENT_KEY, keep=False),
    ),
    Rule(
        "label_end_idx",
        ("t_idx", "label_end_idx"),
        "the label ends before entry; expected above t_idx + 1, the row of the entry bar",
        lambda f: f["label_end_idx"].astype("float64") <= f["t_idx"].astype("float64") + 1,
    ),
    Rule(
        "exit_time_utc",
        ("entry_time_utc", "exit_time_utc"),
        "the label ends before entry; expected later than entry_time_utc",
        lambda f: f["exit_time_utc"] <= f["entry_time_utc"],
    ),
    Rule(
        "entry_time_utc",
        ("decision_time_utc", "entry_time_utc"),
        "the entry is not after the decision; expected later than decision_time_utc",
        lambda f: f["entry_time_utc"] <= f["decision_time_utc"],
    ),
)

BAR_RULES = (
    Rule(
        "date",
        ("date",),
        "the bar appears more than once; expected one bar per stamp",
        lambda f: f.duplicated(["date"], keep=False),
    ),
    Rule(
        "date",
        ("date",),
        "lies before the bar above it; expected bars in time order",
        lambda f: f["date"] < f["date"].shift(1),
    ),
    Rule(
        "ny_time",
        ("date", "ny_time"),
        "is another instant than date; expected the same one",
        lambda f: f["ny_time"] != f["date"],
    ),
    Rule(
        "expected_bar_seconds",
        ("expected_bar_seconds",),
        f"is longer than a day; expected at most {DAY_SECONDS}",
        lambda f: f["expected_bar_seconds"] > DAY_SECONDS,
    ),
    Rule(
        "high",
        ("high", "low"),
        "is below low; expected at least low",
        lambda f: f["high"] < f["low"],
    ),
)


def sheet_problems(sheet: Sheet) -> list[Problem]:
    """Every rule that one file breaks on its own: of the catalogue, its symbol and its columns."""
    problems = []
    for name in sheet.frame.columns:
        column = sheet.table.by_name[str(name)]
        for message, mask in value_faults(sheet.frame[name], column, sheet.table):
            if mask.any():
                problems.append(sheet.problem(column.name, mask, message))
    problems += _symbol_problems(sheet)
    for rule in EVENT_RULES if sheet.table.name == "events" else BAR_RULES:
        if sheet.has(*rule.needs):
            mask = np.asarray(rule.find(sheet.frame), dtype=bool)
            if mask.any():
                problems.append(sheet.problem(rule.column, mask, rule.message))
    if sheet.table.name == "events":
        problems += _partial_outcomes(sheet)
    return problems


def future_problems(bars: Sheet, now: datetime) -> list[Problem]:
    """Bars that start in the future, or that are still running.

    The stamps of the former are wrong and would create partitions of future months; the close of
    the latter will change.
    """
    if not bars.has("date"):
        return []
    clock = f"(it is {now:%Y-%m-%d %H:%M} UTC)"
    mask = (bars.frame["date"] > pd.Timestamp(now)).to_numpy(dtype=bool)
    if mask.any():
        return [bars.problem("date", mask, f"lies in the future {clock}")]
    if not bars.has("expected_bar_seconds"):
        return []
    seconds = bars.frame["expected_bar_seconds"].clip(0, DAY_SECONDS)
    ends = bars.frame["date"] + pd.to_timedelta(seconds, unit="s")
    mask = (ends > pd.Timestamp(now)).to_numpy(dtype=bool)
    if not mask.any():
        return []
    return [bars.problem("date", mask, f"starts a bar that has not ended yet {clock}")]


def pair_problems(events: Sheet, bars: Sheet) -> list[Problem]:
    """Every rule between the events and the bars of one symbol."""
    problems = []
    last = bars.n_rows - 1
    for name in ("t_idx", "label_end_idx"):
        if events.has(name):
            rows = events.frame[name].to_numpy(dtype="float64")
            mask = (rows < 0) | (rows > last)
            if mask.any():
                message = f"lies outside the bar table; expected a row from 0 to {last}"
                problems.append(events.problem(name, mask, message))
    if bars.has("date"):
        problems += _stamp_mismatches(events, bars)
    if bars.has("date", "expected_bar_seconds"):
        problems += _early_entries(events, bars)
    if events.has("t_idx", "H", *OUTCOME_COLUMNS):
        reach = latest_exit_idx(*(events.frame[c].astype("float64") for c in ("t_idx", "H")))
        mask = is_pending(events.frame) & (reach < last).to_numpy()
        if mask.any():
            message = (
                "NaN outcome, though the bars reach beyond the horizon; an outcome may be null "
                f"only where t_idx + H + 2 reaches the last bar, {last}"
            )
            problems.append(row_problem(events.file, "net_logret", mask, message))
    return problems


def is_pending(events: pd.DataFrame) -> np.ndarray:
    """Rows without any outcome."""
    return events[list(OUTCOME_COLUMNS)].isna().all(axis=1).to_numpy()


def label_arithmetic_problems(events: pd.DataFrame) -> list[Problem]:
    """Outcomes that do not follow from their own prices, costs and horizon.

    Checked to 1e-9: ``gross_logret`` = ln(exit_open / entry_open); ``net_logret`` =
    ``gross_logret`` - ``cost_rt``; ``y`` = 1 exactly when ``net_logret`` > 0; a horizon exit that
    claims not to be truncated ends H + 2 rows after its decision.

    Parameters
    ----------
    events : DataFrame
        Canonical ``events`` of any symbols; pending rows are skipped.

    Returns
    -------
    list of Problem
        ``file`` is the table's name and ``rows`` are positions in the frame.
    """
    gross = pd.Series(np.log(events["exit_open"] / events["entry_open"]), index=events.index)
    net = events["net_logret"]
    is_whole = (events["exit_reason"] == "horizon") & (events["truncated_horizon"] == 0)
    faults = (
        ("gross_logret", _differs(events["gross_logret"], gross), "is not ln(exit/entry)"),
        (
            "net_logret",
            _differs(net, events["gross_logret"] - events["cost_rt"]),
            "is not gross_logret - cost_rt",
        ),
        ("y", (net.abs() > TOLERANCE) & (events["y"] != (net > 0)), "is not net_logret > 0"),
        (
            "label_end_idx",
            is_whole & (events["label_end_idx"] != latest_exit_idx(events["t_idx"], events["H"])),
            "is not t_idx + H + 2, though the horizon was not cut",
        ),
    )
    problems = []
    for column, at_fault, message in faults:
        mask = at_fault.to_numpy(dtype=bool)
        if mask.any():
            first = events.iloc[int(np.flatnonzero(mask)[0])]
            where = f"; first {first['symbol']} {first['decision_time_utc']}"
            problems.append(row_problem("events", column, mask, message + where))
    return problems


def _differs(delivered: pd.Series, computed: pd.Series) -> pd.Series:
    return (delivered - computed).abs() > TOLERANCE


def _symbol_problems(sheet: Sheet) -> list[Problem]:
    if not sheet.has("symbol"):
        return []
    symbols = sheet.frame["symbol"]
    is_plain = symbols.map(lambda text: bool(TICKER.fullmatch(str(text)))).astype(bool)
    faults = (
        (
            symbols.notna() & ~is_plain,
            "is not a plain ticker; expected A-Z, then A-Z, 0-9 or dots",
        ),
        (is_plain & (symbols != sheet.symbol), f"is not the file's symbol, {sheet.symbol}"),
    )
    return [
        sheet.problem("symbol", mask.to_numpy(dtype=bool), message)
        for mask, message in faults
        if mask.any()
    ]


def _partial_outcomes(sheet: Sheet) -> list[Problem]:
    """Rows in which only some of the outcome columns are null."""
    present = [name for name in OUTCOME_COLUMNS if sheet.has(name)]
    missing = sheet.frame[present].isna()
    is_partial = missing.any(axis=1) & ~missing.all(axis=1)
    return [
        row_problem(
            sheet.file,
            name,
            (missing[name] & is_partial).to_numpy(),
            "NaN outcome in a row whose other outcome columns have values",
        )
        for name in present
        if (missing[name] & is_partial).any()
    ]


def _stamp_mismatches(events: Sheet, bars: Sheet) -> list[Problem]:
    """Events whose row numbers and stamps name different bars."""
    dates = bars.frame["date"].to_numpy(dtype="datetime64[us]")
    problems = []
    for stamp, index, offset in (
        ("decision_time_utc", "t_idx", 0),
        ("entry_time_utc", "t_idx", 1),
        ("exit_time_utc", "label_end_idx", 0),
    ):
        if not events.has(stamp, index):
            continue
        rows = events.frame[index].to_numpy(dtype="float64") + offset
        is_inside = (rows >= 0) & (rows < len(dates))
        at = np.where(is_inside, rows, 0).astype("int64")
        stamps = events.frame[stamp].to_numpy(dtype="datetime64[us]")
        mask = is_inside & (dates[at] != stamps) & ~np.isnat(stamps)
        if mask.any():
            row = f"{index} + {offset}" if offset else index
            message = f"is not the stamp of bar {row}; expected date of that row in {bars.file}"
            problems.append(events.problem(stamp, mask, message))
    return problems


def _early_entries(events: Sheet, bars: Sheet) -> list[Problem]:
    """Entries before the end of the last bar; after it there is no row to compare with."""
    if not events.has("t_idx", "entry_time_utc"):
        return []
    last = bars.frame.iloc[-1]
    seconds = int(np.clip(last["expected_bar_seconds"], 0, DAY_SECONDS))
    end = last["date"] + pd.Timedelta(seconds=seconds)
    is_last = events.frame["t_idx"] == bars.n_rows - 1
    mask = (is_last & (events.frame["entry_time_utc"] < end)).to_numpy()
    if not mask.any():
        return []
    message = f"the entry comes before the decision bar ends; expected {end} or later"
    return [events.problem("entry_time_utc", mask, message)]
