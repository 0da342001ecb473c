"""To add a risk rule or a sizing method is to write one file: both appear everywhere they should.

The package is copied, one file of each kind is put beside the real ones, nothing else is touched,
and another process imports the copy.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import step3_assets

RULE = '''
"""A dummy rule."""

from pydantic import Field

from step3_assets.plugins.risk_rule import BARS, Account, Breach, EntryRequest, Kind, RiskRule
from step3_assets.plugins.setting import Bounds, Setting


class Never:
    def __init__(self, account: Account) -> None:
        self.limit = 0

    def set_limit(self, config):
        self.limit = config.dummy_bars

    def refuses(self, request: EntryRequest):
        return Breach(self.limit, 1.0)

    def entered(self, request):
        pass


DUMMY = RiskRule(
    name="dummy_rule",
    label="Dummy rule",
    loss="refused by the dummy",
    meaning="Refuses everything.",
    kind=Kind.PACING,
    place=45,
    unit=BARS,
    make=Never,
    limit="dummy_bars",
    off=0,
    settings={
        "dummy_bars": Setting(
            int, Field(default=7, ge=0, description="A reason."), Bounds(2, 7, "A range.")
        )
    },
)
'''

METHOD = '''
"""A dummy method."""

import numpy as np
from pydantic import Field

from step3_assets.plugins.setting import Bounds, Setting
from step3_assets.plugins.sizing_method import Sizes, SizingMethod


def sizes(forecasts, config, most):
    n = len(forecasts.ev_final)
    nothing = np.full(n, np.nan)
    size = np.full(n, config.dummy_share * most)
    return Sizes(size, nothing, nothing, nothing, nothing, np.full(n, "dummy", dtype=object))


DUMMY = SizingMethod(
    name="dummy_method",
    label="Dummy method",
    meaning="a share of the constant",
    place=40,
    size=sizes,
    caps=("dummy",),
    settings={
        "dummy_share": Setting(
            float,
            Field(default=0.5, gt=0, le=1, description="A reason."),
            Bounds(0.1, 0.9, "A range."),
        )
    },
)
'''

LOOK = """
import numpy as np
import pandas as pd
from optuna.trial import FixedTrial
from pydantic import ValidationError

import step3_assets
from step3_assets.catalogue import TABLES
from step3_assets.config import RiskConfig, SearchSpace, SizingConfig, Step3Config
from step3_assets.docgen.trading_plugins import risk_rules_markdown, sizing_methods_markdown
from step3_assets.domain.decisions.sizing import size_positions
from step3_assets.domain.report.account_tables import risk_table
from step3_assets.domain.report.funnel import gate_funnel
from step3_assets.domain.risk.engine import RiskEngine
from step3_assets.domain.search import space
from step3_assets.plugins.risk_rule import EntryRequest

assert step3_assets.__file__.startswith(HERE), step3_assets.__file__

# The rule: settings with default and limits, off with the others, in the engine, in the tables.
assert RiskConfig().dummy_bars == 7
assert RiskConfig.off().dummy_bars == 0
try:
    RiskConfig(dummy_bars=-1)
except ValidationError as error:
    assert "dummy_bars" in str(error)
else:
    raise AssertionError("the limit of the setting is not checked")
engine = RiskEngine(RiskConfig.off().model_copy(update={"dummy_bars": 3}), 1.0, 10_000.0)
request = EntryRequest(0, 0, 0, 0, 10_000.0, 0.0, 5_000.0, None, None)
assert engine.allow(request, 0, 0) == (0.0, "dummy_rule")
assert engine.events[0].rule == "dummy_rule" and engine.events[0].threshold == 3
for table, column in (("portfolio_decisions", "status"), ("risk_events", "rule")):
    assert "dummy_rule" in TABLES[table].by_name[column].allowed, (table, column)
decided = pd.DataFrame({"is_gated": [True], "gate_reason": ["pass"]})
lost = pd.DataFrame({"series": ["platform"], "status": ["dummy_rule"]})
assert ("refused by the dummy", 1) in [
    (step.label, step.n_events) for step in gate_funnel(decided, lost, "platform")
]
none = pd.DataFrame({name: [] for name in TABLES["risk_events"].names})
rows = {row[0]: row[1] for row in risk_table(none, RiskConfig(), 1.0).rows}
assert rows["Dummy rule"] == "7 bars"
assert "| `dummy_rule` | `risk.dummy_bars` | 7 bars | 2 bars to 7 bars |" in risk_rules_markdown()

# The method: allowed, sized, in the tables.
config = SizingConfig(method="dummy_method")
sizes = size_positions(pd.DataFrame(index=[0]), np.zeros(1), np.zeros(1), np.zeros(1), config, 0.8)
assert sizes.size_frac.tolist() == [0.4]
assert "dummy" in TABLES["scores"].by_name["size_cap"].allowed
assert "dummy_method: a share of the constant" in SizingConfig.model_fields["method"].description
assert "| `dummy_method` | a share of the constant |" in sizing_methods_markdown()

# Both in the search: bounds, first trial, a trial of their own, unused limits go back.
base = Step3Config()
assert (SearchSpace().dummy_bars.low, SearchSpace().dummy_share.high) == (2, 0.9)
params = space.default_trading_params(base, 1)
assert params["dummy_bars"] == 7 and params["dummy_share"] == 0.5
trial = FixedTrial(params | {"dummy_bars": 4, "method": "dummy_method", "dummy_share": 0.3})
found = space.suggest_trading(trial, base, SearchSpace(), 1)[1]
assert found.risk.dummy_bars == 4 and found.sizing.dummy_share == 0.3
assert space.without_unused_limits(found, base.risk, []).risk.dummy_bars == 7
assert space.without_unused_limits(found, base.risk, ["dummy_rule"]).risk.dummy_bars == 4
"""


def test_one_file_each_is_all_it_takes(tmp_path: Path):
    package = Path(step3_assets.__file__).parent
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, tmp_path / "step3_assets", ignore=skip)
    plugins = tmp_path / "step3_assets" / "plugins"
    (plugins / "risk_rules" / "dummy.py").write_text(RULE)
    (plugins / "sizing_methods" / "dummy.py").write_text(METHOD)
    script = tmp_path / "look.py"
    script.write_text(f"HERE = {str(tmp_path)!r}\n{LOOK}")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
