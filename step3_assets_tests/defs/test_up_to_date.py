"""What a run makes again when one thing changes, and that the rest equals a full run."""

import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from step3_assets.catalogue import TABLES
from step3_assets.cli.main import cli
from step3_assets.defs import provenance
from step3_assets.defs.delivery.assets import load_delivery
from step3_assets.defs.partition_task import Frames
from step3_assets.defs.provenance import MONTHLY, WHOLE
from step3_assets.defs.resources import ProgressResource
from step3_assets.defs.settings import load_settings
from step3_assets.defs.up_to_date import Work, ingest_work, month_work, result_work
from step3_assets.defs.walk_forward import assets
from step3_assets.domain.walk_forward.month_steps import TrainingInputs
from step3_assets_tests.defs.installation import FIRST_TEST, LAST, START, Installation, failure_text
from step3_assets_tests.domain.delivery.mutation import BASELINE

MONTHS = [FIRST_TEST, LAST]
ALL = ("folds", "calibrated_models", "mock_baseline", "scores", "fold_backtests")


@pytest.fixture
def home(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A copy of the judged home and its delivery."""
    shutil.copytree(judged, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("STEP3_HOME", str(tmp_path / "home"))
    return Installation(tmp_path / "home", Path("../delivery"))


def execute(home: Installation, work: Work) -> None:
    first, last = work.months or (None, None)
    result = home.run(work.job, first, last, assets=work.assets)
    assert result.success, failure_text(result)


def months_to_make(home: Installation, selection: Sequence[str] | None = None) -> list[tuple]:
    """What a run would make of the months: assets, first, last."""
    settings = load_settings(home.home)
    works = month_work(home.store, settings, MONTHS, selection, START)
    return [(work.assets, *(work.months or ())) for work in works]


def results_to_make(home: Installation) -> set[str]:
    return {a for w in result_work(home.store, load_settings(home.home)) for a in w.assets}


def to_ingest(home: Installation) -> list[Work]:
    settings = load_settings(home.home)
    assert settings.delivery is not None
    delivery = load_delivery(settings.delivery, ProgressResource())
    return ingest_work(home.store, settings, delivery)


def edit(home: Installation, statement: str) -> None:
    with duckdb.connect(str(load_settings(home.home).database)) as connection:
        assert connection.execute(statement).fetchall()[0][0]


def shift_bars(home: Installation, month: date) -> None:
    """Deliver another volume for one bar of a month: a revision that breaks no rule."""
    (path,) = (home.home.parent / "delivery" / "bar_features").glob("aaa*")
    bars = pd.read_parquet(path)
    is_month = (bars["date"].dt.year == month.year) & (bars["date"].dt.month == month.month)
    bars.loc[bars.index[is_month][3], "volume"] += 1.0
    bars.to_parquet(path, index=False)


def test_what_is_there_is_not_made_again(home: Installation):
    assert to_ingest(home) == []
    assert months_to_make(home) == []
    assert results_to_make(home) == set()
    said = CliRunner().invoke(cli, ["run"])
    assert said.exit_code == 0, said.output
    assert "nothing changed" in said.output
    assert "cutting folds" not in said.output
    listed = CliRunner().invoke(cli, ["history"])
    assert "1 of 1 verdicts" in listed.output
    compared = CliRunner().invoke(cli, ["compare", "latest", str(home.home)])
    assert compared.exit_code == 0, compared.output
    assert "No setting differs" in compared.output


DECIDED, TRAINED = ("scores", "fold_backtests"), ALL[1:]
JUDGED = {"audit", "acceptance", "model_registry", "step3_report"}


SETTINGS = [
    ("[config.gate]\nk = 0.2", DECIDED, {"portfolio", "statistics", "drift", *JUDGED}),
    ("[config.risk]\nrearm_sessions = 7", ("fold_backtests",), {"portfolio", "statistics"}),
    ("[config.acceptance]\nmin_trades_per_month = 1", (), JUDGED),
    ("[config.drift]\nwindow_months = 2", (), {"drift", *JUDGED}),
    ("[config.statistics]\nseed = 5", (), {"statistics", "drift", *JUDGED}),
]
"""A setting, the monthly assets that it changes, and results: all of them where no month is."""


def test_a_setting_makes_only_what_depends_on_it(home: Installation):
    toml = home.home / "step3.toml"
    plain = toml.read_text()
    for setting, assets_changed, results in SETTINGS:
        toml.write_text(f"{plain}{setting}\n")
        wanted = [(assets_changed, FIRST_TEST, LAST)] if assets_changed else []
        assert months_to_make(home) == wanted, setting
        made = results_to_make(home)
        assert made == results if not assets_changed else made >= results - {"drift"}, setting
    toml.write_text(plain.replace("n_rounds = 5", "n_rounds = 6"))
    assert months_to_make(home) == [(TRAINED, FIRST_TEST, LAST)]


def test_other_code_or_libraries_make_everything(
    home: Installation, monkeypatch: pytest.MonkeyPatch
):
    for name in ("code_version", "_libraries_hash"):
        with monkeypatch.context() as patch:
            patch.setattr(provenance, name, lambda: "another")
            assert months_to_make(home) == [(ALL, FIRST_TEST, LAST)]
            assert results_to_make(home) == {*WHOLE, "model_registry"}


def test_a_delivered_month_is_read_by_the_folds_after_it(home: Installation):
    """Bars of the second month also mark the trades that the first one leaves open."""
    shift_bars(home, LAST)
    (work,) = to_ingest(home)
    assert work.months == (LAST, LAST)
    assert "bar_features of 2021-02 are delivered with other rows" in work.why[0]
    execute(home, work)
    assert months_to_make(home) == [
        (("fold_backtests",), FIRST_TEST, FIRST_TEST),
        (ALL, LAST, LAST),
    ]


def test_a_baseline_that_comes_beside_the_same_rows_is_taken(home: Installation):
    folder = home.home.parent / "delivery" / "selection" / "dual_portfolio_ml"
    folder.mkdir(parents=True)
    (folder / "dual_symbol_portfolio_summary.json").write_text(json.dumps(BASELINE))
    (work,) = to_ingest(home)
    execute(home, work)
    assert to_ingest(home) == []
    assert home.store.read("datasets")["published_baseline"].notna().all()
    assert results_to_make(home) >= {"portfolio", "acceptance"}


def test_rows_that_somebody_edited_are_made_again(home: Installation):
    edit(home, "UPDATE scores SET ev_final = 0.01 WHERE month = DATE '2021-02-01'")
    edit(home, "UPDATE portfolio_equity SET equity_usd = 20000 WHERE series = 'platform'")
    assert months_to_make(home) == [(DECIDED, LAST, LAST)]
    assert "portfolio" in results_to_make(home)


def test_a_month_that_its_check_refuses_is_not_built_on(home: Installation):
    """Stored with the right stamp and killed before the check, or stored in spite of it."""
    members = home.store.read("fold_members", partitions=[LAST])
    folds = home.store.read("folds", partitions=[LAST])
    members.loc[members["role"] == "fit", "role"] = "test"
    stamp = home.store.read_manifest()["folds"][LAST].made_from
    home.store.replace_partitions({"folds": folds, "fold_members": members}, [LAST], stamp)
    (work,) = month_work(home.store, load_settings(home.home), MONTHS, None, START)
    assert (work.assets, work.months) == (ALL, (LAST, LAST))
    assert any(why.startswith("folds of 2021-02 are refused by their check") for why in work.why)


def test_pages_that_are_gone_are_written_again(home: Installation):
    settings = load_settings(home.home)
    (settings.report_dir / "step3_report.html").unlink()
    settings.registry_file.unlink()
    assert results_to_make(home) == {"model_registry", "step3_report"}
    with (settings.report_dir / "step3_report.md").open("a") as page:
        page.write("edited")
    assert "step3_report" in results_to_make(home)


def test_a_part_made_again_equals_a_full_run(home: Installation, monkeypatch: pytest.MonkeyPatch):
    """Training is interrupted; the next run goes on with the one month that is missing."""
    shift_bars(home, LAST)
    counted: list[date] = []
    train = assets.training_step

    def interrupted(*_: object) -> dict:
        raise OSError("no room")

    def counting(inputs: TrainingInputs) -> Frames:
        counted.append(inputs.rows.fold.month)
        return train(inputs)

    monkeypatch.setattr(assets, "training_step", interrupted)
    stopped = CliRunner().invoke(cli, ["run"])
    assert stopped.exit_code == 1
    assert "training models: stopped at 0 of 1" in stopped.output
    assert "1 of 1 months failed" in str(stopped.exception)
    monkeypatch.setattr(assets, "training_step", counting)
    works = month_work(home.store, load_settings(home.home), MONTHS, None, START)
    rest = ("calibrated_models", *DECIDED)
    assert [(w.assets, w.months) for w in works] == [(rest, (LAST, LAST))]
    for work in works:
        execute(home, work)
    assert counted == [LAST]
    names = [table.name for table in TABLES.values() if table.asset in MONTHLY]
    partial = {name: home.store.table_hash(name) for name in names}
    execute(home, Work("walk_forward", (), (FIRST_TEST, LAST)))
    assert counted == [LAST, *MONTHS]
    assert {name: home.store.table_hash(name) for name in names} == partial
    assert months_to_make(home) == []
