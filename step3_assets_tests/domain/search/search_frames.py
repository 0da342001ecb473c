"""A market small enough to be searched in a test.

Belongs here: rows with an edge that trees find within seconds, and a search of a few trials. Does
not belong here: expectations.
"""

from datetime import date

import pandas as pd

from step3_assets.catalogue.delivery import EVENTS
from step3_assets.config import (
    DriftHeadConfig,
    FoldConfig,
    LightGBMConfig,
    ModelConfig,
    SearchConfig,
    SearchRange,
    SearchSpace,
    Step3Config,
)
from step3_assets.domain.core.canonical import canonical_frame
from step3_assets.domain.search.epochs import Epoch, make_epoch
from step3_assets_tests.domain.models.training_frames import make_market

EPOCH = date(2017, 7, 1)
DATA_START = date(2016, 1, 1)

SMALL = Step3Config(
    folds=FoldConfig(train_months=24, inner_folds=2, inner_min_train_months=12, inner_min_rows=50),
    models=ModelConfig(
        features=("trend_score", "vol_z", "entry_overnight", "family"),
        min_train_rows=100,
        lightgbm=LightGBMConfig(n_rounds=20, learning_rate=0.1, min_data_in_leaf=40),
        drift=DriftHeadConfig(is_used=False),
    ),
    search=SearchConfig(
        inner_months=4,
        min_inner_months=2,
        model_trials=4,
        gate_trials=10,
        model_batch=2,
        gate_batch=4,
        startup_model_trials=2,
        startup_gate_trials=4,
        pruning_months=2,
        min_month_trades=2,
        min_gain=0.0,
        max_p_value=1.0,
        space=SearchSpace(
            n_rounds=SearchRange(low=10, high=30, is_log=True),
            learning_rate=SearchRange(low=0.05, high=0.2, is_log=True),
            min_data_in_leaf=SearchRange(low=20, high=80, is_log=True),
        ),
    ),
)


def searched_market(n_months: int = 20) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events with an edge, from 2016-01 on, and bars that mark them at a constant price."""
    events, bars = make_market(edge_bps=60, seed=4, n_months=n_months, per_month=40)
    bars = bars.sort_values(["symbol", "date"], ignore_index=True)
    following = bars.groupby("symbol")["date"].shift(-1)
    bars["bar_end_utc"] = following.where(following < bars["bar_end_utc"], bars["bar_end_utc"])
    bars = bars.assign(open=100.0, close=100.0, low=99.9)
    at = bars.assign(entry=following).set_index(["symbol", "bar_idx"])
    place = pd.MultiIndex.from_frame(events[["symbol", "t_idx"]])
    events["decision_instant_utc"] = at.loc[place, "bar_end_utc"].to_numpy()
    events["entry_time_utc"] = at.loc[place, "entry"].to_numpy()
    return canonical_frame(events, EVENTS), bars


def small_epoch(config: Step3Config = SMALL) -> Epoch:
    """2017-07 to 2017-12, with its four inner months."""
    return make_epoch(EPOCH, DATA_START, config.search, config.folds)
