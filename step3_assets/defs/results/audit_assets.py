"""The asset ``audit``: the leakage audit of the stored results.

Belongs here: gathering tables for the audit and storing what it found. Does not belong here: a
check (:mod:`step3_assets.domain.audit`).
"""

from pathlib import Path

import dagster as dg

from step3_assets.config import Step3Config
from step3_assets.defs.metadata import column_schema, table_metadata
from step3_assets.defs.provenance import result_stamp
from step3_assets.defs.registry.registry_store import current_version, store_result
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.stages import stage_label
from step3_assets.defs.stored_inputs import ingested_months, settings_in_force
from step3_assets.domain.audit.inputs import AuditInputs, sample_months
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.step2.knobs import Step2Config, read_config
from step3_assets.storage.store import Store


def build_audit_asset(
    portfolio: dg.AssetsDefinition,
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
    walk_forward: dict[str, dg.AssetsDefinition],
) -> dg.AssetsDefinition:
    """The audit, after the results and before the verdict, which counts it."""
    names = [
        name
        for name in ("folds", "calibrated_models", "scores", "tuned_params")
        if name in walk_forward
    ]

    @dg.asset(
        deps=[portfolio, events, bar_features, *(walk_forward[name] for name in names)],
        group_name="results",
        kinds={"python", "duckdb"},
        owners=["team:step3"],
        metadata=column_schema("audit"),
    )
    def audit(
        platform: PlatformResource, progress: dg.ResourceParam[ProgressResource]
    ) -> dg.MaterializeResult:
        """Every known way in which the results could be flattering by accident, checked."""
        from step3_assets.domain.audit.run import CHECKS, audit_verdict, run_audit

        settings, store = platform.settings(), platform.store()
        version = current_version(store, settings.config)
        stamp = result_stamp(store, "audit", result_months(store), settings.config)
        inputs = audit_inputs(store, settings.config, settings.delivery)
        with progress.track(stage_label("audit"), len(CHECKS)) as advance:
            frame = run_audit(inputs, lambda: advance(1), settings.place)
        store_result(store, "audit", frame, version, stamp)
        table = table_metadata(frame.drop(columns="position"))
        return dg.MaterializeResult(metadata={"verdict": audit_verdict(frame), "checks": table})

    return audit


def audit_inputs(store: Store, config: Step3Config, delivery: Path | None) -> AuditInputs:
    """The tables that the audit reads."""
    months = result_months(store)
    data = [m for m in ingested_months(store, "bar_features") if m <= months[-1]]
    sampled = sample_months(months, config.audit.sampled_folds)
    hashes = store.read(
        "calibrated_models", partitions=months, columns=["month", "features_hash"]
    ).drop_duplicates()
    events = store.read("events", partitions=data)
    others = events[["symbol", "cross_symbol"]].dropna().drop_duplicates()
    trades, decisions = (store.read(f"portfolio_{name}") for name in ("trades", "decisions"))
    return AuditInputs(
        months=months,
        sampled=sampled,
        events=events,
        bars=store.read("bar_features"),
        folds=store.read("folds", partitions=months),
        fold_members=store.read("fold_members", partitions=months),
        scores=store.read("scores", partitions=months),
        models=store.read("calibrated_models", partitions=sampled),
        features_hashes={
            m: set(hashes.loc[hashes["month"] == m, "features_hash"]) for m in set(hashes["month"])
        },
        trades=trades[trades["series"] == PLATFORM],
        decisions=decisions[decisions["series"] == PLATFORM],
        config=config,
        by_month=settings_in_force(store, config, sampled),
        knobs=delivery_knobs(delivery),
        partners=dict(zip(others["symbol"], others["cross_symbol"], strict=True)),
    )


def delivery_knobs(delivery: Path | None) -> Step2Config:
    """What the delivery says it was built with; the defaults where it does not say."""
    paths = sorted((delivery / "meta").glob("*step2_config.json")) if delivery else []
    return read_config(paths[0]) if paths else Step2Config()
