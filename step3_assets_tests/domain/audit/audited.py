"""Results to audit: the platform's own months on a market of random bars, small and quick.

Belongs here: one honest set of audit inputs that every check passes, for tests to plant faults in.
Does not belong here: a fault.
"""

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import (
    AuditConfig,
    DriftHeadConfig,
    FoldConfig,
    GateConfig,
    LightGBMConfig,
    ModelConfig,
    Step3Config,
)
from step3_assets.domain.audit.inputs import AuditInputs, sample_months
from step3_assets.domain.core.months import month_range
from step3_assets.domain.delivery import read_delivery
from step3_assets.domain.pipeline.main_job import PipelineInputs, run_pipeline
from step3_assets.domain.step2.build import build_delivery
from step3_assets.domain.step2.write import write_delivery
from step3_assets_tests.domain.step2.small_bars import SHORT, random_bars

MONTHS = month_range(date(2021, 1, 1), date(2021, 2, 1))
CONFIG = Step3Config(
    folds=FoldConfig(train_months=24, inner_folds=2, inner_min_train_months=12, inner_min_rows=50),
    models=ModelConfig(
        lightgbm=LightGBMConfig(n_rounds=6, min_data_in_leaf=40),
        drift=DriftHeadConfig(n_rounds=10, event_trees=LightGBMConfig(n_rounds=6)),
    ),
    gate=GateConfig(k=0.0, phi=0.0, overnight_multiplier=1.0),
    audit=AuditConfig(sampled_folds=1, sampled_decisions=2, sampled_prefixes=1),
)
PLATFORM = "platform"


@cache
def honest_inputs(folder) -> AuditInputs:
    """Two years of training and two test months of a market that drifts upwards."""
    bars = {
        symbol: random_bars(seed, start=date(2019, 1, 2), end=date(2021, 3, 31), drift=4e-4)
        for symbol, seed in (("SPY", 5), ("QQQ", 6))
    }
    write_delivery(build_delivery(bars, SHORT), folder)
    delivery = read_delivery(folder)
    config = CONFIG
    result = run_pipeline(PipelineInputs(delivery.events, delivery.bars, MONTHS, config))
    tables, book = result.tables, result.portfolio
    sampled = sample_months(MONTHS, config.audit.sampled_folds)
    models = tables["calibrated_models"]
    return AuditInputs(
        months=MONTHS,
        sampled=sampled,
        events=delivery.events[delivery.events["month"] <= MONTHS[-1]].reset_index(drop=True),
        bars=delivery.bars,
        folds=tables["folds"],
        fold_members=tables["fold_members"],
        scores=tables["scores"],
        models=models[models["month"].isin(sampled)].reset_index(drop=True),
        features_hashes={m: set(models.loc[models["month"] == m, "features_hash"]) for m in MONTHS},
        trades=book.trades[book.trades["series"] == PLATFORM].reset_index(drop=True),
        decisions=book.decisions[book.decisions["series"] == PLATFORM].reset_index(drop=True),
        config=config,
        knobs=SHORT,
        partners={"SPY": "QQQ", "QQQ": "SPY"},
    )


def set_rows(frame: pd.DataFrame, rows, **values: Any) -> pd.DataFrame:
    """A copy in which some rows hold other values; a callable is given the old ones."""
    out = frame.copy()
    index = frame.index[rows] if isinstance(rows, slice) else frame.index[np.asarray(rows)]
    for column, value in values.items():
        new: Any = value(out.loc[index, column]) if callable(value) else value
        out.loc[index, column] = new
    return out
