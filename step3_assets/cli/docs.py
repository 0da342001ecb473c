"""``step3 docs``: write the generated pages, or fail when they are out of date.

Belongs here: which pages are generated. Their content comes from the catalogue, the definitions and
the report's sections.
"""

from pathlib import Path

import click

from step3_assets.cli.failures import CommandFailed


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
    """Each generated page and what it should say."""
    import tempfile
    from dataclasses import replace

    from step3_assets.config import Step3Config
    from step3_assets.definitions import build_defs
    from step3_assets.defs.graph_page import asset_graph_markdown, replace_generated
    from step3_assets.defs.resources import load_settings
    from step3_assets.docgen import (
        drift_metrics,
        report_sections,
        settings_table,
        trading_plugins,
    )
    from step3_assets.docgen.data_dictionary import data_dictionary_markdown
    from step3_assets.docgen.drift_metrics import drift_metrics_markdown
    from step3_assets.docgen.settings_table import settings_markdown
    from step3_assets.domain.registry.document import document_schema

    with tempfile.TemporaryDirectory() as home:
        settings = replace(load_settings(Path(home)), delivery=None, config=Step3Config())
        graph = asset_graph_markdown(build_defs(settings))
    architecture, models = docs_dir / "architecture.md", docs_dir / "models.md"
    report = docs_dir / "report.md"
    settings_part = replace_generated(
        models.read_text("utf-8"), settings_markdown(), settings_table.BEGIN
    )
    monitoring = docs_dir / "monitoring.md"
    metrics_part = replace_generated(
        monitoring.read_text("utf-8"), drift_metrics_markdown(), drift_metrics.BEGIN
    )
    execution = docs_dir / "execution.md"
    rules_part = replace_generated(
        execution.read_text("utf-8"),
        trading_plugins.risk_rules_markdown(),
        trading_plugins.RULES_BEGIN,
    )
    return {
        execution: replace_generated(
            rules_part, trading_plugins.sizing_methods_markdown(), trading_plugins.METHODS_BEGIN
        ),
        monitoring: metrics_part,
        architecture: replace_generated(architecture.read_text("utf-8"), graph),
        models: settings_part,
        report: replace_generated(
            report.read_text("utf-8"), report_sections.sections_markdown(), report_sections.BEGIN
        ),
        docs_dir / "data_dictionary.md": data_dictionary_markdown(),
        docs_dir / "registry.schema.json": document_schema(),
    }
