"""``step3 registry``: show the model registry, promote a model, roll back.

Belongs here: finding the model that an argument names, printing. Does not belong here: the
conditions of a change (:mod:`step3_assets.domain.registry.promotion`).
"""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import TEXT

if TYPE_CHECKING:
    from rich.console import Console

    from step3_assets.domain.registry.stages import Registry

REASON = click.option(
    "--reason",
    required=True,
    type=TEXT,
    metavar="TEXT",
    help="Why you do this; stored in the history.",
)
ROOM_FOR_REASONS = 100
"""Columns of a terminal below which a list leaves out the reason of each stage."""
BY = click.option(
    "--by",
    "who",
    type=TEXT,
    metavar="NAME",
    help="Name for the history [default: your account on this machine].",
)


@click.group()
def registry() -> None:
    """List, show, promote and roll back model versions.

    Every model version has a stage:

    \b
    candidate  the models of a fold, registered
    shadow     the newest candidate: observed, makes no decisions
    champion   the model that decides; there is at most one
    archived   retrained since, or no longer the champion

    `step3 run` registers every fold and moves the newest to the stage shadow. `step3 recalibrate`
    registers the refit of each week, which is used only while its base model is. Only a person
    promotes a model, and only if every acceptance criterion and every check of the leakage audit
    has passed on the data, settings and models that are stored now. The file
    step3_model_registry.json under STEP3_HOME holds the same registry.

    \b
    Examples:
        step3 registry list
        step3 registry list --weeks
        step3 registry show 2023-12
        step3 registry promote 2023-12 --reason "January goes live"
        step3 registry rollback --reason "fills were worse than modelled"
    """


def _marked(text: str) -> str:
    """A registered verdict, marked if the stored results have changed since."""
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import verdict_staleness
    from step3_assets.defs.settings import load_settings
    from step3_assets.domain.acceptance.staleness import STALE, dated_verdict

    if text.startswith(STALE):
        return text
    return dated_verdict(text, verdict_staleness(open_store(), load_settings().config))


def _print_verdict(console: "Console") -> None:
    """Print the verdict on the results that are stored now, beside the registered one."""
    from rich.markup import escape

    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import verdict_in_force
    from step3_assets.defs.settings import load_settings

    if text := verdict_in_force(open_store(), load_settings().config):
        console.print(f"{'verdict now':16}  {escape(text)}", soft_wrap=True)


@registry.command("list")
@click.option("--all", "is_all", is_flag=True, help="Also list archived versions.")
@click.option(
    "--weeks", "is_weeks", is_flag=True, help="List the weekly recalibrations instead of the folds."
)
def list_models(is_all: bool, is_weeks: bool) -> None:
    """List the model versions of folds that are not archived, newest first.

    The Brier scores of a fold are out of fold: one of the calibrated probability, one of the base
    rate alone. With --weeks, weekly recalibrations are listed, with the Brier scores on the labels
    that they were checked on.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.domain.registry.entries import FOLD, RECALIBRATION
    from step3_assets.domain.registry.summary import models_table, registry_summary

    stored = _stored()
    console = Console() if sys.stdout.isatty() else Console(width=160)
    for name, value in registry_summary(stored.models).items():
        console.print(f"{name:16}  {escape(value)}", soft_wrap=True)
    _print_verdict(console)
    rows = models_table(stored, RECALIBRATION if is_weeks else FOLD)
    if not is_all:
        rows = rows[rows["stage"] != "archived"]
    if console.width < ROOM_FOR_REASONS:
        rows = rows.drop(columns="because")  # `show` has it too
    table = Table(box=None, pad_edge=False)
    for name in rows.columns:
        table.add_column(name, no_wrap=name != "because")
    for row in rows.to_dict("records"):
        cells = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()]
        table.add_row(*map(escape, cells))
    console.print()
    console.print(table)


@registry.command()
@click.argument("model")
def show(model: str) -> None:
    """Show everything that the registry holds about MODEL, with its history.

    MODEL is a model's identifier or the beginning of it, a test month (2023-12), the Monday of a
    recalibrated week (2023-12-04), `champion` or `shadow`.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from step3_assets.domain.registry.stages import as_rows

    stored = _stored()
    row = find_model(stored, model)
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in row.items():
        if name != "criteria" and value is not None:
            text = _shown(name, value)
            table.add_row(name, escape(_marked(text) if name == "verdict" else text))
    console.print(table)
    criteria = Table(box=None, pad_edge=False)
    for name in ("", "criterion when registered", "value", "", "threshold"):
        criteria.add_column(name)
    for name, entry in json.loads(row["criteria"]).items():
        mark = "[green]pass[/]" if entry["is_passed"] else "[red]FAIL[/]"
        values = [_number(entry["value"]), entry["comparison"], _number(entry["threshold"])]
        criteria.add_row(mark, escape(name), *values)
    console.print()
    console.print(criteria)
    of_model = stored.transitions[stored.transitions["model_id"] == row["model_id"]]
    history = Table(box=None, pad_edge=False)
    for name in ("when (UTC)", "from", "to", "who", "why"):
        history.add_column(name, overflow="fold")
    for step in as_rows(of_model.sort_values("position")):
        when = f"{step['time_utc']:%Y-%m-%d %H:%M:%S}"
        moved = (step["from_stage"] or "new", step["to_stage"])
        history.add_row(when, *moved, escape(step["actor"]), escape(step["reason"]))
    console.print()
    console.print(history)


