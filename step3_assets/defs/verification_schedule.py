"""The check ``verified`` of the report, its job and schedule: what ``step3 verify`` does.

Belongs here: how much is verified when. Does not belong here: a comparison
(:mod:`step3_assets.defs.verification`).

Daily, every row is compared with the manifest and one month is computed again, another one each
day; on Mondays everything is. Within a run of the results one month's scores are computed again.
"""

from datetime import date

import dagster as dg

from step3_assets.defs.check_months import verdict_fields
from step3_assets.defs.jobs import VERIFICATION
from step3_assets.defs.resources import PlatformResource
from step3_assets.domain.core.instants import NY

EXTENT_TAG = "step3/verify"
DAY_TAG = "step3/verify_day"
WHOLE, SAMPLE = "whole", "sample"
CRON = "30 4 * * *"  # long before the first session, in New York
SAMPLED_STEPS = (
    "rows",
    "made from",
    "folds",
    "models",
    "mock baseline",
    "scores",
    "backtests",
    "registry",
)


def build_verification_check(report: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    """The check on the report, which is the last of what is verified."""

    @dg.asset_check(
        asset=report,
        name="verified",
        description="Stored rows are as they were written and follow from what they rest on: a "
        "sample in a run and daily, everything on Mondays (`step3 verify`).",
    )
    def verified(
        context: dg.AssetCheckExecutionContext, platform: PlatformResource
    ) -> dg.AssetCheckResult:
        from step3_assets.defs.results.result_months import result_months
        from step3_assets.defs.verification import STEPS, verify_store

        store, settings, tags = platform.store(), platform.settings(), context.run.tags
        months = result_months(store)
        extent = tags.get(EXTENT_TAG)
        if extent == WHOLE:
            steps, month = tuple(STEPS), None
        elif extent == SAMPLE:
            day = date.fromisoformat(tags[DAY_TAG])
            steps, month = SAMPLED_STEPS, months[day.toordinal() % len(months)]
        else:
            steps, month = ("scores",), months[-1]
        found = verify_store(store, settings, steps, month)
        problems = [f"{step}: {problem}" for step, several in found for problem in several]
        return dg.AssetCheckResult(**verdict_fields(problems, dg.AssetCheckSeverity.ERROR))

    return verified


def build_verification_schedule() -> dg.ScheduleDefinition:
    """The schedule, off until a person turns it on."""

    @dg.schedule(
        name="daily_verification",
        job_name=VERIFICATION,
        cron_schedule=CRON,
        execution_timezone=NY,
        description="Compares stored rows with what was written and computes a month again, daily "
        "at 4:30 in New York; everything on Mondays.",
    )
    def daily_verification(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> dg.RunRequest | dg.SkipReason:
        day = context.scheduled_execution_time.date()
        if not platform.settings().database.exists():
            return dg.SkipReason(f"{day}: nothing is stored yet")
        if platform.store().read("step3_report").empty:
            return dg.SkipReason(f"{day}: no report is made yet")
        extent = WHOLE if day.weekday() == 0 else SAMPLE
        tags = {EXTENT_TAG: extent, DAY_TAG: day.isoformat()}
        return dg.RunRequest(run_key=f"verify {day}", tags=tags)

    return daily_verification
