"""A small installation for tests: a home, a delivery of random numbers, settings that train fast.

Belongs here: what several Dagster tests share.
"""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg

from step3_assets.defs.partitions import partitions_for, range_tags
from step3_assets.defs.resources import PlatformResource, ProgressResource
from step3_assets.defs.settings import load_settings
from step3_assets.domain.core.months import add_months
from step3_assets.storage.store import Store

TOML = """\
delivery = "{delivery}"
workers = 1
[config.folds]
train_months = 24
inner_folds = 2
inner_min_rows = 20
[config.models]
min_train_rows = 50
[config.models.lightgbm]
n_rounds = 5
min_data_in_leaf = 20
"""

START = date(2019, 1, 1)
FIRST_TEST = add_months(START, 24)
LAST = add_months(FIRST_TEST, 1)


class Installation:
    """Runs jobs of one home in this process."""

    _assembled: tuple[tuple, dg.Definitions] | None = None  # for settings and months

    def __init__(self, home: Path, delivery: Path) -> None:
        self.home = home
        self.point_to(delivery)

    def point_to(self, delivery: Path) -> None:
        """Set the delivery, as ``step3 run --delivery`` does."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "step3.toml").write_text(TOML.format(delivery=delivery))

    @property
    def store(self) -> Store:
        store = Store(load_settings(self.home).database)
        store.ensure_tables()
        return store

    def definitions(self) -> dg.Definitions:
        """The platform of this home: half a second, so only where what it is made of changed."""
        from step3_assets.definitions import build_defs

        settings = load_settings(self.home)
        partitions = partitions_for(settings)
        made_of = (settings, partitions.first_data_month, partitions.first_test_month)
        if self._assembled is None or self._assembled[0] != made_of:
            resources = {
                "platform": PlatformResource(home=str(self.home)),
                "progress": ProgressResource(),
            }
            self._assembled = made_of, build_defs(settings, resource_overrides=resources)
        return self._assembled[1]

    def run(
        self,
        job: str,
        first: date | None = None,
        last: date | None = None,
        *,
        assets: Sequence[str] | None = None,
        but: Sequence[str] = (),
        instance: dg.DagsterInstance | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Execute a job over months, or whole; only some assets, or all but some."""
        tags = dict(tags or {})
        if first is not None:
            tags |= range_tags(first, last or first)
        resolved = self.definitions().resolve_job_def(job)
        keys = {dg.AssetKey(a) for a in assets or ()} or resolved.asset_layer.selected_asset_keys
        keys = keys - {dg.AssetKey(a) for a in but}
        with own_instance(instance) as used:
            return resolved.execute_in_process(
                instance=used,
                tags=tags,
                asset_selection=sorted(keys) if assets or but else None,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )


@contextmanager
def own_instance(instance: dg.DagsterInstance | None):
    """The given Dagster instance, or one in memory."""
    if instance is not None:
        yield instance
        return
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


def failure_text(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps said."""
    texts = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            texts.append(data.user_failure_data.description if data.user_failure_data else "")
            cause = data.error and (data.error.cause or data.error)
            texts.append(str(cause.message if cause else ""))
    return "\n".join(t for t in texts if t)
