"""The heads of a fold: what each learns, in which unit, and how all are fitted and asked.

Belongs here: targets, units and the list of heads. Does not belong here: folds, calibration, the
blend (:mod:`step3_assets.domain.models.training`).

The mean and quantile heads learn ``gross_logret / u_atr``: its noise is alike in calm and wild
markets, and the cost, which is known at the decision, need not be learned. Predictions are
turned back into ``net_logret`` by ``u_atr`` and ``cost_rt`` of the event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import ModelConfig
from step3_assets.domain.models import linear
from step3_assets.domain.models.boosting import FORMAT as LIGHTGBM_TEXT
from step3_assets.domain.models.boosting import (
    fit_booster,
    fit_mean_booster,
    predict_booster,
)
from step3_assets.domain.models.clusters import instants
from step3_assets.domain.models.features import FeatureMatrix, feature_matrix, features_hash
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    dump_numbers,
    load_numbers,
)

JSON_NUMBERS = "json of plain numbers"

QUANTILES: dict[str, float] = {"lgbm_q10": 0.1, "lgbm_q50": 0.5, "lgbm_q90": 0.9}
LINEAR_HEADS = ("logistic", "ridge", "elasticnet")
BOOSTED_HEADS = ("lgbm_classifier", "lgbm_mean", *QUANTILES)


@dataclass(frozen=True)
class TrainingRows:
    """Rows that models are fitted on, in the order of decision time and symbol.

    Parameters
    ----------
    events : DataFrame, n rows
        Rows of table ``events`` with final labels.
    uniqueness : ndarray, shape (n,)
        Average uniqueness among these rows, or ones; it sums to the number of independent rows.
    """

    events: pd.DataFrame
    uniqueness: np.ndarray

    @property
    def won(self) -> np.ndarray:
        """1 where ``net_logret > 0``."""
        return self.events["y"].to_numpy(dtype=np.float64)

    @property
    def net(self) -> np.ndarray:
        """``net_logret``, log return."""
        return self.events["net_logret"].to_numpy(dtype=np.float64)

    @property
    def scaled_gross(self) -> np.ndarray:
        """``gross_logret / u_atr``."""
        gross = self.events["gross_logret"].to_numpy(dtype=np.float64)
        return gross / self.events["u_atr"].to_numpy(dtype=np.float64)


@dataclass(frozen=True)
class Predictions:
    """What the heads say of n events; NaN nowhere.

    ``p_raw`` and ``p_logistic`` are probabilities, ``mean_scaled`` is in units of ``u_atr``, the
    others are log returns of ``net_logret``; quantiles do not cross.
    """

    p_raw: np.ndarray
    p_logistic: np.ndarray
    ridge: np.ndarray
    elasticnet: np.ndarray
    mean_scaled: np.ndarray
    quantiles: np.ndarray  # shape (n, 3)


def fit_heads(rows: TrainingRows, config: ModelConfig) -> dict[str, str]:
    """Fit every head; returns payload text by head, with the feature list under ``features``.

    Parameters
    ----------
    rows : TrainingRows
        With both outcomes.
    config : ModelConfig
    """
    columns = config.features
    matrix = feature_matrix(rows.events, columns=columns)
    weights = rows.uniqueness / rows.uniqueness.mean()
    payloads = {
        "features": dump_numbers(
            {"columns": columns, "names": matrix.names, "vocabulary": matrix.vocabulary}
        )
    }
    for head, (fit, target) in {
        "logistic": (linear.fit_logistic, rows.won),
        "ridge": (linear.fit_ridge, rows.net),
        "elasticnet": (linear.fit_elasticnet, rows.net),
    }.items():
        numbers = fit(matrix.values, target, weights, matrix.names, config.linear)
        payloads[head] = dump_numbers(numbers)
    payloads["lgbm_mean"] = fit_mean_booster(
        matrix.values,
        rows.scaled_gross,
        weights,
        instants(rows.events),
        config.lightgbm,
        config.seed,
    )
    for head in ("lgbm_classifier", *QUANTILES):
        target = rows.won if head == "lgbm_classifier" else rows.scaled_gross
        payloads[head] = fit_booster(
            matrix.values, target, weights, objective_of(head), config.lightgbm, config.seed
        )
    return payloads


def predict_heads(payloads: Mapping[str, str], events: pd.DataFrame) -> Predictions:
    """Ask every head about `events`, from the stored text alone.

    Raises
    ------
    ModelIntegrityError
        If a head is missing, or the feature list does not give the matrix it was fitted on.
    """
    missing = {"features", *LINEAR_HEADS, *BOOSTED_HEADS} - set(payloads)
    if missing:
        raise ModelIntegrityError(f"heads missing: {', '.join(sorted(missing))}")
    values = matrix_of(payloads, events).values
    scale = events["u_atr"].to_numpy(dtype=np.float64)
    cost = events["cost_rt"].to_numpy(dtype=np.float64)
    plain = {
        head: linear.predict_linear(load_numbers(payloads[head]), values) for head in LINEAR_HEADS
    }
    boosted = {head: predict_booster(payloads[head], values) for head in BOOSTED_HEADS}
    scaled = np.column_stack([boosted[head] for head in QUANTILES])
    return Predictions(
        p_raw=boosted["lgbm_classifier"],
        p_logistic=plain["logistic"],
        ridge=plain["ridge"],
        elasticnet=plain["elasticnet"],
        mean_scaled=boosted["lgbm_mean"],
        quantiles=np.sort(scaled, axis=1) * scale[:, None] - cost[:, None],
    )


def matrix_of(payloads: Mapping[str, str], events: pd.DataFrame) -> FeatureMatrix:
    """The matrix in the layout that the stored heads were fitted on."""
    stored = load_numbers(payloads["features"])
    matrix = feature_matrix(events, stored["vocabulary"], stored["columns"])
    if list(matrix.names) != stored["names"]:
        raise ModelIntegrityError("the stored feature list does not give the stored names")
    return matrix


def stored_features_hash(payloads: Mapping[str, str]) -> str:
    """Hash of the stored feature names, in order."""
    return features_hash(load_numbers(payloads["features"])["names"])


def format_of(head: str) -> str:
    """How a head's payload is written."""
    return LIGHTGBM_TEXT if head in BOOSTED_HEADS else JSON_NUMBERS


def objective_of(head: str) -> dict[str, Any]:
    """LightGBM's objective of the classifier or a quantile head."""
    if head == "lgbm_classifier":
        return {"objective": "binary"}
    return {"objective": "quantile", "alpha": QUANTILES[head]}
