"""Many verdicts on worlds without skill at low cost, to measure the size of the whole verdict.

Belongs here: decisions that cannot depend on an outcome, replayed through portfolio, statistics and
criteria on forecasts that were trained once; the exact bound of a promotion rate. Does not belong
here: the worlds (:mod:`.null_families`), any step of the platform.

Training takes most of a verdict's time and does not depend on the decisions. A world's models are
therefore trained once, and many sets of blind decisions are evaluated on them. To make decisions
blind, the forecasts of each symbol are shifted along its candidates, or permuted in whole weeks,
and a fixed share of the highest forecasts passes the gate. Each set is a strategy without skill on
real paths. It makes enough trades to be promoted, whereas the platform's gate would rarely trade in
such a world.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.verdict import failed_criteria, result_criteria
from step3_assets.domain.core.instants import week_numbers
from step3_assets.domain.core.months import month_range
from step3_assets.domain.core.parallel import Place, results_in_order
from step3_assets.domain.pipeline.main_job import (
    MonthInputs,
    PipelineInputs,
    PipelineResult,
    pipeline_result,
    run_month,
)
from step3_assets.domain.pipeline.null_families import FAMILIES, family_delivery
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.walk_forward import month_steps as steps

SHARES = (0.05, 0.10, 0.20)
"""Shares of a symbol's candidates that a blind gate lets through."""
SPANS = (12, 24, 36)
"""A verdict is also computed on this many last months, besides the one on all months."""
WAYS = ("moved", "shuffled")
Run = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class NullVerdict:
    """One verdict on decisions without skill.

    Parameters
    ----------
    family : str
    seed : int
        Seed of the world.
    variant : str
        ``own`` for the platform's decisions; otherwise how the decisions were made blind.
    n_months, n_trades : int
    calmar : float
    is_promoted : bool
    failed_criteria : str
        Names of failed criteria, comma-separated.
    """

    family: str
    seed: int
    variant: str
    n_months: int
    n_trades: int
    calmar: float
    is_promoted: bool
    failed_criteria: str


@dataclass(frozen=True)
class PromotionRate:
    """Share of verdicts that promote, with the exact upper bound.

    Parameters
    ----------
    family : str
    n, n_promoted, n_worlds : int
        Number of verdicts, promotions and worlds.
    rate, upper : float
        Promotions over verdicts, and the upper end of the exact two-sided interval of Clopper and
        Pearson (1934). Verdicts on the same world depend on one another, so `upper` is too low if
        most promotions happen in a few worlds.
    worlds_upper : float
        The same bound for the share of worlds with at least one promotion.
    """

    family: str
    n: int
    n_promoted: int
    n_worlds: int
    rate: float
    upper: float
    worlds_upper: float


def trained_runs(inputs: PipelineInputs) -> Iterator[Run]:
    """Run every month from fold to backtest, one after the other."""
    for month in inputs.months:
        yield run_month(
            MonthInputs(
                events=inputs.events,
                bars=inputs.bars,
                month=month,
                config=inputs.settings_of(month),
            )
        )


def blind_scores(
    scores: pd.DataFrame, way: str, share: float, size_frac: float, seed: int
) -> pd.DataFrame:
    """Scores in which each candidate has the forecast of another one, with a fixed share gated.

    Parameters
    ----------
    scores : DataFrame
        Table ``scores`` of all months.
    way : str
        ``moved``: the forecasts of each symbol are shifted along its candidates; the shift is the
        same fraction (0.1 to 0.9) of the number of candidates for every symbol. ``shuffled``: whole
        weeks of candidates are permuted.
    share : float
        Share of each symbol's candidates that passes: those with the highest ``ev_final``.
    size_frac : float
        Size of each trade.
    seed : int
    """
    rng = np.random.default_rng(seed)
    forecasts = [c for c in scores.columns if c not in ("month", "symbol", "decision_time_utc")]
    part = float(rng.uniform(0.1, 0.9))
    deal = int(rng.integers(1 << 31))
    out = scores.sort_values(["symbol", "decision_time_utc"], ignore_index=True)
    for _, rows in out.groupby("symbol", sort=True).indices.items():
        if way == "moved":
            source = np.roll(rows, round(part * len(rows)))
        else:
            source = rows[_weeks_dealt(out["decision_time_utc"].iloc[rows], deal)]
        out.loc[out.index[rows], forecasts] = out.loc[out.index[source], forecasts].to_numpy()
        ev = out.loc[out.index[rows], "ev_final"].to_numpy(dtype=np.float64, na_value=np.nan)
        best = np.zeros(len(rows), dtype=bool)
        order = np.argsort(np.where(np.isnan(ev), -np.inf, ev), kind="stable")
        best[order[len(rows) - round(share * len(rows)) :]] = True
        best &= ~np.isnan(ev)
        out.loc[out.index[rows], "is_gated"] = best
    gated = out["is_gated"].to_numpy(dtype=bool)
    out = out.assign(
        is_gated=gated,
        gate_reason=np.where(gated, "pass", "ev_below_threshold"),
        size_frac=np.where(gated, size_frac, 0.0),
    )
    return out.astype(scores.dtypes.to_dict())


def _weeks_dealt(stamps: pd.Series, seed: int) -> np.ndarray:
    """Positions of candidates after permuting whole weeks, the same way for every symbol."""
    days = stamps.dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
    weeks = week_numbers(days)
    labels = np.arange(weeks.min(), weeks.max() + 1)
    place = np.random.default_rng(seed).permutation(2 * len(labels))
    # Indexed by week number, so that symbols with different weeks are permuted in the same way.
    rank = place[(weeks - weeks.min()) % len(place)]
    return np.lexsort((np.arange(len(weeks)), rank))


