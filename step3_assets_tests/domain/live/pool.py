"""A pool of labels for recalibration tests: raw probabilities that are off by a known line.

Belongs here: rows as :func:`step3_assets.domain.live.recalibration.final_labels` gives them.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.config import RecalibrationConfig, Step3Config
from step3_assets.domain.core.calendar import session_bars
from step3_assets.domain.live.base_model import BaseModel
from step3_assets.domain.models.calibration import logit
from step3_assets.domain.models.linear import sigmoid

OWN = {"kind": "platt", "intercept": 0.0, "slope": 1.0}
BASE = BaseModel(date(2023, 3, 1), "ab12", "settings", OWN)
CONFIG = Step3Config(
    recalibration=RecalibrationConfig(window_weeks=20, min_rows=100, min_check_rows=10)
)
HORIZON = 3


def make_labels(
    *,
    start: date = date(2022, 12, 1),
    end: date = date(2023, 3, 31),
    intercept: float = 0.0,
    slope: float = 1.0,
    seed: int = 1,
) -> pd.DataFrame:
    """One label on every bar; winners with probability sigmoid(intercept + slope logit(p_raw))."""
    bars = session_bars(start, end)
    rng = np.random.default_rng(seed)
    t_idx = np.arange(len(bars) - HORIZON - 2)
    p_raw = rng.uniform(0.3, 0.7, len(t_idx))
    chance = sigmoid(intercept + slope * logit(p_raw))
    decided = pd.Series(bars["date"].dt.as_unit("us"))
    final = pd.Series(bars["bar_end"].dt.as_unit("us"))
    return pd.DataFrame(
        {
            "month": [d.date().replace(day=1) for d in decided[t_idx]],
            "symbol": "QQQ",
            "decision_time_utc": decided[t_idx],
            "p_raw": p_raw,
            "t_idx": t_idx,
            "label_end_idx": t_idx + HORIZON,
            "y": (rng.uniform(size=len(t_idx)) < chance).astype("float64"),
            "config_hash": "settings",
            "final_at_utc": final[t_idx + HORIZON + 2].to_numpy(),
        }
    ).astype({"final_at_utc": "datetime64[us, UTC]"})
