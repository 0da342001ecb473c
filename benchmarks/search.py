"""Speed of the nested search: gate trials a second, and compared with one study that always refits.

Run: python benchmarks/search.py --delivery DIR [--epoch 2023-07] [--gate-trials 100]
         [--model-trials 2]

Both sides search the same settings on the same inner months with one core; Optuna's own time is
included. The rival, with which ours is compared, is the simplest search: one study in which every
trial draws model, gate and portfolio settings and trains all inner folds. Ours trains each model
trial once and tries gate and portfolio settings on its forecasts; its throughput is computed from
the time of each kind of trial, in the configured proportion of model to gate trials. The rival runs
our model trials, and its objectives must equal ours. Time is processor time.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from step3_assets.config import SearchConfig, Step3Config
from step3_assets.domain.search.epochs import Epoch

BAR_TRIALS_PER_S = 20.0
BAR_RATIO = 10.0


def with_counts(model_trials: int, gate_trials: int) -> Step3Config:
    """The documented settings with so many trials."""
    counts = {"model_trials": model_trials, "gate_trials": gate_trials}
    return Step3Config(search=SearchConfig().model_copy(update=counts))


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """Result and processor seconds."""
    started = time.process_time()
    result = action()
    return result, time.process_time() - started


def rival(
    events: pd.DataFrame,
    bars: pd.DataFrame,
    epoch: Epoch,
    config: Step3Config,
    tried: list[dict[str, Any]],
) -> list[float]:
    """One study; every trial trains every inner fold. Objectives in order.

    The trials are given, so that both sides train the same trees.
    """
    import optuna

    from step3_assets.domain.decisions.decide import DecisionSettings
    from step3_assets.domain.decisions.scoring import score_fold
    from step3_assets.domain.execution.marking import MarkClock
    from step3_assets.domain.folds.build import FoldRows, build_fold
    from step3_assets.domain.models.training import train_fold
    from step3_assets.domain.portfolio.replay import Replay
    from step3_assets.domain.search import space
    from step3_assets.domain.search.epochs import known_before
    from step3_assets.domain.search.objective import Evaluation
    from step3_assets.domain.search.settings import SearchedSections, with_sections

    events, bars = known_before(events, bars, epoch.first)
    clock = MarkClock.from_bars(bars[bars["month"] >= epoch.inner[0]])

    def trial_value(trial: optuna.Trial) -> float:
        models = space.suggest_models(trial, config.models, config.search.space)
        _, own = space.suggest_trading(trial, config, config.search.space, 1)
        own = with_sections(own, SearchedSections(models=models))
        parts = []
        for month in epoch.inner:
            fold = build_fold(events, bars, month, own.folds)
            trained = train_fold(FoldRows(fold, events, bars, own.folds), own.models)
            settings = DecisionSettings(own.gate)
            parts.append(score_fold(trained.models, events, month, own.models, settings))
        scores = pd.concat(parts, ignore_index=True)
        replay = Replay.from_tables(scores, events, clock, epoch.inner)
        return Evaluation.of(replay.run(own), config.search).objective

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=config.search.seed)
    )
    for params in tried:
        study.enqueue_trial(params | space.default_trading_params(config, 1))
    study.optimize(trial_value, n_trials=len(tried))
    return [float(t.values[0]) for t in study.trials]


def main() -> None:
    """Measure both sides and print what they come to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delivery", type=Path, required=True)
    parser.add_argument("--epoch", default="2023-07")
    parser.add_argument("--gate-trials", type=int, default=100)
    parser.add_argument("--model-trials", type=int, default=2)
    arguments = parser.parse_args()

    from threadpoolctl import threadpool_limits

    from step3_assets.domain.core.months import first_test_month, parse_month
    from step3_assets.domain.delivery import probe_months, read_delivery
    from step3_assets.domain.search.epoch_search import Workplace, search_epoch
    from step3_assets.domain.search.epochs import make_epoch

    first, _, is_complete = probe_months(arguments.delivery)
    delivery = read_delivery(arguments.delivery)
    config = with_counts(arguments.model_trials, 1)
    start: date = first_test_month(first, is_complete, 0)
    epoch = make_epoch(parse_month(arguments.epoch), start, config.search, config.folds)
    print(f"epoch {epoch.first:%Y-%m}, {len(epoch.inner)} inner months, one core")
    with threadpool_limits(limits=1), tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder))
        data = (delivery.events, delivery.bars, epoch)
        # Laying out the months and the first gate trial are in the time of the model trials.
        found, models_s = timed(lambda: search_epoch(*data, config, place))
        longer = with_counts(arguments.model_trials, 1 + arguments.gate_trials)
        _, again_s = timed(lambda: search_epoch(*data, config, place))
        _, gates_s = timed(lambda: search_epoch(*data, longer, place))
        models = found.trials[found.trials["level"] == "model"]
        tried = [json.loads(text) for text in models["params"]]
        values, rival_s = timed(lambda: rival(*data, config, tried))
    ours = models["objective"].tolist()
    if not np.allclose(values, ours, rtol=1e-12, atol=1e-12):
        sys.exit(f"the same settings are worth {ours} here and {values} there")
    gate_s = (gates_s - again_s) / arguments.gate_trials
    model_s, rival_trial_s = models_s / arguments.model_trials, rival_s / arguments.model_trials
    usual = SearchConfig()
    trials = usual.model_trials + usual.gate_trials
    took = usual.model_trials * model_s + usual.gate_trials * gate_s
    ratio = trials / took * rival_trial_s
    print(f"model trial           {model_s:8.2f} s")
    print(f"gate trial            {gate_s * 1e3:8.2f} ms, {1 / gate_s:.0f} a second and core")
    print(f"one study, refitting  {rival_trial_s:8.2f} s a trial")
    print(
        f"{usual.model_trials} + {usual.gate_trials} trials take {took:.0f} s; the rival would "
        f"take {trials * rival_trial_s:.0f} s: {ratio:.1f} times as many trials in the same time"
    )
    print(f"the same trials are worth the same on both sides: {ours}")
    misses = []
    if 1 / gate_s < BAR_TRIALS_PER_S:
        misses.append(f"gate trials: {1 / gate_s:.0f} a second, {BAR_TRIALS_PER_S:.0f} asked for")
    if ratio < BAR_RATIO:
        misses.append(f"throughput: {ratio:.1f} times, {BAR_RATIO:.0f} asked for")
    if misses:
        sys.exit("; ".join(misses))


if __name__ == "__main__":
    main()
