"""Figures of a study: history, importance, parallel coordinates.

Belongs here: Optuna's plots as PNG. Does not belong here: which studies are shown, figures of
results.
"""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_DPI = 70


def study_figures(trials: Sequence["FrozenTrial"], title: str) -> dict[str, bytes]:
    """PNG of each plot by name.

    Parameters
    ----------
    trials : sequence of FrozenTrial
        Trials of one study, in order.
    title : str
        Title above each plot.

    Returns
    -------
    dict of str to bytes
        ``history``; ``importance`` and ``parallel coordinates`` only if four complete trials have
        different values.
    """
    import optuna
    from matplotlib import pyplot as plt
    from optuna.visualization import matplotlib as plots

    with warnings.catch_warnings(), mpl.rc_context({"backend": "Agg"}):
        warnings.simplefilter("ignore")
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(direction="maximize")
        study.add_trials(trials)
        drawn = {"history": lambda: plots.plot_optimization_history(study)}
        values = {t.value for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"}
        if len(values) >= 4:
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
            drawn["importance"] = lambda: plots.plot_param_importances(study, evaluator=evaluator)
            drawn["parallel coordinates"] = lambda: plots.plot_parallel_coordinate(study)
        figures = {}
        for name, draw in drawn.items():
            draw()
            figure = plt.gcf()
            figure.set_size_inches(10 if name == "parallel coordinates" else 7, 4)
            figure.suptitle(title, fontsize=9)
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": ""})
            plt.close("all")
            figures[name] = buffer.getvalue()
        optuna.logging.set_verbosity(level)
    return figures
