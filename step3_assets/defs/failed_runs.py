"""Why a run failed, as Dagster's instance tells it.

Belongs here: the step and the message. Does not belong here: which failures still stand
(:mod:`step3_assets.defs.run_log`), reporting them (:mod:`step3_assets.defs.run_failure`).
"""

import dagster as dg

FAILURE_EVENTS = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}


def failure_of(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The first step that failed and its message; without a failed step, what the run said.

    Dagster says of a blocking check only that it failed; the message is the check's own.
    """
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run_id, of_type=FAILURE_EVENTS)
        if entry.dagster_event is not None
    ]
    refused: dict[str | None, str] = {}
    for event in events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.blocking:
                name = f"{check.asset_key.to_user_string()}.{check.check_name}"
                refused.setdefault(event.step_key, f"check {name}: {check.description or 'failed'}")
    for event in events:
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            return event.step_key or "", refused.get(event.step_key) or _step_error(event)
    said = [e.message for e in events if e.event_type is dg.DagsterEventType.RUN_FAILURE]
    return "", next((text for text in said if text), "")


def _step_error(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return (data.error.cause or data.error).message if data.error else event.message or ""
