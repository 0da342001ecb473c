"""The book: the account, computed from stored decisions and the bars known at an instant.

Belongs here: running the simulator on an outlook, and keeping the part of its result that has
happened by then: fills, refusals, positions, equity. Does not belong here: scoring, stored rows
(:mod:`step3_assets.domain.shadow.step`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import Table
from step3_assets.catalogue.live import SHADOW_FILLS, SHADOW_POSITIONS
from step3_assets.config import Step3Config
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import month_range
from step3_assets.domain.execution.account import NO_BUYING_POWER
from step3_assets.domain.execution.ledger import LedgerResult
from step3_assets.domain.execution.marking import MarkClock, stamps_us
from step3_assets.domain.portfolio.variants import Period, run_account
from step3_assets.domain.risk.engine import CANCELLED, FORCED_EXIT
from step3_assets.domain.shadow.outlook import Outlook, look_ahead


@dataclass(frozen=True)
class Account:
    """A shadow account.

    Attributes
    ----------
    name : str
        The live account's name, or ``replay:FIRST..LAST``.
    first_month : date
        The account starts without positions at the first instant of this month.
    last_month : date or None
        Last month whose candidates it takes; None for an account without end.
    """

    name: str
    first_month: date
    last_month: date | None = None

    def takes(self, months: pd.Series) -> pd.Series:
        """Whether the account takes candidates of these months."""
        inside = months >= self.first_month
        return inside if self.last_month is None else inside & (months <= self.last_month)

    def months_until(self, last: date) -> list[date]:
        """The account's months up to and including this one."""
        return month_range(self.first_month, min(last, self.last_month or last))


@dataclass(frozen=True)
class KnownData:
    """The data that is known at an instant.

    Attributes
    ----------
    events, bars : DataFrame
        Tables ``events`` and ``bar_features``; of the bars the account's months and the history
        that its allocation reads.
    until : Timestamp
        See :func:`step3_assets.domain.shadow.outlook.known_until`.
    """

    events: pd.DataFrame
    bars: pd.DataFrame
    until: pd.Timestamp


@dataclass(frozen=True)
class Book:
    """An account at an instant.

    Attributes
    ----------
    fills : DataFrame
        Table ``shadow_fills`` without ``account`` and ``arrival``.
    positions : DataFrame
        Table ``shadow_positions`` without those and ``arrival_utc``: every position so far.
    equity : DataFrame
        Table ``portfolio_equity`` without ``series``, up to the instant.
    withdrawn : DataFrame
        Keys of gated decisions whose event is no longer in the delivery; they are left out.
    """

    fills: pd.DataFrame
    positions: pd.DataFrame
    equity: pd.DataFrame
    withdrawn: pd.DataFrame


def keep_book(
    account: Account,
    decisions: pd.DataFrame,
    known: KnownData,
    config: Step3Config,
    settings: Mapping[date, Step3Config] | None = None,
) -> Book:
    """Compute the account from its decisions and the bars known at an instant.

    Parameters
    ----------
    account : Account
    decisions : DataFrame
        Rows of ``shadow_decisions`` of the account.
    known : KnownData
    config : Step3Config
        Of it, ``execution``, ``risk`` and ``allocation`` are used.
    settings : mapping of date to Step3Config, optional
        Settings of months that a search chose them for.

    Returns
    -------
    Book
        A later instant only adds rows: the rows of an earlier one are equal to the bit.
    """
    events, bars, until = known.events, known.bars, known.until
    decided = decisions[decisions["decision_instant_utc"] <= until]
    gated = decided[decided["is_gated"].astype(bool)]
    wanted = gated[EVENT_KEY].merge(events, on=EVENT_KEY, how="left", indicator=True)
    withdrawn = wanted.loc[wanted["_merge"] == "left_only", EVENT_KEY]
    gated_events = wanted[wanted["_merge"] == "both"].drop(columns="_merge")
    outlook = look_ahead(gated_events, bars, until)
    clock = MarkClock.from_bars(outlook.bars)
    last = _last_month(bars, until)
    period = Period(account.months_until(last), clock, settings or {})
    kept = gated.merge(outlook.events[EVENT_KEY], on=EVENT_KEY)
    ledger = run_account(kept, outlook.events, period, config)
    maturity = gated_events.set_index(EVENT_KEY)["maturity"]
    return Book(
        _fills(ledger, outlook, kept),
        _positions(ledger, outlook, maturity),
        ledger.equity[ledger.equity["bar_end_utc"] <= until].reset_index(drop=True),
        withdrawn.reset_index(drop=True),
    )


def _last_month(bars: pd.DataFrame, until: pd.Timestamp) -> date:
    last = bars.loc[bars["bar_end_utc"] <= until, "date"].max()
    return date(last.year, last.month, 1)


