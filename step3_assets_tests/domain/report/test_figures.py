"""Plots: marked when synthetic, small when requested, reproducible, robust to odd inputs."""

import ast
import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from step3_assets.domain import report
from step3_assets.domain.report import canvas
from step3_assets.domain.report.drift_figures import outcomes_figure, psi_figure
from step3_assets.domain.report.importance_figures import importance_figure
from step3_assets.domain.report.money_figures import (
    drawdown_figure,
    equity_figure,
    monthly_pnl_figure,
)
from step3_assets.domain.report.report import draw_figures
from step3_assets.domain.report.score_figures import (
    drop_reasons_figure,
    ev_calibration_figure,
    gate_funnel_figure,
    reliability_figure,
)
from step3_assets_tests.domain.report.frames import empty, make_inputs

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = [
    "equity.png",
    "drawdown.png",
    "distribution.png",
    "rolling.png",
    "monthly_pnl.png",
    "exposure.png",
    "reliability.png",
    "ev_calibration.png",
    "rank_order.png",
    "gate_funnel.png",
    "drop_reasons.png",
    "importances.png",
    "drift_features.png",
    "drift_outcomes.png",
]
SHOWN = [name for name in NAMES if name != "rolling.png"]  # three months fill no window


@pytest.fixture
def texts(monkeypatch):
    """Instead of rendering, record the texts of each plot."""
    recorded = []

    def note(figure, _small):
        figure.canvas.draw_idle()
        labels = [t.get_text() for t in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
        recorded.append([figure.get_suptitle(), *[t.get_text() for t in figure.texts], *labels])
        return b""

    monkeypatch.setattr(canvas, "_png", note)
    return recorded


@pytest.fixture(scope="module")
def small_figures(synthetic_report):
    """Those of the HTML page."""
    inside = re.findall(r'srcset="data:image/png;base64,([^"]*)"', synthetic_report.html)
    return dict(zip(SHOWN, map(base64.b64decode, inside), strict=True))


def chunks(png: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        found.append(png[at + 4 : at + 8])
        at += 12 + size
    return found


@pytest.mark.parametrize("name", SHOWN)
def test_a_small_figure_fits_the_user_interface(small_figures, name):
    assert small_figures[name].startswith(PNG)
    assert len(small_figures[name]) <= 25_000
    assert set(chunks(small_figures[name])) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


def test_many_crowded_lines_still_fit():
    inputs = make_inputs(n_symbols=5, n_months=18)
    png = drawdown_figure(inputs.portfolio_equity, is_synthetic=True, small=True)
    assert len(png) <= 25_000
    colors = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 20)
    assert colors is not None
    assert len(colors) >= 16


def test_a_figure_is_a_function_of_its_frames(synthetic_inputs, small_figures):
    again = gate_funnel_figure(
        synthetic_inputs.scores, synthetic_inputs.portfolio_decisions, is_synthetic=True, small=True
    )
    assert again == small_figures["gate_funnel.png"]


def test_a_readers_matplotlib_settings_change_nothing(synthetic_inputs, small_figures):
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "figure.dpi": 30}):
        again = drop_reasons_figure(synthetic_inputs.folds, is_synthetic=True, small=True)
        assert matplotlib.rcParams["font.size"] == 30
    assert again == small_figures["drop_reasons.png"]


def test_the_list_is_complete(synthetic_report):
    assert list(synthetic_report.figures) == SHOWN


@pytest.mark.parametrize("small", [False, True])
def test_every_synthetic_figure_is_marked_in_title_and_across(texts, synthetic_inputs, small):
    draw_figures(synthetic_inputs, small=small)
    assert len(texts) == len(NAMES)
    for title, *others in texts:
        assert title.startswith("SYNTHETIC · ")
        assert "SYNTHETIC" in others


def test_no_real_figure_is_marked(texts, inputs):
    draw_figures(inputs)
    assert not [t for recorded in texts for t in recorded if "SYNTHETIC" in t]


