"""Cells of a table stay separate, whatever text they hold."""

import pytest
from markdown_it import MarkdownIt

from step3_assets.domain.report.text_table import escape, text_table


def test_a_table_is_github_markdown():
    table = text_table(("a", "b"), [("x", "1"), ("y", "2")], "lr")
    assert table.markdown() == "| a | b |\n| :--- | ---: |\n| x | 1 |\n| y | 2 |"


def test_a_long_table_is_folded():
    folded = text_table(("a",), [("x",)], "l").folded("Every a (1)")
    assert folded.startswith("<details>\n<summary>Every a (1)</summary>\n\n| a |")
    assert folded.endswith("| x |\n\n</details>")


@pytest.mark.parametrize(
    ("header", "rows", "align"),
    [(("a", "b"), [("x",)], "ll"), (("a",), [("x",)], "ll"), (("a",), [("x", "y")], "l")],
    ids=["short row", "long align", "long row"],
)
def test_a_row_of_another_length_is_refused(header, rows, align):
    with pytest.raises(ValueError, match="cells"):
        text_table(header, rows, align)


@pytest.mark.parametrize(
    "text",
    ["a | b", "<script>x</script>", "*a* _b_ `c`", "a\nb", "[x](http://y)", "\\|", "&lt;", "p < 3"],
)
def test_text_from_outside_stays_text(text):
    table = text_table(("cell", "next"), [(escape(text), "1")], "lr").markdown()
    parsed = MarkdownIt("commonmark", {"html": True}).enable("table").parse(table)
    cells = [t for t in parsed if t.type == "inline"][2:]
    assert len(cells) == 2
    children = cells[0].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == text.replace("\n", " ")
