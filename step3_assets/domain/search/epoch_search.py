"""The search of one epoch: model trials on inner folds, then gate trials on their forecasts.

Belongs here: the two levels, what is chosen, the rows of ``tuned_params`` and ``trials``. Does not
belong here: how Optuna is asked (:mod:`.studies`), forecasts (:mod:`.forecasts`), the simulation
(:mod:`step3_assets.domain.replay`).

Everything starts from :func:`step3_assets.domain.search.epochs.known_before`: nothing that became
known at or after the epoch's start reaches a trial.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from step3_assets.config import GateConfig, ModelConfig, SizingConfig, Step3Config
from step3_assets.domain.allocation import history_months
from step3_assets.domain.execution.marking import MarkClock
from step3_assets.domain.hashing import frame_hash
from step3_assets.domain.months import add_months, month_label
from step3_assets.domain.replay import Replay
from step3_assets.domain.search import space
from step3_assets.domain.search.epochs import Epoch, known_before
from step3_assets.domain.search.forecasts import (
    ForecastCache,
    InnerMonth,
    code_hash,
    inner_month,
)
from step3_assets.domain.search.objective import Evaluation
from step3_assets.domain.search.settings import (
    from_sections,
    searched_sections,
    short_hash,
    trading_hash,
    with_settings,
)
from step3_assets.domain.search.studies import StudyPlan, best_of, run_study
from step3_assets.domain.side_by_side import run_months
from step3_assets.schemas import EVENTS, TRIALS, TUNED_PARAMS

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

BAR_COLUMNS = ["symbol", "date", "bar_end_utc", "open", "close", "low"]
Trading = tuple[int, GateConfig, SizingConfig, float]
OnBatch = Callable[[str, int, float], None]


@dataclass(frozen=True)
class Workplace:
    """Where a search keeps what it can take up again, and how many processes it may use.

    Parameters
    ----------
    folder : Path
        Holds Optuna's journal and the cache of forecasts.
    workers : int
    dataset_version : str
        Recorded with every row.
    """

    folder: Path
    workers: int = 1
    dataset_version: str = ""

    @property
    def journal(self) -> Path:
        """Optuna's journal storage; ``optuna-dashboard`` opens it."""
        return self.folder / "optuna.journal"

    @property
    def cache(self) -> ForecastCache:
        """Forecasts by content."""
        return ForecastCache(self.folder / "cache")


@dataclass(frozen=True)
class EpochResult:
    """Rows of the tables of these names, and the studies for their plots."""

    tuned_params: pd.DataFrame
    trials: pd.DataFrame
    studies: dict[str, list["FrozenTrial"]] = field(repr=False)


@dataclass(frozen=True)
class _Inner:
    """An epoch's inner months, laid out once."""

    epoch: Epoch
    months: tuple[InnerMonth, ...]
    events: pd.DataFrame
    clock: MarkClock
    search_hash: str

    def replay(self, forecasts: pd.DataFrame, count: int) -> Replay:
        """The first months of the epoch's inner ones, ready to be traded."""
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
        The documented settings: the first trial of either level, and what is kept unless a trial
        gains ``search.min_gain`` over them.
    place : Workplace
    on_batch : callable, optional
        Told the level, the number of new trials and the best objective so far.

    Returns
    -------
    EpochResult
        Known at the epoch's start. The same for any number of workers, and after a kill.

    Raises
    ------
    ValueError
        If the epoch has no inner months, or the space does not hold the base settings.
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
    finalists = finalists[: config.finalists]
    gates = _search_trading(inner, finalists, base, place, label, on_batch)
    rows = [_trial_row(inner, "model", label, t, _models_config(t, base), place) for t in models]
    rows += [
        _trial_row(inner, "gate", label, t, _trading_config(t, base, finalists), place)
        for t in gates
    ]
    ledger = pd.DataFrame(rows)[TRIALS.names]
    best = best_of(gates)[0]
    tuned = _tuned_row(
        inner, models, best, len(gates), base, _trading_config(best, base, finalists), place
    )
    studies = {f"{label} model": models, f"{label} gate": gates}
    return EpochResult(pd.DataFrame([tuned])[TUNED_PARAMS.names], ledger, studies)


