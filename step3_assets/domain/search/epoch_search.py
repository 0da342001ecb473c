"""The search of one epoch: model trials on inner folds, then gate trials on their forecasts.

At the third level the best gate trials, and the documented settings, are tried with the other
allocation methods.

Belongs here: the three levels, and the choice. Does not belong here: calling Optuna
(:mod:`.studies`), forecasts (:mod:`.forecasts`), the rows that are stored (:mod:`.trial_rows`), the
simulation (:mod:`step3_assets.domain.portfolio.replay`).

Data pass through :func:`step3_assets.domain.search.epochs.known_before` first, so nothing that
became known at or after the epoch's start reaches a trial.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import EVENTS
from step3_assets.catalogue.search import TRIALS, TUNED_PARAMS
from step3_assets.config import ModelConfig, SearchConfig, Step3Config
from step3_assets.domain.core.bar_columns import MARKING_BARS, MARKING_PRICES
from step3_assets.domain.core.hashing import bars_hash, frame_hash
from step3_assets.domain.core.months import add_months, month_label
from step3_assets.domain.core.parallel import Place, at_most, results_in_order
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.portfolio.allocation import METHODS, history_months
from step3_assets.domain.portfolio.replay import Replay
from step3_assets.domain.search import space
from step3_assets.domain.search.epochs import Epoch, known_before
from step3_assets.domain.search.forecasts import (
    FORECASTS,
    ForecastCache,
    InnerMonth,
    code_hash,
    inner_month,
)
from step3_assets.domain.search.objective import Evaluation
from step3_assets.domain.search.settings import (
    SearchedSections,
    short_hash,
    trading_hash,
    with_sections,
)
from step3_assets.domain.search.studies import StudyPlan, best_of, run_study
from step3_assets.domain.search.trial_rows import Origin, Tried, trial_row, tuned_row

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

Trading = tuple[int, Step3Config]
OnBatch = Callable[[str, int, float], None]


@dataclass(frozen=True)
class Workplace:
    """Where a search keeps what it can resume from, and where its trials run.

    Parameters
    ----------
    folder : Path
        Holds Optuna's journal and the cache of forecasts.
    place : Place or int
        Where trials run; a number means that many processes on this machine.
    dataset_version : str
        Recorded with every row.
    """

    folder: Path
    place: Place | int = 1
    dataset_version: str = ""

    @property
    def journal(self) -> Path:
        """Optuna's journal storage; ``optuna-dashboard`` opens it."""
        return self.folder / "optuna.journal"

    @property
    def cache(self) -> ForecastCache:
        """Forecasts by content."""
        return ForecastCache(self.folder / FORECASTS)


@dataclass(frozen=True)
class EpochResult:
    """Rows of tables ``tuned_params`` and ``trials``, and the studies for their plots."""

    tuned_params: pd.DataFrame
    trials: pd.DataFrame
    studies: dict[str, list["FrozenTrial"]] = field(repr=False)


@dataclass(frozen=True)
class _Inner:
    """An epoch's inner months with their data, prepared once."""

    epoch: Epoch
    months: tuple[InnerMonth, ...]
    events: pd.DataFrame
    clock: MarkClock
    search_hash: str

    def replay(self, forecasts: pd.DataFrame, count: int) -> Replay:
        """The first inner months, ready to be traded."""
        return Replay.from_tables(forecasts, self.events, self.clock, self.epoch.inner[:count])


def search_epoch(
    events: pd.DataFrame,
    bars: pd.DataFrame,
    epoch: Epoch,
    base: Step3Config,
    place: Workplace,
    on_batch: OnBatch | None = None,
) -> EpochResult:
    """Choose an epoch's settings from its inner months.

    Parameters
    ----------
    events, bars : DataFrame
        Tables ``events`` and ``bar_features``; what became known at or after the epoch's start is
        cut off first.
    epoch : Epoch
        With inner months.
    base : Step3Config
        The documented settings: the first trial of each level. They stay in force unless a trial
        gains ``search.min_gain`` over them.
    place : Workplace
    on_batch : callable, optional
        Called with the level, the number of new trials and the best objective so far.

    Returns
    -------
    EpochResult
        Known at the epoch's start. The same for any number of workers, and after a kill.

    Raises
    ------
    ValueError
        If the epoch has no inner months, or the space does not contain the base settings.
    """
    if not epoch.inner:
        raise ValueError(f"epoch {month_label(epoch.first)} has too few months before it")
    config = base.search
    space.require_inside(space.default_model_params(base.models), config.space)
    space.require_inside(space.default_trading_params(base, 1), config.space)
    inner = _lay_out(events, bars, epoch, base)
    label = f"{month_label(epoch.first)} {inner.search_hash[:8]}"
    models = _search_models(inner, base, place, label, on_batch)
    finalists: list[ModelConfig] = []
    for trial in best_of(models, len(models)):
        proposal = _models_of(trial, base)
        if proposal not in finalists:
            finalists.append(proposal)
    # If every model trial was pruned, gate trials run on the documented models.
    desk = _TradingDesk(inner, finalists[: config.finalists] or [base.models], base, place)
    gates = _search_gates(desk, label, on_batch)
    shares = _search_allocations(desk, gates, label, on_batch)
    tried = [
        Tried(
            level="model",
            trial=trial,
            config=with_sections(base, SearchedSections(models=_models_of(trial, base))),
        )
        for trial in models
    ]
    origin = Origin(epoch, inner.search_hash, place.dataset_version)
    ledger = pd.DataFrame([trial_row(origin, label, one) for one in (*tried, *gates, *shares)])
    tuned = tuned_row(origin, tried, [*gates, *shares], base)
    studies = {f"{label} model": models, f"{label} gate": [one.trial for one in gates]}
    return EpochResult(pd.DataFrame([tuned])[TUNED_PARAMS.names], ledger[TRIALS.names], studies)