def _fills(ledger: LedgerResult, outlook: Outlook, decisions: pd.DataFrame) -> pd.DataFrame:
    trades = ledger.trades
    common = {"status": "traded", "units": trades["units"]}
    entries = trades[EVENT_KEY].assign(
        kind="entry",
        time_utc=trades["entry_time_utc"],
        price_usd=trades["entry_open"],
        value_usd=trades["notional_usd"],
        cost_usd=trades["cost_entry_usd"],
        equity_before_usd=trades["equity_before_usd"],
        allocation_frac=trades["allocation_frac"],
        binding_cap=trades["binding_cap"],
        **common,
    )
    exits = trades[EVENT_KEY].assign(
        kind="exit",
        time_utc=trades["exit_time_utc"],
        price_usd=trades["exit_open"],
        value_usd=trades["units"] * trades["exit_open"],
        cost_usd=trades["cost_exit_usd"],
        pnl_usd=trades["pnl_usd"],
        exit_rule=trades["exit_rule"],
        **common,
    )
    filled = pd.concat([entries, exits], ignore_index=True)
    refused = _refusals(ledger, outlook, decisions)
    rows = pd.concat([filled[_has_come(filled, "time_utc", outlook)], refused], ignore_index=True)
    return _canonical(rows, SHADOW_FILLS)


def _refusals(ledger: LedgerResult, outlook: Outlook, decisions: pd.DataFrame) -> pd.DataFrame:
    """Orders that were not traded, at the close or fill at which they were refused or cancelled."""
    untraded = ledger.decisions[ledger.decisions["status"] != "traded"]
    rows = untraded[[*EVENT_KEY, "status"]].merge(
        decisions[[*EVENT_KEY, "decision_instant_utc"]], on=EVENT_KEY
    )
    assert ledger.risk_events is not None
    events = ledger.risk_events
    cancelled = events.loc[events["action"] == CANCELLED, [*EVENT_KEY, "time_utc"]]
    rows = rows.merge(cancelled, on=EVENT_KEY, how="left")
    time = rows["time_utc"].fillna(rows["decision_instant_utc"])
    rows = rows.assign(kind="refused", time_utc=time).drop(columns="decision_instant_utc")
    entries = rows[EVENT_KEY].merge(
        outlook.events[[*EVENT_KEY, "entry_time_utc"]], on=EVENT_KEY, how="left"
    )["entry_time_utc"]
    at_fill = (rows["status"] == NO_BUYING_POWER).to_numpy()
    rows["time_utc"] = rows["time_utc"].mask(at_fill, entries)
    has_happened = np.where(
        at_fill, _has_come(rows, "time_utc", outlook), rows["time_utc"] <= outlook.until
    )
    return rows[has_happened]


def _positions(ledger: LedgerResult, outlook: Outlook, maturity: pd.Series) -> pd.DataFrame:
    trades = ledger.trades
    is_filled, is_gone = (
        _has_come(trades, name, outlook) for name in ("entry_time_utc", "exit_time_utc")
    )
    is_next = stamps_us(trades["exit_time_utc"]) == _next_open(trades, outlook)
    leaves_next = is_next & _exit_is_decided(ledger, outlook)
    label = pd.MultiIndex.from_frame(trades[EVENT_KEY])
    is_final = (maturity.reindex(label) == "final").to_numpy()
    state = np.select(
        [~is_filled, is_gone & is_final, is_gone, leaves_next],
        ["ordered", "settled", "closed", "exit_ordered"],
        "open",
    )
    known = outlook.bars[outlook.bars["bar_end_utc"] <= outlook.until]
    close = known.sort_values("date").groupby("symbol")["close"].last()
    mark = np.where(is_filled & ~is_gone, trades["symbol"].map(close).astype("float64"), np.nan)
    paid = trades["notional_usd"] + trades["cost_entry_usd"]
    rows = trades[EVENT_KEY].assign(
        state=state,
        notional_usd=trades["notional_usd"],
        units=trades["units"].where(is_filled),
        entry_open=trades["entry_open"].where(is_filled),
        mark_usd=mark,
        unrealised_pnl_usd=trades["units"] * mark - paid,
        realised_pnl_usd=trades["pnl_usd"].where(is_gone),
    )
    return _canonical(rows, SHADOW_POSITIONS)


def _next_open(rows: pd.DataFrame, outlook: Outlook) -> np.ndarray:
    return rows["symbol"].map(outlook.next_open_us).to_numpy(dtype="int64")


def _has_come(rows: pd.DataFrame, column: str, outlook: Outlook) -> np.ndarray:
    """Whether the bars show the fill of each row: the bar at whose open it filled has ended."""
    return stamps_us(rows[column]) < _next_open(rows, outlook)


def _exit_is_decided(ledger: LedgerResult, outlook: Outlook) -> np.ndarray:
    """Whether each trade's exit follows from known bars, not from a placeholder."""
    events = ledger.risk_events
    assert events is not None
    ahead = events[(events["action"] == FORCED_EXIT) & (events["time_utc"] > outlook.until)]
    forced = pd.MultiIndex.from_frame(ahead[EVENT_KEY])
    return ~pd.MultiIndex.from_frame(ledger.trades[EVENT_KEY]).isin(forced)


def _canonical(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """In the columns and types of the table, without the columns that a step adds."""
    later = [c for c in table.names if c in ("account", "arrival", "arrival_utc")]
    whole = rows.reindex(columns=[c for c in table.names if c not in later])
    part = Table(
        table.name,
        table.meaning,
        table.asset,
        tuple(c for c in table.columns if c.name not in later),
        tuple(k for k in table.key if k not in later),
        None,
    )
    return canonical_frame(whole, part)
