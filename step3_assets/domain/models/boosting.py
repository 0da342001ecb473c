"""LightGBM heads: classifier, mean and quantiles, in LightGBM's own text.

Belongs here: fitting one booster, predicting from its text, and the heads that do so. Does not
belong here: calibration and expected values (:mod:`step3_assets.domain.models.training`).

One thread, row-wise histograms and fixed seeds: the same rows in the same order give the same text.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from step3_assets.config import LightGBMConfig
from step3_assets.domain.models.clusters import clustered_error, instants
from step3_assets.domain.models.head import HeadTask, Target

if TYPE_CHECKING:
    import lightgbm as lgb

FORMAT = "lightgbm text"

DETERMINISTIC: dict[str, Any] = {
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
    # With fewer rows than two leaves need, no tree can split and all predict the mean. The filter
    # would remove every feature, and LightGBM would fail.
    "feature_pre_filter": False,
}


def fit_booster(
    values: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    objective: dict[str, Any],
    config: LightGBMConfig,
    seed: int,
) -> str:
    """Fit one booster and return its text.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        NaN is a missing value, which the trees handle.
    target, weights : ndarray of float64, shape (n,)
    objective : dict
        LightGBM parameters of the head, such as ``{"objective": "quantile", "alpha": 0.1}``.
    config : LightGBMConfig
    seed : int

    Returns
    -------
    str
        Identical bytes for identical arguments.
    """
    return fit_binned(bin_rows(values, weights, config, seed), target, objective, config, seed)


def bin_rows(
    values: np.ndarray, weights: np.ndarray, config: LightGBMConfig, seed: int
) -> "lgb.Dataset":
    """Bin the rows once, for every objective that is fitted on them.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
    weights : ndarray of float64, shape (n,)
    config : LightGBMConfig
    seed : int

    Returns
    -------
    lightgbm.Dataset
        Without a target: :func:`fit_binned` sets it.
    """
    import lightgbm as lgb

    parameters = {**_knobs(config), **DETERMINISTIC, "seed": seed}
    nothing = np.zeros(len(values))
    return lgb.Dataset(
        values, nothing, weight=weights, params=parameters, free_raw_data=False
    ).construct()


def fit_binned(
    rows: "lgb.Dataset",
    target: np.ndarray,
    objective: dict[str, Any],
    config: LightGBMConfig,
    seed: int,
) -> str:
    """Fit one booster on binned rows and return its text.

    Parameters
    ----------
    rows : lightgbm.Dataset
        Result of :func:`bin_rows` with the same configuration and seed; its target is replaced.
    target : ndarray of float64, shape (n,)
    objective, config, seed
        See :func:`fit_booster`.
    """
    import lightgbm as lgb

    parameters = {**_knobs(config), **objective, **DETERMINISTIC, "seed": seed}
    rows.set_label(target)
    # Kept for training: otherwise LightGBM writes the booster as text and reads it again.
    booster = lgb.train(
        parameters, rows, num_boost_round=config.n_rounds, keep_training_booster=True
    )
    return booster.model_to_string(num_iteration=-1)


def fit_mean_booster(
    values: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray,
    config: LightGBMConfig,
    seed: int,
) -> str:
    """Fit the mean of outcomes whose noise is shared within clusters, and return its text.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
    target, weights : ndarray of float64, shape (n,)
    clusters : ndarray of int, shape (n,)
        See :func:`.clusters.clustered_error`.
    config : LightGBMConfig
    seed : int

    Returns
    -------
    str
        Trees whose sum is the prediction; the weighted mean of `target` is added to the leaves of
        the first tree.
    """
    import lightgbm as lgb

    centre = float(np.average(target, weights=weights))
    error = clustered_error(target, weights, clusters, config.twin_correlation)
    parameters = {**_knobs(config), "objective": error, **DETERMINISTIC, "seed": seed}
    start = np.full(len(target), centre)
    data = lgb.Dataset(values, target, init_score=start, params=parameters)
    booster = lgb.train(
        parameters, data, num_boost_round=config.n_rounds, keep_training_booster=True
    )
    for leaf in range(booster.dump_model(num_iteration=1)["tree_info"][0]["num_leaves"]):
        booster.set_leaf_output(0, leaf, booster.get_leaf_output(0, leaf) + centre)
    return booster.model_to_string(num_iteration=-1)


def _knobs(config: LightGBMConfig) -> dict[str, Any]:
    return config.model_dump(exclude={"n_rounds", "twin_correlation"})


def predict_booster(text: str, values: np.ndarray) -> np.ndarray:
    """Predict from a booster's text, shape (n,): a probability for the classifier."""
    import lightgbm as lgb

    booster = lgb.Booster(model_str=text)
    return np.asarray(booster.predict(values, num_threads=1), dtype=np.float64)


@dataclass(frozen=True)
class BoostedHead:
    """A LightGBM head with a built-in objective of LightGBM; see :class:`.head.Head`."""

    name: str
    label: str
    target: Target
    level: float | None = None
    format: str = FORMAT

    @property
    def objective(self) -> dict[str, Any]:
        """LightGBM's parameters for the target or the quantile level."""
        if self.level is None:
            return {"objective": "binary"}
        return {"objective": "quantile", "alpha": self.level}

    def fit(self, task: HeadTask) -> str:
        """Fit and return LightGBM's text."""
        config = task.config
        rows = task.once(
            "binned rows",
            lambda: bin_rows(task.values, task.weights, config.lightgbm, config.seed),
        )
        outcome = task.rows.outcome(self.target)
        return fit_binned(rows, outcome, self.objective, config.lightgbm, config.seed)

    def predict(self, model: str, values: np.ndarray) -> np.ndarray:
        """Predict from LightGBM's text."""
        return predict_booster(model, values)

    def dump(self, model: str) -> str:
        """LightGBM's text."""
        return model

    def load(self, text: str) -> str:
        """LightGBM's text."""
        return text


@dataclass(frozen=True)
class MeanHead(BoostedHead):
    """The mean head: learns the sum of the predicted drift over the bars that an event holds.

    Without such sums it learns the events' own outcomes, by generalised least squares within
    decision instants.
    """

    def fit(self, task: HeadTask) -> str:
        """Fit and return LightGBM's text."""
        if task.held_drift is not None:
            is_known = np.isfinite(task.held_drift)
            return fit_booster(
                task.values[is_known],
                task.held_drift[is_known],
                task.weights[is_known],
                {"objective": "regression"},
                task.config.drift.event_trees,
                task.config.seed,
            )
        return fit_mean_booster(
            task.values,
            task.rows.outcome(self.target),
            task.weights,
            instants(task.rows.events),
            task.config.lightgbm,
            task.config.seed,
        )


CLASSIFIER = BoostedHead("classifier", "P(net gain)", Target.WON)
MEAN = MeanHead("mean", "mean net return", Target.SCALED_GROSS)
Q10 = BoostedHead("q10", "10 % quantile", Target.SCALED_GROSS, 0.1)
Q50 = BoostedHead("q50", "median", Target.SCALED_GROSS, 0.5)
Q90 = BoostedHead("q90", "90 % quantile", Target.SCALED_GROSS, 0.9)
