"""Making the report: plots, page, HTML.

Belongs here: the function that makes all of them. Does not belong here: writing files.
"""

from step3_assets.domain.report.charts import chart_data
from step3_assets.domain.report.html import render_html
from step3_assets.domain.report.inputs import Report, ReportInputs
from step3_assets.domain.report.page import write_page
from step3_assets.domain.report.section import sections


def build_report(inputs: ReportInputs) -> Report:
    """Make the report from the given tables; the same inputs give the same bytes.

    Parameters
    ----------
    inputs : ReportInputs

    Returns
    -------
    Report
        With the figures that the page links.
    """
    markdown = write_page(inputs)
    drawn, small = draw_figures(inputs), draw_figures(inputs, small=True)
    figures = {name: png for name, png in drawn.items() if f"/{name})" in markdown}
    html = render_html(
        markdown, figures, small, charts=chart_data(inputs), is_synthetic=inputs.is_synthetic
    )
    return Report(
        verdict=inputs.verdict,
        markdown=markdown,
        html=html,
        figures=figures,
    )


def draw_figures(inputs: ReportInputs, *, small: bool = False) -> dict[str, bytes]:
    """Every plot of the page as PNG, by file name.

    Parameters
    ----------
    inputs : ReportInputs
    small : bool
        Phone size, at most 25 kB each.
    """
    figures = [figure for section in sections() for figure in section.figures]
    return {figure.name: figure.draw(inputs, small) for figure in figures}
