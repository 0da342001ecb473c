"""Resources: the installation that assets work on, and how it shows progress.

Belongs here: what Dagster hands to an asset. Does not belong here: reading settings
(:mod:`step3_assets.defs.settings`), anything computed from data.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg

from step3_assets.defs.settings import Settings, load_settings
from step3_assets.storage.store import Store


class ProgressResource:
    """Shows how far a long step is; this base only counts.

    The command line puts a bar in its place; in the UI the run's log carries the lines.
    """

    @contextmanager
    def track(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Yield a function that advances the step by a number of units."""
        log = dg.get_dagster_logger("step3")
        done, shown = 0, 0

        def advance(count: int = 1) -> None:
            nonlocal done, shown
            done += count
            if total >= 10 and done * 4 // total > shown:
                shown = done * 4 // total
                log.info(f"{label}: {done} of {total}")

        yield advance

    @contextmanager
    def whole(self, label: str) -> Iterator[None]:
        """As :meth:`track`, for work that is done in one piece."""
        with self.track(label, 1) as advance:
            yield
            advance(1)

    @contextmanager
    def share(self, label: str) -> Iterator[Callable[[str, float], None]]:
        """As :meth:`track`, for work that reports its stage and the share done, 0 to 1."""
        with self.track(label, 100) as advance:
            done = 0

            def report(_stage: str, share: float) -> None:
                nonlocal done
                step = int(share * 100) - done
                if step > 0:
                    advance(step)
                    done += step

            yield report
            report("done", 1.0)

    @contextmanager
    def track_best(self, label: str, total: int) -> Iterator[Callable[[int, float], None]]:
        """As :meth:`track`, for a search; `advance` also takes the best value so far."""
        log = dg.get_dagster_logger("step3")
        done = 0

        def advance(count: int, best: float) -> None:
            nonlocal done
            done += count
            if count:
                log.info(f"{label}: {done} of {total}, best {best:.3f}")

        yield advance


class PlatformResource(dg.ConfigurableResource):
    """One installation: its home folder, from which settings and store follow."""

    home: str
    workers: int | None = None
    accept_withdrawal: bool = False  # of the delivery ingested next: what it no longer holds goes

    def settings(self) -> Settings:
        """Read the settings afresh, so that a change needs no restart."""
        settings = load_settings(Path(self.home))
        return replace(settings, workers=self.workers) if self.workers else settings

    def store(self) -> Store:
        """Open the store, its tables created."""
        store = Store(self.settings().database)
        store.ensure_tables()
        return store
