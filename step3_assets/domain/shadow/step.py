"""A step of a shadow account: what a delivery adds when the account processes it.

Belongs here: scoring new candidates once, appending the fills that the bars now show, checksums of
the appended rows, and stored rows that no longer follow from the delivery. Does not belong here:
the account itself (:mod:`step3_assets.domain.shadow.book`), storage, which model is in force.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import Table
from step3_assets.catalogue.decisions import SCORES
from step3_assets.catalogue.delivery import EVENTS, OUTCOME_COLUMNS
from step3_assets.catalogue.live import (
    SHADOW_DECISIONS,
    SHADOW_DELIVERIES,
    SHADOW_FILLS,
    SHADOW_POSITIONS,
)
from step3_assets.config import ModelConfig, Step3Config
from step3_assets.domain.core.bar_columns import SHADOW_BARS
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.core.hashing import frame_hash, row_hashes, text_hash
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.weeks import weeks_of
from step3_assets.domain.decisions.decide import DecisionSettings
from step3_assets.domain.decisions.scoring import score_fold
from step3_assets.domain.models.text_format import name_in_hashes
from step3_assets.domain.portfolio.allocation import history_months
from step3_assets.domain.search.settings import short_hash
from step3_assets.domain.shadow.book import Account, Book, KnownData, keep_book
from step3_assets.domain.shadow.outlook import known_until

NOT_KNOWN_AT_THE_DECISION = (*OUTCOME_COLUMNS, "maturity", "t_idx")
"""Columns of ``events`` that the hash of an event leaves out; ``t_idx`` depends on the build."""


class ShadowError(ValueError):
    """A delivery that the account cannot process; the message says what to do."""


class EarlierDelivery(ShadowError):
    """The delivery ends before the data that the account has processed already."""


@dataclass(frozen=True)
class WeekCalibrator:
    """A calibrator that is in force in a week.

    Attributes
    ----------
    week : date
        Week it was fitted for: the week it is in force in, or an earlier one.
    known_utc : Timestamp
        It is used for no decision before this instant.
    payload, sha256 : str
    """

    week: date
    known_utc: pd.Timestamp
    payload: str
    sha256: str


@dataclass(frozen=True)
class RetrainedWeek:
    """Models of a retrained week that are in force in a week.

    Attributes
    ----------
    week : date
        Week they were trained for: an earlier one than the week they are in force in.
    known_utc : Timestamp
        They are used for no decision before this instant.
    model_id : str
        As in ``model_registry``.
    models : DataFrame
        Rows of ``weekly_models``.
    config : ModelConfig
        What they were trained with.
    """

    week: date
    known_utc: pd.Timestamp
    model_id: str
    models: pd.DataFrame
    config: ModelConfig

    @property
    def sha256(self) -> str:
        """Hash of their calibrator."""
        return str(self.models.set_index("head")["payload_sha256"]["calibrator"])

    def in_place_of(self, model: "ModelInForce") -> "ModelInForce":
        """The model with these heads; gate and sizing stay."""
        config = model.config.model_copy(update={"models": self.config})
        return ModelInForce(self.model_id, self.models, config)


@dataclass(frozen=True)
class ModelInForce:
    """The model that scores the candidates of a month.

    Attributes
    ----------
    model_id : str
        As in ``model_registry``; ``retrained 2023-01`` where a replay trained it.
    models : DataFrame
        Rows of ``calibrated_models``; none where the fold could not be trained.
    config : Step3Config
        The settings for training, gate and sizing.
    weeks : mapping of date to WeekCalibrator or RetrainedWeek
        Calibrator or models that replace its own in a week.
    """

    model_id: str
    models: pd.DataFrame
    config: Step3Config
    weeks: Mapping[date, WeekCalibrator | RetrainedWeek] = field(default_factory=dict)

    def recalibrated(self, calibrator: WeekCalibrator | None) -> pd.DataFrame:
        """The models; a week that has a calibrator uses it in place of the models' own."""
        if calibrator is None:
            return self.models
        is_own = self.models["head"] == "calibrator"
        return self.models.assign(
            payload=self.models["payload"].mask(is_own, calibrator.payload),
            payload_sha256=self.models["payload_sha256"].mask(is_own, calibrator.sha256),
        )

    @property
    def model_hash(self) -> str:
        """Hash of the payloads of all heads, 16 hex digits."""
        names = self.models["head"].map(name_in_hashes)
        pairs = sorted(zip(names, self.models["payload_sha256"], strict=True))
        return text_hash("\n".join(f"{name} {sha}" for name, sha in pairs))[:16]

    @property
    def settings_hash(self) -> str:
        """Hash of all settings that a score depends on, 16 hex digits."""
        config = self.config
        sections = (config.models, config.gate, config.sizing)
        return short_hash(*(s.content_hash() for s in sections), config.execution.size_frac)


