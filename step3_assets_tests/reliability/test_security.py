"""Claims of ``SECURITY.md``: nothing that is loaded can execute, the UI is on loopback only."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import step3_assets
from step3_assets.cli import ui as ui_module
from step3_assets.cli.installation import dagster_instance, prepare_home
from step3_assets.cli.main import cli
from step3_assets.cli.ui import server_command
from step3_assets.domain.models.text_format import ModelIntegrityError, load_numbers
from step3_assets.storage.files import replace_file
from step3_assets.storage.store import Store
from step3_assets_tests.waiting import wait_until

PACKAGE = Path(step3_assets.__file__).parent
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "skops"}
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "joblib.load", "yaml.load",
    "yaml.unsafe_load", "pd.read_pickle", "pandas.read_pickle", "torch.load", "runpy.run_path",
    "ctypes.CDLL",
}  # fmt: skip
IMPORTING = {"cli/main.py", "domain/report/section.py"}  # modules of this package, by name


def dangers(source: str) -> set[str]:
    """Names in a module's source that could run what was loaded."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] in FORBIDDEN_MODULES}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= {module} if module.split(".")[0] in FORBIDDEN_MODULES else set()
            found |= names & FORBIDDEN_CALLS
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            found |= {called} & (FORBIDDEN_CALLS | {"importlib.import_module"})
            options = {k.arg: k.value for k in node.keywords if k.arg}
            for name in ("shell", "allow_pickle"):
                value = options.get(name)
                if value is not None and not (
                    isinstance(value, ast.Constant) and value.value is False
                ):
                    found.add(name)
    return found


def test_nothing_that_is_loaded_can_execute() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        seen = dangers(path.read_text("utf-8"))
        if name in IMPORTING:
            seen -= {"importlib.import_module"}
        if seen:
            found[name] = seen
    assert found == {}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import pickle", "pickle"),
        ("from cloudpickle import loads", "cloudpickle"),
        ("import joblib\nx = joblib.load(p)", "joblib.load"),
        ("from joblib import load", "joblib.load"),
        ("x = eval(text)", "eval"),
        ("exec(text)", "exec"),
        ("yaml.load(text)", "yaml.load"),
        ("pd.read_pickle(p)", "pd.read_pickle"),
        ("np.load(p, allow_pickle=True)", "allow_pickle"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("importlib.import_module(text)", "importlib.import_module"),
        ("os.system(text)", "os.system"),
    ],
)
def test_the_search_for_them_finds_each(source: str, name: str) -> None:
    assert name in dangers(source)
    assert dangers("import json\nnp.load(p, allow_pickle=False)\nre.compile(x)") == set()


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "!!python/object/apply:os.system ['true']",
        "cos\nsystem\n(S'true'\ntR.",
        '["os.system", "true"]',
    ],
)
def test_a_models_text_that_is_a_program_is_refused(text: str) -> None:
    with pytest.raises(ModelIntegrityError):
        load_numbers(text)


def sql_with_names(source: str) -> list[str]:
    """F-strings handed to ``execute``, apart from those of identifiers."""
    calls = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    texts = [c.args[0] for c in calls if ast.unparse(c.func).endswith(".execute") and c.args]
    parts = [p for t in texts for p in ast.walk(t) if isinstance(p, ast.FormattedValue)]
    return [ast.unparse(part.value) for part in parts]


SQL_NAMES = {
    "CATALOGUE", "COPY", "STORAGE_VERSION", "_INFO", "literal", "options", "qualified", "quoted",
    "where", "partition", "columns", "TABLE", "qualified_name", "plan.query", "catalogue",
}  # fmt: skip
"""Names of the catalogue or of stored columns, quoted, or text made of those; ``literal`` quotes a
path of our own."""


def test_sql_is_made_of_the_catalogues_names_alone() -> None:
    """A value is bound; every part that is put into SQL is one of these."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for part in sql_with_names(path.read_text("utf-8")):
            found.add(part.partition("(")[0])
    assert found <= SQL_NAMES
    planted = 'connection.execute(f"DELETE FROM x WHERE symbol = {symbol}")'
    assert sql_with_names(planted) == ["symbol"]


def test_the_ui_listens_on_loopback_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(ui_module, "_supervise", lambda command, *_: started.append(command) or 0)
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "")
    said = CliRunner().invoke(cli, ["ui", "--port", str(free_port())]).output
    assert "password" not in said
    said = CliRunner().invoke(cli, ["ui", "--port", str(free_port()), "--host", "0.0.0.0"]).output
    assert "0.0.0.0 is not the loopback address, and there is no password" in said
    hosts = [command[command.index("--host") + 1] for command in started]
    assert hosts == ["127.0.0.1", "0.0.0.0"]
    option = next(p for p in ui_module.ui.params if p.name == "host")
    assert isinstance(option, click.Option)
    assert option.default == "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web server that ``step3 ui --read-only`` would start, on a new home."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    workspace = home / "workspace.yaml"
    workspace.write_text("load_from: []\n")
    port = free_port()
    server = subprocess.Popen(
        server_command(workspace, "127.0.0.1", port, read_only=True),
        env={
            "DAGSTER_HOME": str(home),
            "PATH": str(Path(sys.executable).parent),
            "HOME": str(home),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(port), 90, "the web server answers")
        yield port
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=40)
        shutil.rmtree(home, ignore_errors=True)


def answers(port: int) -> bool:
    try:
        return bool(ask(port, "{version}"))
    except OSError:
        return False


def ask(port: int, query: str) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["data"]


def test_a_read_only_server_permits_nothing_and_listens_on_loopback(reader: int) -> None:
    permissions = ask(reader, "{permissions{permission value}}")["permissions"]
    assert len(permissions) > 10
    assert [p["permission"] for p in permissions if p["value"]] == []
    assert ask(reader, "{runsOrError{... on Runs{results{status}}}}")["runsOrError"] == {
        "results": []
    }
    table = Path("/proc/net/tcp")
    if table.exists():
        local = [line.split()[1:4:2] for line in table.read_text().splitlines()[1:]]
        listening = [a for a, state in local if state == "0A" and a.endswith(f":{reader:04X}")]
        assert listening == [f"0100007F:{reader:04X}"]


def test_the_files_of_a_home_are_their_owner_s_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.write_text("shared")
    outside.chmod(0o644)
    (home / "report").mkdir(parents=True)
    (home / "report" / "page.html").write_text("old")
    (home / "link").symlink_to(outside)
    for path in (home, home / "report", home / "report" / "page.html"):
        path.chmod(0o755)
    monkeypatch.setenv("STEP3_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    before = os.umask(0o022)
    try:
        with dagster_instance(prepare_home()):
            Store(home / "step3.duckdb").ensure_tables()
        replace_file(home / "step3_model_registry.json", b"{}")  # also by a program of one's own
        os.umask(0o022)
        replace_file(home / "report" / "page.html", b"new")
    finally:
        os.umask(before)
    modes = {p: p.lstat().st_mode & 0o077 for p in [home, *home.rglob("*")] if not p.is_symlink()}
    assert len(modes) > 5
    assert [path for path, mode in modes.items() if mode] == []
    assert outside.stat().st_mode & 0o777 == 0o644
