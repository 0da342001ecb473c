"""Studies: a kill changes nothing, and the journal holds whole batches."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from step3_assets.domain.search.studies import StudyPlan, best_of, run_study

PLAN = StudyPlan("parabola", seed=3, n_trials=11, batch=3, n_startup=5, first=({"x": 0.5, "y": 1},))


class Killed(Exception):
    """In the place of a signal."""


def suggest(trial: optuna.Trial) -> tuple[float, int]:
    return trial.suggest_float("x", -1.0, 1.0), trial.suggest_int("y", 0, 3)


def parabola(trials, proposals) -> list[float | None]:
    for trial in trials:
        trial.set_user_attr("seen", trial.number)
    return [None if y == 3 else -((x - 0.2) ** 2) - y for x, y in proposals]


def run(path: Path, evaluate=parabola, plan: StudyPlan = PLAN) -> list[tuple]:
    trials = run_study(plan, path, suggest, evaluate)
    return [(t.number, t.params, t.value, t.state.name, t.user_attrs) for t in trials]


def test_the_first_trial_is_the_given_one(tmp_path):
    trials = run(tmp_path / "journal")
    assert (trials[0][1],) == PLAN.first
    assert [t[0] for t in trials] == list(range(11))
    assert "PRUNED" in {t[3] for t in trials}


@pytest.mark.parametrize("killed_at", [0, 3, 9])
def test_killed_and_taken_up_it_ends_as_undisturbed(tmp_path, killed_at: int):
    def dies(trials, proposals):
        if trials[0].number == killed_at:
            raise Killed
        return parabola(trials, proposals)

    with pytest.raises(Killed):
        run(tmp_path / "journal", dies)
    evaluated = []

    def counting(trials, proposals):
        evaluated.extend(t.number for t in trials)
        return parabola(trials, proposals)

    assert run(tmp_path / "journal", counting) == run(tmp_path / "other")
    assert evaluated[0] == killed_at, "whole batches are not evaluated again"


def test_a_kill_while_the_journal_is_written(tmp_path):
    """Part of a batch is recorded, and the last line is half there."""
    whole = run(tmp_path / "journal")
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(b"".join(lines[:6]) + lines[6][:20])
    assert run(tmp_path / "cut") == whole
    assert run(tmp_path / "cut") == whole


def test_more_trials_go_on_from_fewer(tmp_path):
    few = replace(PLAN, n_trials=7)
    assert len(run(tmp_path / "journal", plan=few)) == 7
    assert run(tmp_path / "journal") == run(tmp_path / "other")
    assert len(run(tmp_path / "journal", plan=few)) == 7


def test_optunas_own_tools_open_the_journal(tmp_path):
    run(tmp_path / "journal")
    backend = JournalFileBackend(str(tmp_path / "journal"))
    study = optuna.load_study(
        study_name="parabola", storage=optuna.storages.JournalStorage(backend)
    )
    assert len(study.trials) == 11
    assert study.best_value == max(t[2] for t in run(tmp_path / "journal") if t[3] == "COMPLETE")


def test_the_earlier_of_equal_trials_is_the_best(tmp_path):
    trials = run_study(PLAN, tmp_path / "journal", suggest, lambda t, _: [1.0] * len(t))
    assert [t.number for t in best_of(trials, 2)] == [0, 1]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("has_progress", [False, True])
@pytest.mark.parametrize("until", [3, 99], ids=["first batch", "every batch"])
def test_a_batch_may_be_given_up_as_a_whole(tmp_path, value, has_progress, until):
    """Also with progress shown, and where the study is resumed before anything is complete."""
    shown: list[tuple[int, float]] = []

    def given_up(trials, proposals):
        return [value] * len(trials) if trials[0].number < until else parabola(trials, proposals)

    def on_batch(count: int, best: float) -> None:
        shown.append((count, best))

    told = on_batch if has_progress else None
    short = replace(PLAN, n_trials=3)
    run_study(short, tmp_path / "journal", suggest, given_up, told)
    trials = run_study(PLAN, tmp_path / "journal", suggest, given_up, told)
    assert {t.state.name for t in trials[:3]} == {"PRUNED"}
    assert len(best_of(trials)) == (1 if until == 3 else 0)
    if has_progress:
        assert sum(count for count, _ in shown) == 3 + 3 + 8
        assert np.isnan(shown[0][1])
        assert np.isnan(shown[-1][1]) == (until == 99)