def evaluate_trading(
    replays: Sequence[Replay], proposals: Sequence[Trading], base: Step3Config
) -> list[Evaluation]:
    """Gate, size and trade the finalists' forecasts under each proposal.

    Parameters
    ----------
    replays : sequence of Replay
        One for each finalist.
    proposals : sequence of (finalist, gate, sizing, size_frac)
    base : Step3Config
        Of everything that a proposal does not replace.
    """
    found = []
    for model, gate, sizing, size_frac in proposals:
        config = with_settings(base, gate=gate, sizing=sizing, size_frac=size_frac)
        found.append(Evaluation.of(replays[model].run(config), base.search))
    return found


def _lay_out(events: pd.DataFrame, bars: pd.DataFrame, epoch: Epoch, base: Step3Config) -> _Inner:
    events, bars = known_before(events, bars, epoch.first)
    months = tuple(inner_month(events, bars, m, base.folds) for m in epoch.inner)
    own = events[events["month"].isin(epoch.inner)]
    before = add_months(epoch.inner[0], -history_months(base.allocation))
    marked = bars.loc[bars["month"] >= before, ["month", *BAR_COLUMNS]]
    counts = ("is_enabled", "model_trials", "gate_trials")
    search = {k: v for k, v in base.search.model_dump(mode="json").items() if k not in counts}
    search_hash = short_hash(
        code_hash(),
        search,
        trading_hash(base),
        [(f"{m.month}", m.data_hash) for m in months],
        frame_hash(own, EVENTS),
        _bars_hash(marked),
    )
    return _Inner(epoch, months, own, MarkClock.from_bars(marked), search_hash)


def _bars_hash(bars: pd.DataFrame) -> str:
    rows = bars.sort_values(["symbol", "date"])
    digest = hashlib.sha256("".join(rows["symbol"]).encode())
    for name in BAR_COLUMNS[1:]:
        values = rows[name]
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            values = values.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
        digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return digest.hexdigest()[:16]


def _search_models(
    inner: _Inner, base: Step3Config, place: Workplace, label: str, on_batch: OnBatch | None
) -> list["FrozenTrial"]:
    """Model trials, each under the base gate; those behind are given up on the way."""
    config, cache = base.search, place.cache
    n_months = len(inner.months)
    steps = [*range(config.pruning_months, n_months, config.pruning_months), n_months]

    def evaluate(trials: Sequence["Trial"], proposals: Sequence[ModelConfig]) -> list[float | None]:
        values: list[float | None] = [None] * len(trials)
        running = list(range(len(trials)))
        for step, count in enumerate(steps):
            cache.fill(
                ((one, proposals[i]) for one in inner.months[:count] for i in running),
                place.workers,
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
        space.default_model_params(base.models),
    )
    return run_study(
        plan,
        place.journal,
        lambda trial: space.suggest_models(trial, base.models, config.space),
        evaluate,
        _told(on_batch, "model"),
    )


def _search_trading(
    inner: _Inner,
    finalists: list[ModelConfig],
    base: Step3Config,
    place: Workplace,
    label: str,
    on_batch: OnBatch | None,
) -> list["FrozenTrial"]:
    """Gate and portfolio trials on the finalists' cached forecasts."""
    config, cache = base.search, place.cache
    replays: list[Replay] = []

    def laid_out() -> list[Replay]:
        if not replays:  # only where a trial is left to evaluate
            cache.fill(((one, m) for one in inner.months for m in finalists), place.workers)
            for models in finalists:
                replay = inner.replay(cache.read(inner.months, models), len(inner.months))
                replay.run(base)  # its shares are remembered and go to the workers with it
                replays.append(replay)
        return replays

    def evaluate(trials: Sequence["Trial"], proposals: Sequence[Trading]) -> list[float | None]:
        shares = [
            [proposals[i] for i in part]
            for part in np.array_split(np.arange(len(proposals)), place.workers)
            if len(part)
        ]
        tasks = ((inner.epoch.first, (laid_out(), share, base)) for share in shares)
        found: list[Evaluation] = []
        for _, outcome in run_months(evaluate_trading, tasks, min(place.workers, len(shares))):
            if isinstance(outcome, Exception):
                raise outcome
            found += outcome
        for trial, evaluation in zip(trials, found, strict=True):
            _note(trial, evaluation)
        return [evaluation.objective for evaluation in found]

    chosen = short_hash(*(m.content_hash() for m in finalists))[:8]
    plan = StudyPlan(
        f"{label} gate {chosen}",
        config.seed + 1,
        config.gate_trials,
        config.gate_batch,
        config.startup_gate_trials,
        space.default_trading_params(base, len(finalists)),
    )
    return run_study(
        plan,
        place.journal,
        lambda trial: space.suggest_trading(trial, base, config.space, len(finalists)),
        evaluate,
        _told(on_batch, "gate"),
    )


