"""The generated pages match the code."""

from pathlib import Path

from click.testing import CliRunner

from step3_assets.cli.docs import docs, generated_pages
from step3_assets.cli.failures import CommandFailed

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_generated_pages_are_up_to_date():
    stale = [p.name for p, text in generated_pages(DOCS).items() if p.read_text("utf-8") != text]
    assert stale == [], "run `step3 docs --write` and commit"


def test_a_stale_page_fails(tmp_path: Path):
    for page in DOCS.glob("*.md"):
        (tmp_path / page.name).write_text(page.read_text("utf-8").replace("fold", "fald"))
    result = CliRunner().invoke(docs, ["--docs-dir", str(tmp_path)])
    assert isinstance(result.exception, CommandFailed)
    assert "architecture.md" in str(result.exception)
