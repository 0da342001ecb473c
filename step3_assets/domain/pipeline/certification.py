"""Certification: the platform on synthetic worlds whose true edge is known.

Belongs here: running one world through the whole pipeline, the true value of its decisions, and
power and size over many worlds. Does not belong here: the worlds themselves
(:mod:`step3_assets.domain.worlds`), any step of the platform.

*Power* is the share of the oracle gate's total expected net return that the platform's
out-of-sample decisions capture. Decisions are valued at their true expectation and not at their
outcomes, because the noise of an outcome is ten times the edge. *Size* is how often a world without
an edge would be promoted by the criteria that need no stored run. The leakage audit is not run
here: it looks for faults of the platform, not of a world.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.verdict import failed_criteria, result_criteria
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import first_test_month, month_range
from step3_assets.domain.core.parallel import Place, results_in_order
from step3_assets.domain.delivery import probe_months, read_delivery
from step3_assets.domain.pipeline.main_job import PipelineInputs, PipelineResult, run_pipeline
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.domain.step2.write import write_delivery
from step3_assets.domain.worlds import SyntheticWorld, WorldConfig, simulate_world
from step3_assets.domain.worlds.families import FAMILIES


@dataclass(frozen=True)
class WorldOutcome:
    """The results of the platform on one world, over its out-of-sample months.

    Parameters
    ----------
    seed : int
    edge_bps : float
        The planted edge; 0 in a null world.
    n_months, n_events : int
        Test months and their events.
    oracle_share, oracle_net_bps : float
        Share of events with a positive expected net return, and the mean of those returns.
    oracle_total, platform_total, mock_total : float
        Sum of the true expected net returns over the events that each gate lets through.
    n_gated, n_mock_gated : int
        Events that each gate lets through.
    calmar, n_trades : float, int
        Metrics of the platform's portfolio.
    is_promoted : bool
    failed_criteria : str
        Acceptance criteria that failed, comma-separated.
    family : str
        Family of the planted edge; see docs/synthetic_worlds.md.
    """

    seed: int
    edge_bps: float
    n_months: int
    n_events: int
    oracle_share: float
    oracle_net_bps: float
    oracle_total: float
    platform_total: float
    mock_total: float
    n_gated: int
    n_mock_gated: int
    calmar: float
    n_trades: int
    is_promoted: bool
    failed_criteria: str
    family: str = "region"

    @property
    def capture(self) -> float:
        """Platform's share of the oracle gate's total; NaN if that total is not positive."""
        return self.platform_total / self.oracle_total if self.oracle_total > 0 else float("nan")

    @property
    def mock_capture(self) -> float:
        """The mock baseline's share of the oracle gate's total."""
        return self.mock_total / self.oracle_total if self.oracle_total > 0 else float("nan")


def certify_world(
    world: WorldConfig, config: Step3Config, n_months: int | None = None
) -> WorldOutcome:
    """Simulate a world, run the whole platform on its delivery, and value the decisions.

    Parameters
    ----------
    world : WorldConfig
    config : Step3Config
    n_months : int, optional
        Use only this many of the last test months.

    Raises
    ------
    ValueError
        If the world is too short for one fold.
    """
    synthetic = simulate_world(world)
    with TemporaryDirectory() as scratch:
        write_delivery(synthetic.delivery, Path(scratch))
        first, last, is_complete = probe_months(Path(scratch))
        delivery = read_delivery(Path(scratch))
    months = month_range(first_test_month(first, is_complete, config.folds.train_months), last)
    months = months[-n_months:] if n_months else months
    if not months:
        raise ValueError(f"{world.years} years leave no test month; name more")
    result = run_pipeline(PipelineInputs(delivery.events, delivery.bars, months, config))
    return value_decisions(synthetic, result, months)


def value_decisions(
    world: SyntheticWorld, result: PipelineResult, months: Sequence[object]
) -> WorldOutcome:
    """The outcome of a world, with gated decisions valued at their true expectation."""
    oracle = pd.concat(world.oracle.values(), ignore_index=True)
    oracle["decision_time_utc"] = pd.to_datetime(oracle["decision_time_utc"], utc=True)
    totals, counts = {}, {}
    for name in ("scores", "mock_baseline"):
        decided = result.tables[name].merge(oracle, on=EVENT_KEY, how="left", validate="one_to_one")
        worth = decided["expected_net"].to_numpy(dtype=np.float64)
        if np.isnan(worth).any():
            raise ValueError(f"{name}: {int(np.isnan(worth).sum())} decisions have no oracle")
        gated = decided["is_gated"].to_numpy(dtype=bool)
        totals[name], counts[name] = float(worth[gated].sum()), int(gated.sum())
        if name == "scores":
            taken = worth[worth > 0]
            truth = (len(worth), len(taken), float(taken.sum()))
    summary = result.portfolio.summary
    whole = summary[summary["series"] == PLATFORM].iloc[0]
    n_events, n_good, oracle_total = truth
    failed = failed_criteria(result.acceptance, result_criteria())
    return WorldOutcome(
        seed=world.config.seed,
        edge_bps=world.config.edge_bps,
        n_months=len(months),
        n_events=n_events,
        oracle_share=n_good / n_events,
        oracle_net_bps=1e4 * oracle_total / n_good if n_good else 0.0,
        oracle_total=oracle_total,
        platform_total=totals["scores"],
        mock_total=totals["mock_baseline"],
        n_gated=counts["scores"],
        n_mock_gated=counts["mock_baseline"],
        calmar=float(whole["calmar"]),
        n_trades=int(whole["n_trades"]),
        is_promoted=not failed,
        failed_criteria=", ".join(failed),
        family=world.config.family,
    )


@dataclass(frozen=True)
class Certificate:
    """Power and size, over many worlds.

    Parameters
    ----------
    power, mock_power : float
        Share captured over all planted worlds pooled; NaN without planted worlds.
    power_low, power_high : float
        95 % interval by resampling worlds (Efron's percentile bootstrap).
    n_null, n_promoted_null : int
        Null worlds, and how many of them were promoted.
    n_planted, n_promoted_planted : int
    """

    power: float
    power_low: float
    power_high: float
    mock_power: float
    n_planted: int
    n_promoted_planted: int
    n_null: int
    n_promoted_null: int


def summarise(outcomes: Iterable[WorldOutcome], seed: int = 0) -> Certificate:
    """Pool outcomes as sums over worlds; a world with little to capture gets little weight."""
    outcomes = list(outcomes)
    planted = [one for one in outcomes if one.edge_bps > 0]
    null = [one for one in outcomes if one.edge_bps == 0]
    power = mock_power = low = high = float("nan")
    if planted:
        totals = np.array([[o.platform_total, o.mock_total, o.oracle_total] for o in planted])
        power, mock_power = totals[:, :2].sum(axis=0) / totals[:, 2].sum()
        rows = np.random.default_rng(seed).integers(len(totals), size=(2000, len(totals)))
        sums = totals[rows].sum(axis=1)
        low, high = np.quantile(sums[:, 0] / sums[:, 2], [0.025, 0.975])
    return Certificate(
        power=float(power),
        power_low=float(low),
        power_high=float(high),
        mock_power=float(mock_power),
        n_planted=len(planted),
        n_promoted_planted=sum(one.is_promoted for one in planted),
        n_null=len(null),
        n_promoted_null=sum(one.is_promoted for one in null),
    )


def capture_by_family(outcomes: Iterable[WorldOutcome]) -> pd.DataFrame:
    """Share captured in each family of planted worlds, and in all families pooled.

    Returns
    -------
    DataFrame
        ``family``, ``n_worlds``, ``capture``, ``error`` (jackknife over worlds; NaN for one world),
        ``mock_capture``, ``n_promoted``. The last row is ``pooled``; it weights each family by its
        oracle total.
    """
    planted = [one for one in outcomes if one.edge_bps > 0]
    groups = {name: [o for o in planted if o.family == name] for name in FAMILIES}
    groups = {name: members for name, members in groups.items() if members} | {"pooled": planted}
    rows = []
    for name, members in groups.items():
        totals = np.array([[o.platform_total, o.mock_total, o.oracle_total] for o in members])
        whole = totals.sum(axis=0)
        left = whole - totals
        n, error = len(members), float("nan")
        if n > 1:
            shares = left[:, 0] / left[:, 2]
            error = float(np.sqrt((n - 1) / n * ((shares - shares.mean()) ** 2).sum()))
        rows.append(
            {
                "family": name,
                "n_worlds": n,
                "capture": float(whole[0] / whole[2]),
                "error": error,
                "mock_capture": float(whole[1] / whole[2]),
                "n_promoted": sum(o.is_promoted for o in members),
            }
        )
    return pd.DataFrame(rows)


def certify(
    worlds: Sequence[WorldConfig],
    config: Step3Config,
    *,
    place: Place | int,
    n_months: int | None = None,
) -> Iterator[WorldOutcome]:
    """Certify worlds in parallel, one per process; yields the outcomes in the order of `worlds`."""
    tasks = (_WorldTask(world=world, config=config, n_months=n_months) for world in worlds)
    yield from results_in_order(_certify_task, tasks, place)


@dataclass(frozen=True)
class _WorldTask:
    """Arguments of :func:`certify_world`."""

    world: WorldConfig
    config: Step3Config
    n_months: int | None


def _certify_task(task: _WorldTask) -> WorldOutcome:
    return certify_world(task.world, task.config, task.n_months)


def to_frame(outcomes: Iterable[WorldOutcome]) -> pd.DataFrame:
    """One row per world, planted first, by seed."""
    rows = [{**asdict(o), "capture": o.capture, "mock_capture": o.mock_capture} for o in outcomes]
    frame = pd.DataFrame(rows)
    return frame.sort_values(["edge_bps", "seed"], ascending=[False, True], ignore_index=True)
