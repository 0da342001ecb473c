"""Progress bars in a terminal, plain lines elsewhere.

Belongs here: the :class:`~step3_assets.defs.resources.ProgressResource` of the command line. Does
not belong here: what stages are called (:mod:`step3_assets.defs.stages`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from step3_assets.defs.resources import ProgressResource
from step3_assets.defs.stages import STAGES

TOO_EARLY = 0.02
"""Below this share done no time left is shown: it would be a guess."""


@dataclass
class Overall:
    """How far a whole run is, over stages that take unlike time.

    Stages are known by their label. One that was not expected counts for nothing, and one that
    takes longer than expected lengthens what is left.
    """

    expected: dict[str, float] = field(default_factory=dict)  # units, by label
    done: dict[str, float] = field(default_factory=dict)
    shown: float = 0.0
    started: float = field(default_factory=monotonic)

    def expect(self, units: Mapping[str, int]) -> None:
        """Set what is still to come, by asset; what has been done stays."""
        labels = {STAGES[asset].label: count for asset, count in units.items() if asset in STAGES}
        self.expected = {
            label: self.done.get(label, 0.0) + labels.get(label, 0)
            for label in {*self.done, *labels}
        }

    def advance(self, label: str, count: int, total: int) -> None:
        """A stage has done this much more of its total."""
        is_whole = any(stage.is_whole for stage in STAGES.values() if stage.label == label)
        part = count / max(total, 1) if is_whole else count
        self.done[label] = self.done.get(label, 0.0) + part

    @property
    def share(self) -> float:
        """Share of the expected time that is done, 0 to 1; it never falls."""
        weights = {stage.label: stage.unit_s for stage in STAGES.values()}
        total = sum(weights[label] * n for label, n in self.expected.items() if label in weights)
        done = sum(
            weights[label] * min(self.done.get(label, 0.0), n)
            for label, n in self.expected.items()
            if label in weights
        )
        self.shown = max(self.shown, done / total if total else 0.0)
        return self.shown

    @property
    def left_s(self) -> float | None:
        """Seconds left at the pace so far; None while it is too early to say."""
        share = self.share
        if share < TOO_EARLY:
            return None
        return (monotonic() - self.started) * (1 - share) / share

    def words(self) -> str:
        """``12 % overall, 40 s left``; empty while it is too early to say."""
        left = self.left_s
        return (
            ""
            if left is None or self.share >= 1.0
            else f"{self.share:.0%} overall, {duration(left)} left"
        )


def duration(seconds: float) -> str:
    """Seconds in words, rounded as a forecast deserves.

    Examples
    --------
    >>> [duration(s) for s in (4, 38, 130, 4000)]
    ['5 s', '40 s', '2 min', '1 h 7 min']
    """
    if seconds < 55:
        return f"{max(5 * round(seconds / 5), 5)} s"
    minutes = max(round(seconds / 60), 1)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class _TimeLeft(ProgressColumn):
    """Time left of the whole run, from the shares of its stages."""

    def __init__(self, overall: Overall) -> None:
        super().__init__()
        self._overall = overall

    def render(self, task: Task) -> Text:
        left = self._overall.left_s
        return Text("time left: soon known" if left is None else f"about {duration(left)} left")


class BarProgress(ProgressResource):
    """One bar for the whole run, one for the stage in progress, with time left."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._overall: Overall | None = None
        self._stages: Progress | None = None
        self._refresh: Callable[[], None] = lambda: None

    def expect(self, units: Mapping[str, int]) -> None:
        """What is still to come, by asset: partitions, or 1 for what is made whole."""
        if self._overall is not None:
            self._overall.expect(units)

    @contextmanager
    def overall(self) -> Iterator[None]:
        """One bar over all stages until the block ends; one that is open already goes on."""
        if self._overall is not None:
            yield
            return
        self._overall = Overall()
        try:
            with ExitStack() as stack:
                if self.console.is_terminal:
                    stack.enter_context(self._live(self._overall))
                yield
        finally:
            self._overall, self._stages, self._refresh = None, None, lambda: None

    def _live(self, overall: Overall) -> Live:
        self._stages = Progress(*_columns(), console=self.console)
        whole = Progress(
            TextColumn("  [bold]{task.description:<26}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            _TimeLeft(overall),
            console=self.console,
        )
        task = whole.add_task("everything", total=1.0)
        self._refresh = lambda: whole.update(task, completed=overall.share)
        return Live(Group(self._stages, whole), console=self.console, transient=True)

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar; where there is no terminal, a line at each quarter and at the end."""
        with self._tracked(label, total) as advance:
            yield lambda count=1: advance(count, "")

    @contextmanager
    def track_best(self, label: str, total: int) -> Iterator[Callable[[int, float], None]]:
        """A bar of trials with the best value so far; lines where there is no terminal."""
        with self._tracked(label, total) as advance:
            # NaN: none yet
            yield lambda count, best: advance(count, "" if best != best else f"best {best:.3f}")

    @contextmanager
    def _tracked(self, label: str, total: int) -> Iterator[Callable[[int, str], None]]:
        overall, shown = self._overall, self._bar if self.console.is_terminal else self._lines
        with shown(label, total) as show:

            def advance(count: int, note: str) -> None:
                if overall is not None:
                    overall.advance(label, count, total)
                    self._refresh()
                show(count, note)

            yield advance

    @contextmanager
    def _bar(self, label: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """A bar, and once it is full a line in its place; an error leaves a line that says so."""
        started = monotonic()
        with ExitStack() as stack:
            own = Progress(*_columns(), console=self.console, transient=True)
            bars = self._stages or stack.enter_context(own)
            task = bars.add_task(label, total=total, note="")
            try:
                yield lambda count, note: bars.update(task, advance=count, note=note)
            except BaseException:
                self._say(label, f"stopped at {_count(bars, task)} of {total}", started)
                raise
            else:
                self._say(label, f"{_count(bars, task)} of {total} in", started)
            finally:
                bars.remove_task(task)

    def _say(self, label: str, text: str, started: float) -> None:
        after = " after" if text.startswith("stopped") else ""
        self.console.print(
            f"  {label:<26} {text}{after} {monotonic() - started:.0f} s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    @contextmanager
    def _lines(self, label: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """A line at each quarter, one at the end, and one that says where an error stopped it."""
        started, done, quarter = monotonic(), 0, 0

        def write(text: str) -> None:
            self.console.print(f"  {label}: {text}", markup=False, highlight=False, soft_wrap=True)

        def advance(count: int, note: str) -> None:
            nonlocal done, quarter
            done += count
            reached = min(4 * done // max(total, 1), 4)
            if quarter < reached < 4:
                words = self._overall.words() if self._overall else ""
                notes = "".join(f", {text}" for text in (note, words) if text)
                write(f"{done} of {total}, {monotonic() - started:.0f} s{notes}")
            quarter = max(quarter, reached)

        try:
            yield advance
        except BaseException:
            write(f"stopped at {done} of {total} after {monotonic() - started:.0f} s")
            raise
        words = self._overall.words() if self._overall else ""
        write(f"{done} of {total} in {monotonic() - started:.0f} s{f', {words}' if words else ''}")


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("  {task.description:<26}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )


def _count(bars: Progress, task: TaskID) -> int:
    return next(int(one.completed) for one in bars.tasks if one.id == task)