def allocation_trials(config: SearchConfig) -> int:
    """Number of trials of the last level, which needs several symbols."""
    return min(config.allocation_finalists + 1, config.gate_trials) * (len(METHODS) - 1)


@dataclass(frozen=True)
class TradingTask:
    """Inputs of :func:`evaluate_trading`.

    Parameters
    ----------
    replays : sequence of Replay
        One for each finalist.
    proposals : sequence of (finalist, Step3Config)
    search : SearchConfig
        Settings of the objective.
    """

    replays: Sequence[Replay]
    proposals: Sequence[Trading]
    search: SearchConfig


def evaluate_trading(task: TradingTask) -> list[Evaluation]:
    """Gate, size and trade the finalists' forecasts under each proposal."""
    return [
        Evaluation.of(task.replays[model].run(config), task.search)
        for model, config in task.proposals
    ]


def _lay_out(events: pd.DataFrame, bars: pd.DataFrame, epoch: Epoch, base: Step3Config) -> _Inner:
    events, bars = known_before(events, bars, epoch.first)
    months = tuple(inner_month(events, bars, m, base.folds) for m in epoch.inner)
    own = events[events["month"].isin(epoch.inner)]
    before = add_months(epoch.inner[0], -history_months(base.allocation))
    marked = bars.loc[bars["month"] >= before, MARKING_BARS]
    counts = ("is_enabled", "model_trials", "gate_trials")
    search = {k: v for k, v in base.search.model_dump(mode="json").items() if k not in counts}
    search_hash = short_hash(
        code_hash(),
        search,
        trading_hash(base),
        [(f"{m.month}", m.data_hash) for m in months],
        frame_hash(own, EVENTS),
        bars_hash(marked, MARKING_PRICES[1:]),
    )
    return _Inner(epoch, months, own, MarkClock.from_bars(marked), search_hash)


def _search_models(
    inner: _Inner, base: Step3Config, place: Workplace, label: str, on_batch: OnBatch | None
) -> list["FrozenTrial"]:
    """Model trials, each with the base gate; trials that fall behind are pruned early."""
    config, cache = base.search, place.cache
    n_months = len(inner.months)
    steps = [*range(config.pruning_months, n_months, config.pruning_months), n_months]

    def evaluate(trials: Sequence["Trial"], proposals: Sequence[ModelConfig]) -> list[float | None]:
        values: list[float | None] = [None] * len(trials)
        running = list(range(len(trials)))
        for step, count in enumerate(steps):
            cache.fill(
                ((one, proposals[i]) for one in inner.months[:count] for i in running),
                place.place,
            )
            for i in running:
                forecasts = cache.read(inner.months[:count], proposals[i])
                outcome = inner.replay(forecasts, count).run(base)
                found = Evaluation.of(outcome, config)
                trials[i].report(found.objective, step)
                _note(trials[i], found)
                values[i] = found.objective
            if count < n_months:
                given_up = [i for i in running if trials[i].should_prune()]
                for i in given_up:
                    values[i] = None
                running = [i for i in running if i not in given_up]
        return values

    plan = StudyPlan(
        f"{label} model",
        config.seed,
        config.model_trials,
        config.model_batch,
        config.startup_model_trials,
        (space.default_model_params(base.models),),
    )
    return run_study(
        plan,
        place.journal,
        lambda trial: space.suggest_models(trial, base.models, config.space),
        evaluate,
        _told(on_batch, "model"),
    )


