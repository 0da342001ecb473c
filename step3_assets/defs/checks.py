"""Asset checks: conditions that must hold for every table, and warnings for a person.

Belongs here: wiring checks to assets. A blocking check keeps a wrong table from feeding the next;
a warning informs. Does not belong here: the conditions themselves
(:mod:`step3_assets.domain.walk_forward.invariants`, :mod:`step3_assets.domain.core.validation`).

In a run over a range of months a check gives one verdict for the whole range, which blocks or does
not, and beside it one for each month, so that the UI shows them by month.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import dagster as dg
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.defs.check_months import log_month_verdicts, verdict_fields
from step3_assets.defs.delivery.assets import load_delivery
from step3_assets.defs.live.assets import CLOCK_COLUMNS, LABEL_COLUMNS, base_rule
from step3_assets.defs.partitions import Partitions, look_back, partitions_asked
from step3_assets.defs.provenance import EVIDENCE, contradictions
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.evaluation import RESTS_ON
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.shadow import checks as shadow_checks
from step3_assets.domain.core.bar_columns import MARKING_BARS
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.core.validation import find_problems
from step3_assets.domain.core.weeks import add_weeks
from step3_assets.domain.execution.reconcile import price_disagreements
from step3_assets.domain.live import verify
from step3_assets.domain.live.base_model import BaseModel
from step3_assets.domain.registry.entries import RETRAIN
from step3_assets.domain.walk_forward import invariants
from step3_assets.storage.store import Store


@dataclass(frozen=True)
class Scope:
    """What a check may look at: the store, the months of its run (none if whole), the settings."""

    store: Store
    months: list[date]
    config: Step3Config

    def read(self, table: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The rows of the run's months; every row of a table without months."""
        months = self.months if TABLES[table].partition and self.months else None
        return self.store.read(table, partitions=months, columns=columns)


Condition = Callable[[Scope], list[str]]

TABLES_OF_ASSET = {
    name: [t.name for t in TABLES.values() if t.asset == name]
    for name in sorted({t.asset for t in TABLES.values()})
}


@dataclass(frozen=True)
class NamedCondition:
    """A condition on an asset's stored rows; a blocking one keeps what rests on them from running.

    Parameters
    ----------
    asset, name : str
    condition : callable
        The problems it finds in a scope.
    is_blocking : bool
    text : str
        What holds when there is none.
    """

    asset: str
    name: str
    condition: Condition
    is_blocking: bool
    text: str


def build_checks(
    partitions: Partitions, assets: Sequence[dg.AssetsDefinition]
) -> list[dg.AssetChecksDefinition]:
    """Every check of the platform."""
    by_name = {key.to_user_string(): (key, a) for a in assets for key in a.keys}
    checks = [
        _check(*by_name[one.asset], one)
        for one in [
            *(schema_condition(name) for name in by_name),
            *conditions(partitions.first_data_month),
        ]
    ]
    return [*checks, _delivery_check(by_name["events"][1])]


def conditions(data_start: date) -> list[NamedCondition]:
    """Every condition besides the schema, which :func:`schema_condition` gives."""
    return [
        NamedCondition(
            "events", "t_idx_matches_bars", _alignment, True, "t_idx names the bar of the decision."
        ),
        NamedCondition(
            "events", "label_arithmetic", _label_arithmetic, False, "Labels follow the prices."
        ),
        NamedCondition(
            "events", "revisions", _revisions, False, "No row was restated or withdrawn since."
        ),
        NamedCondition(
            "folds", "purge", _purge(data_start), True, "No training label reaches the test month."
        ),
        NamedCondition(
            "folds", "roles", _roles, True, "The manifest's counts are those of the members."
        ),
        NamedCondition(
            "calibrated_models",
            "integrity",
            _integrity,
            True,
            "Models are unaltered and of their fold.",
        ),
        NamedCondition(
            "calibrated_models",
            "calibration",
            _calibration,
            False,
            "Brier at most the base rate's.",
        ),
        NamedCondition(
            "scores",
            "gate",
            _gate,
            True,
            "Every test event is scored; gates follow from scores.",
        ),
        NamedCondition(
            "fold_backtests", "reconciliation", _backtests, True, "Trades add up; fills are opens."
        ),
        NamedCondition("portfolio", "reconciliation", _portfolio, True, PORTFOLIO_TEXT),
        NamedCondition("weekly_models", "known_at", _trained_known_at, True, TRAINED_TEXT),
        NamedCondition(
            "weekly_models", "integrity", _trained_integrity, True, "Models are unaltered."
        ),
        NamedCondition("recalibrations", "known_at", _weeks_known_at, True, WEEKS_TEXT),
        NamedCondition("recalibrations", "integrity", _weeks_integrity, True, WEEKS_UNALTERED_TEXT),
        NamedCondition(
            "recalibrations", "fresh", _weeks_fresh, False, "The data of the week before had come."
        ),
        NamedCondition("acceptance", "provenance", _belongs_together, True, PROVENANCE_TEXT),
        NamedCondition(
            "acceptance", "stored_rows", _stored_rows, True, "Rows are as they were written."
        ),
        NamedCondition(
            "acceptance", "fail_closed", _fail_closed, True, "A criterion without a value fails."
        ),
        NamedCondition(
            "audit", "all_passed", _audit_passed, False, "Every check of the audit passed."
        ),
        NamedCondition(
            "shadow_decisions", "append_only", _shadow_checksums, True, "Rows are those appended."
        ),
        NamedCondition(
            "shadow_decisions",
            "seen_in_time",
            _shadow_order,
            True,
            "Scored once known, not before.",
        ),
        NamedCondition(
            "shadow_fills", "contradictions", _shadow_fills, False, "Fills still follow from data."
        ),
        NamedCondition("shadow_fills", "parity", _shadow_parity, False, SHADOW_PARITY_TEXT),
        NamedCondition(
            "model_registry", "stages", _stages, True, "One champion at most; the history agrees."
        ),
        NamedCondition(
            "model_registry",
            "artefacts",
            _artefacts,
            True,
            "Registered models are the stored ones.",
        ),
        NamedCondition(
            "step3_report", "verdict_first", _verdict_first, True, "The page opens on the verdict."
        ),
    ]


