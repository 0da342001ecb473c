"""A section is one file: a new one appears on the page, in the contents and in the docs."""

import sys

import pytest

from step3_assets.docgen.report_sections import sections_markdown
from step3_assets.domain.report import build_report
from step3_assets.domain.report import sections as folder
from step3_assets.domain.report.section import sections

MODULE = '''"""Section: a dummy."""

from step3_assets.domain.report.canvas import canvas
from step3_assets.domain.report.section import Figure, Section


def _draw(inputs, small):
    with canvas("Dummy", is_synthetic=inputs.is_synthetic, small=small) as sheet:
        pass
    return sheet.png


PLOT = Figure("dummy.png", "A dummy plot", _draw)


def _write(inputs):
    yield f"{len(inputs.months)} months in the dummy."
    yield PLOT.markdown()


SECTION = Section("TITLE", 25, "Does one file do?", _write, ("folds",), (PLOT,))
'''


@pytest.fixture
def add_section(tmp_path, monkeypatch):
    """Write a module into a folder that the report searches besides its own."""
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    before = set(sys.modules)

    def add(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)

    yield add
    for name in set(sys.modules) - before:
        if name.startswith(f"{folder.__name__}."):
            del sys.modules[name]


def test_a_new_file_is_a_section(add_section, synthetic_inputs):
    add_section("dummy", MODULE.replace("TITLE", "Dummy section"))
    report = build_report(synthetic_inputs)
    text = report.markdown.split("## SYNTHETIC · Dummy section\n", 1)[1].split("\n## ", 1)[0]
    assert "3 months in the dummy." in text
    assert "![A dummy plot](figures/dummy.png)" in text
    assert "*Tables: `folds`.*" in text
    titles = [section.title for section in sections()]
    assert titles.index("How much could be chance") + 1 == titles.index("Dummy section")
    assert "[Dummy section](#synthetic--dummy-section)" in report.markdown
    assert '<h2 id="synthetic--dummy-section">' in report.html
    assert report.figures["dummy.png"].startswith(b"\x89PNG")
    assert "| Dummy section | Does one file do? | `folds` |" in sections_markdown()


def test_a_title_stands_once(add_section):
    add_section("dummy", MODULE.replace("TITLE", "Portfolio"))
    with pytest.raises(ValueError, match="title Portfolio"):
        sections()
