"""The whole report from one call."""

import re

import pytest

from step3_assets.domain.report import FIGURE_FOLDER
from step3_assets.domain.report.html import render_html
from step3_assets.domain.report.page import write_page
from step3_assets.domain.report.report import draw_figures
from step3_assets_tests.domain.report.frames import VERDICT, make_inputs


@pytest.fixture(scope="module")
def report(synthetic_report):
    return synthetic_report


def test_equal_inputs_give_the_same_bytes(report):
    equal = make_inputs(n_months=3, is_synthetic=True)
    page, figures = write_page(equal), draw_figures(equal)
    assert page == report.markdown
    assert {name: figures[name] for name in report.figures} == report.figures
    once, again = (render_html(page, figures, figures, is_synthetic=True) for _ in range(2))
    assert once == again


def test_the_verdict_leads(report):
    assert report.verdict == VERDICT
    assert VERDICT in report.markdown.split("\n", 1)[0]
    assert VERDICT in report.html.split("<h1>", 1)[1].split("</h1>", 1)[0]


def test_the_page_links_its_figures_and_no_others(report):
    linked = re.findall(rf"\]\({FIGURE_FOLDER}/([^)]*)\)", report.markdown)
    assert sorted(linked) == sorted(report.figures)
    assert len(linked) == len(set(linked)) > 10


def test_nothing_tells_when_or_where_it_was_made(report):
    for text in (report.markdown, re.sub(r"base64,[^\"]*", "", report.html)):
        times = re.findall(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d", text)
        assert all(time < "2020-02" for time in times), "only times of trades"
        assert not re.findall(r"/tmp/|/home/", text)
