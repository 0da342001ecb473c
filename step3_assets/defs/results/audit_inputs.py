"""The tables that the leakage audit reads, gathered from the store.

Belongs here: reading. Does not belong here: the asset
(:mod:`step3_assets.defs.results.audit_assets`), a check (:mod:`step3_assets.domain.audit`).
"""

from pathlib import Path

from step3_assets.config import Step3Config
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.stored_inputs import ingested_months, settings_in_force
from step3_assets.domain.audit.inputs import AuditInputs, sample_months
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.step2.knobs import Step2Config, read_config
from step3_assets.storage.store import Store


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
    """The knobs that the delivery was built with; the defaults if it does not name them."""
    paths = sorted((delivery / "meta").glob("*step2_config.json")) if delivery else []
    return read_config(paths[0]) if paths else Step2Config()