class _TradingDesk:
    """Evaluates gate trials on the finalists' forecasts, which are prepared when first needed."""

    def __init__(
        self, inner: _Inner, finalists: list[ModelConfig], base: Step3Config, place: Workplace
    ) -> None:
        self.inner, self.finalists, self.base = inner, finalists, base
        self._place = place
        self._replays: list[Replay] = []

    def study(
        self,
        plan: StudyPlan,
        suggest: Callable[["Trial"], Trading],
        on_batch: Callable[[int, float], None] | None,
    ) -> list["FrozenTrial"]:
        """Run trials that propose a finalist and how to trade it."""
        return run_study(plan, self._place.journal, suggest, self._evaluate, on_batch)

    def _evaluate(
        self, trials: Sequence["Trial"], proposals: Sequence[Trading]
    ) -> list[float | None]:
        place = at_most(self._place.place, len(proposals))
        shares = [
            [proposals[i] for i in part]
            for part in np.array_split(np.arange(len(proposals)), place.workers)
            if len(part)
        ]
        replays, search = self._laid_out(), self.base.search
        tasks = (TradingTask(replays=replays, proposals=share, search=search) for share in shares)
        parts = results_in_order(evaluate_trading, tasks, place)
        found = [evaluation for part in parts for evaluation in part]
        for trial, evaluation in zip(trials, found, strict=True):
            _note(trial, evaluation)
        return [evaluation.objective for evaluation in found]

    def _laid_out(self) -> list[Replay]:
        months, cache = self.inner.months, self._place.cache
        if not self._replays:
            cache.fill(((one, m) for one in months for m in self.finalists), self._place.place)
            for models in self.finalists:
                replay = self.inner.replay(cache.read(months, models), len(months))
                replay.run(self.base)  # the replay keeps its shares and takes them to the workers
                self._replays.append(replay)
        return self._replays


def _search_gates(desk: _TradingDesk, label: str, on_batch: OnBatch | None) -> list[Tried]:
    """Gate, size and risk trials on the finalists' cached forecasts."""
    base, finalists = desk.base, desk.finalists
    config = base.search
    plan = StudyPlan(
        f"{label} gate {short_hash(*(m.content_hash() for m in finalists))[:8]}",
        config.seed + 1,
        config.gate_trials,
        config.gate_batch,
        config.startup_gate_trials,
        (space.default_trading_params(base, len(finalists)),),
    )

    def suggest(trial: Any) -> Trading:
        return space.suggest_trading(trial, base, config.space, len(finalists))

    tried = []
    for trial in desk.study(plan, suggest, _told(on_batch, "gate")):
        model, proposed = suggest(_again(trial))
        proposed = space.without_unused_limits(proposed, base.risk, trial.user_attrs["rules"])
        with_models = with_sections(proposed, SearchedSections(models=finalists[model]))
        tried.append(Tried("gate", trial, with_models, model))
    return tried


def _search_allocations(
    desk: _TradingDesk, gates: list[Tried], label: str, on_batch: OnBatch | None
) -> list[Tried]:
    """The best gate trials, and the documented settings, with the other allocation methods.

    This is a grid and the last level, because Calmar weights take many times as long as the rest of
    a trial.
    """
    base = desk.base
    count = base.search.allocation_finalists
    ranked = best_of([one.trial for one in gates], count + 1)
    numbers = [0, *[t.number for t in ranked if t.number][:count]]
    others = [method for method in METHODS if method != base.allocation.method]
    if len(desk.inner.clock.symbols) < 2:
        return []
    grid = tuple({"gate": gate, "allocation": method} for gate in numbers for method in others)
    asked = short_hash(grid, *(trading_hash(gates[n].config) for n in numbers))[:8]
    plan = StudyPlan(f"{label} allocation {asked}", 0, len(grid), len(grid), len(grid), grid)

    def suggest(trial: Any) -> Trading:
        gate = gates[trial.suggest_int("gate", 0, len(gates) - 1)]
        method = trial.suggest_categorical("allocation", METHODS)
        allocation = base.allocation.model_copy(update={"method": method})
        return gate.model, with_sections(gate.config, SearchedSections(allocation=allocation))

    tried = []
    for trial in desk.study(plan, suggest, _told(on_batch, "allocation")):
        model, proposed = suggest(_again(trial))
        proposed = space.without_unused_limits(proposed, base.risk, trial.user_attrs["rules"])
        tried.append(Tried("allocation", trial, proposed, model))
    return tried


def _told(on_batch: OnBatch | None, level: str) -> Callable[[int, float], None] | None:
    if on_batch is None:
        return None
    return lambda count, best: on_batch(level, count, best)


def _note(trial: "Trial", found: Evaluation) -> None:
    for name, value in asdict(found).items():
        trial.set_user_attr(name, list(value) if isinstance(value, tuple) else value)


def _models_of(trial: "FrozenTrial", base: Step3Config) -> ModelConfig:
    return space.suggest_models(_again(trial), base.models, base.search.space)


def _again(trial: "FrozenTrial") -> Any:
    from optuna.trial import FixedTrial

    return FixedTrial(trial.params)