@pytest.mark.parametrize(
    "change",
    [
        {"n_months": 1, "n_symbols": 1, "with_mock": False, "with_published": False},
        {"n_months": 2, "gate_share": 0.0},
        {"n_months": 2, "traded_share": 0.0},
        {"n_months": 2, "n_symbols": 5},
    ],
    ids=["one month", "zero gated", "no trades", "five symbols"],
)
def test_unusual_runs_can_be_drawn(texts, change):
    draw_figures(make_inputs(**change))
    assert len(texts) == len(NAMES)


def test_an_empty_plot_gives_its_reason(texts, inputs):
    outcomes = inputs.events_outcomes.iloc[:0]
    bars, months, scores = map(empty, ("portfolio_equity", "portfolio_months", "scores"))
    equity_figure(bars, months, is_synthetic=False)
    drawdown_figure(bars, max_drawdown_frac=0.12, is_synthetic=False)
    monthly_pnl_figure(months, is_synthetic=False)
    reliability_figure(empty("reliability_bins"), scores, outcomes, is_synthetic=False)
    ev_calibration_figure(scores, outcomes, level=0.9, is_synthetic=False)
    gate_funnel_figure(scores, empty("portfolio_decisions"), is_synthetic=False)
    drop_reasons_figure(empty("folds"), is_synthetic=False)
    importance_figure(empty("importances"), is_synthetic=False)
    psi_figure(empty("drift"), is_synthetic=False)
    outcomes_figure(empty("drift"), is_synthetic=False)
    reasons = [
        "No equity in these months",
        "No equity in these months",
        "No months to show",
        "Too few probabilities with a final label",
        "No expected values with a final label",
        "No candidates in these months",
        "No folds",
        "No fold has a model",
        "No month has enough candidates yet",
        "Brier score: no month has enough final labels yet",
    ]
    assert [reason in drawn for reason, drawn in zip(reasons, texts, strict=True)] == [True] * 10


def test_reliability_without_test_months_has_one_panel(texts, inputs):
    reliability_figure(inputs.reliability_bins, is_synthetic=False)
    assert [t.split(" (")[0] for t in texts[0] if t.endswith("rows)")] == ["Inner out-of-fold"]


def test_the_published_line_is_marked_as_partly_in_sample(texts, inputs):
    equity_figure(inputs.portfolio_equity, inputs.portfolio_months, is_synthetic=False)
    equity_figure(inputs.portfolio_equity, is_synthetic=False)
    with_published, without = texts
    assert {"Published*", "* partly in-sample, month ends only"} <= set(with_published)
    assert "Published*" not in without


def test_the_heat_map_shows_a_quiet_month_as_zero_and_no_month_as_blank(texts, inputs):
    rows = inputs.portfolio_months.query("series == 'platform'").head(2)
    monthly_pnl_figure(rows.assign(return_frac=[0.0, -0.0312]), is_synthetic=False)
    numbers = {t for t in texts[0] if t.lstrip("-").replace(".", "").isdigit()}
    assert numbers == {"-3.1", "0.0", "2019"}


def test_unconditional_imports_leave_matplotlib_alone():
    for path in Path(report.__file__).parent.rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.split(".")[0] in ("matplotlib", "PIL")], path.name


def test_only_final_labels_are_drawn(texts, inputs):
    outcomes = inputs.events_outcomes.assign(maturity="provisional")
    ev_calibration_figure(inputs.scores, outcomes, level=0.9, is_synthetic=False)
    assert "No expected values with a final label" in texts[0]


def test_a_fold_without_rows_is_drawn_as_nothing(texts, inputs):
    counts = [c for c in inputs.folds if c.startswith("n_")]
    drop_reasons_figure(inputs.folds.assign(**dict.fromkeys(counts, 0)), is_synthetic=False)
    assert {"purged", "embargoed", "not final"} <= set(texts[0])


def test_a_handful_of_rows_makes_no_point_of_reliability(texts, inputs):
    few = inputs.reliability_bins.head(1).assign(n_rows=19)
    reliability_figure(few, is_synthetic=False)
    reliability_figure(few.assign(n_rows=20), is_synthetic=False)
    assert "Too few probabilities with a final label" in texts[0]
    assert "Too few probabilities with a final label" not in texts[1]
