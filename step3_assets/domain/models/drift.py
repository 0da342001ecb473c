"""Drift per bar: the expected return of the next hour, learned on all bars and summed over events.

Belongs here: fitting drift on bars, its sum over the bars that events hold, out-of-fold predictions
for bars, the level of drift. Does not belong here: the bars' layout (:mod:`.bar_rows`), the head
that learns the sums (:mod:`.boosting`).

An event's exit depends only on what happened before it, so its expected gross return is the
expected sum of the drift of the bars it holds (Doob's optional stopping). Drift is learned on all
bars: there are twice as many as events, and their outcomes hardly overlap. The sum of the predicted
drift over a training event's bars is nearly free of noise, so a head can learn from it what the
noise of the event's own outcome would hide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from step3_assets.config import DriftHeadConfig
from step3_assets.domain.models.bar_rows import BarRows, held_sums
from step3_assets.domain.models.clusters import clustered_error

WEEKS_A_YEAR = 52.18


@dataclass(frozen=True)
class DriftModel:
    """Drift fitted on the training bars and predicted for all.

    Parameters
    ----------
    drift : ndarray, shape (n,)
        Predicted drift of every bar's move, in units of ``u_atr`` for one unit of variance time.
    length : ndarray, shape (n,)
        Variance time of each bar's move; 1 on average over the training bars.
    centre : float
        Weighted mean of the training bars' outcomes, in the same unit.
    level : float
        Drift without a departure: the centre, shrunk toward the configured premium.
    """

    drift: np.ndarray
    length: np.ndarray
    centre: float
    level: float


@dataclass(frozen=True)
class HeldDrift:
    """Sums over the bars that events hold, in units of each event's ``u_atr``.

    Parameters
    ----------
    departure : ndarray, shape (m,)
        Sum of the drift less its centre.
    time : ndarray, shape (m,)
        Sum of one unit of drift on every held bar.
    """

    departure: np.ndarray
    time: np.ndarray


@dataclass(frozen=True)
class BarEvidence:
    """Out-of-fold bars: their predicted drift and their outcome.

    Parameters
    ----------
    block : ndarray of int, shape (n,)
        Inner fold that predicted the bar.
    predicted, centre, outcome : ndarray, shape (n,)
        In units of ``u_atr`` for one unit of variance time.
    weights : ndarray, shape (n,)
        Variance time, because outcomes over a longer time vary less in this unit.
    week : ndarray of int, shape (n,)
    """

    block: np.ndarray
    predicted: np.ndarray
    centre: np.ndarray
    outcome: np.ndarray
    weights: np.ndarray
    week: np.ndarray

    @classmethod
    def of_block(
        cls, number: int, rows: BarRows, model: "DriftModel", validation: np.ndarray
    ) -> "BarEvidence":
        """The validation bars of one inner block."""
        kept = validation & rows.is_usable
        n = int(kept.sum())
        return cls(
            block=np.full(n, number),
            predicted=model.drift[kept],
            centre=np.full(n, model.centre),
            outcome=outcome(rows, model.length)[kept],
            weights=model.length[kept],
            week=rows.week[kept],
        )

    @classmethod
    def concatenate(cls, parts: "Sequence[BarEvidence]") -> "BarEvidence":
        """Pool blocks in the order given."""
        return cls(
            **{
                f.name: np.concatenate([getattr(part, f.name) for part in parts])
                for f in fields(cls)
            }
        )

    def select(self, rows: np.ndarray) -> "BarEvidence":
        """A part of the bars."""
        return BarEvidence(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def outcome(rows: BarRows, length: np.ndarray) -> np.ndarray:
    """Each bar's move in units of ``u_atr`` for one unit of variance time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return rows.move / rows.u_atr / length


