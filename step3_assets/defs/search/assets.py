"""The asset ``tuned_params``: the nested search, epoch by epoch, with its ledger of trials.

Belongs here: reading the months before an epoch, storing the result, plots. Does not belong here:
the search (:mod:`step3_assets.domain.search`), the use of the settings that it chose.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import Field

from step3_assets.config import Step3Config
from step3_assets.defs.metadata import column_schema, png_metadata, readable, table_metadata
from step3_assets.defs.partitions import (
    Partitions,
    before_the_epoch,
    look_back,
    partition_key,
    partitions_asked,
)
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import dataset_in_force, ingested_by_table, require_ingested
from step3_assets.domain.core.bar_columns import SEARCH_BARS
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.search.epochs import Epoch, make_epoch
from step3_assets.storage.store import Store

if TYPE_CHECKING:
    from step3_assets.domain.search.epoch_search import OnBatch


class SearchRun(dg.Config):
    """How many trials this run may make; the settings' numbers by default."""

    model_trials: int | None = Field(default=None, ge=1, description="Model trials an epoch.")
    gate_trials: int | None = Field(default=None, ge=1, description="Gate trials an epoch.")

    def applied(self, config: Step3Config) -> Step3Config:
        """The configuration with these counts."""
        asked = {k: v for k, v in self.model_dump().items() if v is not None}
        return config.model_copy(update={"search": config.search.model_copy(update=asked)})


def build_search_asset(
    partitions: Partitions,
    settings: Settings,
    events: dg.AssetsDefinition,
    bar_features: dg.AssetsDefinition,
) -> dg.AssetsDefinition:
    """The search, which is no part of the main job: it runs only on request."""
    history = before_the_epoch(settings.config.search)

    @dg.asset(
        partitions_def=partitions.epochs,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[dg.AssetDep(a, partition_mapping=history) for a in (events, bar_features)],
        kinds={"optuna", "lightgbm", "duckdb"},
        group_name="search",
        owners=["team:step3"],
        metadata=column_schema("tuned_params"),
    )
    def tuned_params(
        context: dg.AssetExecutionContext,
        config: SearchRun,
        platform: PlatformResource,
        progress: dg.ResourceParam[ProgressResource],
    ) -> dg.MaterializeResult:
        """The settings of an epoch, searched by Optuna on inner folds that end before it.

        Model trials are trained once for each inner month and their forecasts kept; gate and
        portfolio trials run on those forecasts. Every trial is stored in ``trials``. The
        walk-forward uses the settings only if ``[config.search] is_enabled`` is true.
        """
        platform_settings, store = platform.settings(), platform.store()
        base = config.applied(platform_settings.config)
        train_months = base.folds.train_months
        data_start = add_months(partitions.first_test_month, -train_months)
        starts = partitions_asked(context)
        job = _SearchJob(
            store=store,
            config=base,
            settings=platform_settings,
            progress=progress,
            first_data_month=partitions.first_data_month,
        )
        with _alone(platform_settings):
            for number, start in enumerate(starts, start=1):
                epoch = make_epoch(start, data_start, base.search, base.folds)
                label = f"{month_label(start)} ({number}/{len(starts)})"
                metadata = _search(job, epoch, label)
                context.add_asset_metadata(metadata, partition_key=partition_key(start))
        return dg.MaterializeResult()

    return tuned_params


@dataclass(frozen=True)
class _SearchJob:
    """What every epoch of a run is searched with.

    Parameters
    ----------
    store : Store
    config : Step3Config
        The documented settings, with the number of trials of this run.
    settings : Settings
        Folder and processes of the search.
    progress : ProgressResource
    first_data_month : date
        Months before it hold no data.
    """

    store: Store
    config: Step3Config
    settings: Settings
    progress: ProgressResource
    first_data_month: date


