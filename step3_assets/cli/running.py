"""Verbs that launch the main job or one of its parts through the Dagster definitions.

Belongs here: which jobs run over which months, and the final message. Does not belong here: any
work of an asset.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from step3_assets.cli.door import Given, refuse_invalid, refuse_too_short
from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.steps import INGEST, MAIN_JOB, RESULTS, Step
from step3_assets.cli.values import MONTH, in_order

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import Console

    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.up_to_date import Work

DELIVERY = click.option(
    "--delivery",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the Step 2 delivery (events/, bar_features/, meta/). Remembered in step3.toml.",
)
ACCEPT_WITHDRAWAL = click.option(
    "--accept-withdrawal",
    is_flag=True,
    help="Take a delivery that no longer holds a stored symbol, month or last bars; remove them.",
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes that train months side by side [default: the cores].",
)
FROM = click.option(
    "--from",
    "first",
    type=MONTH,
    metavar="YYYY-MM",
    help="First test month [default: the first with a full training window before it].",
)
TO = click.option(
    "--to", "last", type=MONTH, metavar="YYYY-MM", help="Last test month [default: last of data]."
)


FORCE = click.option(
    "--force", "is_forced", is_flag=True, help="Make everything again, also what has not changed."
)


@dataclass(frozen=True)
class Order:
    """What a verb asks for, besides its steps.

    Parameters
    ----------
    given : Given
        The delivery.
    first, last : str, optional
        Test months, or epochs.
    workers : int, optional
    weeks : tuple of date, optional
        First and last Monday of a step over weeks.
    is_forced : bool
        Also what is up to date is made again.
    progress : BarProgress, optional
        Where a bar is open already.
    """

    given: Given = field(default_factory=Given)
    first: str | None = None
    last: str | None = None
    workers: int | None = None
    weeks: tuple[date, date] | None = None
    is_forced: bool = False
    progress: "BarProgress | None" = None


@click.command()
@DELIVERY
@ACCEPT_WITHDRAWAL
@FROM
@TO
@WORKERS
@FORCE
def run(
    delivery: Path | None,
    accept_withdrawal: bool,
    first: str | None,
    last: str | None,
    workers: int | None,
    is_forced: bool,
) -> None:
    """Run the whole main job on a Step 2 delivery.

    Ingests and validates the delivery, cuts purged walk-forward folds, trains and calibrates every
    month's models, scores, gates and backtests, runs the portfolio beside its baselines, evaluates
    the acceptance criteria and writes the report.

    What is stored already is made again only if its inputs, its settings or the code have changed,
    or its rows are not as they were written. A run that was stopped goes on where it was.

    \b
    Examples:
        step3 run --delivery ../step2_out
        step3 run                                  # what has changed since
        step3 run --from 2023-01 --to 2023-03      # three test months of the remembered delivery
        step3 run --force                          # everything again, to the same bits
    """
    launch(
        MAIN_JOB,
        Order(Given(delivery, accept_withdrawal), first, last, workers, is_forced=is_forced),
    )
    print_verdict()


@click.command("train-dataset")
@DELIVERY
@FROM
@TO
@FORCE
def train_dataset(
    delivery: Path | None, first: str | None, last: str | None, is_forced: bool
) -> None:
    """Ingest a delivery and cut the purged walk-forward folds (events, bar_features, folds)."""
    steps = [INGEST, Step("walk_forward", "test", ["folds"])]
    launch(steps, Order(Given(delivery), first=first, last=last, is_forced=is_forced))


@click.command("train-models")
@FROM
@TO
@WORKERS
@FORCE
def train_models(first: str | None, last: str | None, workers: int | None, is_forced: bool) -> None:
    """Train and calibrate every fold's models, and the mock baseline, on the stored folds."""
    selection = ["calibrated_models", "mock_baseline"]
    order = Order(first=first, last=last, workers=workers, is_forced=is_forced)
    launch([Step("walk_forward", "test", selection)], order)


@click.command("walkforward-backtest")
@FROM
@TO
@FORCE
def walkforward_backtest(first: str | None, last: str | None, is_forced: bool) -> None:
    """Score and gate each test month, backtest it, then portfolio, verdict and report."""
    selection = ["scores", "fold_backtests"]
    order = Order(first=first, last=last, is_forced=is_forced)
    launch([Step("walk_forward", "test", selection), RESULTS], order)
    print_verdict()


