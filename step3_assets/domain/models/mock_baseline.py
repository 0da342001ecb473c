"""The mock ML, without leakage: a linear model and tuned cuts on the same folds.

Belongs here: Ridge on ``y`` and Ridge on ``net_logret``, and the two cuts (probability, expected
value) tuned on the inner folds. Does not belong here: the platform's own models, apart from the
shared preparation, purge and inner folds.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.decisions import MOCK_BASELINE
from step3_assets.config import ModelConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.folds.build import Fold
from step3_assets.domain.models.features import feature_matrix
from step3_assets.domain.models.head import TrainingRows
from step3_assets.domain.models.linear import Prepared, fit_ridge, predict_linear
from step3_assets.domain.models.text_format import Numbers
from step3_assets.domain.models.training import Training, gather_training, weigh

CUT_LEVELS = tuple(np.arange(0, 20) / 20)
"""Quantile levels of the out-of-fold predictions that may become a cut."""
MIN_PASS_FRAC = 0.05
"""Least share of the out-of-fold rows that must pass a pair of cuts."""


@dataclass(frozen=True)
class LinearPair:
    """Ridge on the outcome and Ridge on the net return, with the categories they were fitted on."""

    probability: Numbers
    net: Numbers
    vocabulary: dict[str, tuple[str, ...]]

    def predict(
        self, events: pd.DataFrame, columns: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probability and expected value (log return) of each event."""
        values = feature_matrix(events, self.vocabulary, columns).values
        return predict_linear(self.probability, values), predict_linear(self.net, values)


@dataclass(frozen=True)
class Cuts:
    """What both predictions must reach; infinite if no pair of cuts was profitable out of fold."""

    p: float
    ev: float

    @property
    def is_open(self) -> bool:
        """Whether any event can pass."""
        return bool(np.isfinite(self.p) and np.isfinite(self.ev))


NO_CUTS = Cuts(p=np.inf, ev=np.inf)


def mock_baseline_fold(
    events: pd.DataFrame, fold: Fold, config: ModelConfig, size_frac: float
) -> pd.DataFrame:
    """Decide on the fold's test events with the mock ML.

    Parameters
    ----------
    events : DataFrame
        Rows of table ``events``, at least the fold's training and test rows.
    fold : Fold
    config : ModelConfig
        Features and Ridge's strength, the same as for the platform's own linear heads.
    size_frac : float
        Share of equity that a passing event asks for.

    Returns
    -------
    DataFrame
        Rows of table ``mock_baseline`` in the order of symbol and decision time, with the reason
        ``pass``, ``p_below_cut``, ``ev_below_cut``, ``no_paying_cut`` (no pair of cuts was
        profitable out of fold) or ``no_model``.
    """
    from threadpoolctl import threadpool_limits

    test = events[events["month"] == fold.month]
    test = test.sort_values(EVENT_KEY, kind="stable", ignore_index=True)
    training = gather_training(events, fold.members)
    inner = [part for part in training.inner if part.train.any() and part.validation.any()]
    if len(training.rows) < config.min_train_rows or not inner:
        return _decisions(test, None, NO_CUTS, fold.month, size_frac)
    with threadpool_limits(limits=1):
        cuts = _tune(Training(rows=training.rows, inner=inner), config)
        pair = fit_pair(weigh(training.rows), config)
        predicted = pair.predict(test, config.features)
    return _decisions(test, predicted, cuts, fold.month, size_frac)


def fit_pair(rows: TrainingRows, config: ModelConfig) -> LinearPair:
    """Fit both ridges on the same rows."""
    matrix = feature_matrix(rows.events, columns=config.features)
    weights = rows.weights / rows.weights.mean()
    p, net = (
        fit_ridge(Prepared.of(matrix.values), target, weights, matrix.names, config.linear)
        for target in (rows.won, rows.net)
    )
    return LinearPair(probability=p, net=net, vocabulary=matrix.vocabulary)


def tune_cuts(p: np.ndarray, ev: np.ndarray, net: np.ndarray) -> Cuts:
    """The pair of cuts with the largest total net return of the rows that reach both.

    Parameters
    ----------
    p, ev, net : ndarray, shape (n,)
        Out-of-fold predictions, and net returns.

    Returns
    -------
    Cuts
        Among the quantiles :data:`CUT_LEVELS`, with at least :data:`MIN_PASS_FRAC` of the rows
        passing; the looser pair on ties. Infinite if no total is positive.
    """
    best, best_total = NO_CUTS, 0.0
    for p_cut in np.unique(np.quantile(p, CUT_LEVELS)):
        for ev_cut in np.unique(np.quantile(ev, CUT_LEVELS)):
            passing = (p >= p_cut) & (ev >= ev_cut)
            total = float(net[passing].sum())
            if passing.mean() >= MIN_PASS_FRAC and total > best_total:
                best, best_total = Cuts(p=float(p_cut), ev=float(ev_cut)), total
    return best


def _tune(training: Training, config: ModelConfig) -> Cuts:
    parts = []
    for inner in training.inner:
        pair = fit_pair(weigh(training.rows[inner.train].reset_index(drop=True)), config)
        validation = training.rows[inner.validation]
        net = validation["net_logret"].to_numpy(dtype=np.float64)
        parts.append((*pair.predict(validation, config.features), net))
    p, ev, net = (np.concatenate(column) for column in zip(*parts, strict=True))
    return tune_cuts(p, ev, net)


def _decisions(
    test: pd.DataFrame,
    predicted: tuple[np.ndarray, np.ndarray] | None,
    cuts: Cuts,
    month: date,
    size_frac: float,
) -> pd.DataFrame:
    unknown = np.full(len(test), np.nan)
    p, ev = predicted if predicted is not None else (unknown, unknown)
    reason = np.select(
        [
            np.isnan(p) | np.isnan(ev),
            np.full(len(p), not cuts.is_open),
            ~(p >= cuts.p),
            ~(ev >= cuts.ev),
        ],
        ["no_model", "no_paying_cut", "p_below_cut", "ev_below_cut"],
        "pass",
    )
    rows = test[EVENT_KEY].assign(
        month=pd.Series([month] * len(test), index=test.index, dtype=object),
        p_linear=p,
        ev_linear=ev,
        p_threshold=cuts.p if cuts.is_open else np.nan,
        ev_threshold=cuts.ev if cuts.is_open else np.nan,
        is_gated=reason == "pass",
        gate_reason=pd.array(reason, dtype="str"),
        size_frac=np.where(reason == "pass", float(size_frac), 0.0),
    )
    return rows[MOCK_BASELINE.names]
