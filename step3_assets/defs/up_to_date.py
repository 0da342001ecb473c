"""What a run has still to make: what is not stored as it would be made now.

Belongs here: comparing a delivery, the months and the results with what is stored, and the runs
that follow. Does not belong here: what a stamp holds (:mod:`step3_assets.defs.provenance`), running
anything.

Something stored counts as up to date when its rows are those that were written, it was made from
the rows, settings and code of now, and its blocking checks hold. The checks are asked again each
time: a run that was killed between a table and its check leaves nothing unchecked.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.defs.checks import NamedCondition, Scope, conditions, schema_condition
from step3_assets.defs.delivery.assets import is_recorded
from step3_assets.defs.jobs import INGEST, RESULTS, WALK_FORWARD
from step3_assets.defs.provenance import (
    MONTHLY,
    WHOLE,
    month_differences,
    result_differences,
    span_text,
    tables_of,
)
from step3_assets.defs.registry.registry_store import registry_file_problems, registry_is_behind
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.settings import Settings
from step3_assets.domain.core.hashing import month_hashes, text_hash
from step3_assets.domain.core.months import month_range
from step3_assets.domain.delivery import Delivery
from step3_assets.domain.delivery.changes import (
    DELIVERED,
    MonthChanges,
    delivered_hashes,
    dependent_test_months,
    ranges_of,
    stored_hashes,
)
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.storage.store import Store

NOT_AS_WRITTEN = "rows are not as they were written"
REGISTRY = "model_registry"
REPORT = "step3_report"


@dataclass(frozen=True)
class Work:
    """One run: its job, the assets to make, over a range of months or whole, and why.

    Parameters
    ----------
    job : str
    assets : tuple of str
    months : tuple of date, optional
        First and last.
    why : tuple of str
        One sentence for each asset and reason.
    """

    job: str
    assets: tuple[str, ...]
    months: tuple[date, date] | None = None
    why: tuple[str, ...] = ()


@dataclass
class _Findings:
    """Why months of assets are not up to date: asset, month, reason."""

    by_asset: dict[str, dict[date, str]] = field(default_factory=dict)

    def add(self, asset: str, months: Iterable[date], why: str) -> None:
        """Note a reason; the first one of a month stands."""
        for month in months:
            self.by_asset.setdefault(asset, {}).setdefault(month, why)

    def of(self, asset: str) -> Mapping[date, str]:
        """Months and reasons of an asset."""
        return self.by_asset.get(asset, {})

    def sentences(self, months: Sequence[date]) -> tuple[str, ...]:
        """One for each asset and reason, of these months."""
        spans: dict[tuple[str, str], list[date]] = {}
        for asset, reasons in self.by_asset.items():
            for month in months:
                if month in reasons:
                    spans.setdefault((asset, reasons[month]), []).append(month)
        return tuple(f"{a} of {span_text(found)} {why}" for (a, why), found in spans.items())


def ingest_work(store: Store, settings: Settings, delivery: Delivery) -> list[Work]:
    """The ranges of months of a delivery that are not stored as they are delivered."""
    found, months = _Findings(), month_range(delivery.first_month, delivery.last_month)
    manifest, noted = store.read_manifest(), stored_hashes(store.read("dataset_months"))
    wanted = delivered_hashes(delivery)
    for table, rows in (("events", delivery.events), ("bar_features", delivery.bars)):
        whole = month_hashes(rows, TABLES[table], months)
        known = manifest.get(table, {})
        found.add(table, (m for m in months if m not in noted[table]), "are not stored")
        found.add(
            table,
            (
                m
                for m in months
                if m not in known
                or known[m].content_hash != whole[m]
                or noted[table].get(m) != wanted[table][m]
            ),
            "are delivered with other rows than those stored",
        )
        gone = [m for m, entry in known.items() if m and entry.n_rows and m not in months]
        if gone:
            found.add(table, months, "come in a delivery that takes back stored months")
    _add_altered(store, found, DELIVERED, months)
    _add_refused(Scope(store, months, settings.config), found, DELIVERED, delivery.first_month)
    if not found.by_asset and not is_recorded(store, delivery):
        found.add("events", months[-1:], "come with other files beside the rows")
    differing = {month for table in DELIVERED for month in found.of(table)}
    return [
        Work(INGEST, DELIVERED, span, found.sentences(month_range(*span)))
        for span in ranges_of(differing)
    ]


def month_work(
    store: Store,
    settings: Settings,
    months: Sequence[date],
    selection: Sequence[str] | None,
    data_start: date,
) -> list[Work]:
    """The runs over test months: each range of months that needs the same assets.

    Parameters
    ----------
    store, settings
    months : sequence of date
        Consecutive test months.
    selection : sequence of str, optional
        Only these assets.
    data_start : date
        First month of the data.
    """
    found, config = _Findings(), settings.config
    for asset, reasons in month_differences(store, config, months).items():
        for why, differing in reasons.items():
            found.add(asset, differing, why)
    _add_altered(store, found, MONTHLY, months)
    _add_refused(Scope(store, list(months), config), found, MONTHLY, data_start)
    needed = {
        month: tuple(a for a in assets if selection is None or a in selection)
        for month, assets in _needed(found, months).items()
    }
    by_assets: dict[tuple[str, ...], list[date]] = {}
    for month, assets in needed.items():
        if assets:
            by_assets.setdefault(assets, []).append(month)
    works = [
        Work(WALK_FORWARD, assets, span, found.sentences(month_range(*span)))
        for assets, own in by_assets.items()
        for span in ranges_of(own)
    ]
    return sorted(works, key=lambda work: work.months or ())


def result_work(store: Store, settings: Settings) -> list[Work]:
    """The run over the results, if any of them is to be made.

    Raises
    ------
    ValueError
        If the scored months have a gap.
    """
    months, config = result_months(store), settings.config
    reasons: dict[str, str] = {}
    differing = result_differences(store, config, months, WHOLE, is_shown_too=True)
    for asset, tables in differing.items():
        reasons.setdefault(asset, tables[0][1])
    behind = month_differences(store, config, months)
    if behind:
        reasons.setdefault("acceptance", f"judges months of {', '.join(behind)} that are not")
    altered = store.altered_partitions([t for asset in (*WHOLE, REGISTRY) for t in _written(asset)])
    for asset in (*WHOLE, REGISTRY):
        if any(table in altered for table in _written(asset)):
            reasons.setdefault(asset, NOT_AS_WRITTEN)
    scope = Scope(store, [], config)
    for asset in (*WHOLE, REGISTRY):
        if asset not in reasons and (problems := _refusals(asset, scope, months[0])):
            reasons[asset] = f"is refused by its check: {problems[0]}"
    if registry_is_behind(store, config):
        reasons.setdefault(REGISTRY, "does not hold what is stored now")
    for why in registry_file_problems(store, settings):
        reasons.setdefault(REGISTRY, f"is not in its file: {why}")
    if why := _missing_pages(store, settings):
        reasons.setdefault(REPORT, why)
    inputs = {asset: _upstream(recipe.inputs, WHOLE) for asset, recipe in WHOLE.items()}
    inputs[REGISTRY] = {"acceptance", "audit"}
    inputs[REPORT] |= {REGISTRY}
    assets = _with_downstream(set(reasons), inputs)
    if not assets:
        return []
    why = tuple(f"{asset} {reasons[asset]}" for asset in assets if asset in reasons)
    return [Work(RESULTS, assets, None, why)]


def likely_counts(
    store: Store, config: Step3Config, months: Sequence[date], changed: Iterable[date]
) -> dict[str, int]:
    """How many of these test months of each asset will be made, once `changed` data are stored.

    A forecast for the progress bar: rows and checks are not looked at.
    """
    found = _Findings()
    for asset, reasons in month_differences(store, config, months).items():
        for why, differing in reasons.items():
            found.add(asset, differing, why)
    touched = MonthChanges(events=tuple(changed), bars=tuple(changed))
    resting = dependent_test_months(touched, LOOK_BACK_MONTHS, months[0], months[-1])
    for asset in MONTHLY:
        found.add(asset, resting, "")
    needed = _needed(found, months)
    return {asset: sum(asset in assets for assets in needed.values()) for asset in MONTHLY}


def assets_of(job: str) -> tuple[str, ...]:
    """The assets that a job of the main job makes; none of another job."""
    return {INGEST: DELIVERED, WALK_FORWARD: tuple(MONTHLY), RESULTS: (*WHOLE, REGISTRY)}.get(
        job, ()
    )


def _needed(found: _Findings, months: Sequence[date]) -> dict[date, tuple[str, ...]]:
    """Of each month the assets to make: those that are not up to date and what rests on them."""
    inputs = {asset: _upstream(recipe.inputs, MONTHLY) for asset, recipe in MONTHLY.items()}
    return {
        month: _with_downstream({a for a in MONTHLY if month in found.of(a)}, inputs)
        for month in months
    }


def _upstream(inputs: Iterable, assets: Iterable[str]) -> set[str]:
    """Assets among these that write one of the tables that are read."""
    return {TABLES[read.table].asset for read in inputs} & set(assets)


def _with_downstream(own: set[str], inputs: Mapping[str, set[str]]) -> tuple[str, ...]:
    """The assets and everything that rests on them, in the order of `inputs`."""
    found = set(own)
    while more := {a for a, read in inputs.items() if a not in found and read & found}:
        found |= more
    return tuple(asset for asset in inputs if asset in found)


def _written(asset: str) -> list[str]:
    """Every table that an asset writes; ``evaluations`` is the portfolio's."""
    return [*tables_of(asset), *(["evaluations"] if asset == "portfolio" else [])]


