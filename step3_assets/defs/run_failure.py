"""The sensor that tells somebody when a run fails.

Belongs here: what a failed run's message says. Does not belong here: how it is sent
(:mod:`step3_assets.defs.notifier`).
"""

from collections.abc import Mapping

import dagster as dg

from step3_assets.defs.notifier import Message, notify
from step3_assets.defs.resources import PlatformResource

RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def build_run_failure_sensor() -> dg.SensorDefinition:
    """On by default: a notifier that has to be turned on is missed when it is needed."""

    @dg.run_failure_sensor(
        name="run_failure_notifier",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells who is named under [notify] in step3.toml of every failed run.",
    )
    def run_failure_notifier(
        context: dg.RunFailureSensorContext, platform: PlatformResource
    ) -> None:
        notify(platform.settings(), failure_message(context), context.log)

    return run_failure_notifier


def failure_message(context: dg.RunFailureSensorContext) -> Message:
    """Job, step, months and error of a failed run."""
    run = context.dagster_run
    step, error = "", context.failure_event.message or ""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        step = event.step_key or ""
        if data.user_failure_data and data.user_failure_data.description:
            error = data.user_failure_data.description
        elif data.error:
            error = (data.error.cause or data.error).message
        break
    return Message(
        title="Run failed",
        error=error,
        job=run.job_name,
        step=step,
        months=months_text(run.tags),
        place=f"runs/{run.run_id}",
    )


def months_text(tags: Mapping[str, str]) -> str:
    """The months (or week) of a run, as its tags name them; empty where it has none.

    Examples
    --------
    >>> months_text({"dagster/partition": "2021-01-01"})
    '2021-01'
    """
    keys = [tags[t] for t in RANGE_TAGS if t in tags] or [tags.get("dagster/partition", "")]
    return " to ".join(dict.fromkeys(key.removesuffix("-01") for key in keys if key))