@dataclass(frozen=True)
class ShadowRows:
    """Rows of the four shadow tables, all of one account."""

    deliveries: pd.DataFrame
    decisions: pd.DataFrame
    fills: pd.DataFrame
    positions: pd.DataFrame

    @classmethod
    def none(cls) -> "ShadowRows":
        """An account that has processed no delivery."""
        return cls(*(canonical_frame(no_rows(t), t) for t in SHADOW_TABLES.values()))

    def plus(self, new: "ShadowRows") -> "ShadowRows":
        """These rows and those that a step appended."""
        stacked = (
            canonical_frame(pd.concat([stored, added]) if len(stored) else added, table)
            for stored, added, table in (
                (getattr(self, name), getattr(new, name), table)
                for name, table in SHADOW_TABLES.items()
            )
        )
        return ShadowRows(*stacked)

    def by_table(self) -> dict[str, pd.DataFrame]:
        """The frames by table name."""
        return {SHADOW_TABLES[f.name].name: getattr(self, f.name) for f in fields(self)}

    def of_account(self, name: str) -> "ShadowRows":
        """The rows of one account."""
        frames = (getattr(self, f.name) for f in fields(self))
        kept = (f[f["account"] == name].reset_index(drop=True) for f in frames)
        return ShadowRows(*kept)


SHADOW_TABLES: dict[str, Table] = {
    "deliveries": SHADOW_DELIVERIES,
    "decisions": SHADOW_DECISIONS,
    "fills": SHADOW_FILLS,
    "positions": SHADOW_POSITIONS,
}
"""The tables by the attribute of :class:`ShadowRows` that holds their rows."""


def no_rows(table: Table) -> pd.DataFrame:
    """No rows of a table."""
    return pd.DataFrame(columns=table.names)


@dataclass(frozen=True)
class Delivered:
    """A delivery: tables ``events`` and ``bar_features`` as they were known at its end."""

    events: pd.DataFrame
    bars: pd.DataFrame

    @property
    def arrival(self) -> pd.Timestamp:
        """End of its last bar."""
        return self.bars["bar_end_utc"].max()

    def since(self, first_month: date, config: Step3Config) -> "Delivered":
        """The rows that an account needs, with the history that its allocation reads."""
        before = add_months(first_month, -history_months(config.allocation))
        events = self.events[self.events["month"] >= first_month]
        bars = self.bars.loc[self.bars["month"] >= before, SHADOW_BARS]
        return Delivered(events.reset_index(drop=True), bars.reset_index(drop=True))


@dataclass(frozen=True)
class StepResult:
    """The result of a step.

    Attributes
    ----------
    new : ShadowRows
        Rows to append.
    book : Book
        The account as it stands now.
    contradictions : list of str
        Stored rows that contradict the delivery; they are not changed.
    """

    new: ShadowRows
    book: Book
    contradictions: list[str]


def account_settings_hash(config: Step3Config) -> str:
    """Hash of the settings that the history of an account depends on, besides its decisions."""
    sections = (config.execution, config.risk, config.allocation)
    return short_hash(*(s.content_hash() for s in sections))


def process_delivery(
    account: Account,
    stored: ShadowRows,
    delivered: Delivered,
    model_of: Callable[[date], ModelInForce],
    config: Step3Config,
    settings: Mapping[date, Step3Config] | None = None,
) -> StepResult:
    """Score new candidates, fill what the bars show, and compare with what is stored.

    Parameters
    ----------
    account : Account
    stored : ShadowRows
        Everything stored of the account; without rows, the account begins.
    delivered : Delivered
    model_of : callable
        The model in force for candidates of a month; asked only for months with new candidates.
    config : Step3Config
    settings : mapping of date to Step3Config, optional
        Settings of months that a search chose them for.

    Returns
    -------
    StepResult
        Without rows in ``new.deliveries`` if the same delivery was processed before.

    Raises
    ------
    EarlierDelivery
        If the delivery ends before what the account has seen.
    ShadowError
        If execution, risk or allocation settings differ from those it began with.
    LedgerError
        If bars that a fill needs are missing.
    """
    arrival, until = delivered.arrival, known_until(delivered.bars)
    _refuse_unusable(stored, arrival, config)
    delivered = delivered.since(account.first_month, config)
    number = len(stored.deliveries) + 1
    decisions = _score_new(account, stored, delivered, model_of, number)
    all_decisions = stored.plus(_only(decisions=decisions)).decisions
    known = KnownData(delivered.events, delivered.bars, until)
    book = keep_book(account, all_decisions, known, config, settings)
    stamped = {"account": account.name, "arrival": number}
    fills = _not_stored(book.fills.assign(**stamped), stored.fills, SHADOW_FILLS)
    positions = _to_report(book.positions, stored.positions)
    positions = canonical_frame(positions.assign(**stamped, arrival_utc=until), SHADOW_POSITIONS)
    row = {
        **stamped,
        "arrival_utc": arrival,
        "known_until_utc": until,
        "first_month": account.first_month,
        "last_month": account.last_month,
        "settings_hash": account_settings_hash(config),
        "n_scored": len(decisions),
        "n_late": int(decisions["is_late"].sum()),
        "n_fills": len(fills),
        "n_open": int(book.positions["state"].isin(["ordered", "open", "exit_ordered"]).sum()),
        "equity_usd": _equity(book, config),
        **row_checksums(decisions, fills, positions),
    }
    is_known = len(stored.deliveries) > 0 and (
        arrival == stored.deliveries["arrival_utc"].max() and not len(decisions) and not len(fills)
    )
    if is_known:
        new = ShadowRows.none()
    else:
        taken = canonical_frame(pd.DataFrame([row]), SHADOW_DELIVERIES)
        new = ShadowRows(deliveries=taken, decisions=decisions, fills=fills, positions=positions)
    return StepResult(new=new, book=book, contradictions=contradictions(stored, book))


