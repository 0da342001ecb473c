"""Examples in docstrings run, and what docstrings and docs refer to exists.

Belongs here: doctests, the Sphinx roles of docstrings, file names in docstrings and docs. Does not
belong here: links between pages (``test_links``).
"""

import ast
import doctest
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

import step3_assets

PACKAGE = Path(step3_assets.__file__).parent
ROOT = PACKAGE.parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
WITH_EXAMPLES = [path for path in SOURCES if ">>>" in path.read_text("utf-8")]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
ROLE = re.compile(r":(?:mod|func|class|meth|data|attr):`~?([\w.]+)`")
FILE = re.compile(r"`+((?:[\w.-]+/)*[\w-]+\.(?:py|sql|toml|yaml|md|sh|ipynb))`+")
BASES = (ROOT, PACKAGE, PACKAGE / "domain", ROOT / "docs", ROOT / "step3_assets_tests")
# Files that a run or a person makes.
MADE = {"step3.toml", "dagster.yaml", "step3_report.md"}


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=module_name)
def test_examples_run(path: Path):
    result = doctest.testmod(importlib.import_module(module_name(path)))
    assert result.attempted > 0
    assert result.failed == 0


@cache
def resolves(target: str) -> bool:
    """Whether a dotted name leads to a module or to something in one."""
    parts = target.split(".")
    if not all(parts):
        return False
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return all(
            (found := getattr(found, name, None)) is not None
            or name in getattr(found, "__dataclass_fields__", {})
            for name in parts[length:]
        )
    return False


def unresolved_roles(text: str, module: str) -> list[str]:
    """Targets of Sphinx roles that name nothing.

    A bare name is looked up in its module and the module's classes, ``.name`` in its package.
    """
    package = module if (ROOT / module.replace(".", "/")).is_dir() else module.rpartition(".")[0]
    classes = [v for v in vars(importlib.import_module(module)).values() if isinstance(v, type)]
    return [
        target
        for target in ROLE.findall(text)
        if not (
            resolves(target)
            or resolves(f"{package}{target}" if target[0] == "." else f"{module}.{target}")
            or any(hasattr(each, target) for each in classes)
        )
    ]


def docstrings(path: Path) -> str:
    """Every docstring of a source file."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, kinds)]
    return "\n".join(ast.get_docstring(node) or "" for node in nodes)


@cache
def file_names() -> set[str]:
    """Bare names of the files of the project."""
    folders = (PACKAGE, ROOT / "docs", ROOT / "step3_assets_tests", ROOT / "scripts")
    return {p.name for folder in folders for p in folder.rglob("*.*")} | {
        p.name for p in ROOT.glob("*.*")
    }


def missing_files(text: str) -> list[str]:
    """Files named in code font that are not there; a bare name may stand in any folder."""
    missing = []
    for name in FILE.findall(text):
        is_there = any((base / name).exists() for base in BASES)
        if not is_there and not ("/" not in name and name in file_names() | MADE):
            missing.append(name)
    return missing


def test_every_role_in_a_docstring_names_something():
    found = {
        module_name(path): bad
        for path in SOURCES
        if (bad := unresolved_roles(docstrings(path), module_name(path)))
    }
    assert found == {}


def test_every_file_in_a_docstring_is_there():
    found = {module_name(path): bad for path in SOURCES if (bad := missing_files(docstrings(path)))}
    assert found == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_file_on_a_page_is_there(page: Path):
    assert missing_files(page.read_text("utf-8")) == []


def test_what_is_gone_is_seen():
    text = "See :mod:`step3_assets.schemas`, :func:`~step3_assets.cli.main.main`, ``cli/gone.py``."
    assert unresolved_roles(text, "step3_assets") == ["step3_assets.schemas"]
    assert missing_files(f"{text} And `cli/main.py`, `main.py`, `no_such.py`.") == [
        "cli/gone.py",
        "no_such.py",
    ]
