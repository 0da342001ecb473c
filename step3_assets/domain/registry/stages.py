"""Stages: the stage of each model version, and every change of it with its reason.

Belongs here: the allowed changes, registering entries, the changes that follow from them. Does not
belong here: promotion and rollback, which a person asks for
(:mod:`step3_assets.domain.registry.promotion`).

Some changes follow without a person: a new version becomes a candidate; the newest version of each
kind that is not archived becomes the shadow, which is watched and does not decide; a version whose
fold now has other bytes, or whose bytes are no longer stored, is archived. The table is therefore a
function of what is stored and of what people decided, in any order; the history keeps the order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from step3_assets.catalogue.registry import MODEL_REGISTRY, REGISTRY_TRANSITIONS
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.registry.entries import FOLD, RECALIBRATION, Entry
from step3_assets.domain.registry.errors import RegistryError

CANDIDATE, SHADOW, CHAMPION, ARCHIVED = "candidate", "shadow", "champion", "archived"

ALLOWED: Mapping[tuple[str | None, str], frozenset[str]] = {
    (None, CANDIDATE): frozenset({"registered"}),
    (CANDIDATE, SHADOW): frozenset({"newest"}),
    (SHADOW, CANDIDATE): frozenset({"not_newest"}),
    (CANDIDATE, ARCHIVED): frozenset({"replaced", "withdrawn", "base_archived"}),
    (SHADOW, ARCHIVED): frozenset({"replaced", "withdrawn", "base_archived"}),
    (ARCHIVED, CANDIDATE): frozenset({"restored"}),
    (CANDIDATE, CHAMPION): frozenset({"promoted", "rollback"}),
    (SHADOW, CHAMPION): frozenset({"promoted", "rollback"}),
    (ARCHIVED, CHAMPION): frozenset({"promoted", "rollback"}),
    (CHAMPION, ARCHIVED): frozenset({"superseded", "rolled_back", "replaced", "withdrawn"}),
}
"""Every change of stage that there is, with what may cause it."""

LOST = frozenset({"replaced", "withdrawn", "base_archived"})
"""Causes of archiving that are undone when the stored bytes are the registered ones again."""


@dataclass(frozen=True)
class Registry:
    """The two tables.

    Parameters
    ----------
    models : DataFrame
        Table ``model_registry``.
    transitions : DataFrame
        Table ``registry_transitions``.
    """

    models: pd.DataFrame
    transitions: pd.DataFrame

    @classmethod
    def empty(cls) -> "Registry":
        """Nothing was ever registered."""
        tables = (MODEL_REGISTRY, REGISTRY_TRANSITIONS)
        return cls(*(canonical_frame(pd.DataFrame(columns=t.names), t) for t in tables))

    def row(self, model_id: str) -> dict[str, Any]:
        """One model's row.

        Raises
        ------
        RegistryError
            If there is no such model.
        """
        rows = self.models[self.models["model_id"] == model_id]
        if len(rows) != 1:
            raise RegistryError(f"the registry has {len(rows)} models {model_id}")
        return as_rows(rows)[0]

    @property
    def champion(self) -> dict[str, Any] | None:
        """The row of the one model that is trusted, if there is one.

        Raises
        ------
        RegistryError
            If there are two.
        """
        rows = as_rows(self.models[self.models["stage"] == CHAMPION])
        if len(rows) > 1:
            raise RegistryError(f"{len(rows)} champions: {', '.join(r['model_id'] for r in rows)}")
        return rows[0] if rows else None


@dataclass(frozen=True)
class Change:
    """Who changes stages, and when.

    Parameters
    ----------
    actor : str
        The asset or the person.
    time_utc : datetime
        Now, with its time zone.
    """

    actor: str
    time_utc: datetime


class StageBook:
    """A registry being changed: each change is checked and becomes a row of the history."""

    def __init__(self, registry: Registry, change: Change) -> None:
        self._rows = {row["model_id"]: row for row in as_rows(registry.models)}
        self._before = registry.transitions
        self._new: list[dict[str, Any]] = []
        self._change = change
        self._last_cause = dict(
            zip(registry.transitions["model_id"], registry.transitions["cause"], strict=True)
        )

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The models of a kind, by period and identity."""
        rows = [row for row in self._rows.values() if row["kind"] == kind]
        return sorted(rows, key=lambda row: (row["period_start"], row["model_id"]))

    def get(self, model_id: str) -> dict[str, Any] | None:
        """One model's row, if it is there."""
        return self._rows.get(model_id)

    def last_cause(self, model_id: str) -> str | None:
        """What last changed a model's stage."""
        return self._last_cause.get(model_id)

    def put(self, entry: Entry) -> None:
        """Store an entry; a model that is registered already keeps its stage."""
        known = self._rows.get(entry["model_id"])
        self._rows[entry["model_id"]] = {**entry, "stage": known["stage"] if known else None}

    def move(
        self, model_id: str, to_stage: str, cause: str, reason: str, evidence: str | None = None
    ) -> None:
        """Change a model's stage.

        Raises
        ------
        RegistryError
            If there is no such change, or not for that cause.
        """
        row = self._rows[model_id]
        if cause not in ALLOWED.get((row["stage"], to_stage), ()):
            raise RegistryError(f"{model_id}: {row['stage']} to {to_stage} ({cause}) is no change")
        self._new.append(
            {
                "position": len(self._before) + len(self._new) + 1,
                "model_id": model_id,
                "from_stage": row["stage"],
                "to_stage": to_stage,
                "cause": cause,
                "reason": reason,
                "actor": self._change.actor,
                "evidence": evidence,
                "time_utc": pd.Timestamp(self._change.time_utc).tz_convert("UTC").as_unit("us"),
            }
        )
        row["stage"] = to_stage
        self._last_cause[model_id] = cause

    def closed(self) -> Registry:
        """The changed registry, with the longer history."""
        models = pd.DataFrame(list(self._rows.values()), columns=MODEL_REGISTRY.names)
        models = models.sort_values("model_id", ignore_index=True)
        new = pd.DataFrame(self._new, columns=REGISTRY_TRANSITIONS.names)
        transitions = pd.concat([self._before, new], ignore_index=True) if self._new else None
        return Registry(
            canonical_frame(models, MODEL_REGISTRY),
            self._before
            if transitions is None
            else canonical_frame(transitions, REGISTRY_TRANSITIONS),
        )