def launch(steps: Sequence[Step], order: Order | None = None) -> None:
    """Execute the steps in this process, in order; stop at the first that fails.

    Of the main job only what is not up to date is made. A delivery that was given is remembered
    once it is valid and long enough.

    Raises
    ------
    CommandFailed
        Naming the job, the step that failed and its message.
    """
    from rich.console import Console

    order = order or Order()
    in_order(order.first, order.last)

    from step3_assets.cli.installation import dagster_instance, prepare_home, remember_delivery
    from step3_assets.cli.progress import BarProgress
    from step3_assets.cli.todo import Todo
    from step3_assets.defs.resources import PlatformResource

    started = monotonic()
    given = order.given
    settings = given.settings(prepare_home())
    folder = settings.delivery
    if folder is None:
        raise CommandFailed("no delivery is set yet: give --delivery DIR, or run `step3 demo`")
    if order.workers is not None:
        settings = replace(settings, workers=order.workers)
    from step3_assets.definitions import build_defs
    from step3_assets.defs.partitions import partitions_for
    from step3_assets.defs.search.assets import epochs_of
    from step3_assets.domain.delivery import probe_months

    console = order.progress.console if order.progress else Console(stderr=True)
    console.print(f"step3 {folder} -> {settings.home}", markup=False, soft_wrap=True)
    progress = order.progress or BarProgress(console)
    platform = PlatformResource(
        home=str(settings.home),
        workers=settings.workers,
        accept_withdrawal=given.accept_withdrawal,
    )
    with progress.overall():
        if INGEST in steps or given.folder is not None:
            refuse_invalid(folder, settings.database, progress, given.accept_withdrawal)
        partitions = partitions_for(settings)
        data_first, data_last, _ = probe_months(folder)
        refuse_too_short(data_first, data_last, partitions.first_test_month)
        test = _test_range(partitions.first_test_month, data_last, order.first, order.last)
        if given.folder is not None:
            remember_delivery(settings, folder)
        ranges = {
            "data": (data_first, data_last),
            "test": test,
            "epoch": epochs_of(*test, settings.config.search.epoch_months),
            "week": order.weeks,
            "whole": None,
        }
        definitions = build_defs(
            settings, resource_overrides={"progress": progress, "platform": platform}
        )
        todo = Todo(steps, settings, ranges, progress, is_forced=order.is_forced)
        n_runs = 0
        with dagster_instance(settings) as instance:
            for step, work in todo.works():
                n_runs += 1
                for why in work.why:
                    console.print(f"  {why}", markup=False, highlight=False, soft_wrap=True)
                _execute(definitions, instance, step, work, console)
    seconds = f"{monotonic() - started:.0f} s"
    if n_runs:
        console.print(f"done in {seconds}")
    else:
        console.print(
            f"nothing changed: every row is as it was written and what would be made now ({seconds}"
            "; --force makes it again)"
        )


def _test_range(
    earliest: date, latest: date, first: str | None, last: str | None
) -> tuple[date, date]:
    from step3_assets.domain.core.months import month_label, parse_month

    try:
        start = parse_month(first) if first else earliest
        end = parse_month(last) if last else latest
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    if not earliest <= start <= end <= latest:
        raise CommandFailed(
            f"test months {month_label(start)} to {month_label(end)} are not within "
            f"{month_label(earliest)} to {month_label(latest)} (--from and --to; the first month "
            "needs a full training window before it)"
        )
    return start, end


def _execute(
    definitions: "dg.Definitions",
    instance: "dg.DagsterInstance",
    step: Step,
    work: "Work",
    console: "Console",
) -> None:
    import dagster as dg

    from step3_assets.cli.dead_runs import PROCESS_TAG, process_mark
    from step3_assets.defs.partitions import range_tags

    tags = {PROCESS_TAG: process_mark()}
    if work.months is not None:
        tags |= range_tags(*work.months)
    result = definitions.resolve_job_def(work.job).execute_in_process(
        instance=instance,
        tags=tags,
        asset_selection=[dg.AssetKey(name) for name in work.assets] or None,
        run_config={
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            "ops": {name: {"config": dict(values)} for name, values in step.ops.items()},
        },
        raise_on_error=False,
    )
    for evaluation in _verdicts_of_the_run(result):
        if not evaluation.passed:
            style = "red" if evaluation.blocking else "yellow"
            name = f"{evaluation.asset_key.to_user_string()}.{evaluation.check_name}"
            problems = evaluation.metadata.get("problems")
            count = int(str(problems.value)) if problems else 1
            more = f" (and {count - 1} more, in the UI)" if count > 1 else ""
            console.print(
                f"  [{style}]check {name}[/]: {evaluation.description or 'failed'}{more}",
                soft_wrap=True,
            )
    if not result.success:
        raise CommandFailed(_why(result, work.job))


def _why(result: "dg.ExecuteInProcessResult", job: str) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            cause = error.cause or error
            failure = event.step_failure_data.user_failure_data
            text = failure.description if failure else cause.message
            return f"{event.step_key}: {_plain(str(text))}"
    return f"job {job} failed; see `step3 ui` for its log"


def _plain(text: str) -> str:
    """An error's message; the class name is left out where the error is one of the program's.

    Examples
    --------
    >>> _plain("step3_assets.domain.delivery.DeliveryError: refused")
    'refused'
    >>> _plain("KeyError: 'close'")
    "KeyError: 'close' (`step3 ui` has the run's log)"
    """
    message = re.sub(r"^(step3_assets[\w.]*|ValueError): ", "", text.strip())
    is_known = message != text.strip() or not re.match(r"[\w.]+(Error|Exception): ", message)
    return message if is_known else f"{message} (`step3 ui` has the run's log)"


def _verdicts_of_the_run(result: "dg.ExecuteInProcessResult") -> list:
    """One evaluation a check: that of the whole range, not those of its months beside it."""
    evaluations = result.get_asset_check_evaluations()
    ranges = {e.asset_check_key for e in evaluations if e.partition is None}
    return [e for e in evaluations if e.partition is None or e.asset_check_key not in ranges]


def print_verdict() -> None:
    """The closing words: verdict, criteria, where the report and the UI are."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import verdict_in_force
    from step3_assets.defs.settings import load_settings

    settings, store = load_settings(), open_store()
    acceptance = store.read("acceptance").sort_values("position")
    console = Console()
    table = Table(title=None, box=None, pad_edge=False)
    for column in ("", "criterion", "evidence"):
        table.add_column(column, overflow="fold")
    for row in acceptance.itertuples():
        mark = "[green]pass[/]" if row.is_passed else "[red]FAIL[/]"
        table.add_row(mark, escape(str(row.criterion)), escape(str(row.evidence)))
    console.print()
    console.print(f"[bold]{escape(verdict_in_force(store, settings.config))}[/]", soft_wrap=True)
    console.print(table)
    console.print(
        f"\nReport  {settings.report_dir / 'step3_report.html'}", markup=False, soft_wrap=True
    )
    console.print("UI      step3 ui", soft_wrap=True)
