"""The plan's console scripts are installed and are the verbs of those names."""

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import step3_assets

PROJECT = tomllib.loads((Path(step3_assets.__file__).parents[1] / "pyproject.toml").read_text())
SCRIPTS = {k: v for k, v in PROJECT["project"]["scripts"].items() if k != "step3"}


def test_every_name_of_the_plan_is_there():
    stems = ("train_dataset", "train_models", "walkforward_backtest", "optuna_search")
    assert set(SCRIPTS) == {f"step3_{stem}" for stem in stems}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_the_verb_of_its_name(script, monkeypatch, capsys):
    module, _, function = SCRIPTS[script].partition(":")
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as stopped:
        getattr(import_module(module), function)()
    assert stopped.value.code == 0
    assert script.removeprefix("step3_").replace("_", "-") in capsys.readouterr().out
