"""A system that is good is promoted on evidence computed again, and stops being so when it is not.

Belongs here: the one home in which every criterion passes at its default. Does not belong here:
refusals (``test_evidence.py``, ``cli/test_registry.py``).
"""

import os
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from step3_assets.cli.main import cli
from step3_assets.config import AcceptanceConfig
from step3_assets.defs.settings import load_settings
from step3_assets.domain.acceptance.verdict import verdict
from step3_assets.domain.worlds.config import WorldConfig
from step3_assets.domain.worlds.world import simulate_world, write_world
from step3_assets_tests.defs.installation import Installation, failure_text

FIRST_DATA, FIRST_TEST, LAST = date(2021, 2, 1), date(2023, 3, 1), date(2023, 12, 1)
WORLD = WorldConfig(years=2 + 10 / 12 + 0.05, edge_bps=30, seed=2, oracle_paths=4, sub_steps=1)
JUDGED = ["portfolio", "statistics", "audit", "acceptance", "model_registry"]
TOML = """\
delivery = "{delivery}"
workers = 1
[config.folds]
train_months = 24
inner_folds = 2
[config.models.lightgbm]
n_rounds = 20
[config.audit]
sampled_folds = 1
sampled_prefixes = 1
"""


@pytest.mark.skipif("STEP3_LONG_TESTS" not in os.environ, reason="40 s; set STEP3_LONG_TESTS=1")
def test_a_passing_system_is_promoted_on_recomputed_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_world(simulate_world(WORLD), tmp_path / "world")
    place = Installation(tmp_path / "home", tmp_path / "world" / "step2_out")
    toml = place.home / "step3.toml"
    toml.write_text(TOML.format(delivery=tmp_path / "world" / "step2_out"))
    for job, first in (("ingest", FIRST_DATA), ("walk_forward", FIRST_TEST)):
        result = place.run(job, first, LAST)
        assert result.success, failure_text(result)
    result = place.run("results", assets=JUDGED)
    assert result.success, failure_text(result)
    settings = load_settings(place.home)
    assert settings.config.acceptance == AcceptanceConfig()
    assert verdict(place.store.read("acceptance")) == "PROMOTE"
    monkeypatch.setenv("STEP3_HOME", str(place.home))
    done = CliRunner().invoke(cli, ["registry", "promote", "shadow", "--reason", "it passed"])
    assert done.exit_code == 0, f"{done.output}{done.exception}"
    models = place.store.read("model_registry")
    (champion,) = models.loc[models["stage"] == "champion", "model_id"]
    assert champion.startswith("fold-2023-12")
