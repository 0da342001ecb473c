"""The page is one file that loads nothing, holds every plot, and is marked when synthetic."""

import base64
import re

import pytest

from step3_assets.domain.report.charts import chart_data, plotly_gzip
from step3_assets.domain.report.html import render_html
from step3_assets.domain.report.page import write_page
from step3_assets.domain.report.section import sections

NAMES = [f.name.removesuffix(".png") for section in sections() for f in section.figures]
WIDE = {f"{name}.png": f"wide {name}".encode() for name in NAMES}
SMALL = {f"{name}.png": f"small {name}".encode() for name in NAMES}


@pytest.fixture(scope="module")
def html(inputs):
    charts = chart_data(inputs)
    return render_html(write_page(inputs), WIDE, SMALL, charts=charts, is_synthetic=False)


@pytest.fixture(scope="module")
def synthetic_html(synthetic_inputs):
    return render_html(write_page(synthetic_inputs), WIDE, SMALL, is_synthetic=True)


def test_the_file_needs_nothing_beside_it(html):
    sources = re.findall(r'\b(?:src|srcset|href)="([^"]*)"', html)
    assert sources
    assert all(s.startswith(("data:image/png;base64,", "#")) for s in sources)
    without_library = re.sub(r'id="plotly-gzip">[^<]*', "", html)
    assert not re.findall(r"<link|<iframe|@import|url\(|https?://|import\(", without_library)
    assert len(html) < 5_000_000


@pytest.mark.parametrize("name", NAMES)
def test_each_figure_is_inside_in_both_sizes(html, name):
    for kind in ("wide", "small"):
        assert base64.b64encode(f"{kind} {name}".encode()).decode() in html


def test_every_picture_says_what_it_shows(html):
    alts = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert len(alts) == len(NAMES)
    assert all(len(alt) > 20 for alt in alts)


def test_section_links_lead_somewhere(html):
    links, ids = re.findall(r'href="#([^"]*)"', html), re.findall(r'<h2 id="([^"]*)"', html)
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


def test_the_charts_hold_the_series_of_the_pictures(inputs):
    charts = chart_data(inputs)
    names = {trace["name"] for trace in charts["equity.png"]["traces"]}
    assert {"Platform", "Mock baseline", "Buy and hold AAA"} <= names
    assert all(chart["mark"] == "" for chart in charts.values())
    drawdown = charts["drawdown.png"]["traces"]
    assert all(value <= 0 for trace in drawdown for value in trace["y"])


def test_the_library_is_the_same_bytes_each_time():
    plotly_gzip.cache_clear()
    first = plotly_gzip()
    plotly_gzip.cache_clear()
    assert plotly_gzip() == first


@pytest.mark.browser
def test_a_browser_draws_the_charts_offline_and_shows_pictures_without_script(html, tmp_path):
    from step3_assets_tests.ui.servers import chromium_path

    sync_api = pytest.importorskip("playwright.sync_api")
    executable = chromium_path()
    path = tmp_path / "page.html"
    path.write_text(html, "utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector(".chart .main-svg", timeout=30_000)
        assert errors == []
        assert {url.split(":")[0] for url in asked} <= {"file", "data", "blob"}
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert not page.locator("picture[data-name='equity.png']").is_visible()
        context = browser.new_context(java_script_enabled=False)
        quiet = context.new_page()
        quiet.goto(path.as_uri())
        assert quiet.locator("picture[data-name='equity.png']").count() == 1
        assert quiet.locator(".chart").count() == 0
        browser.close()
