"""The examples of CONTRIBUTING.md work when they are pasted into a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import step3_assets

ROOT = Path(step3_assets.__file__).parents[1]
PROGRAM = """
from pathlib import Path
from types import SimpleNamespace as Namespace

import pandas as pd
from click.testing import CliRunner

import step3_assets
assert Path(step3_assets.__file__).parents[1] == Path.cwd(), step3_assets.__file__

from step3_assets.cli.docs import generated_pages
from step3_assets.cli.main import cli
from step3_assets.config import RiskConfig, Step3Config
from step3_assets.domain.acceptance.criteria import CRITERIA
from step3_assets.domain.audit.run import CHECKS
from step3_assets.domain.models.heads import HEADS
from step3_assets.domain.monitoring.metrics import drift_metrics
from step3_assets.domain.report.section import sections
from step3_assets.domain.risk.engine import RiskEngine
from step3_assets.domain.statistics.measures import all_statistics
from step3_assets.plugins.risk_rule import EntryRequest
from step3_assets.plugins.sizing_methods import METHODS
from step3_assets_tests.domain.models.test_heads import test_every_head_keeps_the_protocol

months = pd.DataFrame({"series": ["platform"] * 2, "return_frac": [0.1, -0.2]})
tables = {"portfolio_months": months}
assert CRITERIA["gaining_months"].find(tables, Step3Config()).value == 0.5

trades = pd.DataFrame({"decision_time_utc": [pd.Timestamp("2023-01-03", tz="UTC")]})
(section,) = (s for s in sections() if s.title == "First trade")
assert "decided on 2023-01-03" in "".join(section.write(Namespace(portfolio_trades=trades)))

engine = RiskEngine(RiskConfig(equity_floor_frac=0.5), 1.0, 1000.0)
request = EntryRequest(0, 0, 0, 0, 400.0, 0.0, 100.0, None, None)
assert engine.allow(request, 0, 0) == (0.0, "equity_floor")

assert "half" in {method.name for method in METHODS}
assert Step3Config.model_validate({"sizing": {"method": "half"}}).sizing.method == "half"

(metric,) = (m for m in drift_metrics() if m.name == "overnight_share")
rows = pd.DataFrame({"entry_overnight": [0.0, 1.0] * 500})
window = Namespace(candidates=rows, trained=rows * 0, drift=Step3Config().drift)
assert [line.state for line in metric.lines(window)] == ["error"]

(statistic,) = (s for s in all_statistics() if s.name == "best_month")
assert statistic.compute(Namespace(tables=tables)).value == 0.1

sizes = Namespace(trades=pd.DataFrame({"size_frac": [0.5, 2.0]}))
assert not CHECKS["sizes_are_shares"](sizes).is_passed

(head,) = (h for h in HEADS if h.name == "constant")
test_every_head_keeps_the_protocol(head)

shown = CliRunner().invoke(cli, ["home"])
assert shown.exit_code == 0, shown.output

pages = "".join(generated_pages(Path("docs")).values())
for text in ("gaining_months", "First trade", "equity_floor", "`half`", "overnight_share",
             "best_month", "sizes_are_shares"):
    assert text in pages, text
"""


def test_every_example_works_when_it_is_pasted(tmp_path: Path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.png"))
    package = tmp_path / "step3_assets"
    shutil.copytree(ROOT / "step3_assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    examples = re.findall(r"^```python\n# (step3_assets/\S+\.py)\n(.*?)^```", text, re.M | re.S)
    assert len(examples) == text.count("```python")
    for path, code in examples:
        (tmp_path / path).write_text(code, "utf-8")
    insert(package / "domain/models/heads.py", "\nHEADS: ", "from .constant import CONSTANT\n")
    insert(package / "domain/models/heads.py", ")\n\n\n@dataclass", ", CONSTANT")
    verb = re.search(r'^    "home": .*\n', text, re.M)
    assert verb is not None
    insert(package / "cli/main.py", '    "ui": (', verb[0])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def insert(path: Path, anchor: str, text: str) -> None:
    """Write `text` before the one place of `anchor`."""
    before, found, after = path.read_text("utf-8").partition(anchor)
    assert found, f"{path} has no {anchor!r}"
    path.write_text(before + text + anchor + after, "utf-8")
