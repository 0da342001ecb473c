"""Interactive charts of the HTML page: their data for Plotly, and the script that draws them.

Belongs here: which plots have an interactive form, their data, the script. Does not belong here:
the pictures, which stay on the page when scripts are off.

The Plotly library comes from its Python package and is compressed into the page, so that the file
works without a network.
"""

import base64
import gzip
import json
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from step3_assets.domain.report.canvas import MARK
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.money_figures import daily_curves
from step3_assets.domain.report.series import PLATFORM, STRESSED, line_styles, series_name

MONEY = "$,.0f"
PERCENT = ".2%"
DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")

SCRIPT = """
(async () => {
  const read = (id) => document.getElementById(id).textContent.trim();
  const bytes = Uint8Array.from(atob(read("plotly-gzip")), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const code = document.createElement("script");
  code.textContent = await new Response(stream).text();
  document.head.appendChild(code);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const layout = (chart) => ({
    margin: {l: 62, r: 12, t: 8, b: 36}, height: 340, hovermode: "x unified",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {color: dark.matches ? "#e4e6e8" : "#1c1e21", size: 12},
    legend: {orientation: "h", y: -0.14},
    hoverlabel: {bgcolor: dark.matches ? "#23262a" : "#ffffff"},
    xaxis: {gridcolor: "rgba(128,128,128,0.25)"},
    annotations: chart.mark ? [{text: chart.mark, showarrow: false, xref: "paper",
      yref: "paper", x: 0.5, y: 0.5, textangle: -24, opacity: 0.22, font: {size: 54}}] : [],
    yaxis: {gridcolor: "rgba(128,128,128,0.25)", tickformat: chart.format, title: chart.unit},
  });
  const charts = JSON.parse(read("charts"));
  for (const picture of document.querySelectorAll("picture[data-name]")) {
    const chart = charts[picture.dataset.name];
    if (!chart) continue;
    const div = document.createElement("div");
    div.className = "chart";
    div.setAttribute("role", "img");
    div.setAttribute("aria-label", picture.querySelector("img").alt);
    picture.parentNode.insertBefore(div, picture);
    const draw = () => Plotly.react(div, chart.traces, layout(chart),
      {responsive: true, displaylogo: false});
    await draw();
    dark.addEventListener("change", draw);
    picture.classList.add("drawn");
  }
})().catch((error) => console.error(error));
"""


def chart_data(inputs: ReportInputs) -> dict[str, Any]:
    """Traces of each interactive chart, by the file name of the picture that it replaces."""
    equity = inputs.portfolio_equity
    shown = equity.loc[~equity["series"].str.startswith(STRESSED)]
    falls = shown.assign(drawdown_frac=-shown["drawdown_frac"].abs())
    charts = {
        "equity.png": _chart(daily_curves(equity, "equity_usd", "last"), MONEY, "equity, USD", 2),
        "drawdown.png": _chart(
            daily_curves(falls, "drawdown_frac", "min"), PERCENT, "drawdown", 5, has_area=True
        ),
    }
    mark = MARK if inputs.is_synthetic else ""
    return {name: {**chart, "mark": mark} for name, chart in charts.items()}


def _chart(
    curves: dict[str, pd.Series], number: str, unit: str, decimals: int, *, has_area: bool = False
) -> dict[str, Any]:
    traces = []
    for rank, (name, look) in enumerate(line_styles(curves).items()):
        curve = curves[name]
        traces.append(
            {
                "x": [f"{stamp:%Y-%m-%d}" for stamp in curve.index],
                "y": [round(float(value), decimals) for value in curve],
                "name": series_name(name),
                "mode": "lines",
                "line": {
                    "color": look.color,
                    "width": look.width,
                    "dash": "solid" if look.dashes == "-" else DASHES[rank % len(DASHES)],
                },
                "hovertemplate": f"%{{y:{number}}}",
                **({"fill": "tozeroy"} if has_area and name == PLATFORM else {}),
            }
        )
    return {"traces": traces, "format": number, "unit": unit}


@cache
def plotly_gzip() -> str:
    """Plotly's minified library, compressed, as base64."""
    library = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(library, 9, mtime=0)).decode()


def chart_scripts(charts: dict[str, Any]) -> str:
    """The script elements for the charts of a page; empty if there are none."""
    if not any(chart["traces"] for chart in charts.values()):
        return ""
    data = json.dumps(charts, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="charts">{data}</script>\n'
        f'<script type="text/plain" id="plotly-gzip">{plotly_gzip()}</script>\n'
        f"<script>{SCRIPT}</script>\n"
    )
