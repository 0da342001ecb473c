"""What a run says in the terminal: warnings and errors; every event is in the run's own log.

Belongs here: the console logger of every job. Does not belong here: progress bars
(:mod:`step3_assets.cli.progress`).
"""

import dagster as dg


@dg.configured(
    dg.colored_console_logger,
    config_schema={"log_level": dg.Field(str, default_value="WARNING", is_required=False)},
)
def quiet_console(config: dict) -> dict:
    """Dagster's console logger, from the configured level on."""
    return {"log_level": config["log_level"], "name": "dagster"}
