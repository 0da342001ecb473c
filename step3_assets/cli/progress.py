"""Progress bars in a terminal, plain lines elsewhere.

Belongs here: the :class:`~step3_assets.defs.resources.ProgressResource` of the command line.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
    """One bar per step, with counts, elapsed time and time left."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar; where there is no terminal, a line when the step ends."""
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
        """A bar of trials with the best value so far."""
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
