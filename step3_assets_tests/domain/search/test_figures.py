"""Optuna's plots as PNG, and none where there is nothing to compare."""

import optuna
from optuna.trial import create_trial

from step3_assets.domain.search.figures import study_figures

DISTRIBUTIONS = {"x": optuna.distributions.FloatDistribution(0.0, 1.0)}


def trials(values: list[float]) -> list:
    return [
        create_trial(params={"x": i / 10}, distributions=DISTRIBUTIONS, value=v)  # type: ignore[arg-type]
        for i, v in enumerate(values)
    ]


def test_every_plot_is_a_png():
    figures = study_figures(trials([0.1, 0.5, 0.2, 0.9, 0.3]), "2021-01")
    assert set(figures) == {"history", "importance", "parallel coordinates"}
    assert all(png.startswith(b"\x89PNG") for png in figures.values())


def test_equal_trials_have_no_importance():
    assert set(study_figures(trials([1.0] * 6), "2021-01")) == {"history"}