def schema_condition(asset: str) -> NamedCondition:
    """That every row of the asset's tables is as the catalogue says."""
    return NamedCondition(asset, "schema", _schema(asset), is_blocking=True, text=SCHEMA_TEXT)


PROVENANCE_TEXT = (
    "Scores, backtests, portfolio, statistics, audit and verdict were made from the rows stored "
    "now, with these settings, by this code."
)
PORTFOLIO_TEXT = (
    "Ledger, equity and months add up; equity at every bar close is cash and units times the close "
    "in bar_features, to 1e-12."
)
SHADOW_PARITY_TEXT = (
    "The live account against the backtest of its months: the same trades, sizes and P&L to the "
    "cent, or a named difference."
)
TRAINED_TEXT = "Trained on the very labels that a fold may know when the first session opens."
WEEKS_TEXT = (
    "Fitted on the very labels that a delivery ending at the first open calls final; retrained "
    "models are evaluated on labels that neither of the two knew."
)
WEEKS_UNALTERED_TEXT = "Calibrators are unaltered; base and models are those that are stored."
SCHEMA_TEXT = "Types, nulls, keys and allowed values of every stored row, as the catalogue says."


def _check(
    key: dg.AssetKey, asset: dg.AssetsDefinition, checked: NamedCondition
) -> dg.AssetChecksDefinition:
    condition, is_blocking = checked.condition, checked.is_blocking
    severity = dg.AssetCheckSeverity.ERROR if is_blocking else dg.AssetCheckSeverity.WARN

    @dg.asset_check(
        asset=key,
        name=checked.name,
        blocking=is_blocking,
        description=checked.text,
        partitions_def=asset.partitions_def,
    )
    def check(
        context: dg.AssetCheckExecutionContext, platform: PlatformResource
    ) -> dg.AssetCheckResult:
        months = partitions_asked(context) if asset.partitions_def else []
        scope = Scope(platform.store(), months, platform.settings().config)
        problems = condition(scope)
        if len(months) > 1:
            log_month_verdicts(
                context,
                dg.AssetCheckKey(key, checked.name),
                lambda month: condition(replace(scope, months=[month])) if problems else [],
                severity=severity,
                is_blocking=is_blocking,
            )
        return dg.AssetCheckResult(**verdict_fields(problems, severity))

    return check