@registry.command()
@click.argument("model")
@REASON
@BY
def promote(model: str, reason: str, who: str | None) -> None:
    """Make MODEL the champion and archive the champion before it.

    Refused, with a list of everything that failed, unless every acceptance criterion and every
    check of the leakage audit passed on the delivery, settings and models that are stored now. When
    two people promote at the same time, the second one gets a message and nothing changes.

    \b
    Examples:
        step3 registry promote shadow --reason "January goes live"
        step3 registry promote fold-2023-12-3f9c --reason "as decided on Friday" --by desk
    """
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import Request, promote_in_store
    from step3_assets.defs.settings import load_settings

    stored = _stored()
    row = find_model(stored, model)
    request = Request(reason, who or account(), _champion(stored))
    changed = promote_in_store(open_store(), load_settings(), row["model_id"], request)
    _print_changes(stored, changed)


@registry.command()
@REASON
@BY
def rollback(reason: str, who: str | None) -> None:
    """Make the previous champion the champion again.

    The criteria are not evaluated again: the model passed them when it was promoted. Its models
    must still be stored, unchanged.

    \b
    Example:
        step3 registry rollback --reason "slippage is twice the model's since Monday"
    """
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import Request, rollback_in_store
    from step3_assets.defs.settings import load_settings

    stored = _stored()
    request = Request(reason, who or account(), _champion(stored))
    changed = rollback_in_store(open_store(), load_settings(), request)
    _print_changes(stored, changed)


def find_model(stored: "Registry", name: str) -> dict[str, Any]:
    """The one model that the text identifies.

    Raises
    ------
    CommandFailed
        If no model matches, or several.
    """
    from step3_assets.domain.registry.stages import as_rows

    rows = as_rows(stored.models)
    if name in ("champion", "shadow"):
        found = [row for row in rows if row["stage"] == name and row["kind"] == "fold"]
    else:
        starts = (name, f"fold-{name}")
        if len(name) == len("YYYY-MM-DD"):
            starts += (f"recalibration-{name}",)
        found = [row for row in rows if row["model_id"].startswith(starts)]
        exact = [row for row in found if row["model_id"] == name]
        standing = [row for row in found if row["stage"] != "archived"]
        found = exact or standing or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandFailed(f"the registry has no {name}; `step3 registry list` shows every model")
    names = ", ".join(row["model_id"] for row in found[:5])
    raise CommandFailed(f"{name} may mean {len(found)} models: {names}; name one")


def account() -> str:
    """The account that runs this, for the history."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def _stored() -> "Registry":
    from step3_assets.cli.installation import open_store
    from step3_assets.defs.registry.registry_store import (
        REGISTRY_TABLES,
        read_registry,
        registry_file_problems,
    )
    from step3_assets.defs.settings import load_settings

    store = open_store()
    stored = read_registry(store)
    if stored.models.empty:
        raise CommandFailed(
            "no model is registered yet: `step3 run` registers the models of every fold"
        )
    for problem in [
        *store.altered(REGISTRY_TABLES),
        *registry_file_problems(store, load_settings()),
    ]:
        click.echo(f"WARNING: {problem}; see `step3 verify`", err=True)
    return stored


def _champion(stored: "Registry") -> str | None:
    return stored.champion["model_id"] if stored.champion else None


def _print_changes(before: "Registry", after: "Registry") -> None:
    new = after.transitions.sort_values("position").iloc[len(before.transitions) :]
    for step in new.to_dict("records"):
        click.echo(f"{step['model_id']}: {step['from_stage']} -> {step['to_stage']}")
    click.echo(f"champion: {_champion(after)}")


def _shown(name: str, value: Any) -> str:
    if name in ("libraries", "artefacts", "metrics", "features"):
        known = json.loads(value)
        if isinstance(known, list):
            return ", ".join(known)
        lines = ((k, f"{v:.6g}" if isinstance(v, float) else v) for k, v in known.items())
        return "\n".join(f"{k} {v}" for k, v in lines)
    if name == "parameters":
        return "\n".join(_lines(json.loads(value)))
    return str(value)


def _lines(settings: dict[str, Any], prefix: str = "") -> list[str]:
    """Settings, one per line, with the section as prefix."""
    lines = []
    for name, value in settings.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{prefix}{name} {'off' if text is None else text}")
    return lines


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
