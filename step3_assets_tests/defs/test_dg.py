"""The project under Dagster's ``dg``: found in a clone, with the same name everywhere."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from step3_assets.cli.ui import WORKSPACE_YAML

ROOT = Path(__file__).resolve().parents[2]


def test_every_way_to_start_names_the_code_location_alike():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["dg"]["project"]
    named = {(project["code_location_target_module"], project["code_location_name"])}
    for text in ((ROOT / "workspace.yaml").read_text("utf-8"), WORKSPACE_YAML):
        for entry in yaml.safe_load(text)["load_from"]:
            module = entry["python_module"]
            named.add((module["module_name"], module["location_name"]))
    assert named == {("step3_assets.definitions", "step3_assets")}


@pytest.mark.parametrize("command", [("check", "defs"), ("list", "defs", "--json")])
def test_dg_finds_the_definitions(command: tuple[str, ...], tmp_path: Path):
    dg = Path(sys.executable).with_name("dg")
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(tmp_path),
        "STEP3_HOME": str(tmp_path / "home"),
        "DAGSTER_TELEMETRY_DISABLED": "1",
        "PATH": f"{dg.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [dg, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout + done.stderr
    assert "successfully" in shown if command[0] == "check" else "delivery_sensor" in shown
