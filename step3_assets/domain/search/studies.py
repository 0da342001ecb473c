"""Studies: Optuna in batches, so that neither the number of workers nor a kill changes the result.

Belongs here: the loop of ask, evaluate and tell, and the journal, which is resumed and which
optuna-dashboard can open. Does not belong here: the content or value of a trial.

Each batch has its own sampler, seeded by the batch's number. All trials of a batch are proposed
before any of them is evaluated, and results are reported in the same order. Only whole batches are
written to the journal, so a run that was killed resumes after the last whole batch with the same
proposals as an undisturbed run.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

Proposal = TypeVar("Proposal")
LOCK_GRACE_S = 5
"""A lock on the journal older than this was left by a killed run: a write takes under a second."""


@dataclass(frozen=True)
class StudyPlan:
    """One study.

    Parameters
    ----------
    name : str
        Name of the study in the journal; contains the hash of everything its trials depend on.
    seed : int
    n_trials, batch, n_startup : int
        Number of all trials, of trials proposed at once, and of random trials at the start.
    first : tuple of dict
        Parameters of the first trials, at most a batch of them.
    """

    name: str
    seed: int
    n_trials: int
    batch: int
    n_startup: int
    first: tuple[dict[str, Any], ...] = ()


def run_study(
    plan: StudyPlan,
    journal: Path,
    suggest: Callable[[optuna.Trial], Proposal],
    evaluate: Callable[[Sequence[optuna.Trial], Sequence[Proposal]], Sequence[float | None]],
    on_batch: Callable[[int, float], None] | None = None,
) -> list[FrozenTrial]:
    """Run a study up to its number of trials, resuming where the journal ends.

    Parameters
    ----------
    plan : StudyPlan
    journal : Path
        File of Optuna's journal storage; may contain other studies. Only one writer at a time.
    suggest : callable
        From a trial to the proposal that is evaluated.
    evaluate : callable
        From a batch of trials and proposals to values; None or a number that is not finite for a
        pruned trial. It may report to the trials and set their attributes.
    on_batch : callable, optional
        Called at the start and after each batch with the number of new trials since the last call
        and the best value, NaN if there is none yet.

    Returns
    -------
    list of FrozenTrial
        Ordered by number.
    """
    with _quiet():
        record = _open_journal(journal, plan.name)
        recorded = record.get_trials(deepcopy=False)
        whole = min(plan.n_trials, len(recorded)) // plan.batch * plan.batch
        if len(recorded) >= plan.n_trials:
            whole = plan.n_trials
        study = optuna.create_study(
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=plan.batch, n_warmup_steps=1),
        )
        study.add_trials(recorded[:whole])
        n_done = n_shown = whole
        if on_batch is not None:
            on_batch(whole, best_value(study.get_trials(deepcopy=False)))
        while n_done < plan.n_trials:
            count = min(plan.batch, plan.n_trials - n_done)
            _run_batch(study, plan, n_done, count, suggest, evaluate)
            for trial in study.get_trials(deepcopy=False)[max(n_done, len(recorded)) :]:
                record.add_trial(trial)
            n_done += count
            if on_batch is not None:
                done = study.get_trials(deepcopy=False)
                on_batch(n_done - n_shown, best_value(done))
                n_shown = n_done
        return study.get_trials()


def best_of(trials: Sequence[FrozenTrial], count: int = 1) -> list[FrozenTrial]:
    """The best complete trials; of equal values the earlier first."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    return sorted(complete, key=lambda t: (-float(t.value or 0.0), t.number))[:count]


def best_value(trials: Sequence[FrozenTrial]) -> float:
    """Value of the best complete trial; NaN if none is complete."""
    best = best_of(trials)
    return float(best[0].value or 0.0) if best else float("nan")


def _run_batch(
    study: optuna.Study,
    plan: StudyPlan,
    n_done: int,
    count: int,
    suggest: Callable[[optuna.Trial], Proposal],
    evaluate: Callable[[Sequence[optuna.Trial], Sequence[Proposal]], Sequence[float | None]],
) -> None:
    seeds = np.random.SeedSequence([plan.seed, n_done // plan.batch])
    study.sampler = optuna.samplers.TPESampler(
        seed=int(seeds.generate_state(1)[0]), n_startup_trials=plan.n_startup, constant_liar=True
    )
    if n_done == 0:
        for params in plan.first:
            study.enqueue_trial(params)
    trials, proposals = [], []
    for _ in range(count):
        trials.append(study.ask())
        proposals.append(suggest(trials[-1]))
    values = evaluate(trials, proposals)
    for trial, value in zip(trials, values, strict=True):
        if value is None or not math.isfinite(value):
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, value)


def _open_journal(path: Path, name: str) -> optuna.Study:
    """The study in the journal; an incomplete last line, left by a kill, is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as handle:
                handle.truncate(whole)
    lock = JournalFileSymlinkLock(str(path), grace_period=LOCK_GRACE_S)
    backend = JournalFileBackend(str(path), lock_obj=lock)
    return optuna.create_study(
        study_name=name,
        storage=optuna.storages.JournalStorage(backend),
        direction="maximize",
        load_if_exists=True,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Optuna's log lines and its warnings about experimental features."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
