"""``step3 history`` and ``step3 compare``: past verdicts, listed and compared.

Belongs here: arguments and printing. Does not belong here: what is stored about a verdict
(:mod:`step3_assets.domain.registry.past_verdicts`), the content of a comparison
(:mod:`step3_assets.domain.report.comparison`).
"""

import json
from pathlib import Path
from typing import Any

import click

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.values import TEXT

DATABASE = "step3.duckdb"


@click.command()
@click.option("--last", "count", type=click.IntRange(1), default=20, show_default=True)
def history(count: int) -> None:
    """List the verdicts that were given here, the newest last.

    Each run that judges keeps its verdict with the data, settings and code it was given on;
    nothing is overwritten. `step3 compare` puts two of them side by side.

    \b
    Examples:
        step3 history
        step3 compare previous latest
    """
    from rich.console import Console
    from rich.markup import escape

    from step3_assets.cli.installation import open_store

    past = open_store().read("verdicts").sort_values("position")
    if past.empty:
        raise CommandFailed("no verdict is kept here yet; `step3 run` gives one")
    console = Console(highlight=False)
    for row in past.tail(count).to_dict("records"):
        calmar = json.loads(row["metrics"]).get("calmar")
        made_of = (
            f"dataset {row['dataset_version'][:8]}",
            f"settings {row['config_hash'][:8]}",
            f"code {row['code_version']}",
            f"{row['first_month']:%Y-%m} to {row['last_month']:%Y-%m}",
            "" if calmar is None else f"Calmar {calmar:.2f}",
        )
        console.print(
            f"[bold]{row['position']}[/]  {row['judged_utc']:%Y-%m-%d %H:%M} UTC  "
            f"{row['verdict_id']}  {escape(row['verdict'])}",
            soft_wrap=True,
        )
        console.print(f"   {', '.join(filter(None, made_of))}", soft_wrap=True)
    console.print(f"{min(count, len(past))} of {len(past)} verdicts")


@click.command()
@click.argument("first", type=TEXT)
@click.argument("second", type=TEXT)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the page to this HTML file; it must not exist.",
)
def compare(first: str, second: str, out: Path | None) -> None:
    """Put two verdicts side by side: data, settings, criteria, metrics, growth, trades.

    FIRST and SECOND are each the folder of a home (its latest verdict), `latest`, `previous`, a
    number of `step3 history`, or the first characters of an identity, dataset, settings, code or
    models hash, of which the newest verdict is taken.

    \b
    Examples:
        step3 compare previous latest
        step3 compare 3 latest --out compare.html
        step3 compare ~/step3 ~/step3-trial
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from step3_assets.defs.settings import load_settings
    from step3_assets.domain.report.comparison import comparison_page
    from step3_assets.domain.report.html import render_html
    from step3_assets.domain.statistics.bootstrap import Resampling
    from step3_assets.storage.files import replace_file

    if out is not None and out.exists():
        raise CommandFailed(f"{out} exists already; name another file with --out")
    if out is not None and not out.absolute().parent.is_dir():
        raise CommandFailed(f"--out {out}: there is no folder {out.parent}")
    sides = [_verdict_of(name) for name in (first, second)]
    settings = load_settings().config.statistics
    resampling = Resampling(settings.level, settings.n_resamples, settings.seed)
    page = comparison_page(sides[0], sides[1], resampling)
    Console().print(Markdown(page))
    if out is not None:
        is_synthetic = any(bool(side["is_synthetic"]) for side in sides)
        html = render_html(page, {}, {}, is_synthetic=is_synthetic)
        replace_file(out.absolute(), html.encode())
        click.echo(f"page      {out}")


def _verdict_of(name: str) -> dict[str, Any]:
    """The verdict that an argument names: of a home's folder, or of this home."""
    from step3_assets.cli.installation import open_store
    from step3_assets.domain.registry.past_verdicts import find_verdict
    from step3_assets.storage.store import Store

    folder = Path(name).expanduser()
    if not folder.is_dir():
        return find_verdict(open_store().read("verdicts"), name)
    if not (folder / DATABASE).is_file():
        raise CommandFailed(f"{folder} is no home: it holds no {DATABASE}")
    store = Store(folder / DATABASE)
    store.ensure_tables()
    return find_verdict(store.read("verdicts"), "latest")
