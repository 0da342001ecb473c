"""The chain from rows to verdict on a real home: edits, stale results, faked verdicts."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

from step3_assets.catalogue import TABLES
from step3_assets.cli.main import cli
from step3_assets.defs.registry.registry_store import Request, promote_in_store
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.settings import load_settings
from step3_assets.defs.verification import STEPS, verify_store
from step3_assets.domain.acceptance.verdict import judge
from step3_assets.domain.registry.errors import RegistryError
from step3_assets_tests.defs.installation import FIRST_TEST, LAST, START, Installation, failure_text
from step3_assets_tests.domain.acceptance.test_verdict import passing_tables

EDITS = {
    "events": "y = 1 - y WHERE month = DATE '2020-03-01'",
    "bar_features": "close = close * 1.01 WHERE bar_idx = 40",
    "folds": "n_test = n_test + 1 WHERE month = DATE '2021-01-01'",
    "fold_members": "role = 'test' WHERE month = DATE '2021-02-01' AND role = 'fit'",
    "calibrated_models": "payload = payload || ' ' WHERE head = 'ridge'",
    "model_metrics": "value = 0.1 WHERE metric = 'brier' AND month = DATE '2021-01-01'",
    "scores": "ev_final = ev_final + 0.01 WHERE month = DATE '2021-02-01'",
    "mock_baseline": "is_gated = NOT is_gated WHERE month = DATE '2021-01-01'",
    "fold_backtests": "return_frac = 0.2 WHERE symbol = 'ALL'",
    "portfolio": "calmar = 9 WHERE series = 'platform'",
    "portfolio_months": "return_frac = 0.1 WHERE series = 'platform'",
    "portfolio_equity": "equity_usd = equity_usd + 1 WHERE series = 'platform'",
    "evaluations": "return_frac = 0.3 WHERE month = DATE '2021-01-01'",
    "statistics": "value = 0.001 WHERE name = 'gate_permutation_p'",
    "acceptance": "is_passed = true",
    "audit": "is_passed = NOT is_passed WHERE position = 3",
    "model_registry": "stage = 'champion' WHERE stage = 'shadow'",
    "registry_transitions": "actor = 'somebody' WHERE position = 1",
    "step3_report": "verdict = 'PROMOTE'",
    "datasets": "is_synthetic = NOT is_synthetic",
}
"""What somebody might change by hand, table by table."""


@pytest.fixture
def place(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A copy of the judged home for one test, which the command line looks at."""
    shutil.copytree(judged, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("STEP3_HOME", str(tmp_path / "home"))
    return Installation(tmp_path / "home", Path("../delivery"))


def step3(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def edit(place: Installation, table: str, change: str) -> int:
    """A plain UPDATE in the file, behind the program's back; how many rows it changed."""
    with duckdb.connect(str(load_settings(place.home).database)) as connection:
        return connection.execute(f"UPDATE {table} SET {change}").fetchall()[0][0]


def with_gate(place: Installation, k: float) -> None:
    toml = place.home / "step3.toml"
    toml.write_text(toml.read_text() + f"[config.gate]\nk = {k}\n")


def refusal(place: Installation) -> str:
    """Why the newest model may not be promoted."""
    models = place.store.read("model_registry")
    (model,) = models.loc[models["stage"] == "shadow", "model_id"]
    request = Request("go", "test", None)
    with pytest.raises(RegistryError) as refused:
        promote_in_store(place.store, load_settings(place.home), str(model), request)
    return str(refused.value)


def checks_that_failed(result) -> dict[str, str]:
    return {
        f"{e.asset_key.to_user_string()}.{e.check_name}": str(e.description)
        for e in result.get_asset_check_evaluations()
        if not e.passed
    }


def test_an_untouched_home_agrees_in_every_step(place: Installation):
    result = step3("verify")
    assert result.exit_code == 0, result.output
    assert result.output.count("agrees ") == len(STEPS)
    assert "Everything that was looked at agrees." in result.output
    one = step3("verify", "--month", "2021-02")
    assert one.exit_code == 0, one.output


def test_an_edited_row_of_any_table_is_named(place: Installation):
    """By plain SQL in the file: each table edited is named with its rows, and no other is."""
    for table, change in EDITS.items():
        assert edit(place, table, change), f"{table}: the edit changed nothing"
    result = step3("verify", "--rows-only")
    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if line.startswith("  - ")]
    assert {line.split()[1].rstrip(":") for line in lines} == set(EDITS), result.output
    for line in lines:
        assert "not as they were written (" in line, line


def test_deleted_and_added_rows_are_counted(place: Installation):
    with duckdb.connect(str(load_settings(place.home).database)) as connection:
        connection.execute("DELETE FROM scores WHERE month = DATE '2021-01-01'")
        connection.execute(
            "INSERT INTO mock_baseline BY NAME SELECT * REPLACE (DATE '2020-05-01' AS month) "
            "FROM mock_baseline LIMIT 1"
        )
    found = "; ".join(place.store.altered(["scores", "mock_baseline"]))
    assert "scores 2021-01: 12 rows are gone" in found or "rows are gone" in found
    assert "mock_baseline 2020-05: 1 rows that the manifest does not know" in found


def test_a_row_that_was_edited_and_noted_again_does_not_follow_from_its_models(
    place: Installation,
):
    """Who writes through the store passes the manifest; computing again finds it."""
    scores = place.store.read("scores", partitions=[LAST])
    scores["ev_final"] += [0.0, 0.0, 0.0, 0.01, *[0.0] * (len(scores) - 4)]
    manifest = place.store.read_manifest()["scores"][LAST]
    place.store.replace_partitions({"scores": scores}, [LAST], manifest.made_from)
    assert step3("verify", "--rows-only").exit_code == 0
    result = step3("verify", "--month", "2021-02")
    assert result.exit_code == 1
    assert "2021-02: scores: 1 rows are not what is computed again" in result.output
    assert "fold_backtests" in result.output


def rewritten(place: Installation, table: str, column: str, row: int, value: str | float) -> None:
    """One value changed through the store, which notes the row as written, with its old stamp."""
    rows = place.store.read(table)
    partition = TABLES[table].partition
    part = rows[partition].max() if partition else None
    if part is not None:
        rows = rows[rows[partition] == part].reset_index(drop=True)
    rows.loc[rows.index[row], column] = value
    stamp = place.store.read_manifest()[table][part].made_from
    if part is None:
        place.store.replace_all({table: rows}, stamp)
    else:
        place.store.replace_partitions({table: rows}, [part], stamp)


@pytest.mark.parametrize(
    ("step", "table", "column", "value"),
    [
        ("folds", "fold_members", "role", "fit"),
        ("models", "calibrated_models", "payload", "{}"),
        ("mock baseline", "mock_baseline", "size_frac", 0.05),
        ("audit", "audit", "evidence", "Nothing found."),
        ("drift", "drift", "value", 0.0123),
        ("importances", "importances", "gain_frac", 0.99),
    ],
)
def test_what_was_noted_again_is_found_by_computing_it(
    place: Installation, step: str, table: str, column: str, value: str | float
):
    rewritten(place, table, column, 2, value)
    settings = load_settings(place.home)
    month = LAST if step == "models" else None
    assert not place.store.altered([table])
    ((_, found),) = verify_store(place.store, settings, [step], month)
    assert len(found) == 1, found
    assert f"{table}: 1 rows are not what is computed again" in found[0] or step == "audit"


def test_stale_statistics_are_refused_at_three_places(place: Installation):
    """Another gate.k, everything made again but the statistics: check, criterion, promotion."""
    with_gate(place, 0.0)
    result = place.run("walk_forward", FIRST_TEST, LAST, assets=["scores", "fold_backtests"])
    assert result.success, failure_text(result)
    result = place.run("results", assets=["portfolio"])
    assert result.success, failure_text(result)
    result = place.run("results", assets=["acceptance", "model_registry"])  # as the UI selects
    assert not result.success
    failed = checks_that_failed(result)
    assert "statistics was made from other rows of" in failed["acceptance.provenance"]
    acceptance = place.store.read("acceptance").set_index("criterion")
    assert not bool(acceptance.loc["provenance", "is_passed"])
    assert "statistics was made" in str(acceptance.loc["provenance", "evidence"])
    said = refusal(place)
    assert "criterion provenance failed: statistics was made from other rows of" in said
    assert "statistics: the stored " in said
    told = step3("audit")  # the command line's partial selection
    assert told.exit_code == 1
    assert "statistics was made from other rows" in str(told.exception) + told.output


def test_settings_changed_without_deciding_again_are_a_mixture(place: Installation):
    """The portfolio of another gate.k on the old scores."""
    with_gate(place, 0.0)
    result = place.run("results", assets=["portfolio", "statistics", "acceptance"])
    assert not result.success
    found = checks_that_failed(result)["acceptance.provenance"]
    assert "scores of 2 months (2021-01 to 2021-02) were made with other settings" in found


def test_one_month_by_other_code_is_a_mixture(place: Installation):
    entry = place.store.read_manifest()["scores"][LAST]
    assert entry.made_from is not None
    older = type(entry.made_from)(entry.made_from.config_hash, "0.0.1+0", entry.made_from.inputs)
    scores = place.store.read("scores", partitions=[LAST])
    place.store.replace_partitions({"scores": scores}, [LAST], older)
    settings = load_settings(place.home)
    ((_, found),) = verify_store(place.store, settings, ["made from"])
    said = "; ".join(found)
    assert "scores of 2021-02 were made by other code (0.0.1+0, this is" in said
    assert "the code has changed, so every month and result is refused until `step3 run`" in said


def test_a_faked_verdict_promotes_nothing(place: Installation):
    """Every criterion passed, written through the store with the stamp of the real one."""
    entry = place.store.read_manifest()["acceptance"][None]
    fake = judge(passing_tables(), load_settings(place.home).config)
    place.store.replace_all({"acceptance": fake}, entry.made_from)
    said = refusal(place)
    assert "acceptance: the stored" in said
    assert "criterion trades_per_month failed" in said


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("statistics", "value = 0.001 WHERE name = 'gate_permutation_p'"),
        ("portfolio_equity", "equity_usd = 20000 WHERE series = 'platform'"),
        ("audit", "is_passed = true, evidence = 'fine'"),
    ],
)
def test_a_promotion_looks_at_the_rows_themselves(place: Installation, table: str, change: str):
    edit(place, table, change)
    said = refusal(place)
    assert f"{table}" in said
    assert "rows are not as they were written" in said


