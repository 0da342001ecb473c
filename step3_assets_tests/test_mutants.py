"""The runner of planted faults says "caught" only where a test failed because of the fault."""

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "scripts" / "mutants"
sys.path.insert(0, str(FOLDER))  # the runner's child processes find it there as well
mutants = import_module("run")

CODE = "def double(x):\n    return 2 * x\n\n\nUNUSED = 1\n"
TESTS = """
import code_under_test
import pytest


@pytest.fixture
def four():
    assert code_under_test.UNUSED < 5
    return code_under_test.double(2)


def test_double(four):
    assert four == 4
"""
FAULT = mutants.Fault(
    name="a fault",
    file="code_under_test.py",
    old="2 * x",
    new="3 * x",
    tests=("test_code.py",),
    area="area",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "code_under_test.py").write_text(CODE)
    (tmp_path / "test_code.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.mark.parametrize(
    ("change", "word", "why"),
    [
        ({}, "caught", ""),
        ({"old": "UNUSED = 1", "new": "UNUSED = 2"}, "survived", ""),
        ({"old": "UNUSED = 1", "new": "UNUSED = 9"}, "broken", "1 error(s) outside a test"),
        ({"old": "def double", "new": "raise OSError\n\ndef double"}, "broken", "error(s) outside"),
        ({"tests": ("test_gone.py",)}, "broken", "there is no test_gone.py"),
        ({"old": "3 * x"}, "broken", "its text stands 0 times in code_under_test.py"),
        ({"old": "x"}, "broken", "its text stands 2 times in code_under_test.py"),
        ({"new": "2 * x"}, "broken", "it changes nothing"),
        ({"new": "2 * ("}, "broken", "code_under_test.py does not compile with it"),
        ({"file": "gone.py"}, "broken", "there is no gone.py"),
    ],
)
def test_what_becomes_of_a_fault(project, change, word, why):
    outcome = mutants.planted(project, replace(FAULT, **change))
    assert outcome.word == word, outcome
    assert why in outcome.why
    assert (project / "code_under_test.py").read_text() == CODE


@pytest.mark.parametrize(
    ("run", "word"),
    [
        ((0, 3, 0, 0), "survived"),
        ((1, 3, 1, 0), "caught"),
        ((0, 0, 0, 0), "broken"),
        ((1, 0, 0, 1), "broken"),
        ((2, 0, 0, 1), "broken"),
        ((4, 0, 0, 0), "broken"),
        ((-1, 0, 0, 0), "broken"),
    ],
    ids=["passed", "failed", "skipped", "fixture", "collection", "no such test", "too long"],
)
def test_only_a_failed_test_catches(run, word):
    assert mutants.judged(mutants.TestRun(*run, output="one\nlast")).word == word


def test_faults_are_at_least_eighty_and_named_apart():
    faults = mutants.read_faults(mutants.FAULTS)
    assert len(faults) >= 80
    assert len({fault.area for fault in faults}) >= 12


def test_a_fault_named_twice_or_without_a_test_is_refused(tmp_path):
    row = '[[fault]]\nname = "a"\nfile = "f"\nold = "o"\nnew = "n"\ntests = {tests}\n'
    (tmp_path / "one.toml").write_text(row.format(tests='["t"]'))
    (tmp_path / "two.toml").write_text(row.format(tests="[]"))
    with pytest.raises(ValueError, match=r"named twice: \['a'\]; faults without a test: \['a'\]"):
        mutants.read_faults(tmp_path)


def test_a_sample_follows_its_seed():
    faults = [replace(FAULT, name=str(number)) for number in range(50)]
    drawn = {seed: mutants.chosen(faults, None, 4, seed) for seed in ("a", "b")}
    assert drawn["a"] == mutants.chosen(faults, None, 4, "a") != drawn["b"]
    assert [len(sample) for sample in drawn.values()] == [4, 4]
    assert mutants.chosen(faults, ["area"], None, "a") == faults
    assert [f.name for f in mutants.chosen(faults, ["49", "7"], None, "a")] == [
        "7", "17", "27", "37", "47", "49"
    ]  # fmt: skip
