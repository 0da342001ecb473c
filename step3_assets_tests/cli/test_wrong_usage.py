"""Fifty wrong usages of each verb: each is one message and a status, never a traceback.

Belongs here: usages that are made from each verb's own options, so that a new verb or option is
covered by itself. Does not belong here: what a verb does when it is used rightly.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from step3_assets.cli.failures import one_message
from step3_assets.cli.main import VERBS, cli

N_USAGES = 50
STRANGERS = [
    ["--no-such"], ["--no-such=1"], ["-x"], ["-q", "1"], ["--versoin"], ["--help-me"],
    ["extra"], ["extra", "extra2"], ["--", "extra"], ["[bold]x[/]"], ["a b"], ["--dry-run"],
    ["--workers=-3"], ["--workers", "[red]"], ["😀"], ["--from", "2023-01", "--from"],
    ["--=1"], ["---"], ["-"], ["../.."], ["$HOME"], ["*"], ["--[1]"], ["-h1"], ["--delivery"],
]  # fmt: skip
WRONG = {
    "integer": ["abc", "1.5", "", "1e3", "0x10", "-99999999999999999999", " ", "[1]", "NaN"],
    "float": ["abc", "", "nan", "inf", "-inf", "1e999", "1,5", "[0.5]", "-1e9", "--"],
    "path": ["no/such/place", "[bold]no such[/]", "no/such\nplace", "x" * 5000],
    "month": ["2023-13", "2023-00", "2023", "13-2023", "2023-1", "2023-01-01", "soon", "[2023-01]",
              "0000-01", "9999-12", "", "2023-01:2023-02:2023-03"],
    "day": ["2023-02-30", "2023-13-01", "2023-01", "20230101", "soon", "", "0001-01-01"],
    "text": ["", " ", "a\nb"],
}  # fmt: skip


def kind_of(option: click.Option) -> str:
    """Which wrong values an option must refuse; empty for those that any text may follow."""
    name, label = option.type.name.lower(), (option.metavar or "").upper()
    if name.startswith("integer"):
        return "integer"
    if name.startswith("float"):
        return "float"
    if label.startswith("YYYY-MM-DD") or name == "datetime":
        return "day"
    if label.startswith("YYYY-MM"):
        return "month"
    if isinstance(option.type, click.Path):
        return "path" if option.type.exists else ""
    return "text" if type(option.type).__name__ == "TextType" else ""


def commands() -> dict[str, tuple[list[str], click.Command]]:
    """Every verb, and every verb of a verb, by its words."""
    found = {}
    with click.Context(cli) as context:
        for verb in VERBS:
            command = cli.get_command(context, verb)
            assert command is not None
            if isinstance(command, click.Group):
                for name, inner in command.commands.items():
                    found[f"{verb} {name}"] = ([verb, name], inner)
            else:
                found[verb] = ([verb], command)
    return found


def usages(words: list[str], command: click.Command) -> list[list[str]]:
    """At least fifty wrong usages: of every option's value, without a value, and from outside."""
    made, flags = [], []
    for option in command.params:
        if not isinstance(option, click.Option) or option.name == "help":
            continue
        name = option.opts[0]
        if option.is_flag:
            flags += [[f"{name}=yes"], [f"{name}=1"], [f"{name}s"]]
            continue
        made += [[name], [f"{name}X", "1"], [name, "1", "surplus", "more"]]
        if kind := kind_of(option):
            made += [[name, value] for value in WRONG[kind]]
            made += [[f"{name}={value}"] for value in WRONG[kind]]
    pool = [*STRANGERS, *flags, *made]
    pairs = itertools.combinations([s for s in STRANGERS if s[0].startswith("--no")], 2)
    pool += [[*a, *b] for a, b in pairs]
    doubled = ([*a, "--no-such"] for a in itertools.cycle([*STRANGERS, *flags]))
    while len(pool) < N_USAGES:
        pool.append(next(doubled))
    return [[*words, *usage] for usage in pool]


COMMANDS = commands()


@pytest.fixture
def nothing_runs(monkeypatch, tmp_path):
    """An empty home; whatever would start work says that the usage was taken."""
    from step3_assets.cli import running, ui
    from step3_assets.domain import worlds

    def taken(*_arguments, **_named):
        raise AssertionError("a wrong usage was taken")

    monkeypatch.setenv("STEP3_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "_execute", taken)
    monkeypatch.setattr(ui, "_serve", taken)
    monkeypatch.setattr(worlds, "simulate_world", taken)


def run(arguments: list[str]) -> tuple[int, str]:
    """Status and output of the command line as a person meets it, without a process of its own."""
    runner = CliRunner()
    result = runner.invoke(cli, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        try:
            with one_message():
                raise result.exception
        except SystemExit as stopped:
            return int(stopped.code or 0), f"step3: {result.exception}"
    return result.exit_code, result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_fifty_wrong_usages_are_refused_in_words(name, nothing_runs):
    words, command = COMMANDS[name]
    tried = usages(words, command)
    assert len(tried) >= N_USAGES
    for arguments in tried:
        status, output = run(arguments)
        assert status != 0, f"{arguments} was taken: {output}"
        assert output.strip(), arguments
        assert "Traceback" not in output, arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], "Did you mean 'run'?"),
        (["walkforward"], "Did you mean 'walkforward-backtest'?"),
        (["xyzzy"], "`step3 --help` lists them"),
        (["run", "--from", "2023-13"], "'--from': '2023-13' is not a month; write it as 2023-01"),
        (["run", "--from", "2023-06", "--to", "2023-01"], "--from 2023-06 lies after --to 2023-01"),
        (["ui", "--port", "99999"], "'--port': 99999 is not in the range 1<=x<=65535"),
        (["certify", "--planted", "-1"], "'--planted': -1 is not in the range"),
        (["demo", "--years", "nan"], "'--years': nan is not a finite number"),
        (["recalibrate", "--from", "2023-02-30"], "is not a day; write it as 2023-01-02"),
        (["optuna-search", "--epochs", "2023-06:2023-01"], "runs backwards"),
        (["docs", "--docs-dir", "."], "lacks architecture.md"),
        (["status"], "`step3 demo`"),
    ],
)
def test_a_message_names_the_option_or_the_verb_that_helps(arguments, words, nothing_runs):
    status, output = run(arguments)
    assert status != 0
    assert words in " ".join(output.split())


def test_a_real_process_prints_no_traceback(tmp_path: Path):
    environment = {**os.environ, "STEP3_HOME": str(tmp_path), "COLUMNS": "20"}
    command = [sys.executable, "-m", "step3_assets.cli.main", "walkforward-bactest"]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Did you mean" in done.stderr
