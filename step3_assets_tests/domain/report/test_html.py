"""One file, nothing fetched, every figure inside, marked when synthetic."""

import base64
import re

import pytest

from step3_assets.domain.report.html import render_html
from step3_assets.domain.report.page import write_page
from step3_assets.domain.report.section import sections

NAMES = [f.name.removesuffix(".png") for section in sections() for f in section.figures]
WIDE = {f"{name}.png": f"wide {name}".encode() for name in NAMES}
SMALL = {f"{name}.png": f"small {name}".encode() for name in NAMES}


@pytest.fixture(scope="module")
def html(inputs):
    return render_html(write_page(inputs), WIDE, SMALL, is_synthetic=False)


@pytest.fixture(scope="module")
def synthetic_html(synthetic_inputs):
    return render_html(write_page(synthetic_inputs), WIDE, SMALL, is_synthetic=True)


def test_the_file_needs_nothing_beside_it(html):
    sources = re.findall(r'\b(?:src|srcset|href)="([^"]*)"', html)
    assert sources
    assert all(s.startswith(("data:image/png;base64,", "#")) for s in sources)
    assert not re.findall(r"<script|<link|<iframe|@import|url\(|https?://", html)


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_inside_in_both_sizes(html, name):
    for kind in ("wide", "small"):
        assert base64.b64encode(f"{kind} {name}".encode()).decode() in html


def test_every_picture_says_what_it_shows(html):
    alts = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert len(alts) == len(NAMES)
    assert all(len(alt) > 20 for alt in alts)


def test_section_links_lead_somewhere(html):
    links, ids = re.findall(r'href="#([^"]*)"', html), re.findall(r'id="([^"]*)"', html)
    assert links
    assert links == ids


def test_tables_scroll_on_their_own(html):
    assert html.count("<table>") == html.count('<div class="scroll">\n<table>') > 8


@pytest.mark.parametrize(
    "cell",
    [
        '<td class="fail" style="text-align:left">FAIL</td>',
        '<td class="pass" style="text-align:left">PASS</td>',
        '<td class="missing" style="text-align:right">not available</td>',
    ],
)
def test_cells_carry_what_they_are(html, cell):
    attributes = sorted(re.findall(r'(?:class|style)="[^"]*"', cell))
    text = re.search(r">(.*)</td>", cell)[1]  # type: ignore[index]
    found = re.findall(rf"<td ([^>]*)>{re.escape(text)}</td>", html)
    assert attributes in [sorted(re.findall(r'(?:class|style)="[^"]*"', f)) for f in found]


def test_sentences_of_criteria_statistics_and_audit_may_wrap(html):
    assert html.count('class="prose"') == (1 + 7) + (1 + 3) + (1 + 4) + (1 + 2)


def test_a_figure_that_is_linked_but_missing_is_an_error(inputs):
    with pytest.raises(KeyError, match=r"equity\.png"):
        render_html(write_page(inputs), {}, SMALL, is_synthetic=False)


def test_it_is_made_for_phones(html):
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in html
    assert "@media (max-width: 600px)" in html


def test_a_synthetic_page_is_marked_on_screen_and_on_every_sheet(synthetic_html):
    assert '<body>\n<div class="mark">SYNTHETIC</div>' in synthetic_html
    assert '@top-center { content: "SYNTHETIC"' in synthetic_html
    assert "<title>SYNTHETIC · PROMOTE NOTHING" in synthetic_html


def test_a_real_page_carries_no_mark(html):
    assert "SYNTHETIC" not in html
