"""The tuned platform compared with the defaults, on the same synthetic worlds.

Run: python benchmarks/tuned_worlds.py --out DIR [--planted 10] [--null 20] [--months 6]
         [--inner-months 24] [--model-trials 2] [--gate-trials 200] [--years 6] [--edge-bps 10]

Each world goes through the whole platform three times: with the documented settings; with the
settings that the nested search chose for each epoch from earlier months; and with the settings that
it would have chosen without requiring evidence (``search.max_p_value`` 1, the same trials). All are
compared with the oracle; differences are paired by world. The tuned platform should capture no less
on planted worlds and promote no more often on null worlds.

The documented search makes 16 model trials an epoch, which takes hours for one world. The options
reduce this, and every result records them. With one model trial the models are the documented ones
and the search chooses gate, sizes, risk limits and allocation. ``--k 0.8`` starts from a gate that
is much too strict and shows whether the search corrects it.

It prints a line after every world. Finished worlds are stored in DIR/worlds.jsonl with options and
code, and so is the search of the current world, so that a stopped run continues.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from step3_assets.config import GateConfig, SearchConfig, Step3Config
from step3_assets.domain.pipeline.main_job import PipelineResult
from step3_assets.domain.worlds import SyntheticWorld, WorldConfig

KNOBS = ("years", "edge_bps", "months", "inner_months", "model_trials", "gate_trials", "k")
ARMS = ("default", "tuned", "unproven")


def searching(base: Step3Config, knobs: dict[str, Any], **search: Any) -> Step3Config:
    """The settings with a search of this extent in force."""
    counts = {name: knobs[name] for name in ("inner_months", "model_trials", "gate_trials")}
    counts["min_inner_months"] = min(knobs["inner_months"], SearchConfig().min_inner_months)
    own = SearchConfig(is_enabled=True, **counts, **search)
    return base.model_copy(update={"search": own})


def run_arms(
    world: SyntheticWorld,
    n_months: int,
    config: Step3Config,
    searches: dict[str, Step3Config],
    folder: Path,
) -> tuple[list[date], dict[str, PipelineResult], dict[str, Any]]:
    """Test months, each platform by its name, and what the searches changed."""
    from step3_assets.domain.core.months import add_months, first_test_month, month_range
    from step3_assets.domain.delivery import probe_months, read_delivery
    from step3_assets.domain.pipeline.main_job import (
        MonthInputs,
        PipelineInputs,
        pipeline_result,
        run_month,
    )
    from step3_assets.domain.search.epoch_search import Workplace
    from step3_assets.domain.search.settings import settings_by_month, trading_hash
    from step3_assets.domain.search.walk import search_all
    from step3_assets.domain.statistics.trials import Trials
    from step3_assets.domain.step2.write import write_delivery

    with TemporaryDirectory() as scratch:
        write_delivery(world.delivery, Path(scratch))
        first, last, is_complete = probe_months(Path(scratch))
        delivery = read_delivery(Path(scratch))
    events, bars = delivery.events, delivery.bars
    start = first_test_month(first, is_complete, config.folds.train_months)
    data_start = add_months(start, -config.folds.train_months)
    months = month_range(start, last)[-n_months:]
    runs = [run_month(MonthInputs.cut(events, bars, m, config)) for m in months]
    plain = PipelineInputs(events, bars, months, config)
    found = {"default": pipeline_result(runs, plain)}
    made = {}
    for name, own in searches.items():
        tuned, ledger = search_all(events, bars, months, data_start, own, Workplace(folder))
        settings = settings_by_month(own, tuned, months)
        again = []
        for month, run in zip(months, runs, strict=True):
            trained = run if settings[month].models == config.models else None
            inputs = MonthInputs.cut(events, bars, month, settings[month])
            again.append(run_month(inputs, trained))
        shown = {trading_hash(one) for one in settings.values()}
        trials = Trials.from_ledger(ledger, shown, months)
        tuned_inputs = replace(plain, config=own, settings=settings, trials=trials)
        found[name] = pipeline_result(again, tuned_inputs)
        made[name] = {
            "n_changed": int((~tuned["is_default"].astype(bool)).sum()),
            "n_epochs": len(tuned),
            "n_trials": len(ledger),
            "p_values": [round(p, 4) for p in tuned["p_value"]],
        }
    return months, found, made


def outcomes(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Each world's outcomes, null and planted ones in turn; kept ones are read back."""
    from step3_assets.domain.pipeline.certification import value_decisions
    from step3_assets.domain.search.forecasts import code_hash
    from step3_assets.domain.worlds import simulate_world

    knobs = {name: getattr(arguments, name) for name in KNOBS}
    base = Step3Config(gate=GateConfig(k=knobs["k"]))
    searches = {
        "tuned": searching(base, knobs),
        "unproven": searching(base, knobs, max_p_value=1.0),
    }
    store = arguments.out / "worlds.jsonl"
    kept = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    mine = [row for row in kept if (row["knobs"], row["code"]) == (knobs, code_hash())]
    known = {(row["edge_bps"], row["seed"]): row for row in mine}
    wanted = [(knobs["edge_bps"], i, arguments.planted) for i in range(arguments.planted)]
    wanted += [(0.0, i, arguments.null) for i in range(arguments.null)]
    for edge, number, _ in sorted(wanted, key=lambda one: (one[1] + 0.5) / one[2]):
        seed = arguments.first_seed + number
        if (edge, seed) in known:
            yield known[edge, seed]
            continue
        started = time.process_time()
        world = simulate_world(WorldConfig(years=arguments.years, edge_bps=edge, seed=seed))
        folder = arguments.out / f"search_{edge:g}_{seed}"
        months, found, made = run_arms(world, arguments.months, base, searches, folder)
        row = {
            "knobs": knobs,
            "code": code_hash(),
            "edge_bps": edge,
            "seed": seed,
            **{name: asdict(value_decisions(world, one, months)) for name, one in found.items()},
            "searches": made,
            "cpu_s": round(time.process_time() - started, 1),
        }
        kept.append(row)
        partial = store.with_suffix(".part")
        partial.write_text("".join(json.dumps(one) + "\n" for one in kept))
        partial.replace(store)
        shutil.rmtree(folder)
        yield row