def register_folds(registry: Registry, entries: Sequence[Entry], change: Change) -> Registry:
    """Bring the registry up to date with the folds that are stored.

    Parameters
    ----------
    registry : Registry
    entries : sequence of Entry
        Of every fold that has models: see :func:`.entries.fold_entries`. A fold model that is not
        among them is archived.
    change : Change

    Returns
    -------
    Registry
        The same when nothing has changed: registering twice adds nothing.
    """
    book = StageBook(registry, change)
    _put(book, entries)
    _archive_absent(
        book,
        FOLD,
        entries,
        replaced="Its fold was trained again to other bytes",
        withdrawn="Its fold holds no models any more.",
    )
    return follow_from(book)


def register_recalibrations(
    registry: Registry, entries: Sequence[Entry], change: Change
) -> Registry:
    """Bring the registry up to date with the refits of weeks that are stored.

    Parameters
    ----------
    registry : Registry
        Its folds are up to date.
    entries : sequence of Entry
        Of every week that has a refit of a fold model that is not archived: see
        :func:`.entries.recalibration_entries`. A refit that is not among them is archived.
    change : Change

    Returns
    -------
    Registry
        The same when nothing has changed.

    Raises
    ------
    RegistryError
        If a base is not in the registry, or archived.
    """
    book = StageBook(registry, change)
    for entry in entries:
        base = book.get(entry["base_model_id"])
        if base is None or base["stage"] == ARCHIVED:
            raise RegistryError(f"{entry['base_model_id']} is not in the registry, or archived")
    _put(book, entries)
    _archive_absent(
        book,
        RECALIBRATION,
        entries,
        replaced="Its week was refitted to other bytes",
        withdrawn="Its week holds no refit of a model that stands any more.",
    )
    return follow_from(book)


def _archive_absent(
    book: StageBook, kind: str, entries: Sequence[Entry], *, replaced: str, withdrawn: str
) -> None:
    """Archive the versions of a kind that are not among the entries, and say why."""
    stored = {entry["model_id"] for entry in entries}
    successors = {entry["period_start"]: entry["model_id"] for entry in entries}
    for row in book.rows(kind):
        if row["model_id"] in stored or row["stage"] == ARCHIVED:
            continue
        successor = successors.get(row["period_start"])
        if successor:
            book.move(row["model_id"], ARCHIVED, "replaced", f"{replaced}, {successor}.")
        else:
            book.move(row["model_id"], ARCHIVED, "withdrawn", withdrawn)


def follow_from(book: StageBook) -> Registry:
    """The registry after a person's changes and the changes that follow from them."""
    _follow(book)
    return book.closed()


def _put(book: StageBook, entries: Iterable[Entry]) -> None:
    for entry in entries:
        model_id = entry["model_id"]
        known = book.get(model_id)
        book.put(entry)
        if known is None:
            book.move(model_id, CANDIDATE, "registered", "Its bytes are new.")
        elif known["stage"] == ARCHIVED and book.last_cause(model_id) in LOST:
            book.move(model_id, CANDIDATE, "restored", "Its bytes are the stored ones again.")


def _follow(book: StageBook) -> None:
    """Archive refits with their base; put the newest of each kind in the shadow."""
    for row in book.rows(RECALIBRATION):
        base = book.get(row["base_model_id"])
        if row["stage"] != ARCHIVED and (base is None or base["stage"] == ARCHIVED):
            reason = f"{row['base_model_id']}, which it refits, was archived."
            book.move(row["model_id"], ARCHIVED, "base_archived", reason)
    for kind in (FOLD, RECALIBRATION):
        standing = [row for row in book.rows(kind) if row["stage"] != ARCHIVED]
        if not standing:
            continue
        newest = standing[-1]
        for row in standing[:-1]:
            if row["stage"] == SHADOW:
                reason = f"{newest['model_id']} is newer."
                book.move(row["model_id"], CANDIDATE, "not_newest", reason)
        if newest["stage"] == CANDIDATE:
            reason = "The newest that stands: watched, not trusted."
            book.move(newest["model_id"], SHADOW, "newest", reason)


def standing_fold(registry: Registry, month: date) -> dict[str, Any] | None:
    """The fold model of a test month whose bytes are the stored ones, if there is one."""
    of_month = [
        row
        for row in as_rows(registry.models)
        if row["kind"] == FOLD and row["period_start"] == month
    ]
    last = dict(zip(registry.transitions["model_id"], registry.transitions["cause"], strict=True))
    standing = [row for row in of_month if last.get(row["model_id"]) not in LOST]
    return standing[0] if standing else None


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, nulls as None."""
    values = frame.astype(object).where(frame.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in values.to_dict("records")]