def test_ingest_again_repairs_what_was_edited(place: Installation):
    before = place.store.table_hash("events")
    assert edit(place, "events", "y = 1, net_logret = abs(net_logret) WHERE y = 0") > 40
    result = place.run("ingest", START, LAST)
    assert result.success, failure_text(result)
    assert place.store.table_hash("events") == before
    assert step3("verify", "--rows-only").exit_code == 0


def test_the_registry_s_file_is_compared_with_its_table(place: Installation):
    path = load_settings(place.home).registry_file
    path.write_text(path.read_text("utf-8").replace('"shadow"', '"champion"', 1), "utf-8")
    for verb in (["list"], ["show", "2021-02"]):
        result = step3("registry", *verb)
        assert result.exit_code == 0
        assert "does not match the table model_registry" in result.output
    ((_, found),) = verify_store(place.store, load_settings(place.home), ["registry"])
    assert "step3_model_registry.json does not match" in found[0]


def test_a_shorter_span_is_named_and_is_a_trial_of_its_own(place: Installation):
    with duckdb.connect(str(load_settings(place.home).database)) as connection:
        for table in ("scores", "mock_baseline"):
            connection.execute(f"DELETE FROM {table} WHERE month = ?", [FIRST_TEST])
    result = place.run("results", assets=["portfolio", "statistics"])
    assert result.success, failure_text(result)
    place.run("results", assets=["acceptance"])
    (caveat,) = set(place.store.read("acceptance")["caveat"].dropna())
    assert caveat == "over 2021-02 to 2021-02 only, the data allow 2021-01 to 2021-02"
    assert set(place.store.read("evaluations")["span"]) == {"longest", "2021-02 to 2021-02"}
    row = place.store.read("statistics").set_index("name").loc["backtest_overfitting"]
    assert "2 trials" in str(row["sentence"])


def test_the_schedule_asks_for_a_sample_daily_and_everything_on_mondays(place: Installation):
    schedule = place.definitions().get_schedule_def("daily_verification")
    with dg.DagsterInstance.ephemeral() as instance:
        for day, extent in ((16, "whole"), (17, "sample")):
            at = datetime(2023, 1, day, 9, 30, tzinfo=UTC)
            resources = {"platform": PlatformResource(home=str(place.home))}
            with dg.build_schedule_context(
                instance, scheduled_execution_time=at, resources=resources
            ) as context:
                data = schedule.evaluate_tick(context)
            (request,) = data.run_requests or []
            assert request.tags["step3/verify"] == extent
            if extent == "whole":
                continue
            edit(place, "scores", "ev_final = 0.01 WHERE month = DATE '2021-02-01'")
            job = place.definitions().resolve_job_def("verification")
            result = job.execute_in_process(instance=instance, tags=request.tags)
            assert "scores 2021-02" in checks_that_failed(result)["step3_report.verified"]
