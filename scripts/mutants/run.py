"""Plant each fault of ``faults/*.toml`` in a copy of the project and check that a test catches it.

Run as ``python scripts/mutants/run.py [--sample N] [--only WORD ...]`` from the project's folder.
First the named tests must pass on the unchanged copy. Then each fault is planted on its own, and it
is

``caught``
    when one of its tests fails;
``survived``
    when all of them pass;
``broken``
    when the tests end in any other way: an error in collection or in a fixture does not count.

If the text of any fault, requested or not, does not occur exactly once in its file, the run stops
before it begins: the list of faults has to be updated with the code.

The exit status is 0 if every fault was caught. ``--seed`` selects the sample; its default is the
commit, so that every commit plants other faults.
"""

import argparse
import multiprocessing
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAULTS = Path(__file__).resolve().parent / "faults"
COPIED = ("step3_assets", "step3_assets_tests", "benchmarks", "docs", "scripts", "pyproject.toml")
CAUGHT, SURVIVED, BROKEN = "caught", "survived", "broken"
TIMEOUT_S = 300
PASSED, TESTS_FAILED = 0, 1
PACKAGE = "step3_assets"
LIBRARIES = (
    "pytest",
    "hypothesis",
    "pandas",
    "scipy.stats",
    "pyarrow.parquet",
    "sklearn.linear_model",
)
_SERVER = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Fault:
    """One fault: `old`, which stands once in `file`, becomes `new`; one of `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    area: str


@dataclass(frozen=True)
class Outcome:
    """What became of a fault, and why where it is broken."""

    word: str
    why: str = ""


@dataclass(frozen=True)
class TestRun:
    """How one run of tests ended.

    Parameters
    ----------
    status : int
        Of pytest; -1 where it took too long.
    n_passed, n_failed, n_errors : int
        Errors are those of collection and of fixtures.
    output : str
    """

    status: int
    n_passed: int
    n_failed: int
    n_errors: int
    output: str


def main(argv: Sequence[str] | None = None) -> int:
    """Plant, test, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sample", type=int, help="So many faults, drawn by the seed.")
    parser.add_argument("--seed", help="Of the sample; the commit unless it is given.")
    parser.add_argument(
        "--only", nargs="*", help="Faults whose name or area contains one of these."
    )
    parser.add_argument("--workers", type=int, default=1, help="Copies that run side by side.")
    asked = parser.parse_args(argv)
    every = read_faults(FAULTS)
    stale = [(fault, why) for fault in every if (why := why_not(ROOT, fault))]
    for fault, why in stale:
        say(f"{BROKEN:<9} {fault.area}: {fault.name} ({why})")
    faults = chosen(every, asked.only, asked.sample, asked.seed or commit())
    if stale or not faults:
        say(f"{len(stale)} of {len(every)} faults no longer fit the code: mend their text")
        return 1
    _SERVER.set_forkserver_preload(list(LIBRARIES))
    start, copies = time.perf_counter(), queue.SimpleQueue()
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(max(1, asked.workers)):
            copies.put(copied(Path(scratch) / str(number)))
        first = copies.get()
        tests = sorted({test for fault in faults for test in fault.tests})
        untouched = run_tests(first, tests, timeout_s=60.0 * TIMEOUT_S)
        if untouched.status != PASSED or untouched.n_passed == 0:
            say(untouched.output)
            say("broken: the named tests do not pass without a fault")
            return 1
        copies.put(first)

        def one(fault: Fault) -> Outcome:
            copy = copies.get()
            try:
                outcome = planted(copy, fault)
            finally:
                copies.put(copy)
            why = f" ({outcome.why})" if outcome.why else ""
            say(f"{outcome.word:<9} {fault.area}: {fault.name}{why}")
            return outcome

        with ThreadPoolExecutor(max(1, asked.workers)) as pool:
            outcomes = list(pool.map(one, faults))
    words = [outcome.word for outcome in outcomes]
    counts = ", ".join(f"{words.count(word)} {word}" for word in (CAUGHT, SURVIVED, BROKEN))
    say(f"{len(faults)} faults: {counts}; {time.perf_counter() - start:.0f} s")
    return 0 if words.count(CAUGHT) == len(faults) else 1


