"""Parity: compare the shadow account with a backtest of the same months, and explain differences.

Belongs here: which decisions can be compared already, what differs, and why. Does not belong here:
the simulation, scoring, or any verdict on the results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from step3_assets.catalogue.decisions import SCORES
from step3_assets.config import Step3Config
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.portfolio.variants import Period, run_account
from step3_assets.domain.shadow.book import Account, KnownData, keep_book
from step3_assets.domain.shadow.step import (
    ModelInForce,
    ShadowRows,
    broken_checksums,
    differing_fills,
    event_hashes,
)

CENT = 0.005
DIFFERENCES = {
    "not_seen": "a candidate of the backtest that the shadow never saw",
    "not_scored": "a candidate of the shadow that the backtest does not have",
    "event_revised": "a value of the event known at its decision was revised since it was scored",
    "event_withdrawn": "the event is gone from the delivery",
    "model_differs": "another model was in force when it was scored",
    "recalibrated": "it was scored with the calibrator of a weekly recalibration",
    "settings_differ": "other model, gate or sizing settings were in force",
    "score_altered": "the stored decision is not the one that was appended",
    "score_differs": "model, settings and event are the same, the score is not",
    "fill_altered": "the stored fill is not the one that was appended",
    "outcome_restated": "the fill was appended under an outcome that was restated since",
    "fill_missing": "the bars show a fill that was never appended",
    "follows": "the account differs since an earlier difference",
    "unexplained": "nothing explains it",
}
"""Kinds of differences, each with its meaning."""

_SCORE_COLUMNS = [c for c in SCORES.names if c not in ("month", *EVENT_KEY)]
_TRADE = ["entry_time_utc", "exit_time_utc", "units", "notional_usd", "pnl_usd"]


@dataclass(frozen=True)
class Parity:
    """The comparison.

    Attributes
    ----------
    until : Timestamp
        Decisions before this instant are compared: to the account's last known bar; to the first
        gated decision whose label is not final, where a backtest cannot follow; or to the first
        event after the last that the backtest has scored.
    differences : DataFrame
        ``symbol``, ``decision_time_utc``, ``difference`` (of :data:`DIFFERENCES`), ``text``; in
        order of decision.
    metrics : DataFrame
        ``metric``, ``shadow``, ``backtest``: counts and USD of what was compared.
    largest_gap_usd : float
        Largest difference of any trade's P&L; 0 when equal to the bit.
    """

    until: pd.Timestamp
    differences: pd.DataFrame
    metrics: pd.DataFrame
    largest_gap_usd: float

    @property
    def is_exact(self) -> bool:
        """No difference at all."""
        return self.differences.empty

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        trades = self.metrics.set_index("metric")["shadow"]["trades closed"]
        if self.is_exact:
            return (
                f"{trades:.0f} trades decided before {self.until}: the same trades, sizes and P&L "
                f"in shadow and backtest (largest gap {self.largest_gap_usd:.2g} USD)"
            )
        counts = self.differences["difference"].value_counts()
        named = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"shadow and backtest differ in {len(self.differences)} decision(s): {named}"


@dataclass(frozen=True)
class WalkedMonths:
    """The stored walk-forward results of the account's months.

    Attributes
    ----------
    scores, events, bars : DataFrame
        Tables ``scores``, ``events`` and ``bar_features``; of the bars the history that the
        allocation reads, too.
    models : mapping of date to ModelInForce
        The model of each month.
    settings : mapping of date to Step3Config, optional
        Settings of months that a search chose them for.
    """

    scores: pd.DataFrame
    events: pd.DataFrame
    bars: pd.DataFrame
    models: Mapping[date, ModelInForce]
    settings: Mapping[date, Step3Config] | None = None


def check_parity(
    account: Account,
    stored: ShadowRows,
    walked: WalkedMonths,
    config: Step3Config,
) -> Parity:
    """Compare the stored shadow ledger with the account of a backtest over the same months.

    Parameters
    ----------
    account : Account
    stored : ShadowRows
        Its rows.
    walked : WalkedMonths
    config : Step3Config

    Returns
    -------
    Parity
        The backtest starts without positions in the account's first month, with the same settings.
    """
    last_bar = stored.deliveries["known_until_utc"].max()
    months = account.months_until(date(last_bar.year, last_bar.month, 1))
    scores, events = (f[f["month"].isin(months)] for f in (walked.scores, walked.events))
    until = _comparable_until(stored, scores, events, last_bar)
    settings = walked.settings or {}
    clock = MarkClock.from_bars(walked.bars)
    backtest = run_account(scores, events, Period(months, clock, settings), config)
    instants = events.set_index(EVENT_KEY)["decision_instant_utc"]
    known = KnownData(events, walked.bars, last_bar)
    book = keep_book(account, stored.decisions, known, config, settings)
    broken = broken_checksums(stored)
    found = [
        *_decision_differences(
            stored.decisions, scores, events, walked.models, broken["decisions"]
        ),
        *_ledger_differences(stored, book.fills, broken["fills"]),
        *_withdrawn(book.withdrawn),
    ]
    traded, simulated = _closed_trades(stored.fills), _backtest_trades(backtest.trades)
    traded, simulated = (_before(f, instants, until) for f in (traded, simulated))
    simulated = simulated[simulated["exit_time_utc"] < last_bar]
    found = [d for d in found if _at(instants, d[:2]) < until]
    found += _account_differences(
        traded, simulated, stored.fills, backtest.decisions, found, instants
    )
    rows = sorted(found, key=lambda d: (_at(instants, d[:2]), d[0]))
    differences = pd.DataFrame(rows, columns=[*EVENT_KEY, "difference", "text"])
    both = traded.merge(simulated, on=EVENT_KEY, suffixes=("", "_b"))
    gap = float((both["pnl_usd"] - both["pnl_usd_b"]).abs().max()) if len(both) else 0.0
    metrics = _metrics(stored, scores, instants, until, traded, simulated)
    return Parity(until, differences, metrics, gap)


Key = tuple[str, pd.Timestamp]
Difference = tuple[str, pd.Timestamp, str, str]


def _comparable_until(
    stored: ShadowRows, scores: pd.DataFrame, events: pd.DataFrame, last_bar: pd.Timestamp
) -> pd.Timestamp:
    open_ones = events[events["maturity"] != "final"]
    gated = pd.concat(
        [f.loc[f["is_gated"].astype(bool), EVENT_KEY] for f in (stored.decisions, scores)]
    ).drop_duplicates()
    waiting = open_ones.merge(gated, on=EVENT_KEY)["decision_instant_utc"]
    scored = events.merge(scores[EVENT_KEY], on=EVENT_KEY)["decision_instant_utc"].max()
    is_scored = events["decision_instant_utc"] <= scored  # nothing was scored
    not_yet = events.loc[~is_scored, "decision_instant_utc"]
    ends = [last_bar + pd.Timedelta(1, "us"), waiting.min(), not_yet.min()]
    return min(end for end in ends if not pd.isna(end))


def _decision_differences(
    decisions: pd.DataFrame,
    scores: pd.DataFrame,
    events: pd.DataFrame,
    models: Mapping[date, ModelInForce],
    broken: set[int],
) -> list[Difference]:
    """Candidates with another score, each with the first reason that applies."""
    now = events[EVENT_KEY].assign(event_now=event_hashes(events))
    both = decisions.merge(scores, on=EVENT_KEY, how="outer", suffixes=("", "_b"), indicator=True)
    both = both.merge(now, on=EVENT_KEY, how="left")
    found: list[Difference] = []
    for row in both.to_dict("records"):
        key = _key(row)
        if row["_merge"] != "both":
            name = "not_scored" if row["_merge"] == "left_only" else "not_seen"
            if name == "not_seen" or not pd.isna(row["event_now"]):
                found.append((*key, name, f"{_named(key)}: {DIFFERENCES[name]}"))
            continue
        column = next((c for c in _SCORE_COLUMNS if not _same(row[c], row[f"{c}_b"])), None)
        if column is None:
            continue
        model = models.get(row["month"])
        if row["arrival"] in broken:
            name = "score_altered"
        elif row["event_hash"] != row["event_now"]:
            name = "event_revised"
        elif model is not None and row["model_hash"] != model.model_hash:
            name = "model_differs"
        elif not pd.isna(row["calibrator_week"]):
            name = "recalibrated"
        elif model is not None and row["settings_hash"] != model.settings_hash:
            name = "settings_differ"
        else:
            name = "score_differs"
        text = f"{column} is {row[column]} in the shadow, {row[f'{column}_b']} in the backtest"
        found.append((*key, name, f"{_named(key)}: {DIFFERENCES[name]}: {text}"))
    return found


def _ledger_differences(
    stored: ShadowRows, derived: pd.DataFrame, broken: set[int]
) -> list[Difference]:
    """Stored fills that do not follow from the stored decisions, and fills that are not stored."""
    found: list[Difference] = []
    for row in differing_fills(stored.fills, derived).to_dict("records"):
        name = "fill_altered" if row["arrival"] in broken else "outcome_restated"
        found.append((*_key(row), name, f"{row['text']}: {DIFFERENCES[name]}"))
    key = [*EVENT_KEY, "kind"]
    have = pd.MultiIndex.from_frame(stored.fills[key])
    lost = derived[~pd.MultiIndex.from_frame(derived[key]).isin(have)]
    name = "fill_missing"
    for row in lost.to_dict("records"):
        text = f"{_named(_key(row))} {row['kind']}: {DIFFERENCES[name]}"
        found.append((*_key(row), name, text))
    return found


def _withdrawn(keys: pd.DataFrame) -> list[Difference]:
    name = "event_withdrawn"
    rows = keys.to_dict("records")
    return [(*_key(r), name, f"{_named(_key(r))}: {DIFFERENCES[name]}") for r in rows]


def _account_differences(
    traded: pd.DataFrame,
    simulated: pd.DataFrame,
    fills: pd.DataFrame,
    backtest_decisions: pd.DataFrame,
    named: Sequence[Difference],
    instants: pd.Series,
) -> list[Difference]:
    """Trades that differ or that only one account has, unless they are listed already."""
    known = {(d[0], d[1]) for d in named}
    first = min((_at(instants, k) for k in known if k in instants.index), default=None)
    status = backtest_decisions.set_index(EVENT_KEY)["status"]
    refused = fills[fills["kind"] == "refused"].set_index(EVENT_KEY)["status"]
    both = traded.merge(simulated, on=EVENT_KEY, how="outer", suffixes=("", "_b"), indicator=True)
    found: list[Difference] = []
    for row in both.to_dict("records"):
        key = _key(row)
        if key in known:
            continue
        if row["_merge"] == "left_only":
            text = f"traded in the shadow, {status.get(key, 'not gated')} in the backtest"
        elif row["_merge"] == "right_only":
            text = f"{refused.get(key, 'not filled')} in the shadow, traded in the backtest"
        else:
            column = next((c for c in _TRADE if _differs(row[c], row[f"{c}_b"])), None)
            if column is None:
                continue
            text = f"{column} is {row[column]} in the shadow, {row[f'{column}_b']} in the backtest"
        is_later = first is not None and _at(instants, key) >= first
        name = "follows" if is_later else "unexplained"
        found.append((*key, name, f"{_named(key)}: {text}: {DIFFERENCES[name]}"))
    return found


def _closed_trades(fills: pd.DataFrame) -> pd.DataFrame:
    """Stored entries with their exits, in the columns that are compared."""
    entries, exits = (fills[fills["kind"] == kind] for kind in ("entry", "exit"))
    entries = entries[[*EVENT_KEY, "time_utc", "units", "value_usd"]]
    names = {"time_utc": "entry_time_utc", "value_usd": "notional_usd"}
    exits = exits[[*EVENT_KEY, "time_utc", "pnl_usd"]].rename(columns={"time_utc": "exit_time_utc"})
    return entries.rename(columns=names).merge(exits, on=EVENT_KEY)[[*EVENT_KEY, *_TRADE]]


def _backtest_trades(trades: pd.DataFrame) -> pd.DataFrame:
    return trades[[*EVENT_KEY, *_TRADE]]


def _before(trades: pd.DataFrame, instants: pd.Series, until: pd.Timestamp) -> pd.DataFrame:
    decided = instants.reindex(pd.MultiIndex.from_frame(trades[EVENT_KEY])).to_numpy()
    is_known = pd.isna(decided)  # a withdrawn event is compared and listed
    kept = trades[is_known | pd.Series(decided).lt(until).to_numpy()]
    return kept.sort_values(EVENT_KEY, ignore_index=True)


def _metrics(
    stored: ShadowRows,
    scores: pd.DataFrame,
    instants: pd.Series,
    until: pd.Timestamp,
    traded: pd.DataFrame,
    simulated: pd.DataFrame,
) -> pd.DataFrame:
    counted = []
    for decisions, trades in ((stored.decisions, traded), (scores, simulated)):
        rows = _before(decisions, instants, until)
        counted.append(
            {
                "candidates": float(len(rows)),
                "gated": float(rows["is_gated"].astype(bool).sum()),
                "trades closed": float(len(trades)),
                "notional (USD)": float(trades["notional_usd"].sum()),
                "P&L (USD)": float(trades["pnl_usd"].sum()),
            }
        )
    table = pd.DataFrame(counted, index=["shadow", "backtest"]).T
    return table.rename_axis("metric").reset_index()


def _differs(a: object, b: object) -> bool:
    """Stamps by value, USD and units to the cent."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) >= CENT
    return not _same(a, b)


def _same(a: object, b: object) -> bool:
    return bool(a == b) or bool(pd.isna(a) and pd.isna(b))  # type: ignore[arg-type]


def _at(instants: pd.Series, key: Key) -> pd.Timestamp:
    """Decision instant of an event; the start of its bar if the event is gone."""
    return instants[key] if key in instants.index else key[1]


def _key(row: dict) -> Key:
    return row["symbol"], row["decision_time_utc"]


def _named(key: Key) -> str:
    return f"{key[0]} {key[1]}"