def fit_drift(rows: BarRows, train: np.ndarray, config: DriftHeadConfig, seed: int) -> DriftModel:
    """Fit drift on the training bars and predict it for all bars.

    Parameters
    ----------
    rows : BarRows, n rows
    train : ndarray of bool, shape (n,)
        Bars whose outcome may be used; unusable bars among them are left out.
    config : DriftHeadConfig
    seed : int
    """
    import lightgbm as lgb

    from step3_assets.domain.models.boosting import DETERMINISTIC

    train = train & rows.is_usable
    length = variance_time(rows, train)
    target, weights = outcome(rows, length)[train], length[train]
    centre = float(np.average(target, weights=weights))
    error = clustered_error(
        target, weights / weights.mean(), rows.instant[train], config.twin_correlation
    )
    knobs = config.model_dump(
        include={
            "learning_rate", "num_leaves", "max_depth", "min_data_in_leaf", "lambda_l2",
            "feature_fraction", "bagging_fraction", "bagging_freq", "max_bin",
        }
    )  # fmt: skip
    parameters = {**knobs, "objective": error, **DETERMINISTIC, "seed": seed}
    data = lgb.Dataset(
        rows.values[train], target, init_score=np.full(int(train.sum()), centre), params=parameters
    )
    booster = lgb.train(
        parameters, data, num_boost_round=config.n_rounds, keep_training_booster=True
    )
    departure = np.asarray(booster.predict(rows.values, num_threads=1), dtype=np.float64)
    return DriftModel(
        drift=centre + departure,
        length=length,
        centre=centre,
        level=shrunk_level(rows, train, length, config),
    )


def shrunk_level(
    rows: BarRows, train: np.ndarray, length: np.ndarray, config: DriftHeadConfig
) -> float:
    """The mean outcome of the training bars, shrunk toward a yearly premium.

    The mean drift of a window of three years has a standard error of about ten percent a year,
    which exceeds the cost of all trades. So it is averaged with what markets have paid over a
    century, both weighted by precision.

    Parameters
    ----------
    rows : BarRows, n rows
    train : ndarray of bool, shape (n,)
        Usable bars.
    length : ndarray, shape (n,)
    config : DriftHeadConfig

    Returns
    -------
    float
        In units of ``u_atr`` for one unit of variance time.
    """
    target, weights = outcome(rows, length)[train], length[train]
    mean = float(np.average(target, weights=weights))
    error = _mean_error(target - mean, weights, rows.week[train])
    symbol_weeks = len(np.unique(pd.factorize(rows.symbol[train])[0] * 10**6 + rows.week[train]))
    year = float((weights * rows.u_atr[train]).sum()) / symbol_weeks * WEEKS_A_YEAR
    prior, prior_error = config.premium_annual / year, config.premium_error / year
    data, belief = error**-2 if error > 0 else 0.0, prior_error**-2
    return (data * mean + belief * prior) / (data + belief)


def variance_time(rows: BarRows, train: np.ndarray) -> np.ndarray:
    """Variance of moves with and without a night, relative to the mean of the training bars.

    Returns
    -------
    ndarray, shape (n,)
        One of the two ratios for each bar.
    """
    squares = (rows.move[train] / rows.u_atr[train]) ** 2
    night = rows.holds_night[train]
    mean = float(squares.mean())
    by_kind = [
        float(squares[night == kind].mean()) / mean if (night == kind).any() else 1.0
        for kind in (False, True)
    ]
    return np.where(rows.holds_night, by_kind[1], by_kind[0])


def hold(rows: BarRows, model: DriftModel, events: pd.DataFrame) -> HeldDrift:
    """Sum the predicted drift over the bars that each event holds.

    Parameters
    ----------
    rows : BarRows
    model : DriftModel
    events : DataFrame, m rows
        With final labels.
    """
    scale = model.length * np.nan_to_num(rows.u_atr)
    unit = events["u_atr"].to_numpy(dtype=np.float64)
    return HeldDrift(
        departure=held_sums(rows, scale * (model.drift - model.centre), events) / unit,
        time=held_sums(rows, scale, events) / unit,
    )


def _mean_error(residual: np.ndarray, weights: np.ndarray, clusters: np.ndarray) -> float:
    """Standard error of a weighted mean whose rows depend on each other within clusters."""
    _, codes = np.unique(clusters, return_inverse=True)
    sums = np.bincount(codes, weights * residual)
    return float(np.sqrt((sums**2).sum()) / weights.sum())
