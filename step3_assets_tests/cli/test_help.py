"""Help is instant and complete: it loads neither Dagster nor DuckDB nor the models."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from step3_assets.cli.main import VERBS, cli

HEAVY = ("dagster", "duckdb", "pandas", "lightgbm", "sklearn", "matplotlib")
PROGRAM = """
import sys
from click.testing import CliRunner
from step3_assets.cli.main import VERBS, cli
for verb in VERBS:
    assert CliRunner().invoke(cli, [verb, "--help"]).exit_code == 0, verb
print(sorted(set(sys.modules) & set(sys.argv[1:])))
"""


def test_help_of_every_verb_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *HEAVY], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_definitions_load_no_models_and_no_statistics():
    """Every server, run and verb loads the definitions: what only some need is loaded there."""
    heavy = ("scipy.stats", "sklearn", "lightgbm", "optuna", "matplotlib", "arch", "skfolio")
    program = (
        "import sys, step3_assets.definitions; print(sorted(set(sys.modules) & set(sys.argv)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *heavy], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
    assert "Warning" not in done.stderr, "`dg dev` and `dagster dev` would show it on every start"


def test_the_first_page_names_every_verb():
    page = CliRunner().invoke(cli, ["--help"]).output
    for verb in VERBS:
        assert f"\n  {verb} " in page


@pytest.mark.parametrize("verb", ["run", "build-step2", "simulate", "certify"])
def test_long_verbs_teach_by_example(verb: str):
    page = CliRunner().invoke(cli, [verb, "--help"]).output
    assert f"step3 {verb} " in page.split("Examples:")[1]