def row_checksums(
    decisions: pd.DataFrame, fills: pd.DataFrame, positions: pd.DataFrame
) -> dict[str, str]:
    """Checksum of the rows that one step appended to each table."""
    return {
        "decisions_hash": frame_hash(decisions, SHADOW_DECISIONS),
        "fills_hash": frame_hash(fills, SHADOW_FILLS),
        "positions_hash": frame_hash(positions, SHADOW_POSITIONS),
    }


def broken_checksums(stored: ShadowRows) -> dict[str, set[int]]:
    """Arrival numbers of one account whose stored rows differ from those appended, by attribute."""
    broken: dict[str, set[int]] = {"decisions": set(), "fills": set(), "positions": set()}
    named = {name: getattr(stored, name) for name in broken}
    known = set(stored.deliveries["arrival"])
    for row in stored.deliveries.to_dict("records"):
        of_arrival = {n: f[f["arrival"] == row["arrival"]] for n, f in named.items()}
        found = row_checksums(**of_arrival)
        for name in broken:
            if found[f"{name}_hash"] != row[f"{name}_hash"]:
                broken[name].add(row["arrival"])
    for name, frame in named.items():
        broken[name] |= {int(a) for a in set(frame["arrival"]) - known}
    return broken


def contradictions(stored: ShadowRows, book: Book) -> list[str]:
    """Stored fills that do not follow from the stored decisions and the delivery as it is now.

    Nothing is overwritten. One sentence a fill names the first column that differs.
    """
    found = [
        f"{k.symbol} {k.decision_time_utc}: its event was withdrawn after it was scored"
        for k in book.withdrawn.itertuples()
    ]
    return found + differing_fills(stored.fills, book.fills)["text"].tolist()


def differing_fills(stored: pd.DataFrame, derived: pd.DataFrame) -> pd.DataFrame:
    """Stored fills that differ from those of the derived account, or that it lacks.

    Returns
    -------
    DataFrame
        ``symbol``, ``decision_time_utc``, ``kind``, ``arrival``, ``column`` (the first that
        differs, empty where there is no such fill) and ``text``.
    """
    key = [*EVENT_KEY, "kind"]
    columns = [c for c in SHADOW_FILLS.names if c not in ("account", "arrival", *key)]
    both = stored.merge(derived, on=key, how="left", suffixes=("", "_now"), indicator=True)
    rows = []
    for row in both.to_dict("records"):
        name, why = f"{row['symbol']} {row['decision_time_utc']} {row['kind']}", ""
        if row["_merge"] == "left_only":
            column, why = "", "no longer follows"
        else:
            column = next((c for c in columns if not _same(row[c], row[f"{c}_now"])), None)
            if column is None:
                continue
            why = f"{column} is stored as {row[column]}, now it would be {row[f'{column}_now']}"
        rows.append([*(row[k] for k in key), row["arrival"], column, f"{name}: {why}"])
    return pd.DataFrame(rows, columns=[*key, "arrival", "column", "text"])


def _same(a: object, b: object) -> bool:
    return bool(a == b) or bool(pd.isna(a) and pd.isna(b))  # type: ignore[arg-type]