def _add_altered(
    store: Store, found: _Findings, assets: Iterable[str], months: Sequence[date]
) -> None:
    for asset in assets:
        for partitions in store.altered_partitions(tables_of(asset)).values():
            found.add(asset, (m for m in months if m in partitions), NOT_AS_WRITTEN)


def _add_refused(scope: Scope, found: _Findings, assets: Iterable[str], data_start: date) -> None:
    """Months that a blocking check refuses, among those that nothing else is wrong with."""
    for asset in assets:
        months = [month for month in scope.months if month not in found.of(asset)]
        if not months or not _refusals(asset, Scope(scope.store, months, scope.config), data_start):
            continue
        alone = {
            month: problems[0]
            for month in months
            if (problems := _refusals(asset, Scope(scope.store, [month], scope.config), data_start))
        }
        for month in alone or months:
            why = alone.get(month, "together with the months beside it")
            found.add(asset, [month], f"are refused by their check: {why}")


def _refusals(asset: str, scope: Scope, data_start: date) -> list[str]:
    """Problems that the blocking conditions of an asset find."""
    own = [one for one in conditions(data_start) if one.asset == asset and one.is_blocking]
    asked: list[NamedCondition] = [schema_condition(asset), *own]
    problems: list[str] = []
    for one in asked:
        if (one.asset, one.name) not in _ANSWERED_ALREADY:
            problems += one.condition(scope)
    return problems


_ANSWERED_ALREADY = {("acceptance", "provenance"), ("acceptance", "stored_rows")}
"""Conditions that the comparison of stamps and rows has answered for more tables."""


def _missing_pages(store: Store, settings: Settings) -> str:
    """Why the report's files are not the stored report; empty if they are."""
    rows = store.read(REPORT)
    if rows.empty:
        return ""
    pages = settings.report_dir / f"{REPORT}.md", settings.report_dir / f"{REPORT}.html"
    names = [path.name for path in pages if not path.is_file()]
    links = re.findall(r"\]\(([\w/.-]+\.png)\)", str(rows["markdown"].iloc[0]))
    names += [link for link in links if not (settings.report_dir / link).is_file()]
    if names:
        return f"has no {names[0]} under {settings.report_dir}"
    if text_hash(pages[0].read_text("utf-8", errors="replace")) != rows["markdown_sha256"].iloc[0]:
        return f"is not what {pages[0].name} says"
    return ""
