"""What a verb still has to run, and which share of the whole work that is.

Belongs here: going through a verb's steps, leaving out what is up to date, telling the progress bar
how much work is left. Does not belong here: what "up to date" means
(:mod:`step3_assets.defs.up_to_date`), running anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from step3_assets.cli.failures import CommandFailed
from step3_assets.cli.progress import BarProgress
from step3_assets.cli.steps import INGEST, RESULTS, Step
from step3_assets.defs import up_to_date
from step3_assets.defs.delivery.assets import load_delivery
from step3_assets.defs.jobs import WALK_FORWARD
from step3_assets.defs.settings import Settings
from step3_assets.defs.up_to_date import Work
from step3_assets.domain.core.months import month_range
from step3_assets.storage.store import Store


@dataclass(frozen=True)
class Todo:
    """The runs that the steps need, each found once those before it have ended.

    Parameters
    ----------
    steps : sequence of Step
    settings : Settings
    ranges : mapping of str to tuple of date, or None
        What ``Step.months`` stands for: first and last.
    progress : BarProgress
    is_forced : bool
        Also what is up to date.
    """

    steps: Sequence[Step]
    settings: Settings
    ranges: Mapping[str, tuple[date, date] | None]
    progress: BarProgress
    is_forced: bool

    def works(self) -> Iterator[tuple[Step, Work]]:
        """Each run with its step.

        Raises
        ------
        CommandFailed
            If what is stored does not belong together, with the verb that helps.
        """
        changed: set[date] = set()
        is_anything_made = False
        for place, step in enumerate(self.steps):
            try:
                works = self._works_of(step)
            except ValueError as error:
                raise CommandFailed(str(error)) from error
            if step == INGEST:
                changed = {m for work in works if work.months for m in month_range(*work.months)}
            is_anything_made |= bool(works)
            if is_anything_made:
                self._expect(works, self.steps[place + 1 :], changed)
            for work in works:
                yield step, work

    def _works_of(self, step: Step) -> list[Work]:
        months = self.ranges[step.months]
        is_known = step in (INGEST, RESULTS) or step.job == WALK_FORWARD
        if self.is_forced or not is_known:
            return [Work(step.job, tuple(step.selection or ()), months)]
        if step == INGEST:
            assert self.settings.delivery is not None
            delivery = load_delivery(self.settings.delivery, self.progress)
            return up_to_date.ingest_work(self._store, self.settings, delivery)
        if step == RESULTS:
            return up_to_date.result_work(self._store, self.settings)
        return up_to_date.month_work(
            self._store, self.settings, self._test_months, step.selection, self._data_start
        )

    def _expect(self, works: Sequence[Work], later: Sequence[Step], changed: set[date]) -> None:
        """Tell the progress bar how many units of each asset are still to come."""
        units: dict[str, int] = {}
        for work in works:
            count = len(month_range(*work.months)) if work.months else 1
            for asset in work.assets or up_to_date.assets_of(work.job):
                units[asset] = units.get(asset, 0) + count
        for step in later:
            assets = step.selection or up_to_date.assets_of(step.job)
            likely: Mapping[str, int] = dict.fromkeys(assets, 1)
            if step.job == WALK_FORWARD:
                likely = self._likely(assets, changed)
            units |= {asset: likely[asset] for asset in assets if asset in likely}
        self.progress.expect(units)

    def _likely(self, assets: Sequence[str], changed: set[date]) -> Mapping[str, int]:
        """Months of each asset that will be made once `changed` months are stored."""
        if self.is_forced:
            return dict.fromkeys(assets, len(self._test_months))
        return up_to_date.likely_counts(
            self._store, self.settings.config, self._test_months, changed
        )

    @property
    def _store(self) -> Store:
        store = Store(self.settings.database)
        store.ensure_tables()
        return store

    @property
    def _test_months(self) -> list[date]:
        months = self.ranges["test"]
        assert months is not None
        return month_range(*months)

    @property
    def _data_start(self) -> date:
        months = self.ranges["data"]
        assert months is not None
        return months[0]