def _refuse_unusable(stored: ShadowRows, arrival: pd.Timestamp, config: Step3Config) -> None:
    if stored.deliveries.empty:
        return
    last = stored.deliveries.sort_values("arrival").iloc[-1]
    if arrival < last["arrival_utc"]:
        raise EarlierDelivery(
            f"the delivery ends at {arrival}, but account {last['account']} has seen bars to "
            f"{last['arrival_utc']}: use a delivery that ends no earlier"
        )
    if account_settings_hash(config) != last["settings_hash"]:
        raise ShadowError(
            f"account {last['account']} began with other execution, risk or allocation "
            "settings, on which its history depends: restore them, or start another account "
            "(config.shadow.live_account)"
        )


def _score_new(
    account: Account,
    stored: ShadowRows,
    delivered: Delivered,
    model_of: Callable[[date], ModelInForce],
    number: int,
) -> pd.DataFrame:
    """Candidates that the account has not seen, scored by the model in force at their month."""
    events = delivered.events[account.takes(delivered.events["month"])]
    seen = pd.MultiIndex.from_frame(stored.decisions[EVENT_KEY])
    new = events[~pd.MultiIndex.from_frame(events[EVENT_KEY]).isin(seen)]
    parts = []
    for month in sorted(set(new["month"])):
        model = model_of(month)
        parts += [
            _scored(rows, model, month, of_week)
            for rows, of_week in _by_week(new[new["month"] == month], model)
        ]
    frame = pd.concat(parts, ignore_index=True) if parts else no_rows(SHADOW_DECISIONS)
    if parts:
        frame["is_late"] = frame.pop("entry_time_utc") < delivered.arrival
        stamped = {"account": account.name, "arrival": number, "first_seen_utc": delivered.arrival}
        frame = frame.assign(**stamped)
    return canonical_frame(frame, SHADOW_DECISIONS)


def _by_week(
    events: pd.DataFrame, model: ModelInForce
) -> Iterator[tuple[pd.DataFrame, WeekCalibrator | RetrainedWeek | None]]:
    """Events of a month, split off for each week that has a calibrator or models of its own."""
    weeks = weeks_of(events["decision_time_utc"]).to_numpy()
    is_left = np.ones(len(events), dtype=bool)
    for week, of_week in sorted(model.weeks.items(), key=lambda item: item[0]):
        is_known = (events["decision_instant_utc"] >= of_week.known_utc).to_numpy()
        is_here = is_left & (weeks == week) & is_known
        if is_here.any():
            yield events[is_here], of_week
        is_left &= ~is_here
    if is_left.any():
        yield events[is_left], None


def _scored(
    events: pd.DataFrame,
    model: ModelInForce,
    month: date,
    of_week: WeekCalibrator | RetrainedWeek | None,
) -> pd.DataFrame:
    """Decisions on events of a month, with the identity of the model that scored them."""
    if isinstance(of_week, RetrainedWeek):
        model = of_week.in_place_of(model)
        models = model.models
    else:
        models = model.recalibrated(of_week)
    settings = model.config
    scores = score_fold(models, events, month, settings.models, DecisionSettings.of(settings))
    known = events[[*EVENT_KEY, "decision_instant_utc", "entry_time_utc", "maturity"]].assign(
        event_hash=event_hashes(events)
    )
    rows = scores[SCORES.names].merge(known, on=EVENT_KEY, validate="one_to_one")
    return rows.rename(columns={"maturity": "maturity_seen"}).assign(
        model_id=model.model_id,
        model_hash=model.model_hash,
        settings_hash=model.settings_hash,
        calibrator_week=None if of_week is None else of_week.week,
        calibrator_sha256=None if of_week is None else of_week.sha256,
    )


def event_hashes(events: pd.DataFrame) -> pd.Series:
    """Hash of the columns of each event that are known at its decision."""
    return row_hashes(events[EVENTS.names], EVENTS, exclude=NOT_KNOWN_AT_THE_DECISION)


def _only(*, decisions: pd.DataFrame) -> ShadowRows:
    empty = ShadowRows.none()
    return ShadowRows(empty.deliveries, decisions, empty.fills, empty.positions)


def _not_stored(rows: pd.DataFrame, stored: pd.DataFrame, table: Table) -> pd.DataFrame:
    key = list(table.key)
    known = pd.MultiIndex.from_frame(stored[key])
    return canonical_frame(rows[~pd.MultiIndex.from_frame(rows[key]).isin(known)], table)


def _to_report(positions: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Positions that are not settled, and those settled since the last step."""
    settled = stored.loc[stored["state"] == "settled", EVENT_KEY]
    is_old = pd.MultiIndex.from_frame(positions[EVENT_KEY]).isin(pd.MultiIndex.from_frame(settled))
    return positions[~is_old]


def _equity(book: Book, config: Step3Config) -> float:
    if book.equity.empty:
        return config.execution.initial_capital_usd
    return float(book.equity["equity_usd"].iloc[-1])
