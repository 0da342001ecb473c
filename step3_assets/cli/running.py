"""Verbs that launch the main job or one of its parts through the Dagster definitions.

Belongs here: which jobs over which months, and the closing words. Does not belong here: any work of
an asset.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from step3_assets.cli.door import Given, refuse_invalid, refuse_too_short
from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import MONTH, in_order

if TYPE_CHECKING:
    pass

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


@dataclass(frozen=True)
class Step:
    """One Dagster job of a verb, over data months, test months, epochs, weeks or whole."""

    job: str
    months: str  # "data", "test", "epoch", "week" or "whole"
    selection: Sequence[str] | None = None
    ops: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # an op's own config


INGEST = Step("ingest", "data")
RESULTS = Step("results", "whole")
MAIN_JOB = (INGEST, Step("walk_forward", "test"), RESULTS)


@click.command()
@DELIVERY
@ACCEPT_WITHDRAWAL
@FROM
@TO
@WORKERS
def run(
    delivery: Path | None,
    accept_withdrawal: bool,
    first: str | None,
    last: str | None,
    workers: int | None,
) -> None:
    """Run the whole main job on a Step 2 delivery.

    Ingests and validates the delivery, cuts purged walk-forward folds, trains and calibrates every
    month's models, scores, gates and backtests, runs the portfolio beside its baselines, evaluates
    the acceptance criteria and writes the report. Months already done are made again, to the same
    bits.

    \b
    Examples:
        step3 run --delivery ../step2_out
        step3 run --from 2023-01 --to 2023-03      # three test months of the remembered delivery
    """
    launch(MAIN_JOB, Given(delivery, accept_withdrawal), first, last, workers)
    print_verdict()


@click.command("train-dataset")
@DELIVERY
@FROM
@TO
def train_dataset(delivery: Path | None, first: str | None, last: str | None) -> None:
    """Ingest a delivery and cut the purged walk-forward folds (events, bar_features, folds)."""
    launch([INGEST, Step("walk_forward", "test", ["folds"])], Given(delivery), first, last, None)


@click.command("train-models")
@FROM
@TO
@WORKERS
def train_models(first: str | None, last: str | None, workers: int | None) -> None:
    """Train and calibrate every fold's models, and the mock baseline, on the stored folds."""
    selection = ["calibrated_models", "mock_baseline"]
    launch([Step("walk_forward", "test", selection)], None, first, last, workers)


@click.command("walkforward-backtest")
@FROM
@TO
def walkforward_backtest(first: str | None, last: str | None) -> None:
    """Score and gate each test month, backtest it, then portfolio, verdict and report."""
    selection = ["scores", "fold_backtests"]
    launch([Step("walk_forward", "test", selection), RESULTS], None, first, last, None)
    print_verdict()


def launch(
    steps: Sequence[Step],
    given: Given | None,
    first: str | None,
    last: str | None,
    workers: int | None,
    weeks: tuple[date, date] | None = None,
) -> None:
    """Execute the steps in this process, in order; stop at the first that fails.

    A step over weeks takes those of `weeks`, first and last Monday. A delivery that was given is
    remembered once it is valid and long enough.

    Raises
    ------
    CommandFailed
        Naming the job, the step that failed and its message.
    """
    from dataclasses import replace

    from rich.console import Console

    in_order(first, last)

    from step3_assets.cli.installation import dagster_instance, prepare_home, remember_delivery
    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.resources import PlatformResource

    started = monotonic()
    given = given or Given()
    settings = given.settings(prepare_home())
    folder = settings.delivery
    if folder is None:
        raise CommandFailed("no delivery is set yet: give --delivery DIR, or run `step3 demo`")
    if workers is not None:
        settings = replace(settings, workers=workers)
    from step3_assets.definitions import build_defs
    from step3_assets.defs.partitions import partitions_for
    from step3_assets.defs.search.assets import epochs_of
    from step3_assets.domain.delivery import probe_months

    console = Console(stderr=True)
    console.print(f"step3 {folder} -> {settings.home}", markup=False, soft_wrap=True)
    progress = BarProgress(console)
    platform = PlatformResource(
        home=str(settings.home),
        workers=settings.workers,
        accept_withdrawal=given.accept_withdrawal,
    )
    if INGEST in steps or given.folder is not None:
        refuse_invalid(folder, settings.database, progress, given.accept_withdrawal)
    partitions = partitions_for(settings)
    data_first, data_last, _ = probe_months(folder)
    refuse_too_short(data_first, data_last, partitions.first_test_month)
    test_first, test_last = _test_range(partitions.first_test_month, data_last, first, last)
    if given.folder is not None:
        remember_delivery(settings, folder)
    overrides = {"progress": progress, "platform": platform}
    definitions = build_defs(settings, resource_overrides=overrides)
    ranges = {
        "data": (data_first, data_last),
        "test": (test_first, test_last),
        "epoch": epochs_of(test_first, test_last, settings.config.search.epoch_months),
        "week": weeks,
        "whole": None,
    }
    with dagster_instance(settings) as instance:
        for step in steps:
            _execute(definitions, instance, step, ranges[step.months], console)
    console.print(f"done in {monotonic() - started:.0f} s")


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


def _execute(definitions, instance, step: Step, months: tuple[date, date] | None, console) -> None:
    import dagster as dg

    from step3_assets.cli.dead_runs import PROCESS_TAG, process_mark
    from step3_assets.defs.partitions import partition_key

    tags = {PROCESS_TAG: process_mark()}
    if months is not None:
        tags |= {
            "dagster/asset_partition_range_start": partition_key(months[0]),
            "dagster/asset_partition_range_end": partition_key(months[1]),
        }
    result = definitions.resolve_job_def(step.job).execute_in_process(
        instance=instance,
        tags=tags,
        asset_selection=[dg.AssetKey(name) for name in step.selection] if step.selection else None,
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
        raise CommandFailed(_why(result, step))


def _why(result, step: Step) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            cause = error.cause or error
            failure = event.step_failure_data.user_failure_data
            text = failure.description if failure else cause.message
            return f"{event.step_key}: {_plain(str(text))}"
    return f"job {step.job} failed; see `step3 ui` for its log"


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


def _verdicts_of_the_run(result) -> list:
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
    from step3_assets.defs.resources import load_settings

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
