"""How tables have changed: each change since schema version 1, for stores that hold rows already.

Belongs here: descriptions of changes, in the order in which they were made. Does not belong here:
the statements that carry them out (:mod:`step3_assets.storage.migrate`).

To rename a column or a table, to add a column to a table that may hold rows, or to rename a stored
value: change the catalogue and append one tuple to :data:`MIGRATIONS`. A new table needs no entry.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RenameColumn:
    """A column has another name; its values stay.

    Parameters
    ----------
    table, old, new : str
        The table by the name that it has at this point of the list.
    """

    table: str
    old: str
    new: str


@dataclass(frozen=True)
class AddColumn:
    """A column was added.

    Parameters
    ----------
    table, name, dtype : str
        ``dtype`` as in the catalogue.
    value : str, int, float, bool or None
        Value for the rows that are stored already; None for a column that may be null.
    """

    table: str
    name: str
    dtype: str
    value: str | int | float | bool | None = None


@dataclass(frozen=True)
class DropColumn:
    """A column is gone, with its values."""

    table: str
    name: str


@dataclass(frozen=True)
class RenameTable:
    """A table has another name; its rows stay."""

    old: str
    new: str


@dataclass(frozen=True)
class DropTable:
    """A table is gone, with its rows."""

    name: str


@dataclass(frozen=True)
class ReplaceText:
    """A stored text is written in another way.

    Parameters
    ----------
    table, column : str
    old, new : str
    is_whole : bool
        Replace values that equal ``old``; otherwise every occurrence of ``old`` within a value.
    """

    table: str
    column: str
    old: str
    new: str
    is_whole: bool = True


Change = RenameColumn | AddColumn | DropColumn | RenameTable | DropTable | ReplaceText

_ROLES = ("classifier", "mean", "q10", "q50", "q90")

MIGRATIONS: tuple[tuple[Change, ...], ...] = (
    # 1 to 2: an acceptance rule is a criterion; "gate" is the trade filter alone.
    (
        RenameColumn("acceptance", "gate", "criterion"),
        RenameColumn("model_registry", "gates", "criteria"),
        ReplaceText("registry_transitions", "evidence", '"gates":', '"criteria":', is_whole=False),
    ),
    # 2 to 3: a head is named by its role, not by the library that fits it.
    tuple(
        ReplaceText(table, "head", f"lgbm_{role}", role)
        for table in ("calibrated_models", "model_metrics", "weekly_models", "importances")
        for role in _ROLES
    )
    + tuple(
        ReplaceText("model_registry", "artefacts", f'"lgbm_{role}":', f'"{role}":', is_whole=False)
        for role in _ROLES
    ),
    # 3 to 4: the store keeps a manifest of content hashes of every table; the verdict names
    # loosened criteria; other spans of the same data are trials.
    (
        AddColumn("acceptance", "loosened", "VARCHAR"),
        AddColumn("acceptance", "caveat", "VARCHAR"),
        AddColumn("evaluations", "span", "VARCHAR", "longest"),
    ),
    # 4 to 5: the table of the deliveries that a shadow account has processed is named after them.
    (RenameTable("shadow_arrivals", "shadow_deliveries"),),
    # 5 to 6: a month's trades are those that held a position in it, as its P&L is that of its
    # marks; `step3 run` counts them.
    (
        DropColumn("portfolio_months", "n_trades"),
        AddColumn("portfolio_months", "n_held", "BIGINT"),
    ),
    # 6 to 7: past verdicts are kept; the table is new.
    (),
)
"""The changes from each schema version to the next; the first tuple leads from version 1 to 2."""
