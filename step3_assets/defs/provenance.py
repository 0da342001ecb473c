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
from functools import lru_cache

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.defs.stored_inputs import settings_in_force
from step3_assets.domain.core.code import code_version, library_versions
from step3_assets.domain.core.hashing import text_hash
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.core.weeks import settings_month
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.storage.manifest import Entry, MadeFrom, Manifest, digest_of
from step3_assets.storage.store import Reader

AGAIN = "run `step3 run` again"
LIBRARIES = "library versions"
"""Stands among a stamp's inputs: bits depend on the numerical libraries as they do on rows."""


@dataclass(frozen=True)
class Input:
    """A table that an asset reads, and how many months before and after its own (or its span).

    All of the table where ``before`` is None.
    """

    table: str
    before: int | None = 0
    after: int = 0

    def digest(self, manifest: Manifest, first: date, last: date) -> str:
        """Digest of what is read for the months ``first`` to ``last``."""
        if self.before is None:
            return digest_of(manifest, self.table)
        span = add_months(first, -self.before), add_months(last, self.after)
        return digest_of(manifest, self.table, *span)


@dataclass(frozen=True)
class Recipe:
    """What an asset rests on.

    Parameters
    ----------
    inputs : tuple of Input
    sections : tuple of str, optional
        Sections of the configuration, or ``section.setting``; all of it by default.
    is_searched : bool
        It runs on the settings that a search chose for its month, where that is on.
    shown : tuple of Input
        Tables that it only shows. They may change later without making it wrong: a run then makes
        it again, and nobody else asks.
    """

    inputs: tuple[Input, ...]
    sections: tuple[str, ...] | None = None
    is_searched: bool = False
    shown: tuple[Input, ...] = ()

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
_CHOSEN = Input("tuned_params", before=None)
_TRADING = (*_DECIDED, "risk", "allocation", "search")

WHOLE: Mapping[str, Recipe] = {
    "portfolio": Recipe(
        (
            Input("scores"),
            Input("mock_baseline"),
            Input("events"),
            Input("bar_features", before=LOOK_BACK_MONTHS, after=1),
            Input("datasets"),
            _CHOSEN,
        ),
        (*_TRADING, "acceptance.cost_stress_factor", "acceptance.cost_stress_shown"),
    ),
    "statistics": Recipe(
        (*_LEDGER, *_SCORED, Input("evaluations"), Input("trials"), _CHOSEN),
        (*_TRADING, "statistics"),
    ),
    "audit": Recipe(
        (
            *(Input(name, before=LOOK_BACK_MONTHS) for name in ("events", "bar_features")),
            Input("folds"),
            Input("fold_members"),
            Input("scores"),
            Input("calibrated_models"),
            Input("portfolio_trades"),
            Input("portfolio_decisions"),
            _CHOSEN,
        )
    ),
    "drift": Recipe(
        (
            Input("scores"),
            Input("model_metrics"),
            Input("folds"),
            *(Input(name, before=LOOK_BACK_MONTHS) for name in ("events", "bar_features")),
        ),
        ("models", "drift", "statistics"),
    ),
    "importances": Recipe((Input("calibrated_models"), Input("events")), ()),
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
        ),
        shown=(
            *map(
                Input,
                (
                    "datasets",
                    "bar_features",
                    "mock_baseline",
                    "reliability_bins",
                    "allocation_comparison",
                    "allocation_weights",
                    "model_registry",
                ),
            ),
            *(
                Input(name, before=None)
                for name in ("tuned_params", "recalibrations", "recalibration_comparison")
            ),
        ),
    ),
}
"""Assets that are made whole; an input's span is counted from the first and last test month."""

_LIVE = ("folds", "models", "recalibration")

WEEKLY: Mapping[str, Recipe] = {
    "weekly_models": Recipe((*_HISTORY, _CHOSEN), (*_LIVE, "search")),
    "recalibrations": Recipe(
        (
            *_HISTORY,
            *(Input(name, before=LOOK_BACK_MONTHS) for name in ("scores", "calibrated_models")),
            Input("weekly_models", before=LOOK_BACK_MONTHS),
            _CHOSEN,
        ),
        (*_LIVE, "search"),
    ),
}
"""Assets by week; an input's span is counted from the month that holds the week's first session.

A week is made once, on what was known then. Rows that a later delivery adds to its month, or
another setting, do not make it wrong: its stamp says which weeks can be computed again.
"""

EVIDENCE = ("portfolio", "statistics", "audit")
"""What the criteria rest on, besides the months."""


HISTORIES = ("evaluations", "verdicts")


def monthly_stamps(
    reader: Reader, asset: str, months: Sequence[date], config: Step3Config
) -> dict[date, MadeFrom]:
    """The stamp of each month of an asset, if it were made now."""
    manifest, recipe = reader.read_manifest(), MONTHLY[asset]
    in_force = settings_in_force(reader, config, months) if recipe.is_searched else {}
    return {m: _stamp(manifest, recipe, m, m, recipe.settings(m, config, in_force)) for m in months}