def replay(
    runs: Sequence[Mapping[str, pd.DataFrame]], inputs: PipelineInputs, scores: pd.DataFrame
) -> PipelineResult:
    """Portfolio, statistics and verdict of trained runs with their scores replaced."""
    renewed = []
    for month, run in zip(inputs.months, runs, strict=True):
        of_month = scores[scores["month"] == month].reset_index(drop=True)
        traded = steps.backtest_step(
            steps.BacktestInputs(
                scores=of_month,
                events=inputs.events[inputs.events["month"] == month],
                bars=inputs.bars[inputs.bars["month"] >= month],
                month=month,
                config=inputs.settings_of(month),
                base_rate=steps.base_rates(run["model_metrics"]).get(month),
            )
        )
        renewed.append({**run, "scores": of_month, **traded})
    return pipeline_result(renewed, inputs)


def null_verdicts(
    family: str, seed: int, inputs: PipelineInputs, n_replays: int
) -> Iterator[NullVerdict]:
    """The verdicts of one world: on the platform's decisions, on shorter spans, on blind decisions.

    Parameters
    ----------
    family : str
    seed : int
        Seed of the world; the seeds of the replays are derived from it.
    inputs : PipelineInputs
    n_replays : int
        Number of sets of blind decisions. They alternate between the ways and shares; each has its
        own seed.
    """
    runs = list(trained_runs(inputs))
    yield _verdict(family, seed, "own", pipeline_result(runs, inputs), inputs)
    for span in SPANS:
        if span < len(inputs.months):
            shorter = replace(inputs, months=inputs.months[-span:])
            result = pipeline_result(runs[-span:], shorter)
            yield _verdict(family, seed, f"own, last {span} months", result, shorter)
    scores = pd.concat([run["scores"] for run in runs], ignore_index=True)
    for number in range(n_replays):
        way = WAYS[number % len(WAYS)]
        share = SHARES[(number // len(WAYS)) % len(SHARES)]
        blind = blind_scores(
            scores, way, share, inputs.config.execution.size_frac, seed * 1000 + number
        )
        result = replay(runs, inputs, blind)
        yield _verdict(family, seed, f"{way}, {share:.0%} gated", result, inputs)


def _verdict(
    family: str, seed: int, variant: str, result: PipelineResult, inputs: PipelineInputs
) -> NullVerdict:
    summary = result.portfolio.summary
    row: dict[Any, Any] = summary[summary["series"] == PLATFORM].iloc[0].to_dict()
    failed = failed_criteria(result.acceptance, result_criteria())
    return NullVerdict(
        family=family,
        seed=seed,
        variant=variant,
        n_months=len(inputs.months),
        n_trades=int(row["n_trades"]),
        calmar=float(row["calmar"]),
        is_promoted=not failed,
        failed_criteria=", ".join(failed),
    )


def family_verdicts(
    calls: Sequence[tuple[str, int]],
    config: Step3Config,
    *,
    years: float,
    n_replays: int,
    place: Place | int,
) -> Iterator[list[NullVerdict]]:
    """The verdicts of many worlds, computed in parallel and yielded in the order of `calls`.

    Parameters
    ----------
    calls : sequence of (family name, seed)
    config : Step3Config
    years : float
        Years of bars in each world.
    n_replays : int
        Number of sets of blind decisions in each world.
    place : Place or int
    """
    tasks = (
        _NullWorld(family=name, seed=seed, config=config, years=years, n_replays=n_replays)
        for name, seed in calls
    )
    yield from results_in_order(_one_world, tasks, place)


@dataclass(frozen=True)
class _NullWorld:
    """One world of :func:`family_verdicts`."""

    family: str
    seed: int
    config: Step3Config
    years: float
    n_replays: int


def _one_world(world: _NullWorld) -> list[NullVerdict]:
    family = FAMILIES[world.family]
    delivery, first, last = family_delivery(family, world.seed, world.years, world.config.folds)
    inputs = PipelineInputs(
        events=delivery.events,
        bars=delivery.bars,
        months=month_range(first, last),
        config=world.config,
    )
    return list(null_verdicts(world.family, world.seed, inputs, world.n_replays))


def clopper_pearson_upper(n_hits: int, n: int, level: float = 0.95) -> float:
    """Upper end of the exact two-sided confidence interval of a proportion; 1 without trials.

    Source: C. J. Clopper and E. S. Pearson (1934), Biometrika 26.

    Examples
    --------
    No hit among a thousand:

    >>> round(clopper_pearson_upper(0, 1000), 5)
    0.00368
    """
    from scipy import stats

    if n == 0 or n_hits == n:
        return 1.0
    return float(stats.beta.ppf(0.5 + level / 2.0, n_hits + 1, n - n_hits))


def promotion_rates(verdicts: Iterable[NullVerdict]) -> list[PromotionRate]:
    """The rate of each family, then of all families together under the name ``pooled``."""
    found = list(verdicts)
    families = list(dict.fromkeys(verdict.family for verdict in found))
    rates = [_rate(name, [v for v in found if v.family == name]) for name in families]
    return [*rates, _rate("pooled", found)]


def _rate(family: str, verdicts: Sequence[NullVerdict]) -> PromotionRate:
    n, hits = len(verdicts), [v for v in verdicts if v.is_promoted]
    worlds = {(v.family, v.seed) for v in verdicts}
    hit_worlds = {(v.family, v.seed) for v in hits}
    return PromotionRate(
        family=family,
        n=n,
        n_promoted=len(hits),
        n_worlds=len(worlds),
        rate=len(hits) / n if n else float("nan"),
        upper=clopper_pearson_upper(len(hits), n),
        worlds_upper=clopper_pearson_upper(len(hit_worlds), len(worlds)),
    )