@contextmanager
def _progress_lines(
    progress: ProgressResource, label: str, totals: Mapping[str, int]
) -> Iterator["OnBatch"]:
    """A callback for each batch of trials; it shows one progress line, of the level that runs."""
    advances: dict[str, Callable[[int, float], None]] = {}
    with ExitStack() as lines:

        def on_batch(level: str, count: int, best: float) -> None:
            if level not in advances:
                lines.close()
                line = progress.track_best(f"{label} {level}", totals[level])
                advances[level] = lines.enter_context(line)
            advances[level](count, best)

        yield on_batch


def _search(job: _SearchJob, epoch: Epoch, label: str) -> dict[str, Any]:
    """Search one epoch and store its rows; returns its metadata."""
    from step3_assets.domain.search.epoch_search import (
        Workplace,
        allocation_trials,
        search_epoch,
    )

    store, search = job.store, job.config.search
    if not epoch.inner:
        months = f"fewer than {search.min_inner_months} inner months lie before it"
        return {"settings": f"documented ones: {months}"}
    first, last = look_back(epoch.inner[0]), epoch.inner[-1]
    require_ingested(ingested_by_table(store), job.first_data_month, first, last)
    wanted = month_range(first, last)
    dataset = dataset_in_force(store)
    place = Workplace(
        folder=job.settings.search_dir,
        place=job.settings.place,
        dataset_version=dataset["dataset_version"],
    )
    totals = {
        "model": search.model_trials,
        "gate": search.gate_trials,
        "allocation": allocation_trials(search),
    }
    with _progress_lines(job.progress, label, totals) as on_batch:
        found = search_epoch(
            store.read("events", partitions=wanted),
            store.read("bar_features", partitions=wanted, columns=SEARCH_BARS),
            epoch,
            job.config,
            place,
            on_batch,
        )
    with store.transaction(["tuned_params", "trials"]) as transaction:
        transaction.append("trials", found.trials)
        transaction.replace_partitions({"tuned_params": found.tuned_params}, [epoch.first])
    return _describe(found, bool(dataset["is_synthetic"]))


def _describe(found: Any, is_synthetic: bool) -> dict[str, Any]:
    from step3_assets.domain.search.figures import study_figures

    row = found.tuned_params.iloc[0]
    best = found.trials[found.trials["state"] == "complete"]
    best = best.sort_values(["objective", "number"], ascending=[False, True]).head(10)
    shown = ["level", "number", "objective", "max_drawdown_frac", "n_trades", "params"]
    metrics = {
        "objective": float(row["objective"]),
        "objective of the documented settings": float(row["default_objective"]),
        "p-value of the best objective": float(row["p_value"]),
        "model trials": int(row["n_model_trials"]),
        "gate and portfolio trials": int(row["n_gate_trials"]),
        "inner months": int(row["n_inner_months"]),
    }
    metadata = readable(metrics) | {
        "settings": "documented ones: the gain is too small or may be chance"
        if row["is_default"]
        else "searched",
        "params": dg.MetadataValue.json(json.loads(row["params"])),
        "best trials": table_metadata(best[shown]),
    }
    mark = "SYNTHETIC: " if is_synthetic else ""
    for name, trials in found.studies.items():
        level = name.split()[-1]
        for plot, png in study_figures(trials, f"{mark}{name}").items():
            metadata[f"{level} trials, {plot}"] = png_metadata(plot, png)
    return metadata


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Allow one search at a time: Optuna's journal can have only one writer."""
    settings.search_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.search_dir / ".lock", timeout=1)
    try:
        with lock:
            yield
    except Timeout as error:
        raise dg.Failure(
            f"another search is running in {settings.search_dir}", allow_retries=False
        ) from error


def epochs_of(first: date, last: date, epoch_months: int) -> tuple[date, date]:
    """First and last epoch that contain test months of a range."""
    from step3_assets.domain.search.epochs import epoch_of

    return epoch_of(first, epoch_months), epoch_of(last, epoch_months)
