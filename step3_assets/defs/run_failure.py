"""The sensor that tells somebody when a run fails.

Belongs here: what a failed run's message says. Does not belong here: why a run failed
(:mod:`step3_assets.defs.failed_runs`), how a message is sent (:mod:`step3_assets.defs.notifier`).
"""

import dagster as dg

from step3_assets.defs.failed_runs import failure_of
from step3_assets.defs.notifier import Message, notify
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.run_log import months_text


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
    step, error = failure_of(context.instance, run.run_id)
    return Message(
        title="Run failed",
        error=error or context.failure_event.message or "",
        job=run.job_name,
        step=step,
        months=months_text(run.tags),
        place=f"runs/{run.run_id}",
    )
