"""Without a terminal, progress is printed as lines, and an error is not shown as the end."""

import io

import pytest
from rich.console import Console

from step3_assets.cli.progress import BarProgress


def lines_of(output: io.StringIO) -> list[str]:
    return [line.rsplit(" ", 2)[0].strip() for line in output.getvalue().splitlines()]


def test_quarters_and_the_end_are_lines():
    output = io.StringIO()
    with BarProgress(Console(file=output, width=20)).track("training [bold]", 8) as advance:
        for _ in range(8):
            advance(1)
    quarters = [f"training [bold]: {done} of 8," for done in (2, 4, 6)]
    assert lines_of(output) == [*quarters, "training [bold]: 8 of 8 in"]


def test_an_error_says_where_it_stopped():
    output = io.StringIO()

    def fail() -> None:
        with BarProgress(Console(file=output)).track("scoring", 8) as advance:
            advance(3)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert lines_of(output)[-1] == "scoring: stopped at 3 of 8 after"


def test_trials_show_the_best_so_far():
    output = io.StringIO()
    with BarProgress(Console(file=output)).track_best("search", 4) as advance:
        advance(1, float("nan"))
        advance(1, 0.5)
        advance(2, 0.7)
    assert "best 0.500" in output.getvalue()
    assert "nan" not in output.getvalue()
