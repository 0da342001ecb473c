"""A store of an older program opens with all its rows, or is not changed at all."""

import json
import logging
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import duckdb
import pytest

from step3_assets.catalogue import SCHEMA_NUMBER, SCHEMA_VERSION, TABLES
from step3_assets.catalogue.migrations import (
    AddColumn,
    DropColumn,
    DropTable,
    RenameColumn,
    RenameTable,
    ReplaceText,
)
from step3_assets.storage import ddl, migrate
from step3_assets.storage.backup import make_backup
from step3_assets.storage.store import Store, StoreError
from step3_assets_tests.storage.old_tables import VERSION_1


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "step3.duckdb"
    run(path, *VERSION_1)
    return path


def run(path: Path, *statements: str) -> list[tuple]:
    """Statements on the file behind the store's back; the rows of the last one."""
    with duckdb.connect(str(path)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        return connection.execute(statements[-1]).fetchall()


def test_rows_of_version_1_are_there_under_the_new_names(old: Path) -> None:
    store = Store(old)
    store.ensure_tables()
    assert list(store.read("acceptance")["criterion"]) == ["max_drawdown"]
    (row,) = store.read("model_registry").to_dict("records")
    assert (row["criteria"], row["stage"]) == ('{"max_drawdown":{}}', "champion")
    evidence = store.read("registry_transitions")["evidence"]
    assert json.loads(evidence[1]) == {"audit": [], "criteria": {"max_drawdown": {}}}
    assert store.read("scores").empty
    assert run(old, "SELECT value FROM store_info") == [(SCHEMA_VERSION,)]


def test_heads_of_old_stores_are_named_by_role(old: Path) -> None:
    columns = [f'"{c.name}" {c.dtype}' for c in TABLES["calibrated_models"].columns]
    run(
        old,
        f"CREATE TABLE calibrated_models ({', '.join(columns)}, PRIMARY KEY (month, head))",
        "INSERT INTO calibrated_models SELECT DATE '2020-01-01', head, 'text', 1, 'p', 'a', 'b', "
        "'c', 'd' FROM (VALUES ('lgbm_mean'), ('lgbm_q10'), ('ridge')) AS heads(head)",
        "SELECT 1",
    )
    run(old, """UPDATE model_registry SET artefacts = '{"lgbm_mean":"a","ridge":"b"}'""")
    store = Store(old)
    assert set(store.read("calibrated_models")["head"]) == {"mean", "q10", "ridge"}
    assert list(store.read("model_registry")["artefacts"]) == ['{"mean":"a","ridge":"b"}']


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.read("acceptance"),
        lambda store: store.append("registry_transitions", store.read("registry_transitions")),
        lambda store: store.table_hashes(),
        lambda store: make_backup(store, store.path.with_name("copy")),
    ],
    ids=["read", "append", "hashes", "backup"],
)
def test_whoever_comes_first_brings_it_up_to_date(old: Path, use) -> None:
    use(Store(old))
    assert run(old, "SELECT value FROM store_info") == [(SCHEMA_VERSION,)]
    assert len(Store(old).read("registry_transitions")) == 2


def _read(path: Path, answers) -> None:
    answers.put(len(Store(path).read("acceptance")))


def test_several_processes_at_once(old: Path) -> None:
    fresh = get_context("spawn")
    answers = fresh.Queue()
    readers = [fresh.Process(target=_read, args=(old, answers)) for _ in range(3)]
    for reader in readers:
        reader.start()
    assert [answers.get(timeout=60) for _ in readers] == [1, 1, 1]
    for reader in readers:
        reader.join()


def test_a_shape_that_never_was_is_refused_and_left_alone(old: Path) -> None:
    run(old, "ALTER TABLE acceptance ADD COLUMN mine INTEGER")
    with pytest.raises(StoreError, match=r"acceptance.* extra columns: mine; .*cannot be migrated"):
        Store(old).ensure_tables()
    assert run(old, "SELECT gate FROM acceptance") == [("max_drawdown",)]
    assert run(old, "SELECT value FROM store_info") == [("1-38050cfa",)]


@pytest.mark.parametrize(
    "version", [f"{SCHEMA_NUMBER + 1}-0", f"{SCHEMA_NUMBER}-0", "0-0", "-", ""]
)
def test_a_newer_or_unknown_version_is_refused(old: Path, version: str) -> None:
    run(old, f"UPDATE store_info SET value = '{version}'")
    with pytest.raises(StoreError, match=f"holds schema version {version}, this program writes"):
        Store(old).ensure_tables()


def test_each_kind_of_change(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acceptance = TABLES["acceptance"]
    columns = {c.name: c for c in acceptance.columns}
    changed = replace(
        acceptance,
        name="judged",
        columns=(
            replace(columns["criterion"], name="rule"),
            *(c for c in acceptance.columns if c.name not in ("criterion", "lower")),
            replace(columns["evidence"], name="made_from"),
            replace(columns["upper"], name="margin"),
        ),
        key=("rule",),
    )
    others = {n: t for n, t in TABLES.items() if n not in ("acceptance", "model_registry")}
    tables = others | {"judged": changed}
    further = (
        RenameTable("acceptance", "judged"),
        RenameColumn("judged", "criterion", "rule"),
        AddColumn("judged", "made_from", "VARCHAR", "it's unknown"),
        AddColumn("judged", "margin", "DOUBLE"),
        DropColumn("judged", "lower"),
        ReplaceText("judged", "rule", "max_drawdown", "deepest_fall"),
        DropTable("model_registry"),
        RenameColumn("no_such_table", "a", "b"),
    )
    monkeypatch.setattr(ddl, "TABLES", tables)
    monkeypatch.setattr(migrate, "TABLES", tables)
    monkeypatch.setattr(migrate, "MIGRATIONS", (*migrate.MIGRATIONS, further))
    with migrate.opened(old, is_writer=False, timeout_s=5, log=logging.getLogger()) as connection:
        rows = connection.execute("SELECT rule, made_from, margin FROM step3.judged").fetchall()
        found = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert rows == [("deepest_fall", "it's unknown", None)]
    assert {"acceptance", "model_registry"} & {name for (name,) in found} == set()
    with pytest.raises(duckdb.ConstraintException):
        run(old, "UPDATE judged SET made_from = NULL")
