"""The notebook's entrance reads what is stored and writes nothing."""

from datetime import date
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient

import step3_assets
from step3_assets.catalogue import TABLES
from step3_assets.cli.main import cli
from step3_assets.storage.store import Store
from step3_assets_tests.storage.rows import rows_of

MONTH = date(2019, 2, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "step3.duckdb")
    store.ensure_tables()
    store.replace_partitions({"folds": rows_of(TABLES["folds"], n_months=1)}, [MONTH])
    return tmp_path


def test_tables_are_read_by_month(home: Path):
    opened = step3_assets.open_home(home)
    assert set(opened.tables) == set(TABLES)
    everything = opened.table("folds")
    assert len(everything) > 0
    assert len(opened.table("folds", first="2019-02", last="2019-02")) == len(everything)
    assert opened.table("folds", first="2019-03").empty
    with pytest.raises(ValueError, match="no table 'fold'"):
        opened.table("fold")
    with pytest.raises(ValueError, match="no column month"):
        opened.table("acceptance", first="2019-02")


def test_an_event_that_is_not_there_is_named(home: Path):
    with pytest.raises(ValueError, match="no event of QQQ at 2019-02-04 15:00"):
        step3_assets.open_home(home).explain("QQQ", "2019-02-04 15:00")


def test_a_folder_without_tables_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"holds no step3\.duckdb"):
        step3_assets.open_home(tmp_path / "nowhere")


def test_importing_the_package_loads_nothing_else():
    assert "open_home" not in vars(step3_assets)
    with pytest.raises(AttributeError):
        step3_assets.no_such_name  # noqa: B018


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_export_writes_the_rows_once(home: Path, kind: str):
    arguments = ["export", "folds", "--format", kind]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.exception
    path = home / f"folds.{kind}"
    read = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    assert len(read) == len(step3_assets.open_home(home).table("folds"))
    again = CliRunner().invoke(cli, arguments)
    assert "exists already" in str(again.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "fold"], "did you mean folds?"),
        (["export", "acceptance", "--from", "2019-02"], "leave --from and --to out"),
        (["export", "folds", "--out", "no/such/f.csv"], "there is no folder no/such"),
        (["trades"], "no trade of platform is stored"),
    ],
)
def test_a_refusal_says_what_to_do(home: Path, arguments: list[str], words: str):
    assert words in str(CliRunner().invoke(cli, arguments).exception)


def test_the_tour_runs_in_a_real_kernel(judged: Path, monkeypatch: pytest.MonkeyPatch):
    """``docs/notebook.ipynb``, cell by cell, on a home that is not the demo's."""
    notebook = nbformat.read(Path(__file__).parents[1] / "docs" / "notebook.ipynb", as_version=4)
    monkeypatch.setenv("STEP3_HOME", str(judged / "home"))
    before = Store(judged / "home" / "step3.duckdb").table_hashes()
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(judged))
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells)
    assert all(out.output_type == "execute_result" for cell in cells for out in cell.outputs)
    assert Store(judged / "home" / "step3.duckdb").table_hashes() == before


def test_a_plot_that_the_report_has_not_is_named(home: Path):
    opened = step3_assets.open_home(home)
    assert opened.figures == []
    with pytest.raises(ValueError, match="no plot 'equity'"):
        opened.figure("equity")
