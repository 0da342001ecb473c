"""What each stored table was made from, and where what is stored does not belong together.

Belongs here: which tables and settings each asset rests on, the stamp that it stores with its rows,
comparing the stamps with what is stored and set now. Does not belong here: how a stamp is stored
(:mod:`step3_assets.storage.manifest`), what follows from a contradiction.

A stamp is taken before the rows are read. If an input changes in between, the stamp is the older
one and the result counts as stale, never the reverse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.defs.stored_inputs import settings_in_force
from step3_assets.domain.core.code import code_version
from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.storage.manifest import Entry, MadeFrom, Manifest, digest_of
from step3_assets.storage.store import Reader

AGAIN = "run `step3 run` again"


@dataclass(frozen=True)
class Input:
    """A table that an asset reads, and how many months before and after its own (or its span)."""

    table: str
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class Recipe:
    """What an asset rests on.

    Parameters
    ----------
    inputs : tuple of Input
    sections : tuple of str
        Sections of the configuration; all of them by default.
    is_searched : bool
        It runs on the settings that a search chose for its month, where that is on.
    """

    inputs: tuple[Input, ...]
    sections: tuple[str, ...] = ()
    is_searched: bool = False

    def settings(
        self, month: date, config: Step3Config, in_force: Mapping[date, Step3Config]
    ) -> Step3Config:
        """The configuration of a month."""
        return in_force.get(month, config) if self.is_searched else config


_HISTORY = tuple(Input(name, before=LOOK_BACK_MONTHS) for name in ("events", "bar_features"))
_FOLD = (Input("folds"), Input("fold_members"), *_HISTORY)
_DECIDED = ("folds", "models", "gate", "sizing", "execution")

MONTHLY: Mapping[str, Recipe] = {
    "folds": Recipe(_HISTORY, ("folds",)),
    "calibrated_models": Recipe(_FOLD, ("folds", "models"), is_searched=True),
    "mock_baseline": Recipe(_FOLD, ("folds", "models", "execution")),
    "scores": Recipe((Input("calibrated_models"), Input("events")), _DECIDED, is_searched=True),
    "fold_backtests": Recipe(
        (Input("scores"), Input("events"), Input("bar_features", after=1), Input("model_metrics")),
        (*_DECIDED, "risk", "allocation"),
        is_searched=True,
    ),
}
"""Assets by test month; an input's span is counted from that month."""

_LEDGER = tuple(
    map(
        Input,
        (
            "portfolio",
            "portfolio_months",
            "portfolio_trades",
            "portfolio_equity",
            "portfolio_decisions",
        ),
    )
)
_SCORED = (Input("scores"), Input("model_metrics"), Input("events"), Input("folds"))

WHOLE: Mapping[str, Recipe] = {
    "portfolio": Recipe(
        (
            Input("scores"),
            Input("mock_baseline"),
            Input("events"),
            Input("bar_features", before=LOOK_BACK_MONTHS, after=1),
        )
    ),
    "statistics": Recipe((*_LEDGER, *_SCORED, Input("evaluations"), Input("trials"))),
    "audit": Recipe(
        (
            *(Input(name, before=LOOK_BACK_MONTHS) for name in ("events", "bar_features")),
            Input("folds"),
            Input("fold_members"),
            Input("scores"),
            Input("calibrated_models"),
            Input("portfolio_trades"),
            Input("portfolio_decisions"),
        )
    ),
    "drift": Recipe((*_SCORED, Input("bar_features", before=LOOK_BACK_MONTHS))),
    "importances": Recipe((Input("calibrated_models"), Input("events"))),
    "acceptance": Recipe(
        (*_LEDGER, *_SCORED, Input("fold_backtests"), Input("statistics"), Input("audit"))
    ),
    "step3_report": Recipe(
        (
            *_LEDGER,
            *_SCORED,
            *map(
                Input,
                (
                    "fold_backtests",
                    "statistics",
                    "audit",
                    "acceptance",
                    "drift",
                    "importances",
                    "cost_stress",
                    "risk_events",
                ),
            ),
        )
    ),
}
"""Assets that are made whole; an input's span is counted from the first and last test month."""

EVIDENCE = ("portfolio", "statistics", "audit")
"""What the criteria rest on, besides the months."""


