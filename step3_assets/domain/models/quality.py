"""Out-of-fold quality of a fold's heads, as rows of ``model_metrics`` and ``reliability_bins``.

Belongs here: which metric is computed for which head. Does not belong here: the definitions
(:mod:`step3_assets.domain.models.probability_scores`).

The base rate is measured like a head: it predicts the share of winners, or the mean outcome, among
the training rows of the inner fold that predicted the row.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.models import MODEL_METRICS, RELIABILITY_BINS
from step3_assets.domain.models.blend import clustered_slope
from step3_assets.domain.models.boosting import CLASSIFIER, MEAN
from step3_assets.domain.models.head import Head, Target
from step3_assets.domain.models.heads import HEADS
from step3_assets.domain.models.out_of_fold import OutOfFold
from step3_assets.domain.models.probability_scores import (
    auc,
    brier,
    expected_calibration_error,
    log_loss,
    pinball,
    reliability,
)
from step3_assets.domain.models.text_format import Numbers

BASE_RATE = "base_rate"


@dataclass(frozen=True)
class Metric:
    """One row of ``model_metrics`` without its month."""

    head: str
    stage: str
    metric: str
    value: float


@dataclass(frozen=True)
class Calibrated:
    """Cross-fitted results over the out-of-fold rows.

    Parameters
    ----------
    p, ev_final : ndarray, shape (n,)
        Calibrated probability, and the blended expected value.
    blend : dict
    base_rate : float
        Share of winners among all training rows; a test month is compared with it.
    """

    p: np.ndarray
    ev_final: np.ndarray
    blend: Numbers
    base_rate: float


def measure_heads(oof: OutOfFold, calibrated: Calibrated, month: date, n_bins: int) -> pd.DataFrame:
    """Rows of table ``model_metrics``: the metrics of each head, of the base rate and of the blend.

    Parameters
    ----------
    oof : OutOfFold, n rows
    calibrated : Calibrated, n rows
    month : date
    n_bins : int
    """
    metrics: list[Metric] = []
    for head in HEADS:
        metrics += _head_metrics(oof, head, n_bins)
    metrics += _probability_metrics(oof.won, calibrated.p, CLASSIFIER.name, "calibrated", n_bins)
    metrics += _probability_metrics(oof.won, oof.base_rate, BASE_RATE, "raw", n_bins)
    metrics.append(Metric(BASE_RATE, "raw", "p_mean", calibrated.base_rate))
    level = oof.level * oof.predicted.scale - oof.predicted.cost
    metrics.append(Metric(BASE_RATE, "raw", "mse", float(np.mean((oof.net - level) ** 2))))
    metrics += _blend_metrics(oof, calibrated)
    return _table(metrics, month, len(oof.net))


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
    """Table ``model_metrics`` without rows, for a fold without a model."""
    return pd.DataFrame(columns=MODEL_METRICS.names)


def empty_reliability() -> pd.DataFrame:
    """Table ``reliability_bins`` without rows, for a fold without a model."""
    return pd.DataFrame(columns=RELIABILITY_BINS.names)


def _head_metrics(oof: OutOfFold, head: Head, n_bins: int) -> list[Metric]:
    if head.target is Target.WON:
        return _probability_metrics(oof.won, oof.predicted.of(head), head.name, "raw", n_bins)
    predicted = oof.mean_net if head.name == MEAN.name else oof.predicted.net_of(head)
    if head.level is None:
        return [Metric(head.name, "raw", "mse", float(np.mean((oof.net - predicted) ** 2)))]
    return [
        Metric(head.name, "raw", "pinball", pinball(oof.net, predicted, head.level)),
        Metric(head.name, "raw", "coverage", float(np.mean(oof.net <= predicted))),
    ]


def _probability_metrics(
    y: np.ndarray, p: np.ndarray, head: str, stage: str, n_bins: int
) -> list[Metric]:
    found = {
        "brier": brier(y, p),
        "log_loss": log_loss(y, p),
        "ece": expected_calibration_error(y, p, n_bins),
        "auc": auc(y, p),
        # After calibration, no spread means no skill out of fold; the model need not be broken.
        "p_std" if stage == "raw" else "p_spread": float(np.std(p)),
    }
    return [Metric(head, stage, metric, value) for metric, value in found.items()]


def _blend_metrics(oof: OutOfFold, calibrated: Calibrated) -> list[Metric]:
    slope, error = clustered_slope(calibrated.ev_final, oof.net, oof.gls_weights, oof.weeks)
    found = {"ev_slope": slope, "ev_slope_se": error}
    names = ("w_struct", "w_mean", "mean_slope", "mean_level", "log_evidence")
    found |= {name: float(calibrated.blend[name]) for name in names}
    return [Metric("blend", "calibrated", metric, value) for metric, value in found.items()]


def _table(metrics: list[Metric], month: date, n_rows: int) -> pd.DataFrame:
    frame = pd.DataFrame(metrics)
    frame["value"] = frame["value"].astype(float).where(np.isfinite(frame["value"].astype(float)))
    return frame.assign(month=month, n_rows=n_rows)[MODEL_METRICS.names]
