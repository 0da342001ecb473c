"""A drift metric is one file: a dummy metric appears wherever metrics are listed."""

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from step3_assets.catalogue.monitoring import DRIFT
from step3_assets.config import DriftConfig
from step3_assets.definitions import build_defs
from step3_assets.defs.results.drift_assets import drift_checks
from step3_assets.docgen.drift_metrics import drift_metrics_markdown
from step3_assets.domain.core.validation import find_problems
from step3_assets.domain.monitoring import metrics
from step3_assets.domain.monitoring.table import drift_table
from step3_assets.domain.report import drift_figures, drift_tables
from step3_assets_tests.domain.monitoring.test_table import CONFIG, LAST, market

DUMMY = """
    from step3_assets.domain.monitoring.line import Line
    from step3_assets.domain.monitoring.metric import DriftMetric

    def _measure(metric, window):
        n_rows = len(window.entries)
        if n_rows < metric.min_rows(window.drift):
            yield metric.not_enough(n_rows, window.drift)
            return
        yield Line(
            metric="mean_hour", n_rows=n_rows, min_rows=metric.min_rows(window.drift),
            state="warn", sentence="The mean hour is 12.345.", value=12.345, threshold=12.0,
        )

    METRIC = DriftMetric(
        name="mean_hour", position=99, label="Mean hour of entries, h", decimals=1,
        rows_setting="min_cost_rows", row_noun="intraday entries", check="clock",
        check_text="Entries keep their hours.", recent="entries", reference="nothing",
        warns="always", errors="never", measure=_measure, panel="hour",
    )
"""


@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One more file in the folder of metrics."""
    (tmp_path / "mean_hour.py").write_text(textwrap.dedent(DUMMY), "utf-8")
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    yield "mean_hour"
    import sys

    sys.modules.pop(f"{metrics.__name__}.mean_hour", None)


def test_a_new_metric_appears_in_the_table_and_its_allowed_values(dummy):
    assert dummy in DRIFT.by_name["metric"].allowed
    table = drift_table(market(), CONFIG)
    assert find_problems(table, DRIFT) == []
    row = table[(table["month"] == LAST) & (table["metric"] == dummy)].iloc[0]
    assert row["value"] == 12.345


def test_a_new_metric_respects_its_minimum_sample(dummy):
    drift = CONFIG.drift.model_copy(update={"min_cost_rows": 9_999})
    table = drift_table(market(), CONFIG.model_copy(update={"drift": drift}))
    row = table[table["metric"] == dummy].iloc[-1]
    assert row["state"] == "not_enough"
    assert row["sentence"].endswith("of 9999 intraday entries.")


def test_a_new_metric_appears_in_checks_docs_and_report(dummy):
    assert drift_checks()["clock"].metrics == (dummy,)
    names = {str(key.name) for spec in build_defs().asset_checks or [] for key in spec.check_keys}
    assert "clock" in names
    assert "| `mean_hour` | entries |" in drift_metrics_markdown()
    table = drift_table(market(), CONFIG)
    newest = drift_tables.newest_table(table, CONFIG.drift).markdown()
    assert "Mean hour of entries, h | 12.3 |  | above 12.0 | WARN" in newest
    assert "Mean hour of entries, h" in drift_tables.history_table(table).markdown()
    assert drift_figures.outcomes_figure(table, is_synthetic=True)


def test_without_the_file_the_metric_is_gone():
    assert "mean_hour" not in DRIFT.by_name["metric"].allowed
    table = drift_table(market(), CONFIG).assign(metric="mean_hour")
    assert any("not one of" in str(problem) for problem in find_problems(table, DRIFT))


def test_metrics_are_in_their_own_files_and_positions(tmp_path, monkeypatch):
    text = textwrap.dedent(DUMMY)
    (tmp_path / "other_name.py").write_text(text, "utf-8")
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"mean_hour is in the file other_name\.py"):
        metrics.drift_metrics()
    (tmp_path / "other_name.py").unlink()
    (tmp_path / "mean_hour.py").write_text(text.replace("position=99", "position=1"), "utf-8")
    with pytest.raises(ValueError, match="the same position"):
        metrics.drift_metrics()


@pytest.mark.parametrize("metric", metrics.drift_metrics(), ids=lambda m: m.name)
def test_every_metric_is_described_and_handles_an_empty_window(metric):
    assert metric.min_rows(DriftConfig()) > 0
    texts = (metric.label, metric.row_noun, metric.check, metric.recent, metric.reference)
    assert all(texts)
    inputs = market()
    bare = inputs.scores.assign(p_calibrated=np.nan, ev_final=np.nan)
    table = drift_table(replace(inputs, scores=bare), CONFIG)
    lines = table[table["metric"] == metric.name]
    assert len(lines) >= len(inputs.months)
    assert isinstance(lines, pd.DataFrame)
    assert (metric.is_per_feature) == (set(lines["feature"]) != {"ALL"})
