"""Progress bars in a terminal, plain lines elsewhere.

Belongs here: the :class:`~step3_assets.defs.resources.ProgressResource` of the command line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from step3_assets.defs.resources import ProgressResource


class BarProgress(ProgressResource):
    """One progress bar per step, with counts, elapsed time and time left."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar; without a terminal, print a line at each quarter and at the end."""
        if not self.console.is_terminal:
            with self._lines(label, total) as advance:
                yield lambda count=1: advance(count, "")
            return
        columns = (
            TextColumn("  {task.description:<22}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console) as bars:
            task = bars.add_task(label, total=total)
            yield lambda count=1: bars.advance(task, count)

    @contextmanager
    def track_best(self, label: str, total: int) -> Iterator[Callable[[int, float], None]]:
        """Show a bar of trials with the best value so far; without a terminal, print lines."""
        if not self.console.is_terminal:
            with self._lines(label, total) as write:
                yield lambda count, best: write(count, "" if best != best else f", best {best:.3f}")
            return
        columns = (
            TextColumn("  {task.description:<22}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("best {task.fields[best]}"),
        )
        with Progress(*columns, console=self.console) as bars:
            task = bars.add_task(label, total=total, best="-")

            def advance(count: int, best: float) -> None:
                shown = "-" if best != best else f"{best:.3f}"  # NaN: none yet
                bars.update(task, advance=count, best=shown)

            yield advance

    @contextmanager
    def _lines(self, label: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """Print a line at each quarter and at the end, or where an error stopped the work."""
        started, done, quarter = monotonic(), 0, 0

        def write(text: str) -> None:
            self.console.print(f"  {label}: {text}", markup=False, highlight=False, soft_wrap=True)

        def advance(count: int, note: str) -> None:
            nonlocal done, quarter
            done += count
            reached = min(4 * done // max(total, 1), 4)
            if quarter < reached < 4:
                write(f"{done} of {total}, {monotonic() - started:.0f} s{note}")
            quarter = max(quarter, reached)

        try:
            yield advance
        except BaseException:
            write(f"stopped at {done} of {total} after {monotonic() - started:.0f} s")
            raise
        write(f"{done} of {total} in {monotonic() - started:.0f} s")
