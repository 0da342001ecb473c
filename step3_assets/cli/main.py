"""The ``step3`` command: the group of all verbs, each loaded when it is used.

Belongs here: the list of verbs and the text of ``step3 --help``. A verb's module is imported only
when the verb is used, so that help appears at once.
"""

import importlib
import os
import sys

import click

from step3_assets import __version__

# verb -> (module, attribute, one line of help)
VERBS = {
    "run": ("running", "run", "Run everything on a delivery, from ingest to verdict and report."),
    "demo": ("demo", "demo", "Run everything on a synthetic delivery."),
    "status": ("status", "status", "Show which tables and months are stored, and the verdict."),
    "report": ("status", "report", "Write the report again and print its path."),
    "trades": ("export", "trades", "Show the newest trades."),
    "export": ("export", "export", "Write a table to a csv or parquet file."),
    "audit": ("audit", "audit", "Check the stored results for leakage."),
    "registry": ("registry", "registry", "List, show, promote and roll back models."),
    "history": ("history", "history", "Every past verdict, with its data, settings and code."),
    "compare": ("history", "compare", "Two verdicts or two homes side by side."),
    "verify": (
        "verify",
        "verify",
        "Check that stored rows are as written, and compute them again.",
    ),
    "reproduce": ("reproduce", "reproduce", "Train a fold again and compare it bit by bit."),
    "ui": ("ui", "ui", "Open the Dagster UI on this installation."),
    "train-dataset": ("running", "train_dataset", "Ingest a delivery and cut purged folds."),
    "train-models": ("running", "train_models", "Train and calibrate every fold's models."),
    "walkforward-backtest": (
        "running",
        "walkforward_backtest",
        "Score, gate and backtest the folds; portfolio, verdict, report.",
    ),
    "optuna-search": (
        "optuna_search",
        "optuna_search",
        "Choose settings for each half-year from folds before it.",
    ),
    "shadow": ("shadow", "shadow", "Trade new data on paper, and compare with the backtest."),
    "recalibrate": (
        "recalibrate",
        "recalibrate",
        "Refit each week's calibrator, or all its models, and measure the gain.",
    ),
    "build-step2": ("build_step2", "build_step2", "Build a Step 2 delivery from bars."),
    "simulate": ("simulate", "simulate", "Simulate a market with a known edge, and its delivery."),
    "certify": ("certify", "certify", "Measure power and size on many synthetic worlds."),
    "cluster": ("cluster", "cluster", "Make certificates for a Dask cluster; list its workers."),
    "notify": ("notify", "notify", "Show who receives failure messages; send a test message."),
    "maintain": (
        "maintain",
        "maintain",
        "Keep the home small: forget old runs, compact the tables.",
    ),
    "backup": ("backup", "backup", "Copy the installation, with checksums, while it runs."),
    "restore": ("backup", "restore", "Restore a backup, after checking every hash."),
    "docs": ("docs", "docs", "Check, or write, the generated pages of the docs."),
    "validate": ("validate", "validate", "Load every definition; fail on any warning."),
}


class LazyGroup(click.Group):
    """A group that imports a verb's module when the verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order in which a new user needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        module, attribute, _ = VERBS[cmd_name]
        return getattr(importlib.import_module(f"step3_assets.cli.{module}"), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb's command; an unknown verb is refused with a suggestion."""
        if args and args[0] not in VERBS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], VERBS, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"there is no verb {args[0]!r}.{meant} `step3 --help` lists them.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per verb, without importing its module."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in VERBS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96}
)
@click.version_option(__version__, prog_name="step3")
def cli() -> None:
    """Step 3: from a Step 2 delivery to folds, models, backtests and a verdict.

    \b
    First time, without data of your own:
        step3 demo
    With a Step 2 delivery:
        step3 run --delivery path/to/step2_out
        step3 ui

    Everything that a run writes is under STEP3_HOME (default: ./data). The commands below launch
    the same assets and jobs that the Dagster UI shows. `step3 VERB --help` explains a command.
    """


MAKES_MONTHS = {
    "run", "demo", "train-dataset", "train-models", "walkforward-backtest", "optuna-search",
    "shadow", "recalibrate",
}  # fmt: skip


def main() -> None:
    """Run the command line; a known failure or a stop is one message, not a traceback."""
    from step3_assets.cli.failures import one_message
    from step3_assets.cli.stopping import GOES_ON, STOPPED, stoppable

    os.umask(0o077)  # what a verb writes, wherever, is its owner's alone
    verb = next((text for text in sys.argv[1:] if text in VERBS), "")
    with one_message(), stoppable(GOES_ON if verb in MAKES_MONTHS else STOPPED):
        cli()


if __name__ == "__main__":
    main()