def read_faults(folder: Path) -> list[Fault]:
    """Every fault of every file, in order; the file's stem is its area.

    Raises
    ------
    ValueError
        If two faults share a name, or one has no test.
    """
    faults = [
        Fault(**{**row, "tests": tuple(row["tests"])}, area=path.stem)
        for path in sorted(folder.glob("*.toml"))
        for row in tomllib.loads(path.read_text("utf-8"))["fault"]
    ]
    names = [fault.name for fault in faults]
    doubled = sorted({name for name in names if names.count(name) > 1})
    untested = [fault.name for fault in faults if not fault.tests]
    if doubled or untested:
        raise ValueError(f"faults named twice: {doubled}; faults without a test: {untested}")
    return faults


def chosen(
    faults: list[Fault], only: Sequence[str] | None, sample: int | None, seed: str
) -> list[Fault]:
    """The faults that were asked for, in their order."""
    if only:
        faults = [f for f in faults if any(word in f.name or word in f.area for word in only)]
    if sample and sample < len(faults):
        kept = random.Random(seed).sample(range(len(faults)), sample)
        faults = [faults[at] for at in sorted(kept)]
    return faults


def commit() -> str:
    """The commit that is checked out, or today's date where there is none."""
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or time.strftime("%Y-%m-%d")


def copied(target: Path) -> Path:
    """A copy of what the tests need."""
    target.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target / name)
    return target


def why_not(folder: Path, fault: Fault) -> str:
    """Why a fault cannot be planted in the project in a folder; empty if it can."""
    path = folder / fault.file
    if not path.is_file():
        return f"there is no {fault.file}"
    lost = [test for test in fault.tests if not (folder / test.split("::")[0]).is_file()]
    if lost:
        return f"there is no {lost[0]}"
    text = path.read_text("utf-8")
    if (found := text.count(fault.old)) != 1:
        return f"its text stands {found} times in {fault.file}"
    if fault.new == fault.old:
        return "it changes nothing"
    try:
        compile(text.replace(fault.old, fault.new), fault.file, "exec")
    except SyntaxError as error:
        return f"{fault.file} does not compile with it: {error}"
    return ""


def planted(copy: Path, fault: Fault) -> Outcome:
    """Plant one fault, run its tests, and take it out again."""
    if why := why_not(copy, fault):
        return Outcome(BROKEN, why)
    path = copy / fault.file
    text = path.read_text("utf-8")
    path.write_text(text.replace(fault.old, fault.new), "utf-8")
    try:
        return judged(run_tests(copy, fault.tests, stop_at_first=True))
    finally:
        path.write_text(text, "utf-8")


def judged(run: TestRun) -> Outcome:
    """What a run of the tests says of the fault in it."""
    if run.status == PASSED and run.n_passed:
        return Outcome(SURVIVED)
    if run.status == TESTS_FAILED and run.n_failed:
        return Outcome(CAUGHT)
    if run.status == -1:
        return Outcome(BROKEN, f"its tests took more than {TIMEOUT_S} s")
    if run.status == PASSED:
        return Outcome(BROKEN, "all of its tests were skipped")
    last = run.output.strip().splitlines()[-1:] or ["no output"]
    return Outcome(BROKEN, f"{run.n_errors} error(s) outside a test: {last[0]}")


def run_tests(
    copy: Path,
    tests: Sequence[str],
    *,
    stop_at_first: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> TestRun:
    """Run some tests in a copy, in a process of their own.

    The process comes from a server that has imported the libraries, which takes longer than most
    tests; nothing of the project is imported there.
    """
    report, log = copy / "report.xml", copy / "tests.log"
    report.unlink(missing_ok=True)
    options = ["-q", f"--junitxml={report}", *(["-x"] if stop_at_first else [])]
    process = _SERVER.Process(target=_run_here, args=(str(copy), str(log), [*options, *tests]))
    process.start()
    process.join(timeout_s)
    if process.is_alive():
        process.kill()
        process.join()
        return TestRun(-1, 0, 0, 0, "")
    output = log.read_text("utf-8", errors="replace") if log.exists() else ""
    status = process.exitcode if process.exitcode is not None else -1
    if not report.exists():
        return TestRun(status, 0, 0, 0, output)
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = sum(case.find("failure") is not None for case in cases)
    errors = sum(case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return TestRun(status, len(cases) - failed - errors - skipped, failed, errors, output)


def _run_here(copy: str, log: str, arguments: list[str]) -> None:
    """Pytest in this process, which is a child; what it prints goes to a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": copy, "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    sys.path[:] = [copy, *(entry for entry in sys.path if not (Path(entry) / PACKAGE).is_dir())]
    import pytest

    status = int(pytest.main(arguments))
    sys.stdout.flush()
    os._exit(status)


def say(line: str) -> None:
    """One line of the command's own output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
