"""LightGBM heads: classifier, mean and quantiles, in LightGBM's own text.

Belongs here: fitting one booster and predicting from its text. Does not belong here: targets and
units (:mod:`step3_assets.domain.training`).

One thread, row-wise histograms and fixed seeds: the same rows in the same order give the same text.
"""

from typing import Any

import numpy as np

from step3_assets.config import LightGBMConfig

FORMAT = "lightgbm text"

_DETERMINISTIC: dict[str, Any] = {
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
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
        NaN is a missing value, which the trees route themselves.
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
    import lightgbm as lgb

    knobs = config.model_dump(exclude={"n_rounds"})
    parameters = {**knobs, **objective, **_DETERMINISTIC, "seed": seed}
    data = lgb.Dataset(values, target, weight=weights, params=parameters)
    booster = lgb.train(parameters, data, num_boost_round=config.n_rounds)
    return booster.model_to_string(num_iteration=-1)


def predict_booster(text: str, values: np.ndarray) -> np.ndarray:
    """Predict from a booster's text, shape (n,): a probability for the classifier."""
    import lightgbm as lgb

    booster = lgb.Booster(model_str=text)
    return np.asarray(booster.predict(values, num_threads=1), dtype=np.float64)