def show_world(row: dict[str, Any]) -> None:
    """One line."""
    texts = []
    for name in ARMS:
        one = row[name]
        worth = (
            f"{one['platform_total'] / one['oracle_total']:6.1%}" if row["edge_bps"] else "     "
        )
        verdict = "PROMOTE" if one["is_promoted"] else "nothing"
        changed = ""
        if search := row["searches"].get(name):
            changed = f", {search['n_changed']} of {search['n_epochs']} epochs changed"
            changed += f" (p {', '.join(f'{p:.2f}' for p in search['p_values'])})"
        texts.append(f"{name} {worth}, {one['n_trades']:3d} trades, {verdict}{changed}")
    print(
        f"{row['edge_bps']:4g} bps, seed {row['seed']}: {'; '.join(texts)}; {row['cpu_s']:.0f} s",
        flush=True,
    )


def show_pooled(rows: list[dict[str, Any]]) -> None:
    """Captures and their paired differences over the worlds so far, and promotions."""
    for planted in (True, False):
        mine = [row for row in rows if (row["edge_bps"] > 0) == planted]
        if not mine:
            continue
        print(f"  {len(mine)} {'planted' if planted else 'null'} worlds", flush=True)
        oracle = np.array([row["default"]["oracle_total"] for row in mine])
        totals = {n: np.array([row[n]["platform_total"] for row in mine]) for n in ARMS}
        drawn = np.random.default_rng(0).integers(len(mine), size=(4000, len(mine)))
        for name in ARMS:
            text = f"    {name:9s} promoted {sum(row[name]['is_promoted'] for row in mine)}"
            if planted:
                text += f", captured {totals[name].sum() / oracle.sum():.1%}"
            if planted and name != "default":
                gain = totals[name] - totals["default"]
                sums = gain[drawn].sum(axis=1) / oracle[drawn].sum(axis=1)
                low, high = np.quantile(sums, [0.025, 0.975])
                text += f", {gain.sum() / oracle.sum():+.1%} against the default (95 % interval "
                text += f"over worlds {low:+.1%} to {high:+.1%})"
            print(text, flush=True)


def main() -> None:
    """Run the worlds that are not there yet and print all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--null", type=int, default=20)
    parser.add_argument("--edge-bps", type=float, default=10.0)
    parser.add_argument("--years", type=float, default=6.0)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--inner-months", type=int, default=24)
    parser.add_argument("--model-trials", type=int, default=2)
    parser.add_argument("--gate-trials", type=int, default=200)
    parser.add_argument("--k", type=float, default=GateConfig().k, help="of the settings to beat")
    parser.add_argument("--first-seed", type=int, default=1000)
    arguments = parser.parse_args()

    from threadpoolctl import threadpool_limits

    arguments.out.mkdir(parents=True, exist_ok=True)
    print(", ".join(f"{name} {getattr(arguments, name):g}" for name in KNOBS), flush=True)
    rows = []
    with threadpool_limits(limits=1):
        for row in outcomes(arguments):
            rows.append(row)
            show_world(row)
            show_pooled(rows)


if __name__ == "__main__":
    main()
