"""The latest ticks of every sensor and schedule, as Dagster recorded them.

Belongs here: reading ticks through Dagster. Does not belong here: reporting them
(:mod:`step3_assets.defs.tick_failure`), or reading them without Dagster, as ``step3 status`` does
(:mod:`step3_assets.defs.run_log`).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorType, TickStatus

ENDED = (TickStatus.FAILURE, TickStatus.SUCCESS, TickStatus.SKIPPED)


@dataclass(frozen=True)
class Tick:
    """The last tick of a sensor or schedule that has ended.

    Attributes
    ----------
    name : str
        Of the sensor or schedule.
    is_sensor : bool
        False for a schedule.
    at : datetime
        UTC.
    error : str
        Message of a failed tick; empty otherwise.
    """

    name: str
    is_sensor: bool
    at: datetime
    error: str

    @property
    def place(self) -> str:
        """Page of the UI, below its address."""
        return f"automation?search={self.name}"


def last_ticks(instance: dg.DagsterInstance, since: float | None = None) -> list[Tick]:
    """The last tick of each sensor and schedule, by name; a failed one since an instant first.

    Parameters
    ----------
    instance : DagsterInstance
    since : float, optional
        Seconds UTC. A failure after it counts although a later tick has succeeded.
    """
    ticks = (_last_tick(instance, state, since) for state in instance.all_instigator_state())
    return sorted((tick for tick in ticks if tick is not None), key=lambda tick: tick.name)


def _last_tick(
    instance: dg.DagsterInstance, state: InstigatorState, since: float | None
) -> Tick | None:
    key = (state.instigator_origin_id, state.selector_id)
    found = []
    if since is not None:
        found = instance.get_ticks(*key, after=since, limit=1, statuses=[TickStatus.FAILURE])
    found = found or instance.get_ticks(*key, limit=1, statuses=list(ENDED))
    if not found:
        return None
    error = ""
    if found[0].status is TickStatus.FAILURE:
        failure = found[0].error
        cause = failure and (failure.cause or failure)
        error = cause.message.strip() if cause else "failed without a message"
    return Tick(
        name=state.name,
        is_sensor=state.instigator_type is InstigatorType.SENSOR,
        at=datetime.fromtimestamp(found[0].timestamp, UTC),
        error=error,
    )
