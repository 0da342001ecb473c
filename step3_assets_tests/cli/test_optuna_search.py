"""``step3 optuna-search``: its output, and refusals before any work."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.main import cli


def test_help_says_how_the_choice_is_used_and_teaches_by_example():
    page = CliRunner().invoke(cli, ["optuna-search", "--help"]).output
    assert "is_enabled = true" in page
    assert "step3 optuna-search " in page.split("Examples:")[1]


def test_without_a_delivery_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.delenv("STEP3_DELIVERY", raising=False)
    result = CliRunner().invoke(cli, ["optuna-search", "--epochs", "2021-01"])
    assert isinstance(result.exception, CommandFailed)
    assert "no delivery is set yet" in str(result.exception)
