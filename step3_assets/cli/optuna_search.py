"""``step3 optuna-search``: run the nested search and show its result.

Belongs here: which epochs and how many trials, the final table. Does not belong here: the search
(:mod:`step3_assets.domain.search`).
"""

from pathlib import Path

import click

from step3_assets.cli.door import Given
from step3_assets.cli.running import DELIVERY, WORKERS, Order, launch
from step3_assets.cli.steps import INGEST, Step
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
    help="Gate and portfolio trials per epoch [default: 200, config.search.gate_trials].",
)
@click.option(
    "--model-trials",
    type=click.IntRange(1),
    help="Model trials per epoch, the slow ones [default: 16, config.search.model_trials].",
)
@WORKERS
@click.option(
    "--ingest/--no-ingest",
    default=None,
    help="Ingest the delivery first [default: yes with --delivery].",
)
def optuna_search(
    delivery: Path | None,
    epochs: str | None,
    trials: int | None,
    model_trials: int | None,
    workers: int | None,
    ingest: bool | None,
) -> None:
    """Choose settings for each epoch (calendar half-year) from data before that epoch only.

    Each model setting is trained on the 24 months before the epoch, once. Gate, sizing and risk
    settings are then tried on the resulting forecasts, and the best of them with every allocation
    method. Nothing that became known in or after the epoch is used. The default settings stay
    unless a trial is clearly better. Every trial is stored in the table `trials`; the number of
    trials lowers the deflated Sharpe ratio.

    The chosen settings are stored in `tuned_params`. They are used only after you set in
    step3.toml:

    \b
        [config.search]
        is_enabled = true

    and run `step3 run`, which makes the months again. A search that was killed continues where it
    stopped and gives the same result. Its journal is search/optuna.journal under STEP3_HOME; open
    it with optuna-dashboard.

    \b
    Examples:
        step3 optuna-search                              # every epoch: several hours on 2 cores
        step3 optuna-search --epochs 2023-01 --trials 50 --model-trials 4
        step3 optuna-search --delivery ../step2_out --epochs 2022-01:2023-12 --workers 2
    """
    first, _, last = (epochs or "").partition(":")
    counts = {"gate_trials": trials, "model_trials": model_trials}
    asked = {name: count for name, count in counts.items() if count is not None}
    search = Step("search", "epoch", ops={"tuned_params": asked} if asked else {})
    is_ingesting = ingest if ingest is not None else delivery is not None
    steps = [INGEST, search] if is_ingesting else [search]
    launch(
        steps,
        Order(Given(delivery), first=first or None, last=last or first or None, workers=workers),
    )
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
