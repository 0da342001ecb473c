"""The time that Dagster adds: the main job in Dagster compared with the same functions in a loop.

Run: python benchmarks/orchestration.py --delivery DIR [--months 59] [--workers 2]

Both sides do the same work with the same number of processes: read and validate the delivery, every
fold, model, score, backtest, the portfolio, the audit, the verdict, the registry's entries, drift
and the report. The rival is ``step3_assets.domain.pipeline.main_job``, a plain loop that
stores nothing. Each side runs in its own new process, so that both include their imports.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path


def bare_loop(delivery: Path, n_months: int, workers: int) -> None:
    """The rival: read, loop, audit, judge, register, report; nothing is stored."""
    import pandas as pd

    from step3_assets import __version__
    from step3_assets.catalogue.delivery import EVENTS
    from step3_assets.catalogue.live import RECALIBRATION_COMPARISON as COMPARISON
    from step3_assets.catalogue.live import RECALIBRATIONS
    from step3_assets.catalogue.search import TUNED_PARAMS
    from step3_assets.config import Step3Config
    from step3_assets.defs.results.stored_results import OUTCOME_COLUMNS
    from step3_assets.domain.acceptance.verdict import judge, verdict
    from step3_assets.domain.audit.inputs import AuditInputs, sample_months
    from step3_assets.domain.audit.run import run_audit
    from step3_assets.domain.core.hashing import frame_hash
    from step3_assets.domain.core.months import first_test_month, month_range
    from step3_assets.domain.delivery import probe_months, read_delivery
    from step3_assets.domain.models.importance import head_importances
    from step3_assets.domain.monitoring.table import drift_table
    from step3_assets.domain.monitoring.window import DriftInputs
    from step3_assets.domain.pipeline.main_job import PipelineInputs, run_pipeline
    from step3_assets.domain.portfolio.series import PLATFORM, RESULT_TABLES
    from step3_assets.domain.registry.document import write_document
    from step3_assets.domain.registry.entries import Provenance, feature_lists, fold_entries
    from step3_assets.domain.registry.stages import Change, Registry, register_folds
    from step3_assets.domain.report import ReportInputs, build_report

    config = Step3Config()
    first, last, is_complete = probe_months(delivery)
    months = month_range(first_test_month(first, is_complete, config.folds.train_months), last)
    months = months[-n_months:] if n_months else months
    data = read_delivery(delivery)
    result = run_pipeline(
        PipelineInputs(data.events, data.bars, months, config, data.published_baseline),
        workers=workers,
    )
    tables, money = result.tables, result.portfolio
    models = tables["calibrated_models"]
    others = data.events[["symbol", "cross_symbol"]].dropna().drop_duplicates()
    audit = run_audit(
        AuditInputs(
            months=months,
            sampled=sample_months(months, config.audit.sampled_folds),
            events=data.events,
            bars=data.bars,
            models=models,
            features_hashes={
                month: set(models.loc[models["month"] == month, "features_hash"])
                for month in months
            },
            trades=money.trades[money.trades["series"] == PLATFORM],
            decisions=money.decisions[money.decisions["series"] == PLATFORM],
            config=config,
            partners=dict(zip(others["symbol"], others["cross_symbol"], strict=True)),
            folds=tables["folds"],
            fold_members=tables["fold_members"],
            scores=tables["scores"],
        )
    )
    judged = {
        **tables,
        **{name: getattr(money, part) for name, part in RESULT_TABLES.items()},
        "statistics": result.statistics,
        "audit": audit,
    }
    acceptance = judge(judged, config)
    provenance = Provenance(
        dataset_version=data.dataset_version,
        month_hashes={
            month: frame_hash(data.events[data.events["month"] == month], EVENTS)
            for month in sorted(set(data.events["month"]))
        },
        config=config,
        by_month={},
        acceptance=acceptance,
        feature_lists=feature_lists(models),
    )
    entries = fold_entries(models, tables["model_metrics"], provenance)
    change = Change("benchmark", datetime.now(UTC))
    registry = register_folds(Registry.empty(), entries, change)
    document = write_document(registry)
    drift = drift_table(
        DriftInputs(
            months=months,
            events=data.events,
            bars=data.bars,
            scores=tables["scores"],
            model_metrics=tables["model_metrics"],
            folds=tables["folds"],
        ),
        config,
    )
    importances = pd.concat(
        head_importances(
            models[models["month"] == month], data.events[data.events["month"] == month], month
        )
        for month in months
    )
    beside = (RECALIBRATIONS, COMPARISON, TUNED_PARAMS)  # not made by the main job
    nothing = {table.name: pd.DataFrame(columns=table.names) for table in beside}
    by_month = ("fold_backtests", "folds", "scores", "model_metrics", "reliability_bins")
    report = build_report(
        ReportInputs(
            verdict=verdict(acceptance),
            acceptance=acceptance,
            model_registry=registry.models,
            drift=drift,
            importances=importances,
            **nothing,
            statistics=result.statistics,
            audit=audit,
            events_outcomes=data.events.loc[data.events["month"].isin(months), OUTCOME_COLUMNS],
            mock_baseline=tables["mock_baseline"],
            dataset_version=data.dataset_version,
            dataset_note=str(delivery),
            is_synthetic=data.is_synthetic,
            config=config,
            code_version=__version__,
            **{name: tables[name] for name in by_month},
            **{name: getattr(money, part) for name, part in RESULT_TABLES.items()},
        )
    )
    print(report.verdict, len(report.html), len(document))


def through_dagster(delivery: Path, n_months: int, workers: int) -> None:
    """The platform: ``step3 run`` on a new home."""
    from step3_assets.cli.main import cli
    from step3_assets.domain.core.months import add_months, month_label
    from step3_assets.domain.delivery import probe_months

    arguments = ["run", "--delivery", str(delivery), "--workers", str(workers)]
    if n_months:
        last = probe_months(delivery)[1]
        arguments += ["--from", month_label(add_months(last, 1 - n_months))]
    cli(arguments, standalone_mode=False)


def measure(side: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Wall time and peak memory of one side, in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        started = time.monotonic()
        child = subprocess.Popen(
            [
                sys.executable, __file__, "--side", side, "--delivery", str(arguments.delivery),
                "--months", str(arguments.months), "--workers", str(arguments.workers),
            ],
            env={**os.environ, "STEP3_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        peak_mb = 0.0
        while child.poll() is None:
            peak_mb = max(peak_mb, family_memory_mb(child.pid))
            time.sleep(0.25)
        if child.returncode != 0:
            raise SystemExit(f"{side} failed; run it alone with --side {side}")
        return {"seconds": time.monotonic() - started, "peak_mb": peak_mb}


def family_memory_mb(pid: int) -> float:
    """Memory of a process and its descendants, shared pages counted once (PSS)."""
    total = 0.0
    pending = [pid]
    while pending:
        current = pending.pop()
        try:
            rollup = Path(f"/proc/{current}/smaps_rollup").read_text()
            total += next(int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:"))
            for task in Path(f"/proc/{current}/task").iterdir():
                pending += [int(c) for c in (task / "children").read_text().split()]
        except (OSError, StopIteration):
            continue
    return total / 1024


def main() -> None:
    """Measure both sides and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delivery", type=Path, required=True)
    parser.add_argument("--months", type=int, default=0, help="last N test months; 0 for all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--side", choices=["loop", "dagster"])
    arguments = parser.parse_args()
    if arguments.side:
        run = bare_loop if arguments.side == "loop" else through_dagster
        run(arguments.delivery, arguments.months, arguments.workers)
        return
    sides = {side: measure(side, arguments) for side in ("loop", "dagster")}
    for side, figures in sides.items():
        print(f"{side:8} {figures['seconds']:7.1f} s   peak {figures['peak_mb']:6.0f} MB")
    print(f"ratio dagster / loop: {sides['dagster']['seconds'] / sides['loop']['seconds']:.2f}")
    print(json.dumps(sides))


if __name__ == "__main__":
    main()