def _delivery_check(events: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    """The one check that looks at the folder; the delivery sensor gives its verdict as well."""

    @dg.asset_check(
        asset=events,
        name="delivery",
        description="The delivery that lies in the folder is valid. What is refused leaves the "
        "tables as they were.",
    )
    def delivery(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.AssetCheckResult:
        from step3_assets.domain.delivery import DeliveryError

        folder = platform.settings().delivery
        problems = [] if folder is not None else ["no delivery is set"]
        if folder is not None:
            try:
                load_delivery(folder, progress)
            except DeliveryError as error:
                problems = [str(problem) for problem in error.problems]
        return dg.AssetCheckResult(**verdict_fields(problems, dg.AssetCheckSeverity.ERROR))

    return delivery


def _schema(asset: str) -> Condition:
    def condition(scope: Scope) -> list[str]:
        return [
            str(problem)
            for table in TABLES_OF_ASSET.get(asset, [])
            for problem in find_problems(scope.read(table), TABLES[table])
        ]

    return condition


def _alignment(scope: Scope) -> list[str]:
    columns = [*EVENT_KEY, "decision_instant_utc", "t_idx"]
    bars = scope.read("bar_features", ["symbol", "bar_idx", "date", "bar_end_utc"])
    if bars.empty:
        return ["events: bar_features holds none of these months; materialize it too"]
    return invariants.alignment_violations(scope.read("events", columns), bars)


def _label_arithmetic(scope: Scope) -> list[str]:
    from step3_assets.domain.delivery import label_arithmetic_problems

    return [str(p) for p in label_arithmetic_problems(scope.read("events"))]


def _revisions(scope: Scope) -> list[str]:
    rows = scope.read("revisions")
    rows = rows[(rows["table_name"] == "events") & (rows["reason"] != "matured")]
    counts = rows.groupby(["month", "reason"]).size()
    return [
        f"events: {count} row(s) of {month_label(month)} {reason} by a later delivery"
        for (month, reason), count in counts.items()  # type: ignore[misc]
    ]


def _purge(data_start: date) -> Condition:
    columns = [*EVENT_KEY, "exit_time_utc", "label_end_idx", "maturity"]

    def condition(scope: Scope) -> list[str]:
        first = max(data_start, look_back(scope.months[0]))
        window = month_range(first, scope.months[-1])
        return invariants.purge_violations(
            scope.read("fold_members"),
            scope.read("folds"),
            scope.store.read("events", partitions=window, columns=columns),
        )

    return condition


def _roles(scope: Scope) -> list[str]:
    return invariants.role_violations(scope.read("fold_members"), scope.read("folds"))


def _integrity(scope: Scope) -> list[str]:
    from step3_assets.domain.decisions.scoring import model_problems

    return model_problems(scope.read("calibrated_models"), scope.read("folds"))


def _calibration(scope: Scope) -> list[str]:
    metrics = scope.read("model_metrics")
    brier = metrics[metrics["metric"] == "brier"].set_index(["month", "head", "stage"])["value"]
    problems = []
    for month in sorted(set(metrics["month"])):
        calibrated = brier.get((month, "classifier", "calibrated"))
        base = brier.get((month, "base_rate", "raw"))
        if calibrated is None or base is None or not calibrated <= base:
            problems.append(
                f"calibrated_models: {month_label(month)} out-of-fold Brier "
                f"{_number(calibrated)} is above the base rate's {_number(base)}"
            )
    return problems


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4f}"


def _gate(scope: Scope) -> list[str]:
    return invariants.gate_violations(scope.read("scores"), scope.read("fold_members"))


def _backtests(scope: Scope) -> list[str]:
    trades = scope.read("fold_trades")
    capital = scope.config.execution.initial_capital_usd
    with_next = month_range(scope.months[0], add_months(scope.months[-1], 1))
    bars = scope.store.read("bar_features", partitions=with_next, columns=MARKING_BARS)
    return [
        *invariants.backtest_violations(scope.read("fold_backtests"), trades, capital),
        *(f"fold_trades: {p}" for p in price_disagreements(trades, bars)),
    ]


def _portfolio(scope: Scope) -> list[str]:
    from step3_assets.domain.portfolio.series import (
        RESULT_TABLES,
        PortfolioResult,
        reconcile_portfolio,
    )

    stored = PortfolioResult(*(scope.read(table) for table in RESULT_TABLES))
    months = stored.months["month"]
    if months.empty:
        return ["portfolio: holds no month"]
    with_next = [*month_range(months.min(), months.max()), add_months(months.max(), 1)]
    bars = scope.store.read("bar_features", partitions=with_next, columns=MARKING_BARS)
    return reconcile_portfolio(stored, scope.config, bars)


def _trained_known_at(scope: Scope) -> list[str]:
    columns = [c for c in TABLES["weekly_models"].names if c != "payload"]
    rows = scope.read("weekly_models", columns)
    return verify.trained_violations(rows, *_look_backs(scope, rows["week"]), scope.config.folds)


def _trained_integrity(scope: Scope) -> list[str]:
    return verify.weekly_model_violations(scope.read("weekly_models"))


def _look_backs(scope: Scope, weeks: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and bars that weeks may have been trained and evaluated on."""
    first = look_back(min([*weeks, scope.months[0]]).replace(day=1))
    window = month_range(first, add_weeks(scope.months[-1], 1))
    return (
        scope.store.read("events", partitions=window, columns=[*LABEL_COLUMNS, "exit_time_utc"]),
        scope.store.read("bar_features", partitions=window, columns=[*CLOCK_COLUMNS, "date"]),
    )


def _weeks_known_at(scope: Scope) -> list[str]:
    rows = scope.read("recalibrations")
    is_retrained = rows["method"] == RETRAIN
    retrained, refitted = rows[is_retrained], rows[~is_retrained]
    problems = _refits_known_at(scope, refitted) if len(refitted) else []
    if len(retrained):
        history = _look_backs(scope, retrained["new_week"].dropna())
        problems += verify.validation_violations(retrained, *history, scope.config.folds)
    return problems


def _refits_known_at(scope: Scope, rows: pd.DataFrame) -> list[str]:
    config = scope.config.recalibration
    first = add_weeks(scope.months[0], -config.window_weeks).replace(day=1)
    window = month_range(first, add_weeks(scope.months[-1], 1))
    bases = sorted({*window, *rows["base_month"]})  # a champion may be older than the window
    scores, events, bars, models = (
        scope.store.read(table, partitions=months, columns=columns)
        for table, months, columns in (
            ("scores", window, ["month", *EVENT_KEY, "p_raw"]),
            ("events", window, [*LABEL_COLUMNS, "exit_time_utc"]),
            ("bar_features", window, [*CLOCK_COLUMNS, "date"]),
            ("calibrated_models", bases, ["month", "head", "config_hash"]),
        )
    )
    return verify.known_at_violations(rows, scores, events, bars, models, config)


def _weeks_integrity(scope: Scope) -> list[str]:
    rows = scope.read("recalibrations")
    base_of = base_rule(scope.store)
    now = {week: base for week in rows["week"] if (base := base_of(week)) is not None}
    models = scope.store.read(
        "calibrated_models", partitions=sorted({b.month for b in now.values()})
    )
    bases = {week: BaseModel.of_models(models, base) for week, base in now.items()}
    weeks = sorted({w for name in ("new_week", "in_force_week") for w in rows[name].dropna()})
    columns = ["week", "head", "payload_sha256"]
    trained = scope.store.read("weekly_models", partitions=weeks, columns=columns)
    return [
        *verify.integrity_violations(rows, bases),
        *verify.models_in_force_violations(rows, trained),
    ]


def _weeks_fresh(scope: Scope) -> list[str]:
    return verify.stale_weeks(scope.read("recalibrations"))


def _belongs_together(scope: Scope) -> list[str]:
    results = [*EVIDENCE, "acceptance"]
    return contradictions(scope.store, scope.config, result_months(scope.store), results)


def _stored_rows(scope: Scope) -> list[str]:
    return scope.store.altered([*RESTS_ON, "acceptance"])


def _fail_closed(scope: Scope) -> list[str]:
    acceptance = scope.read("acceptance")
    if acceptance.empty:
        return ["acceptance: no criterion was evaluated"]
    unknown = acceptance[acceptance["is_passed"] & acceptance["value"].isna()]
    return [f"acceptance: {name} passed without a value" for name in unknown["criterion"]]


def _shadow_checksums(scope: Scope) -> list[str]:
    return shadow_checks.append_only(scope.store)


def _shadow_order(scope: Scope) -> list[str]:
    return shadow_checks.seen_in_time(scope.store)


def _shadow_fills(scope: Scope) -> list[str]:
    return shadow_checks.contradicted(scope.store, scope.config)


def _shadow_parity(scope: Scope) -> list[str]:
    return shadow_checks.parity_broken(scope.store, scope.config)


def _audit_passed(scope: Scope) -> list[str]:
    from step3_assets.domain.audit.run import audit_verdict

    checks = scope.read("audit")
    failed = checks[~checks["is_passed"]]
    if failed.empty and audit_verdict(checks).startswith("AUDIT FAILED"):
        return [f"audit: {audit_verdict(checks)}"]
    return [f"audit: {r.check}: {r.evidence}" for r in failed.itertuples()]


def _stages(scope: Scope) -> list[str]:
    from step3_assets.domain.registry.integrity import stage_violations

    return stage_violations(scope.read("model_registry"), scope.read("registry_transitions"))


def _artefacts(scope: Scope) -> list[str]:
    from step3_assets.domain.registry.integrity import artefact_violations, week_violations

    hashes = scope.store.read("calibrated_models", columns=["month", "head", "payload_sha256"])
    columns = ["week", "method", "base_hash", "calibrator_sha256"]
    weeks = scope.store.read("recalibrations", columns=columns)
    trained = scope.store.read("weekly_models", columns=["week", "head", "payload_sha256"])
    models = scope.read("model_registry")
    return artefact_violations(models, hashes) + week_violations(models, weeks, trained)


def _verdict_first(scope: Scope) -> list[str]:
    row = scope.read("step3_report")
    if len(row) != 1:
        return [f"step3_report: {len(row)} rows, expected 1"]
    first = row["markdown"].iloc[0].split("\n", 1)[0]
    verdict = row["verdict"].iloc[0]
    return (
        [] if verdict in first else [f"step3_report: the first line is {first!r}, not {verdict!r}"]
    )
