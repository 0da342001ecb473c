"""``step3 docs``: write the generated pages, or fail when they are out of date.

Belongs here: which pages are generated. Their content comes from the catalogue, the definitions and
the report's sections.
"""

from pathlib import Path

import click

from step3_assets.cli.failures import CommandFailed

PAGES = ("architecture.md", "models.md", "report.md")


@click.command()
@click.option("--write", "is_write", is_flag=True, help="Write the pages instead of comparing.")
@click.option(
    "--docs-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path("docs"),
    show_default=True,
)
def docs(is_write: bool, docs_dir: Path) -> None:
    """Compare the generated pages with the code; with --write, bring them up to date."""
    missing = [n for n in PAGES if not (docs_dir / n).is_file()]
    if missing:
        raise CommandFailed(
            f"{docs_dir} lacks {missing[0]}: run this in the repository, or name --docs-dir"
        )
    stale = []
    for path, text in generated_pages(docs_dir).items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(str(path))
        if is_write:
            path.write_text(text, "utf-8")
            click.echo(f"wrote {path}")
    if stale and not is_write:
        raise CommandFailed(f"out of date: {', '.join(stale)}; run `step3 docs --write` and commit")


def generated_pages(docs_dir: Path) -> dict[Path, str]:
    """Each generated page and its expected text."""
    import tempfile
    from dataclasses import replace

    from step3_assets.config import Step3Config
    from step3_assets.definitions import build_defs
    from step3_assets.defs import graph_page
    from step3_assets.defs.settings import load_settings
    from step3_assets.docgen import (
        audit_checks,
        criteria_table,
        drift_metrics,
        report_sections,
        settings_table,
        statistics_page,
        trading_plugins,
    )
    from step3_assets.docgen.data_dictionary import data_dictionary_markdown
    from step3_assets.domain.registry.document import document_schema

    with tempfile.TemporaryDirectory() as home:
        settings = replace(load_settings(Path(home)), delivery=None, config=Step3Config())
        graph = graph_page.asset_graph_markdown(build_defs(settings))
    parts = (
        ("architecture.md", graph_page.BEGIN, graph),
        ("audit.md", audit_checks.BEGIN, audit_checks.audit_checks_markdown()),
        ("execution.md", criteria_table.BEGIN, criteria_table.criteria_markdown()),
        ("execution.md", trading_plugins.RULES_BEGIN, trading_plugins.risk_rules_markdown()),
        ("execution.md", trading_plugins.METHODS_BEGIN, trading_plugins.sizing_methods_markdown()),
        ("models.md", settings_table.BEGIN, settings_table.settings_markdown()),
        ("monitoring.md", drift_metrics.BEGIN, drift_metrics.drift_metrics_markdown()),
        ("statistics.md", statistics_page.BEGIN, statistics_page.statistics_markdown()),
        ("report.md", report_sections.BEGIN, report_sections.sections_markdown()),
    )
    pages = {
        docs_dir / "data_dictionary.md": data_dictionary_markdown(),
        docs_dir / "registry.schema.json": document_schema(),
    }
    for name, begin, text in parts:
        page = docs_dir / name
        before = pages.get(page) or page.read_text("utf-8")
        pages[page] = graph_page.replace_generated(before, text, begin)
    return pages