def _told(on_batch: OnBatch | None, level: str) -> Callable[[int, float], None] | None:
    if on_batch is None:
        return None
    return lambda count, best: on_batch(level, count, best)


def _note(trial: "Trial", found: Evaluation) -> None:
    for name, value in asdict(found).items():
        trial.set_user_attr(name, list(value) if isinstance(value, tuple) else value)


def _models_of(trial: "FrozenTrial", base: Step3Config) -> ModelConfig:
    return space.suggest_models(_again(trial), base.models, base.search.space)


def _models_config(trial: "FrozenTrial", base: Step3Config) -> Step3Config:
    return with_settings(base, models=_models_of(trial, base))


def _trading_config(
    trial: "FrozenTrial", base: Step3Config, finalists: list[ModelConfig]
) -> Step3Config:
    model, gate, sizing, size_frac = space.suggest_trading(
        _again(trial), base, base.search.space, len(finalists)
    )
    return with_settings(
        base, models=finalists[model], gate=gate, sizing=sizing, size_frac=size_frac
    )


def _again(trial: "FrozenTrial") -> Any:
    from optuna.trial import FixedTrial

    return FixedTrial(trial.params)


def _trial_row(
    inner: _Inner,
    level: str,
    label: str,
    trial: "FrozenTrial",
    config: Step3Config,
    place: Workplace,
) -> dict[str, Any]:
    noted = trial.user_attrs
    months = inner.epoch.inner[: len(noted["month_return_frac"])]
    config_hash = trading_hash(config)
    what = "forecasts and an account" if level == "model" else "an account on cached forecasts"
    return {
        "trial_id": short_hash(label, level, trial.number, config_hash, len(months)),
        "epoch": inner.epoch.first,
        "level": level,
        "study": f"{label} {level}",
        "number": trial.number,
        "state": trial.state.name.lower(),
        "params": json.dumps(trial.params, sort_keys=True),
        "config_hash": config_hash,
        "models_hash": config.models.content_hash(),
        "first_month": months[0],
        "last_month": months[-1],
        "objective": noted["objective"],
        "max_drawdown_frac": noted["max_drawdown_frac"],
        "n_trades": noted["n_trades"],
        "month_returns": json.dumps(noted["month_return_frac"]),
        "evaluated_on": f"{what}: inner folds {month_label(months[0])} to "
        f"{month_label(months[-1])}, {noted['n_trades']} trades",
        "search_hash": inner.search_hash,
        "dataset_version": place.dataset_version,
    }


def _tuned_row(
    inner: _Inner,
    models: Sequence["FrozenTrial"],
    best: "FrozenTrial",
    n_gates: int,
    base: Step3Config,
    chosen: Step3Config,
    place: Workplace,
) -> dict[str, Any]:
    default = float(models[0].user_attrs["objective"])
    objective = float(best.user_attrs["objective"])
    is_default = objective <= default or objective < default + base.search.min_gain
    in_force = base if is_default else chosen
    sections = searched_sections(in_force)
    if trading_hash(from_sections(base, sections)) != trading_hash(in_force):
        raise ValueError("the settings chosen are not those that their row would give back")
    epoch = inner.epoch
    return {
        "epoch": epoch.first,
        "last_month": epoch.last,
        "inner_first_month": epoch.inner[0],
        "inner_last_month": epoch.inner[-1],
        "n_inner_months": len(epoch.inner),
        "n_model_trials": len(models),
        "n_gate_trials": n_gates,
        "objective": objective,
        "default_objective": default,
        "is_default": is_default,
        "params": json.dumps(_shown(in_force), sort_keys=True),
        "settings": json.dumps(sections, sort_keys=True),
        "config_hash": trading_hash(in_force),
        "base_hash": trading_hash(base),
        "search_hash": inner.search_hash,
        "dataset_version": place.dataset_version,
    }


def _shown(config: Step3Config) -> dict[str, Any]:
    return space.default_model_params(config.models) | space.default_trading_params(config, 1)
