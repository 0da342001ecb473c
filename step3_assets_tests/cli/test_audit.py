"""``step3 audit``: its output and its exit status."""

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from step3_assets.cli.main import cli
from step3_assets.defs.settings import load_settings
from step3_assets.domain.audit.run import CHECKS
from step3_assets.storage.store import Store


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def stored_audit(home, failed: tuple[str, ...] = ()) -> Result:
    store = Store(load_settings(home).database)
    store.ensure_tables()
    rows = [
        (name, place, name not in failed, f"looked at {name}")
        for place, name in enumerate(CHECKS, start=1)
    ]
    names = ["check", "position", "is_passed", "evidence"]
    store.replace_all({"audit": pd.DataFrame(rows, columns=names)})
    return CliRunner().invoke(cli, ["audit", "--stored"])


def test_a_clean_audit_exits_with_zero(home):
    result = stored_audit(home)
    assert result.exit_code == 0, result.output
    assert f"AUDIT PASSED: {len(CHECKS)} of {len(CHECKS)} checks" in result.output
    assert "looked at prefix_rule" in result.output


def test_a_failed_check_exits_with_one_and_is_named(home):
    result = stored_audit(home, failed=("prefix_rule", "fills_at_opens"))
    assert result.exit_code == 1
    assert "AUDIT FAILED: prefix_rule, fills_at_opens" in result.output
    assert result.output.count("FAIL ") == 2


def test_help_teaches_every_check(home):
    text = CliRunner().invoke(cli, ["audit", "--help"]).output
    assert [name for name in CHECKS if name not in text] == []
    assert "exit status" in text
