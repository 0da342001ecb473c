"""Out-of-fold quality of a fold's heads, as rows of ``model_metrics`` and ``reliability_bins``.

Belongs here: which figure is taken of which head. Does not belong here: the figures' definitions
(:mod:`step3_assets.domain.models.probability_scores`).

The base rate stands beside: the training share of winners, or training mean, of the inner fold
that predicted the row.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.models import MODEL_METRICS, RELIABILITY_BINS
from step3_assets.domain.models.blend import Numbers, clustered_slope
from step3_assets.domain.models.heads import QUANTILES
from step3_assets.domain.models.out_of_fold import OutOfFold
from step3_assets.domain.models.probability_scores import (
    auc,
    brier,
    expected_calibration_error,
    log_loss,
    pinball,
    reliability,
)

Figure = tuple[str, str, str, float]


def measure_heads(
    oof: OutOfFold,
    p_calibrated: np.ndarray,
    ev_final: np.ndarray,
    blend: Numbers,
    base_rate: float,
    month: date,
    n_bins: int,
) -> pd.DataFrame:
    """Rows of table ``model_metrics``.

    Parameters
    ----------
    oof : OutOfFold, n rows
    p_calibrated, ev_final : ndarray, shape (n,)
        Cross-fitted over the blocks.
    blend : dict
    base_rate : float
        Share of winners of all training rows, which is what a test month is held against.
    month : date
    n_bins : int
    """
    figures: list[Figure] = []
    for head, stage, p in (
        ("lgbm_classifier", "raw", oof.predicted.p_raw),
        ("lgbm_classifier", "calibrated", p_calibrated),
        ("logistic", "raw", oof.predicted.p_logistic),
        ("base_rate", "raw", oof.base_rate),
    ):
        figures += [(head, stage, *f) for f in _probability_figures(oof.won, p, stage, n_bins)]
    figures.append(("base_rate", "raw", "p_mean", base_rate))
    scale = oof.events["u_atr"].to_numpy(dtype=np.float64)
    cost = oof.events["cost_rt"].to_numpy(dtype=np.float64)
    for head, predicted in (
        ("ridge", oof.predicted.ridge),
        ("elasticnet", oof.predicted.elasticnet),
        ("lgbm_mean", oof.predicted.mean_scaled * scale - cost),
        ("base_rate", oof.centre * scale - cost),
    ):
        figures.append((head, "raw", "mse", float(np.mean((oof.net - predicted) ** 2))))
    for place, (head, level) in enumerate(QUANTILES.items()):
        predicted = oof.predicted.quantiles[:, place]
        figures.append((head, "raw", "pinball", pinball(oof.net, predicted, level)))
        figures.append((head, "raw", "coverage", float(np.mean(oof.net <= predicted))))
    figures += [("blend", "calibrated", *f) for f in _ev_figures(oof, ev_final, blend)]
    return _table(figures, month, len(oof.net))


def reliability_tables(
    oof: OutOfFold, p_calibrated: np.ndarray, month: date, n_bins: int
) -> pd.DataFrame:
    """Rows of table ``reliability_bins``: the classifier before and after calibration."""
    parts = [
        reliability(oof.won, p, n_bins).assign(month=month, stage=stage)
        for stage, p in (("raw", oof.predicted.p_raw), ("calibrated", p_calibrated))
    ]
    return pd.concat(parts, ignore_index=True)[RELIABILITY_BINS.names]


def empty_metrics() -> pd.DataFrame:
    """No rows of ``model_metrics``: the fold has no model."""
    return pd.DataFrame(columns=MODEL_METRICS.names)


def empty_reliability() -> pd.DataFrame:
    """No rows of ``reliability_bins``."""
    return pd.DataFrame(columns=RELIABILITY_BINS.names)


def _probability_figures(
    y: np.ndarray, p: np.ndarray, stage: str, n_bins: int
) -> list[tuple[str, float]]:
    return [
        ("brier", brier(y, p)),
        ("log_loss", log_loss(y, p)),
        ("ece", expected_calibration_error(y, p, n_bins)),
        ("auc", auc(y, p)),
        # After calibration no spread means "no skill out of fold", not a model that is broken.
        ("p_std" if stage == "raw" else "p_spread", float(np.std(p))),
    ]


def _ev_figures(oof: OutOfFold, ev_final: np.ndarray, blend: Numbers) -> list[tuple[str, float]]:
    slope, error = clustered_slope(ev_final, oof.net, oof.gls_weights, oof.weeks)
    figures = [("ev_slope", slope), ("ev_slope_se", error)]
    return figures + [(name, float(blend[name])) for name in ("w_struct", "w_mean", "mean_slope")]


def _table(figures: list[Figure], month: date, n_rows: int) -> pd.DataFrame:
    frame = pd.DataFrame(figures, columns=["head", "stage", "metric", "value"])
    frame["value"] = frame["value"].astype(float).where(np.isfinite(frame["value"].astype(float)))
    return frame.assign(month=month, n_rows=n_rows)[MODEL_METRICS.names]
