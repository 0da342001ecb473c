"""How good the probabilities were: bins, Brier score, log loss, expected calibration error.

Belongs here: pooling over folds and over test months, always compared with the base rate. Does not
belong here: fitting a calibrator, or drawing.

Two samples are kept apart: *inner out-of-fold* rows (before each test month, on which the
calibrator was chosen) and *test months* (which no model saw).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.domain.models.probability_scores import (
    brier,
    expected_calibration_error,
    log_loss,
)
from step3_assets.domain.report.inputs import as_float, months_of

STAGES = ("raw", "calibrated")
CLASSIFIER = "classifier"
BASE_RATE = "base_rate"
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class ProbabilityScore:
    """Scores of one probability column; NaN if a score cannot be computed.

    Parameters
    ----------
    sample, name : str
        Which rows, and which probability.
    n_rows : int
    brier, log_loss, ece : float
    """

    sample: str
    name: str
    n_rows: int
    brier: float
    log_loss: float
    ece: float


def wilson_interval(n_won: np.ndarray, n_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share (Wilson 1927, JASA 22); rows are treated as independent.

    Parameters
    ----------
    n_won, n_rows : ndarray, shape (n_bins,)
        Winners and rows of each bin; ``n_rows`` > 0.
    """
    share, z2 = n_won / n_rows, _Z95**2
    middle = (share + z2 / (2 * n_rows)) / (1 + z2 / n_rows)
    half = _Z95 * np.sqrt(share * (1 - share) / n_rows + z2 / (4 * n_rows**2)) / (1 + z2 / n_rows)
    return middle - half, middle + half


def equal_count_bins(p: np.ndarray, y: np.ndarray, n_bins: int) -> pd.DataFrame:
    """Bins with (almost) equally many rows, in order of ``p``; ties stay in input order.

    Returns
    -------
    DataFrame
        ``bin``, ``n_rows``, ``p_mean``, ``y_mean``; at most as many bins as rows.
    """
    order = np.argsort(p, kind="stable")
    bins = np.arange(len(p)) * min(n_bins, len(p)) // max(len(p), 1)
    rows = pd.DataFrame({"bin": bins, "p": p[order], "y": y[order]})
    return rows.groupby("bin", as_index=False).agg(
        n_rows=("p", "size"), p_mean=("p", "mean"), y_mean=("y", "mean")
    )


def pooled_bins(reliability_bins: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Inner out-of-fold bins of all folds together, weighted by their rows."""
    rows = reliability_bins.loc[
        (reliability_bins["stage"] == stage) & (reliability_bins["n_rows"] > 0)
    ]
    n = as_float(rows["n_rows"])
    weighted = pd.DataFrame(
        {
            "bin": rows["bin"].to_numpy(),
            "n_rows": n,
            "p": n * as_float(rows["p_mean"]),
            "y": n * as_float(rows["y_mean"]),
        }
    )
    sums = weighted.groupby("bin", as_index=False).sum()
    return sums.assign(p_mean=sums["p"] / sums["n_rows"], y_mean=sums["y"] / sums["n_rows"])[
        ["bin", "n_rows", "p_mean", "y_mean"]
    ]


def probability_score(
    sample: str, name: str, p: np.ndarray, y: np.ndarray, n_bins: int
) -> ProbabilityScore:
    """Brier score, log loss and expected calibration error (equal-width bins) of ``p``.

    Rows where ``p`` or ``y`` is NaN are left out.
    """
    known = np.isfinite(p) & np.isfinite(y)
    p, y = p[known], y[known]
    if not len(p):
        return ProbabilityScore(sample, name, 0, np.nan, np.nan, np.nan)
    return ProbabilityScore(
        sample,
        name,
        len(p),
        brier(y, p),
        log_loss(y, p),
        expected_calibration_error(y, p, n_bins),
    )


def inner_scores(model_metrics: pd.DataFrame) -> list[ProbabilityScore]:
    """Inner out-of-fold scores of the classifier and the base rate, pooled by rows over folds.

    Brier score and log loss pool exactly; the expected calibration error is the mean over folds.
    """
    wanted = [
        ("Classifier, raw", CLASSIFIER, "raw"),
        ("Classifier, calibrated", CLASSIFIER, "calibrated"),
        ("Base rate", BASE_RATE, None),
    ]
    return [_pooled_score(model_metrics, *row) for row in wanted]


def _pooled_score(
    metrics: pd.DataFrame, name: str, head: str, stage: str | None
) -> ProbabilityScore:
    rows = metrics.loc[metrics["head"] == head]
    if stage is not None:
        rows = rows.loc[rows["stage"] == stage]
    values, n_rows = {}, 0
    for metric in ("brier", "log_loss", "ece"):
        one = rows.loc[rows["metric"] == metric].drop_duplicates(["month", "head", "metric"])
        value, n = as_float(one["value"]), as_float(one["n_rows"])
        known = np.isfinite(value) & (n > 0)
        total = n[known].sum()
        values[metric] = float((value[known] * n[known]).sum() / total) if total else np.nan
        if metric == "brier":
            n_rows = int(total)
    return ProbabilityScore("inner out-of-fold", name, n_rows, **values)


def out_of_sample_scores(
    joined: pd.DataFrame, model_metrics: pd.DataFrame, n_bins: int
) -> list[ProbabilityScore]:
    """Scores of every probability on the final labels of the test months.

    Parameters
    ----------
    joined : DataFrame
        From :func:`~step3_assets.domain.report.inputs.score_outcomes`.
    model_metrics : DataFrame
        Its ``base_rate`` rows bring each fold's training base rate (metric ``p_mean``): the
        forecast for every event of that month without any feature.
    n_bins : int
    """
    rates = model_metrics.loc[
        (model_metrics["head"] == BASE_RATE) & (model_metrics["metric"] == "p_mean")
    ].drop_duplicates("month")
    by_month = pd.Series(as_float(rates["value"]), index=months_of(rates))
    forecasts = {
        "Classifier, raw": joined["p_raw"].to_numpy(),
        "Classifier, calibrated": joined["p_calibrated"].to_numpy(),
        "Logistic baseline": joined["p_logistic"].to_numpy(),
        "Base rate": months_of(joined).map(by_month).to_numpy(dtype="float64"),
    }
    y = joined["y"].to_numpy()
    return [probability_score("test months", name, p, y, n_bins) for name, p in forecasts.items()]
