"""The glossary: each term once, in order, on one line, the field's words among them."""

import re
from pathlib import Path

import pytest

import step3_assets

PAGE = Path(step3_assets.__file__).parents[1] / "docs" / "glossary.md"
SECTIONS = re.split(r"^## .*$", PAGE.read_text("utf-8"), flags=re.M)[1:]
TERMS = [re.findall(r"^\| (?!term \|)([^|-][^|]*?) \| ", part, flags=re.M) for part in SECTIONS]


@pytest.mark.parametrize(
    "term",
    [
        "event",
        "label",
        "label end",
        "fold",
        "purge",
        "embargo",
        "out-of-sample",
        "raw probability",
        "calibrated probability",
        "expected value (EV)",
        "fill",
        "trade",
        "position",
        "exposure",
        "turnover",
        "equity curve",
        "drawdown",
        "PSR",
        "DSR",
        "PBO",
    ],
)
def test_the_fields_terms_are_there(term):
    assert sum(terms.count(term) for terms in TERMS) == 1


def test_no_term_stands_twice():
    terms = [term.lower() for part in TERMS for term in part]
    assert len(terms) == len(set(terms)) > 60


def test_terms_are_in_order():
    for terms in TERMS:
        names = [term.lower() for term in terms]
        assert names == sorted(names)
