"""All heads of a fold: fitting them on the same rows, and predicting from their stored text.

Belongs here: the list of heads, the shared feature matrix, predictions by head. Does not belong
here: a model family (:mod:`.linear`, :mod:`.boosting`), folds, calibration and blend
(:mod:`step3_assets.domain.models.training`).

To add a head, write its class in a new file and add the instance to :data:`HEADS`. Payloads,
predictions, metrics and the acceptance criterion on missing heads follow from the list; the
conformance test runs over it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.config import ModelConfig
from step3_assets.domain.models.boosting import CLASSIFIER, MEAN, Q10, Q50, Q90
from step3_assets.domain.models.features import FeatureMatrix, feature_matrix, features_hash
from step3_assets.domain.models.head import Head, HeadTask, Target, TrainingRows
from step3_assets.domain.models.linear import ELASTICNET, LOGISTIC, RIDGE
from step3_assets.domain.models.text_format import (
    JSON_NUMBERS,
    ModelIntegrityError,
    dump_numbers,
    load_numbers,
)

HEADS: tuple[Head, ...] = (LOGISTIC, RIDGE, ELASTICNET, CLASSIFIER, MEAN, Q10, Q50, Q90)


@dataclass(frozen=True)
class Predictions:
    """The heads' predictions for n events, without NaN.

    Parameters
    ----------
    by_head : dict of str to ndarray, shape (n,)
        In the unit of each head's target.
    scale, cost : ndarray, shape (n,)
        ``u_atr`` and ``cost_rt`` of the events, which turn ``gross_logret / u_atr`` into
        ``net_logret``.
    """

    by_head: Mapping[str, np.ndarray]
    scale: np.ndarray
    cost: np.ndarray

    @classmethod
    def concatenate(cls, parts: "Sequence[Predictions]") -> "Predictions":
        """Pool predictions of the same heads, in the order given."""
        return cls(
            by_head={
                name: np.concatenate([part.by_head[name] for part in parts])
                for name in parts[0].by_head
            },
            scale=np.concatenate([part.scale for part in parts]),
            cost=np.concatenate([part.cost for part in parts]),
        )

    def of(self, head: Head) -> np.ndarray:
        """One head's predictions in the unit of its target."""
        return self.by_head[head.name]

    def net_of(self, head: Head) -> np.ndarray:
        """One head's predictions as ``net_logret``; quantiles do not cross."""
        if head.level is not None:
            return self.quantiles[:, quantile_heads().index(head)]
        if head.target is Target.NET:
            return self.of(head)
        return self.of(head) * self.scale - self.cost

    @property
    def p_raw(self) -> np.ndarray:
        """The classifier's probability before calibration."""
        return self.of(CLASSIFIER)

    @property
    def mean_scaled(self) -> np.ndarray:
        """Prediction of the mean head, in units of ``u_atr``."""
        return self.of(MEAN)

    @property
    def quantiles(self) -> np.ndarray:
        """Quantiles of ``net_logret`` by level, sorted within each event, shape (n, k)."""
        scaled = np.column_stack([self.of(head) for head in quantile_heads()])
        return np.sort(scaled, axis=1) * self.scale[:, None] - self.cost[:, None]


def head_names() -> tuple[str, ...]:
    """Names of all heads, in order."""
    return tuple(head.name for head in HEADS)


def quantile_heads() -> tuple[Head, ...]:
    """The quantile heads, by ascending level."""
    return tuple(
        sorted((h for h in HEADS if h.level is not None), key=lambda h: float(h.level or 0.0))
    )


def fit_heads(
    rows: TrainingRows, config: ModelConfig, held_drift: np.ndarray | None = None
) -> dict[str, str]:
    """Fit every head and return payload text by head, with the feature list under ``features``.

    Parameters
    ----------
    rows : TrainingRows
        With winners and losers.
    config : ModelConfig
    held_drift : ndarray, shape (n,), optional
        See :class:`.head.HeadTask`.
    """
    columns = config.features
    matrix = feature_matrix(rows.events, columns=columns)
    weights = rows.weights / rows.weights.mean()
    task = HeadTask(
        values=matrix.values,
        names=matrix.names,
        rows=rows,
        weights=weights,
        config=config,
        held_drift=held_drift,
    )
    features = {"columns": columns, "names": matrix.names, "vocabulary": matrix.vocabulary}
    return {
        "features": dump_numbers(features),
        **{head.name: head.dump(head.fit(task)) for head in HEADS},
    }


def predict_heads(payloads: Mapping[str, str], events: pd.DataFrame) -> Predictions:
    """Predict `events` with every head, from the stored text alone.

    Raises
    ------
    ModelIntegrityError
        If a head is missing, or the feature list does not reproduce the matrix of the fit.
    """
    missing = {"features", *head_names()} - set(payloads)
    if missing:
        raise ModelIntegrityError(f"heads missing: {', '.join(sorted(missing))}")
    values = matrix_of(payloads, events).values
    return Predictions(
        by_head={head.name: head.predict(head.load(payloads[head.name]), values) for head in HEADS},
        scale=events["u_atr"].to_numpy(dtype=np.float64),
        cost=events["cost_rt"].to_numpy(dtype=np.float64),
    )


def matrix_of(payloads: Mapping[str, str], events: pd.DataFrame) -> FeatureMatrix:
    """The matrix in the layout that the stored heads were fitted on."""
    stored = load_numbers(payloads["features"])
    matrix = feature_matrix(events, stored["vocabulary"], stored["columns"])
    if list(matrix.names) != stored["names"]:
        raise ModelIntegrityError("the stored feature list does not reproduce the stored names")
    return matrix


def stored_features_hash(payloads: Mapping[str, str]) -> str:
    """Hash of the stored feature names, in order."""
    return features_hash(load_numbers(payloads["features"])["names"])


def format_of(name: str) -> str:
    """Format of the payload with this name."""
    return next((head.format for head in HEADS if head.name == name), JSON_NUMBERS)
