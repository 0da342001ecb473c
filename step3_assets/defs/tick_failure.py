"""The sensor that reports failed ticks of the other sensors and schedules.

Belongs here: which failed ticks are reported, and the message. Does not belong here: failed runs
(:mod:`step3_assets.defs.run_failure`), how a message is sent (:mod:`step3_assets.defs.notifier`).

A sensor whose tick fails requests nothing, so no run fails: without this message it would stay
unnoticed. The same error is reported once, and again after a tick that succeeded.
"""

import dagster as dg
from pydantic import Field, ValidationError

from step3_assets.config import Frozen
from step3_assets.defs.automation_ticks import Tick, last_ticks
from step3_assets.defs.notifier import Message, notify, one_line
from step3_assets.defs.resources import PlatformResource

SENSOR = "tick_failure_notifier"


class Reported(Frozen):
    """The cursor: when the sensor last looked, and the errors reported since the last success."""

    since: float | None = None
    errors: dict[str, str] = Field(default_factory=dict)


def build_tick_failure_sensor() -> dg.SensorDefinition:
    """On by default, like the sensor for failed runs."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports every failed tick of a sensor or schedule to the receiver under "
        "[notify] in step3.toml.",
    )
    def tick_failure_notifier(
        context: dg.SensorEvaluationContext, platform: PlatformResource
    ) -> dg.SensorResult:
        known = read_reported(context.cursor)
        ticks = [t for t in last_ticks(context.instance, known.since) if t.name != SENSOR]
        errors = {tick.name: tick.error for tick in ticks if tick.error}
        for tick in ticks:
            if tick.error and known.errors.get(tick.name) != tick.error:
                notify(platform.settings(), failure_message(tick), context.log)
        latest = max((tick.at.timestamp() for tick in ticks), default=known.since)
        failing = ", ".join(f"{name}: {one_line(error)}" for name, error in sorted(errors.items()))
        return dg.SensorResult(
            skip_reason=f"failing: {failing}" if failing else "no tick failed",
            cursor=Reported(since=latest, errors=errors).model_dump_json(),
        )

    return tick_failure_notifier


def read_reported(text: str | None) -> Reported:
    """The cursor; a fresh one where there is none or it cannot be read."""
    try:
        return Reported.model_validate_json(text) if text else Reported()
    except ValidationError:
        return Reported()


def failure_message(tick: Tick) -> Message:
    """Name and error of a failed tick."""
    kind = "sensor" if tick.is_sensor else "schedule"
    return Message(
        title=f"Tick of {kind} {tick.name} failed",
        error=tick.error,
        job=tick.name,
        place=tick.place,
    )