def weekly_stamps(
    reader: Reader, asset: str, weeks: Sequence[date], config: Step3Config
) -> dict[date, MadeFrom]:
    """The stamp of each week of an asset, if it were made now."""
    manifest, recipe = reader.read_manifest(), WEEKLY[asset]
    months = {week: settings_month(week) for week in weeks}
    return {w: _stamp(manifest, recipe, month, month, config) for w, month in months.items()}


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
    problems = [
        f"{asset} of {span_text(found)} {_advised(why)}"
        for asset, reasons in month_differences(reader, config, months).items()
        for why, found in reasons.items()
    ]
    differing = result_differences(reader, config, months, results)
    return problems + [
        f"{table} {_advised(why)}" for tables in differing.values() for table, why in tables
    ]


def month_differences(
    reader: Reader, config: Step3Config, months: Sequence[date]
) -> dict[str, dict[str, list[date]]]:
    """Why stored months are not what would be made now: asset, reason, months."""
    manifest = reader.read_manifest()
    in_force = settings_in_force(reader, config, months)
    found: dict[str, dict[str, list[date]]] = {}
    for asset, recipe in MONTHLY.items():
        for month in months:
            settings = recipe.settings(month, config, in_force)
            wanted = _stamp(manifest, recipe, month, month, settings)
            entries = [manifest.get(table, {}).get(month) for table in tables_of(asset)]
            reasons = [r for entry in entries for r in _differences(entry, wanted, is_whole=False)]
            for reason in dict.fromkeys(reasons):
                found.setdefault(asset, {}).setdefault(reason, []).append(month)
    return found


def result_differences(
    reader: Reader,
    config: Step3Config,
    months: Sequence[date],
    results: Iterable[str],
    *,
    is_shown_too: bool = False,
) -> dict[str, list[tuple[str, str]]]:
    """Why stored results are not what would be made now: asset, then table and reason.

    Parameters
    ----------
    is_shown_too : bool
        Also where a table changed that the result only shows.
    """
    manifest = reader.read_manifest()
    found: dict[str, list[tuple[str, str]]] = {}
    for asset in results:
        recipe = WHOLE[asset]
        wanted = _stamp(manifest, recipe, months[0], months[-1], config)
        only_shown = () if is_shown_too else tuple(read.table for read in recipe.shown)
        for table in tables_of(asset):
            entry = manifest.get(table, {}).get(None)
            for why in _differences(entry, wanted, is_whole=True, but=only_shown):
                found.setdefault(asset, []).append((table, why))
    return found


def tables_of(asset: str) -> list[str]:
    """The tables that an asset writes and stamps; histories outlive their run and have no stamp."""
    return [t.name for t in TABLES.values() if t.asset == asset and t.name not in HISTORIES]


def _stamp(
    manifest: Manifest, recipe: Recipe, first: date, last: date, config: Step3Config
) -> MadeFrom:
    read = (*recipe.inputs, *recipe.shown)
    inputs = {one.table: one.digest(manifest, first, last) for one in read}
    inputs[LIBRARIES] = _libraries_hash()
    return MadeFrom(_config_hash(config, recipe.sections), code_version(), inputs)


@lru_cache(maxsize=1)
def _libraries_hash() -> str:
    return text_hash(repr(sorted(library_versions().items())))[:16]


def _config_hash(config: Step3Config, sections: tuple[str, ...] | None) -> str:
    if sections is None:
        return config.content_hash()
    return text_hash(" ".join(_value_hash(config, name) for name in sections))[:16]


def _value_hash(config: Step3Config, name: str) -> str:
    """Hash of a section, or of one setting in it."""
    section, _, setting = name.partition(".")
    settings = getattr(config, section)
    return text_hash(repr(getattr(settings, setting))) if setting else settings.content_hash()


def _differences(
    entry: Entry | None, wanted: MadeFrom, *, is_whole: bool, but: tuple[str, ...] = ()
) -> list[str]:
    if entry is None:
        return ["is not made" if is_whole else "are not made"]
    stamp = entry.made_from
    was = "was" if is_whole else "were"
    if stamp is None:
        return [f"{was} stored by a version that did not note what it was made from"]
    reasons = []
    changed = [
        name
        for name, digest in sorted(wanted.inputs.items())
        if name not in but and stamp.inputs.get(name) != digest
    ]
    if LIBRARIES in changed:
        changed.remove(LIBRARIES)
        reasons.append(f"{was} made with other versions of the numerical libraries")
    if changed:
        reasons.append(f"{was} made from other rows of {', '.join(changed)} than those stored now")
    if stamp.config_hash != wanted.config_hash:
        reasons.append(f"{was} made with other settings than those of step3.toml")
    if stamp.code_version != wanted.code_version:
        reasons.append(
            f"{was} made by other code ({stamp.code_version}, this is {wanted.code_version}): the "
            "code has changed, so every month and result is refused until `step3 run` has made it "
            "again"
        )
    return reasons


def _advised(reason: str) -> str:
    """The reason with what to do, where it does not say so itself."""
    return reason if "step3 run" in reason else f"{reason}; {AGAIN}"


def span_text(months: Sequence[date]) -> str:
    """Months in words.

    Examples
    --------
    >>> span_text([date(2021, 1, 1), date(2021, 2, 1)])
    '2 months (2021-01 to 2021-02)'
    """
    if len(months) == 1:
        return month_label(months[0])
    return f"{len(months)} months ({month_label(months[0])} to {month_label(months[-1])})"
