"""A criterion is one file: a new one appears in table, verdict, report and docs."""

import textwrap
from pathlib import Path

import pytest

from step3_assets.config import AcceptanceConfig, Step3Config
from step3_assets.docgen.criteria_table import criteria_markdown
from step3_assets.domain.acceptance import criteria
from step3_assets.domain.acceptance.criteria import CRITERIA
from step3_assets.domain.acceptance.verdict import judge, result_criteria, verdict
from step3_assets.domain.registry.entries import acceptance_json
from step3_assets.domain.report import numbers
from step3_assets.domain.report.money_tables import criteria_table
from step3_assets_tests.domain.acceptance.test_verdict import passing_tables

DUMMY = '''
"""The criterion ``dummy``."""

from step3_assets.domain.acceptance.criterion import Criterion
from step3_assets.domain.portfolio.stored_metrics import Finding

CRITERION = Criterion(
    name="dummy",
    label="A dummy | rule",
    position={position},
    comparison="<=",
    number="percent",
    asks="nothing in particular",
    find=lambda tables, config: Finding(0.25, config.acceptance.max_drawdown_frac, "A quarter."),
    setting="max_drawdown_frac",
)
'''


def add_dummy(folder: Path, monkeypatch: pytest.MonkeyPatch, position: int) -> None:
    (folder / "dummy.py").write_text(textwrap.dedent(DUMMY.format(position=position)))
    monkeypatch.setattr(criteria, "__path__", [*criteria.__path__, str(folder)])
    monkeypatch.delitem(__import__("sys").modules, f"{criteria.__name__}.dummy", raising=False)


def test_a_criterion_in_one_file_is_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    add_dummy(tmp_path, monkeypatch, position=35)
    found = criteria.collect()
    assert list(found).index("dummy") == list(found).index("max_drawdown") + 1
    monkeypatch.setattr(criteria, "CRITERIA", found)
    for name, record in found.items():
        monkeypatch.setitem(CRITERIA, name, record)

    out = judge(passing_tables(), Step3Config())
    row = out.set_index("criterion").loc["dummy"]
    assert (row["value"], row["threshold"], row["is_passed"]) == (0.25, 0.12, False)
    assert verdict(out) == "PROMOTE NOTHING: failed dummy"
    assert "dummy" in result_criteria()
    assert '"dummy":{' in acceptance_json(out)
    page = criteria_table(out).markdown()
    assert "A dummy" in page
    assert "25.00%" in page
    assert "≤ 12.00%" in page
    assert "| `dummy` | ≤ 12.00% (`max_drawdown_frac`) | nothing in particular |" in (
        criteria_markdown()
    )


def test_two_criteria_of_one_position_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    add_dummy(tmp_path, monkeypatch, position=CRITERIA["max_drawdown"].position)
    with pytest.raises(ValueError, match="share a position"):
        criteria.collect()


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
def test_every_record_is_complete(criterion):
    assert criterion.label
    assert criterion.asks
    assert not criterion.asks.endswith(".")
    assert callable(getattr(numbers, criterion.number))
    assert criterion.setting is None or criterion.setting in AcceptanceConfig.model_fields
