"""``step3 audit``: the leakage audit of what is stored, as a table and an exit status.

Belongs here: launching the asset and printing its table. Does not belong here: a check
(:mod:`step3_assets.domain.audit`).
"""

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
@click.option("--stored", is_flag=True, help="Print the stored audit; run nothing.")
def audit(stored: bool) -> None:
    """Check the stored results for leakage: every known way to look better than they are.

    Checks the results of the last `step3 run`, then evaluates the acceptance criteria and writes
    the report again. A failed check fails the criterion `leakage_audit`. A sample of months is
    trained and scored again; every other check covers all rows.

    \b
    known_at              no model saw a column that is known after the decision
    signals_on_their_bars an event's signals come from bars that had ended
    prefix_rule           a delivery built from the bars up to T equals what is stored
    label_clock           decide at a bar's end, enter at the next open, exit within the horizon
    labels_computed_again first touch, exit, returns, outcome and cost follow from the bars
    every_month_counts    no month and no event is left out, not even a month without trades
    labels_are_final      nothing trains or trades on a label that may change
    purge_and_embargo     no training label reaches its test month; computed independently
    time_travel_models    models trained with a changed future are the same bytes
    time_travel_scores    scores made with changed outcomes are the same bits
    scores_computed_again scores and decisions follow from the stored models' numbers
    overlap_after_gate    a refused candidate does not block another one
    fills_at_opens        trades fill at the opens of their bars, with costs
    costs_paid            each trade paid its modelled cost on both sides
    weights_know_no_outcome  no weight of a training row is related to its outcome
    blocks_are_cross_fitted  nothing applied to an inner block has seen the block's outcomes
    shuffled_labels       a fold that is trained on shuffled labels predicts nothing
    single_feature_scan   no single feature predicts the outcome or the next bar implausibly well

    The exit status is 0 when every check passed, 1 otherwise.

    \b
    Examples:
        step3 audit
        step3 audit --stored && echo clean
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.cli.installation import open_store
    from step3_assets.cli.running import launch
    from step3_assets.cli.steps import RESULTS, Step
    from step3_assets.domain.audit.run import audit_verdict

    store = open_store()
    if not stored:
        assets = ["audit", "acceptance", "model_registry", "step3_report"]
        launch([Step(RESULTS.job, RESULTS.months, assets)])
    checks = store.read("audit").sort_values("position")
    if checks.empty:
        raise CommandFailed("no audit is stored yet: run `step3 audit`")
    table = Table(box=None, pad_edge=False)
    for column in ("", "check", "evidence"):
        table.add_column(column, overflow="fold")
    for row in checks.itertuples():
        mark = "[green]pass[/]" if row.is_passed else "[red]FAIL[/]"
        table.add_row(mark, escape(str(row.check)), escape(str(row.evidence)))
    console, verdict = Console(), audit_verdict(checks)
    console.print(table)
    console.print(f"\n[bold]{escape(verdict)}[/]", soft_wrap=True)
    if verdict.startswith("AUDIT FAILED"):
        raise SystemExit(1)
