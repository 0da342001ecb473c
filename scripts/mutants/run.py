"""Plant every fault of ``faults.toml`` in a copy of the project and see whether a test catches it.

Run as ``python scripts/mutants/run.py [--sample N]`` from the project's folder. Exit status 1 where
a fault survives, or where its text is not found once: the list must follow the code.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("step3_assets", "step3_assets_tests", "benchmarks", "docs", "pyproject.toml")
TESTS_FAILED = 1


def main() -> int:
    """Plant, test, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, help="So many faults, drawn at random.")
    parser.add_argument("--seed", type=int, default=0, help="Of the sample.")
    asked = parser.parse_args()
    faults = tomllib.loads((Path(__file__).parent / "faults.toml").read_text("utf-8"))["fault"]
    if asked.sample:
        faults = random.Random(asked.seed).sample(faults, min(asked.sample, len(faults)))
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch)
        for name in COPIED:
            source, target = ROOT / name, copy / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        for fault in faults:
            outcomes.append(planted(copy, fault))
            sys.stdout.write(f"{outcomes[-1]:<9} {fault['name']}\n")
            sys.stdout.flush()
    counts = {word: outcomes.count(word) for word in ("caught", "survived", "broken")}
    sys.stdout.write(", ".join(f"{count} {word}" for word, count in counts.items()) + "\n")
    return 0 if counts["caught"] == len(faults) else 1


def planted(copy: Path, fault: dict) -> str:
    """``caught``, ``survived``, or ``broken`` where the fault or its tests could not be run."""
    path = copy / fault["file"]
    text = path.read_text("utf-8")
    if text.count(fault["old"]) != 1:
        return "broken"
    path.write_text(text.replace(fault["old"], fault["new"]), "utf-8")
    try:
        status = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *fault["tests"]],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
        ).returncode
    finally:
        path.write_text(text, "utf-8")
    return {0: "survived", TESTS_FAILED: "caught"}.get(status, "broken")


if __name__ == "__main__":
    sys.exit(main())