def monthly_stamps(
    reader: Reader, asset: str, months: Sequence[date], config: Step3Config
) -> dict[date, MadeFrom]:
    """The stamp of each month of an asset, if it were made now."""
    manifest, recipe = reader.read_manifest(), MONTHLY[asset]
    in_force = settings_in_force(reader, config, months) if recipe.is_searched else {}
    return {m: _stamp(manifest, recipe, m, m, recipe.settings(m, config, in_force)) for m in months}


def result_stamp(
    reader: Reader, asset: str, months: Sequence[date], config: Step3Config
) -> MadeFrom:
    """The stamp of a result over consecutive test months, if it were made now."""
    return _stamp(reader.read_manifest(), WHOLE[asset], months[0], months[-1], config)


def contradictions(
    reader: Reader,
    config: Step3Config,
    months: Sequence[date],
    results: Iterable[str] = EVIDENCE,
) -> list[str]:
    """Where the stored tables were not made from one another, under these settings, by this code.

    Parameters
    ----------
    reader : Store or Transaction
    config : Step3Config
        As ``step3.toml`` sets it.
    months : sequence of date
        The test months of the results.
    results : iterable of str
        The whole results to look at, besides every monthly asset.

    Returns
    -------
    list of str
        One sentence for each asset and reason; empty when all belong together.
    """
    manifest = reader.read_manifest()
    in_force = settings_in_force(reader, config, months)
    problems: list[str] = []
    for asset, recipe in MONTHLY.items():
        reasons: dict[str, list[date]] = {}
        for month in months:
            wanted = _stamp(
                manifest, recipe, month, month, recipe.settings(month, config, in_force)
            )
            entry = manifest.get(asset, {}).get(month)
            for reason in _differences(entry, wanted, is_whole=False):
                reasons.setdefault(reason, []).append(month)
        problems += [f"{asset} of {_span(found)} {why}; {AGAIN}" for why, found in reasons.items()]
    for asset in results:
        wanted = _stamp(manifest, WHOLE[asset], months[0], months[-1], config)
        for table in _tables_of(asset):
            entry = manifest.get(table, {}).get(None)
            problems += [
                f"{table} {why}; {AGAIN}" for why in _differences(entry, wanted, is_whole=True)
            ]
    return problems


def staleness(reader: Reader, asset: str, months: Sequence[date], config: Step3Config) -> list[str]:
    """Why a stored result is not what would be made now; empty if it is."""
    wanted = result_stamp(reader, asset, months, config)
    entry = reader.read_manifest().get(asset, {}).get(None)
    return [f"{asset} {why}" for why in _differences(entry, wanted, is_whole=True)]


def _tables_of(asset: str) -> list[str]:
    """The tables that an asset writes and stamps: ``evaluations`` outlives its run."""
    return [t.name for t in TABLES.values() if t.asset == asset and t.name != "evaluations"]


def _stamp(
    manifest: Manifest, recipe: Recipe, first: date, last: date, config: Step3Config
) -> MadeFrom:
    inputs = {}
    for read in recipe.inputs:
        start, end = add_months(first, -read.before), add_months(last, read.after)
        inputs[read.table] = digest_of(manifest, read.table, start, end)
    return MadeFrom(_config_hash(config, recipe.sections), code_version(), inputs)


def _config_hash(config: Step3Config, sections: tuple[str, ...]) -> str:
    if not sections:
        return config.content_hash()
    return text_hash(" ".join(getattr(config, name).content_hash() for name in sections))[:16]


def _differences(entry: Entry | None, wanted: MadeFrom, *, is_whole: bool) -> list[str]:
    if entry is None:
        return ["is not made" if is_whole else "are not made"]
    stamp = entry.made_from
    was = "was" if is_whole else "were"
    if stamp is None:
        return [f"{was} stored by a version that did not note what it was made from"]
    reasons = []
    changed = [n for n, digest in sorted(wanted.inputs.items()) if stamp.inputs.get(n) != digest]
    if changed:
        reasons.append(f"{was} made from other rows of {', '.join(changed)} than those stored now")
    if stamp.config_hash != wanted.config_hash:
        reasons.append(f"{was} made with other settings than those of step3.toml")
    if stamp.code_version != wanted.code_version:
        reasons.append(
            f"{was} made by other code ({stamp.code_version}, this is {wanted.code_version})"
        )
    return reasons


def _span(months: Sequence[date]) -> str:
    if len(months) == 1:
        return month_label(months[0])
    return f"{len(months)} months ({month_label(months[0])} to {month_label(months[-1])})"
