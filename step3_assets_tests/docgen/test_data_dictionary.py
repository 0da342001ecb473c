"""The data dictionary says what the catalogue says, and a stale page is caught."""

import re
from pathlib import Path

import pytest

import step3_assets
from step3_assets.catalogue import TABLES
from step3_assets.docgen.data_dictionary import data_dictionary_markdown, is_current, main

PAGE = Path(step3_assets.__file__).parents[1] / "docs" / "data_dictionary.md"


def test_the_page_in_the_repository_is_current():
    assert is_current(PAGE), "run python -m step3_assets.docgen.data_dictionary --write"


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_a_table_has_its_row(table):
    text = data_dictionary_markdown()
    section = re.split(r"^## ", text.split(f"## {table}\n", 1)[1], flags=re.M)[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, flags=re.M)
    assert rows == TABLES[table].names


def test_a_row_tells_type_unit_known_at_and_meaning():
    row = (
        "| `touch_delay_bars` | BIGINT, null | bars | outcome | Bars from entry to touch. "
        "*Delivered.* |"
    )
    assert row in data_dictionary_markdown().splitlines()


def test_every_row_has_as_many_cells_as_its_header():
    rows = [r for r in data_dictionary_markdown().splitlines() if r.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows} == {5}


@pytest.mark.parametrize(
    ("spoil", "status"),
    [(lambda text: text, 0), (lambda text: text + "x", 1), (lambda _: None, 1)],
    ids=["current", "changed", "missing"],
)
def test_check_exits_with_one_when_the_page_is_stale(tmp_path, capsys, spoil, status):
    page, text = tmp_path / "page.md", spoil(data_dictionary_markdown())
    if text is not None:
        page.write_text(text, "utf-8")
    assert main(["--check", "--page", str(page)]) == status
    said = capsys.readouterr()
    assert ("is stale" in said.err) is bool(status)


def test_write_makes_the_page_current(tmp_path, capsys):
    page = tmp_path / "page.md"
    assert main(["--write", "--page", str(page)]) == 0
    assert is_current(page)
    assert "wrote" in capsys.readouterr().out


def test_one_of_check_and_write_is_asked_for():
    with pytest.raises(SystemExit):
        main([])
