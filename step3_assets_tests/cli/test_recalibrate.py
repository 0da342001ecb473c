"""``step3 recalibrate``: weeks that cannot be made are refused before anything runs."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from step3_assets.catalogue import TABLES
from step3_assets.cli.recalibrate import recalibrate
from step3_assets.defs.settings import load_settings
from step3_assets.storage.store import Store
from step3_assets_tests.storage.rows import rows_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    Store(load_settings(tmp_path).database).ensure_tables()
    return tmp_path


def words_of(*arguments: str) -> str:
    result = CliRunner().invoke(recalibrate, arguments)
    assert result.exit_code != 0
    return f"{result.exception} {result.output}"


def test_without_a_walked_month_it_says_what_to_run(home: Path):
    assert "run `step3 run` first" in words_of()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2023-13-01"), "is not a day"),
        (("--from", "2019-01-07", "--to", "2019-02-04"), "not within 2019-02-04"),
        (
            ("--from", "2019-03-04", "--to", "2019-02-04"),
            "--from 2019-03-04 lies after --to 2019-02-04",
        ),
        (("--from", "2019-03-04", "--to", "2100-01-01"), "this one"),
    ],
)
def test_weeks_out_of_range_are_refused(home: Path, arguments: tuple[str, ...], words: str):
    store = Store(load_settings(home).database)
    store.replace_partitions({"folds": rows_of(TABLES["folds"], n_months=1)}, [date(2019, 2, 1)])
    assert words in words_of(*arguments)
