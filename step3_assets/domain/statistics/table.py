"""Table ``statistics``: every figure of chance that the results have, a row and a sentence each.

Belongs here: gathering rows for the estimators beside this module, and wording what they found. A
figure that cannot be had is a row without value whose sentence says why. Does not belong here:
thresholds (:mod:`step3_assets.domain.acceptance.verdict`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from step3_assets.catalogue.results import STATISTICS
from step3_assets.config import Step3Config
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.portfolio.series import MOCK, PLATFORM
from step3_assets.domain.portfolio.stored_figures import (
    MissingFigure,
    Tables,
    figure_of,
    months_of_period,
    series_of,
    table_of,
)
from step3_assets.domain.statistics.bootstrap import (
    AccountIntervals,
    BootstrapInterval,
    Resampling,
    bootstrap_account,
    bootstrap_calmar_gain,
    bootstrap_mean,
    session_paths,
)
from step3_assets.domain.statistics.brier import brier_gain
from step3_assets.domain.statistics.ev_slope import ev_slope, utc_days
from step3_assets.domain.statistics.overfitting import backtest_overfitting, even_blocks
from step3_assets.domain.statistics.permutation import gate_null
from step3_assets.domain.statistics.sharpe_probability import (
    SharpeMoments,
    deflated_sharpe,
    probabilistic_sharpe,
    sharpe_moments,
)
from step3_assets.domain.statistics.trials import Trials

BPS = 1e4


@dataclass(frozen=True)
class _Figure:
    """One row, without its name."""

    value: float
    method: str
    sentence: str
    n: int
    lower: float = math.nan
    upper: float = math.nan
    level: float = math.nan


def statistics_table(
    tables: Tables, outcomes: pd.DataFrame, config: Step3Config, trials: Trials | None = None
) -> pd.DataFrame:
    """Every statistic of the platform's results.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``portfolio``, ``portfolio_months``, ``portfolio_equity``, ``portfolio_trades``,
        ``portfolio_decisions``, ``scores``, ``model_metrics``.
    outcomes : DataFrame
        ``month``, ``symbol``, ``decision_time_utc``, ``y``, ``net_logret``, ``maturity`` of the
        test events.
    config : Step3Config
    trials : Trials, optional
        Without it there is no ledger, and the one configuration shown is the only trial.

    Returns
    -------
    DataFrame
        Table ``statistics``, one row per figure in the order of the page. ``value`` is NaN where it
        could not be had.
    """
    results = _Results(tables, outcomes, config, trials or Trials())
    rows = []
    for position, (name, find) in enumerate(_FIGURES.items(), start=1):
        try:
            figure = find(results)
        except (MissingFigure, ValueError) as missing:
            figure = _Figure(math.nan, "none", f"Could not be had: {missing}.", 0)
        rows.append({"name": name, "position": position, **vars(figure)})
    return pd.DataFrame(rows)[STATISTICS.names]


@dataclass(frozen=True)
class _Results:
    """What several figures share, each read once."""

    tables: Tables
    outcomes: pd.DataFrame
    config: Step3Config
    trials: Trials

    @property
    def resampling(self) -> Resampling:
        own = self.config.statistics
        return Resampling(own.level, own.n_resamples, own.seed)

    @cached_property
    def n_months(self) -> int:
        return len(months_of_period(self.tables))

    @cached_property
    def paths(self) -> pd.DataFrame:
        return self.paths_of(PLATFORM)

    def paths_of(self, series: str) -> pd.DataFrame:
        marks = series_of(self.tables, "portfolio_equity", series).sort_values("bar_end_utc")
        return session_paths(marks, figure_of(self.tables, series, "start_equity_usd"))

    @cached_property
    def account(self) -> AccountIntervals:
        return bootstrap_account(self.paths, self.n_months, self.resampling)

    @cached_property
    def moments(self) -> SharpeMoments:
        moments = sharpe_moments(self.paths["growth"].to_numpy() - 1.0)
        if math.isnan(moments.sharpe):
            raise MissingFigure("the account never moved")
        return moments

    @cached_property
    def scored(self) -> pd.DataFrame:
        """Scores of test events with a final label, and what came of them."""
        outcomes = self.outcomes
        known = outcomes.loc[outcomes["maturity"] == "final", [*EVENT_KEY, "y", "net_logret"]]
        return table_of(self.tables, "scores").merge(
            known, on=EVENT_KEY, how="inner", validate="one_to_one"
        )


def _calmar(results: _Results) -> _Figure:
    found = results.account.calmar
    sentence = f"Calmar {_span(found, 3)}: {_reading(found)}, as far as chance lets one tell."
    return _resampled(found, results, "sessions", sentence)


def _calmar_gain(results: _Results) -> _Figure:
    found = bootstrap_calmar_gain(
        results.paths, results.paths_of(MOCK), results.n_months, results.resampling
    )
    theirs = figure_of(results.tables, MOCK, "calmar")
    reading = _reading(found, ("better than", "worse than", "not told from"))
    share = ""
    if theirs > 0.0:
        share = f" That is {found.value / theirs:+.0%} of the mock's {theirs:.3f}."
    return _resampled(
        found,
        results,
        "sessions",
        f"Calmar less that of the mock baseline {_span(found, 3)}: {reading} the mock, both "
        f"resampled on the same sessions.{share}",
    )


def _sharpe(results: _Results) -> _Figure:
    found = results.account.sharpe
    sentence = f"Annualised Sharpe ratio {_span(found, 2)}: {_reading(found)}."
    return _resampled(found, results, "sessions", sentence)


def _net_bps(results: _Results) -> _Figure:
    trades = table_of(results.tables, "portfolio_trades")
    trades = trades[trades["series"] == PLATFORM].sort_values(EVENT_KEY[::-1])
    found = bootstrap_mean(trades["net_bps"].to_numpy(dtype=np.float64), results.resampling)
    sentence = f"Net per trade {_span(found, 1)} bps over {found.n} trades: {_reading(found)}."
    return _resampled(found, results, "trades", sentence)


def _probabilistic_sharpe(results: _Results) -> _Figure:
    moments = results.moments
    value = probabilistic_sharpe(moments)
    return _Figure(
        value,
        "Bailey and Lopez de Prado 2012, session returns",
        f"The chance that the true Sharpe ratio is above 0 is {value:.1%}, given {moments.n} "
        f"sessions, skewness {moments.skewness:.2f} and kurtosis {moments.kurtosis:.1f}.",
        moments.n,
    )


def _deflated_sharpe(results: _Results) -> _Figure:
    moments, trials = results.moments, results.trials
    known = trials.sharpes(len(results.paths) / results.n_months)
    found = deflated_sharpe(moments, trials.n_trials, known)
    ledger = "every configuration on record" if trials.is_recorded else "no record: only this one"
    annual = found.benchmark * math.sqrt(252)
    return _Figure(
        found.probability,
        f"Bailey and Lopez de Prado 2014, {trials.n_trials} trial(s)",
        f"The chance that the Sharpe ratio beats the best of {trials.n_trials} trial(s) without "
        f"skill (expected {annual:.2f} a year) is {found.probability:.1%}; N counts {ledger}.",
        trials.n_trials,
    )


def _overfitting(results: _Results) -> _Figure:
    trials, method = results.trials, "CSCV, Bailey et al. 2017"
    if trials.n_trials < 2:
        sentence = "Does not apply: one configuration met the test months, so none was chosen."
        return _Figure(math.nan, method, sentence, 1)
    if trials.monthly_returns is None or trials.monthly_returns.shape[1] < 2:
        raise MissingFigure(f"monthly returns of {trials.n_trials} trials are not recorded")
    returns = trials.monthly_returns.to_numpy(dtype=np.float64)
    n_blocks = even_blocks(len(returns), results.config.statistics.pbo_blocks)
    found = backtest_overfitting(returns, n_blocks)
    return _Figure(
        found.pbo,
        f"{method}, {found.n_blocks} blocks, {found.n_splits} splits",
        f"The configuration that was best in one half of the months came out at or below the "
        f"median of {found.n_trials} in the other half in {found.pbo:.0%} of {found.n_splits} "
        "splits.",
        found.n_trials,
    )


def _permutation(results: _Results) -> _Figure:
    own = results.config.statistics
    decisions = table_of(results.tables, "portfolio_decisions")
    is_ours = (decisions["series"] == PLATFORM) & (decisions["status"] == "traded")
    traded = decisions.loc[is_ours, EVENT_KEY].assign(is_traded=True)
    candidates = results.scored.merge(traded, on=EVENT_KEY, how="left", validate="one_to_one")
    candidates = candidates.assign(
        is_traded=candidates["is_traded"].notna(), net_bps=candidates["net_logret"] * BPS
    )
    found = gate_null(candidates, n_permutations=own.n_permutations, level=own.level, seed=own.seed)
    if math.isnan(found.p_value):
        raise MissingFigure("no trade, or none was chosen among others")
    return _Figure(
        found.p_value,
        f"{own.n_permutations} draws by symbol and month",
        f"The trades made {found.net_bps:.1f} bps on average; as many drawn at random from the "
        f"same symbols and months made {found.null_mean_bps:.1f} ({found.level:.0%} of draws "
        f"{found.null_lower_bps:.1f} to {found.null_upper_bps:.1f}), and did as well with "
        f"probability {found.p_value:.3f}.",
        found.n_trades,
    )


def _ev_slope(results: _Results) -> _Figure:
    found = ev_slope(results.scored, results.config.statistics.level)
    if math.isnan(found.slope):
        raise MissingFigure(f"{found.n_rows} events on {found.n_days} days are too few")
    return _Figure(
        found.slope,
        "least squares, errors clustered by day",
        f"A candidate expected to earn 1 bp more earned {found.slope:.2f} bp more "
        f"({found.level:.0%} interval {found.lo:.2f} to {found.hi:.2f}); 1 is honest, 0 is empty.",
        found.n_rows,
        found.lo,
        found.hi,
        found.level,
    )


def _brier_gain(results: _Results) -> _Figure:
    own, metrics = results.config.statistics, table_of(results.tables, "model_metrics")
    rates = metrics[(metrics["head"] == "base_rate") & (metrics["metric"] == "p_mean")]
    by_month = dict(zip(rates["month"], rates["value"], strict=True))
    rows = results.scored[results.scored["p_calibrated"].notna()]
    rows = rows.assign(rate=rows["month"].map(by_month).astype("float64"))
    rows = rows[rows["rate"].notna()]
    p, rate, won = (rows[c].to_numpy(dtype=np.float64) for c in ("p_calibrated", "rate", "y"))
    found = brier_gain(
        p,
        rate,
        won,
        utc_days(rows["decision_time_utc"]),
        n_lags=own.overlap_days,
        level=own.level,
    )
    if math.isnan(found.gain):
        raise MissingFigure(f"{found.n_rows} events on {found.n_days} days are too few")
    word = "better" if found.lower > 0 else "worse" if found.upper < 0 else "no better or worse"
    return _Figure(
        found.gain,
        f"Diebold-Mariano, days with {own.overlap_days} lags",
        f"Brier score {found.brier:.4f} against {found.brier_base:.4f} of the plain base rate: the "
        f"probabilities are {word} than it, as far as chance lets one tell.",
        found.n_rows,
        found.lower,
        found.upper,
        found.level,
    )


def _resampled(found: BootstrapInterval, results: _Results, unit: str, sentence: str) -> _Figure:
    if math.isnan(found.value) or math.isnan(found.lower):
        raise MissingFigure(f"{found.n} {unit} that hardly vary, or too few, have no interval")
    method = (
        f"stationary bootstrap, {results.resampling.n_resamples} resamples of {found.n} {unit}, "
        f"mean block {found.block_length:.1f} (Politis-White)"
    )
    return _Figure(found.value, method, sentence, found.n, found.lower, found.upper, found.level)


def _span(found: BootstrapInterval, digits: int) -> str:
    numbers = (f"{x:.{digits}f}" for x in (found.value, found.lower, found.upper))
    value, lower, upper = numbers
    return f"{value} ({found.level:.0%} interval {lower} to {upper})"


def _reading(
    found: BootstrapInterval,
    words: tuple[str, str, str] = ("above 0", "below 0", "not told from 0"),
) -> str:
    """What the interval allows one to say."""
    above, below, between = words
    return above if found.lower > 0.0 else below if found.upper < 0.0 else between


_FIGURES: dict[str, Callable[[_Results], _Figure]] = {
    "calmar": _calmar,
    "calmar_gain_over_mock": _calmar_gain,
    "sharpe": _sharpe,
    "net_bps_mean": _net_bps,
    "probabilistic_sharpe": _probabilistic_sharpe,
    "deflated_sharpe": _deflated_sharpe,
    "backtest_overfitting": _overfitting,
    "gate_permutation_p": _permutation,
    "ev_slope": _ev_slope,
    "brier_gain": _brier_gain,
}
NAMES = tuple(_FIGURES)
