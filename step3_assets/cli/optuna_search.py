"""``step3 optuna-search``: the nested search, launched and shown.

Belongs here: which epochs and how many trials, the closing table. Does not belong here: the search
(:mod:`step3_assets.domain.search`).
"""

from pathlib import Path

import click

from step3_assets.cli.running import DELIVERY, INGEST, WORKERS, Given, Step, launch
from step3_assets.cli.values import MONTHS

SEARCHED = ("k", "phi", "method", "size_frac", "kill_drawdown_frac", "allocation")
SEARCHED += ("max_depth", "num_leaves", "n_rounds", "ev_struct")


@click.command("optuna-search")
@DELIVERY
@click.option(
    "--epochs",
    type=MONTHS,
    metavar="YYYY-MM[:YYYY-MM]",
    help="Search the epochs that hold these test months [default: every one].",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    help="Gate and portfolio trials an epoch [default: 200, config.search.gate_trials].",
)
@click.option(
    "--model-trials",
    type=click.IntRange(1),
    help="Model trials an epoch, the slow ones [default: 16, config.search.model_trials].",
)
@WORKERS
@click.option("--ingest/--no-ingest", default=None, help="Ingest first [default: with --delivery].")
def optuna_search(
    delivery: Path | None,
    epochs: str | None,
    trials: int | None,
    model_trials: int | None,
    workers: int | None,
    ingest: bool | None,
) -> None:
    """Choose settings for each epoch (calendar half-year) from folds wholly before it.

    Model settings are trained once for each of the 24 months before the epoch and kept; gate, size
    and risk settings are tried on those forecasts, the best of them under every allocation.
    Nothing that became known in or after the epoch is looked at, and the documented settings stay
    unless a trial is clearly better. Every trial lands in the table `trials`, whose count deflates
    the Sharpe ratio.

    The choice is stored in `tuned_params` and used by nobody until step3.toml says so:

    \b
        [config.search]
        is_enabled = true

    and `step3 run` makes the months again. A search that was killed goes on where it was and ends
    as if it had not been. Its journal is search/optuna.journal under STEP3_HOME, which
    optuna-dashboard opens.

    \b
    Examples:
        step3 optuna-search                              # every epoch: some hours on 2 cores
        step3 optuna-search --epochs 2023-01 --trials 50 --model-trials 4
        step3 optuna-search --delivery ../step2_out --epochs 2022-01:2023-12 --workers 2
    """
    first, _, last = (epochs or "").partition(":")
    counts = {"gate_trials": trials, "model_trials": model_trials}
    asked = {name: count for name, count in counts.items() if count is not None}
    search = Step("search", "epoch", ops={"tuned_params": asked} if asked else {})
    is_ingesting = ingest if ingest is not None else delivery is not None
    steps = [INGEST, search] if is_ingesting else [search]
    launch(steps, Given(delivery), first or None, (last or first) or None, workers)
    _print_choice()


def _print_choice() -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    from step3_assets.cli.installation import open_store

    store = open_store()
    rows, trials = store.read("tuned_params"), store.read("trials", columns=["config_hash"])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("epoch", "objective", "documented", "by luck", "chosen", *SEARCHED):
        table.add_column(name, justify="right")
    for row in rows.to_dict("records"):
        params = json.loads(row["params"])
        chosen = "documented" if row["is_default"] else "searched"
        table.add_row(
            f"{row['epoch']:%Y-%m}",
            f"{row['objective']:.3f}",
            f"{row['default_objective']:.3f}",
            f"{row['p_value']:.2f}",
            chosen,
            *(f"{v:.3g}" if isinstance(v := params.get(n), float) else str(v) for n in SEARCHED),
        )
    Console(width=140).print(table)
    click.echo(
        f"\nTrials    {len(trials)}, {trials['config_hash'].nunique()} configurations in all"
    )
    click.echo("Used by   nobody, unless step3.toml has [config.search] is_enabled = true")
