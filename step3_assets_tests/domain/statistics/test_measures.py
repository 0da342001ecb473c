"""A statistic is one file: a dummy statistic appears in table, report and docs."""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from step3_assets.config import Step3Config
from step3_assets.docgen.statistics_page import statistics_markdown
from step3_assets.domain.report import evidence_tables
from step3_assets.domain.statistics import measures
from step3_assets.domain.statistics.table import statistics_table

NOTHING = pd.DataFrame(
    columns=["month", "symbol", "decision_time_utc", "y", "net_logret", "maturity"]
)
DUMMY = """
    from step3_assets.domain.statistics.statistic import Statistic, StatisticRow

    STATISTIC = Statistic(
        name="answer", position=99, label="The answer", decimals=1, says="everything",
        method="thinking", limits="the question",
        compute=lambda results: StatisticRow(value=42.0, method="long", sentence="So.", n=1),
    )
"""


@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One more file in the folder of statistics."""
    (tmp_path / "answer.py").write_text(textwrap.dedent(DUMMY), "utf-8")
    monkeypatch.setattr(measures, "__path__", [*measures.__path__, str(tmp_path)])
    yield "answer"
    sys.modules.pop(f"{measures.__name__}.answer", None)


def test_a_new_statistic_appears_in_table_report_and_docs(dummy):
    table = statistics_table({}, NOTHING, Step3Config())
    row = table.set_index("name").loc[dummy]
    assert row["value"] == 42.0
    assert "The answer | 42.0 |" in evidence_tables.statistics_table(table, 0.9).markdown()
    assert "The answer | long" in evidence_tables.methods_table(table).markdown()
    assert "| `answer` | everything | thinking | the question |" in statistics_markdown()


def test_without_results_every_statistic_says_what_is_missing():
    table = statistics_table({}, NOTHING, Step3Config())
    others = table[table["name"] != "backtest_overfitting"]
    assert others["value"].isna().all()
    assert others["sentence"].str.contains("table .* is not there").all()


def test_two_records_at_one_position_are_refused(tmp_path, monkeypatch):
    text = textwrap.dedent(DUMMY).replace("position=99", "position=1")
    (tmp_path / "answer.py").write_text(text, "utf-8")
    monkeypatch.setattr(measures, "__path__", [*measures.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="the same position"):
        measures.all_statistics()
    sys.modules.pop(f"{measures.__name__}.answer", None)
