"""``step3 verify``: stored rows compared with the manifest, and derived tables computed again.

Belongs here: printing the problems found, the exit status. Does not belong here: the comparison
(:mod:`step3_assets.defs.verification`).
"""

import click


@click.command()
@click.option("--rows-only", is_flag=True, help="Compare rows with the manifest; compute nothing.")
@click.option("--month", metavar="YYYY-MM", help="Compute only this test month again.")
def verify(rows_only: bool, month: str | None) -> None:
    """Say whether what is stored is what was written, and follows from what it rests on.

    \b
    rows        every row of every table has the content hash that was noted when it was written
    made from   every result was made from the rows stored now, with these settings, by this code
    again       folds, the mock baseline, gates, scores, backtests, portfolio, statistics, audit,
                criteria, monitoring and importances, computed again from stored models, events and
                bars, are the stored ones to the bit
    models      those of one month (another one each day, or --month) are trained again
    registry    step3_model_registry.json says what the table says

    The exit status is 0 when everything agrees, 1 otherwise.

    \b
    Examples:
        step3 verify
        step3 verify --month 2023-12
        step3 verify --rows-only || step3 restore --from /backups/step3.zip
    """
    from rich.console import Console
    from rich.markup import escape

    from step3_assets.cli.failures import CommandFailed
    from step3_assets.cli.installation import open_store
    from step3_assets.cli.progress import BarProgress
    from step3_assets.defs.settings import load_settings
    from step3_assets.defs.verification import STEPS, verify_store
    from step3_assets.domain.core.months import parse_month

    try:
        only = parse_month(month) if month else None
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    store, console = open_store(), Console()
    steps = ["rows"] if rows_only else list(STEPS)
    n_problems = 0
    with BarProgress(Console(stderr=True)).track("verify", len(steps)) as advance:
        for step, problems in verify_store(store, load_settings(), steps, only):
            advance(1)
            mark = "[red]DIFFERS[/]" if problems else "[green]agrees[/]"
            console.print(f"{mark}  {step}: {STEPS[step].text}", soft_wrap=True)
            for problem in problems:
                console.print(f"  - {escape(problem)}", soft_wrap=True)
            n_problems += len(problems)
    if n_problems:
        console.print(f"\n[bold]{n_problems} difference(s).[/]")
        raise SystemExit(1)
    console.print("\n[bold]Everything that was looked at agrees.[/]")
