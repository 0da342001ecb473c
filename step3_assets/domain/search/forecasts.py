"""Forecasts of inner months: computed once for each model setting, cached by content.

Belongs here: one inner month's fold, the key of its forecasts, the cache of Parquet files. Does not
belong here: training and scoring themselves, trials.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import pandas as pd

from step3_assets.catalogue.delivery import EVENTS, OUTCOME_COLUMNS
from step3_assets.config import FoldConfig, ModelConfig
from step3_assets.domain.core.bar_columns import TRAINING_BARS
from step3_assets.domain.core.hashing import bars_hash, frame_hash
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import add_months
from step3_assets.domain.core.parallel import Place, at_most, results_in_order
from step3_assets.domain.decisions.decide import DecisionSettings
from step3_assets.domain.decisions.scoring import score_fold
from step3_assets.domain.folds.build import (
    LOOK_BACK_MONTHS,
    Fold,
    FoldRows,
    build_fold,
    training_mask,
)
from step3_assets.domain.models.training import train_fold
from step3_assets.domain.search.settings import short_hash

FORECASTS = "cache"
"""Folder of the cached forecasts, under the search's own."""

COLUMNS = ["month", *EVENT_KEY, "ev_final", "q10", "q90"]
TRAINING_CODE = ("folds/*.py", "models/*.py", "decisions/scoring.py", "search/forecasts.py")
_STAGES = ("core", "folds", "models", "decisions", "risk", "execution", "portfolio", "search")
CODE = ("../plugins/**/*.py", *(f"{stage}/*.py" for stage in _STAGES))


@dataclass(frozen=True)
class InnerMonth:
    """One test month of the search: its fold, the rows it needs and their hash.

    Parameters
    ----------
    month : date
    fold : Fold
        Cut by the same function as in the walk-forward.
    events : DataFrame
        The fold's training rows and every event of the month.
    bars : DataFrame
        Bars of the look-back, before the month.
    folds : FoldConfig
        What the fold was cut with.
    data_hash : str
        Hash of the training rows with their roles, of the bars, and of the columns of the test rows
        known at their decisions. The month's outcomes change no forecast, so they are left out.
    """

    month: date
    fold: Fold = field(repr=False)
    events: pd.DataFrame = field(repr=False)
    bars: pd.DataFrame = field(repr=False)
    folds: FoldConfig
    data_hash: str = ""


def inner_month(
    events: pd.DataFrame, bars: pd.DataFrame, month: date, folds: FoldConfig
) -> InnerMonth:
    """Cut the fold of an inner month from the data known before the epoch."""
    first = add_months(month, -LOOK_BACK_MONTHS)
    events = events[(events["month"] >= first) & (events["month"] <= month)]
    bars = bars[(bars["month"] >= first) & (bars["month"] <= month)]
    fold = build_fold(events, bars, month, folds)
    kept = fold.members.loc[training_mask(fold.members), EVENT_KEY]
    training = kept.merge(events, on=EVENT_KEY, how="left", validate="one_to_one")[EVENTS.names]
    test = events[events["month"] == month]
    past = bars[bars["month"] < month]
    data_hash = short_hash(
        sorted(set(fold.manifest["members_hash"])),
        frame_hash(training, EVENTS),
        bars_hash(past, [name for name in TRAINING_BARS if name in past]),
        frame_hash(test, EVENTS, exclude=(*OUTCOME_COLUMNS, "maturity")),
    )
    rows = pd.concat([training, test], ignore_index=True)
    return InnerMonth(month, fold, rows, past, folds, data_hash)


@dataclass(frozen=True)
class ForecastCache:
    """Forecasts on disk, one Parquet file for each inner month and model setting.

    Parameters
    ----------
    folder : Path
        Its content may be deleted at any time.
    """

    folder: Path

    def path(self, inner: InnerMonth, models: ModelConfig) -> Path:
        """File of the forecasts; its name follows from code, settings and data."""
        key = hashlib.sha256(
            "|".join(
                [code_hash(TRAINING_CODE), models.content_hash(), f"{inner.month}", inner.data_hash]
            ).encode()
        ).hexdigest()[:32]
        return self.folder / key[:2] / f"{key}.parquet"

    def fill(self, wanted: Iterable[tuple[InnerMonth, ModelConfig]], place: Place | int) -> int:
        """Compute the forecasts that are missing, in parallel, and return how many were missing.

        Workers return forecasts and this process writes them, so that a worker on another machine
        needs no access to the folder.
        """
        missing = {
            self.path(inner, models): ForecastTask(inner=inner, models=models)
            for inner, models in wanted
        }
        missing = {path: task for path, task in missing.items() if not path.exists()}
        if not missing:
            return 0
        made = results_in_order(forecast, missing.values(), at_most(place, len(missing)))
        for path, forecasts in zip(missing, made, strict=True):
            write_whole(forecasts, path)
        return len(missing)

    def read(self, inner: Sequence[InnerMonth], models: ModelConfig) -> pd.DataFrame:
        """Forecasts of several months in one frame, columns :data:`COLUMNS`.

        Each file read counts as in use from now: ``step3 maintain`` removes those unread for long.
        """
        for one in inner:
            os.utime(self.path(one, models))
        frames = [
            pd.read_parquet(self.path(one, models)).assign(
                month=lambda rows, month=one.month: pd.Series(
                    [month] * len(rows), index=rows.index, dtype=object
                )
            )
            for one in inner
        ]
        return pd.concat(frames, ignore_index=True)[COLUMNS]


@dataclass(frozen=True)
class ForecastTask:
    """Inputs of :func:`forecast`: an inner month and model settings."""

    inner: InnerMonth
    models: ModelConfig


def forecast(task: ForecastTask) -> pd.DataFrame:
    """Train the fold, score its month, and return the columns that gate and sizing read."""
    inner, models = task.inner, task.models
    rows = FoldRows(fold=inner.fold, events=inner.events, bars=inner.bars, config=inner.folds)
    trained = train_fold(rows, models)
    scores = score_fold(trained.models, inner.events, inner.month, models, DecisionSettings())
    return scores[[*EVENT_KEY, "ev_final", "q10", "q90"]]


def write_whole(forecasts: pd.DataFrame, path: Path) -> None:
    """Write a file that appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    forecasts.to_parquet(partial, index=False)
    partial.replace(path)


@lru_cache(maxsize=2)
def code_hash(patterns: tuple[str, ...] = CODE) -> str:
    """Hash of the domain's code; studies and forecasts of another version are not reused."""
    folder = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted({p for pattern in patterns for p in folder.glob(pattern)}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
