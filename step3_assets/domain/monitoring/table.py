"""Table ``drift``: every metric of monitoring at the close of each test month.

Belongs here: running every metric on every window. Does not belong here: a metric
(:mod:`step3_assets.domain.monitoring.metrics`), which rows a window holds
(:mod:`step3_assets.domain.monitoring.window`).
"""

import pandas as pd

from step3_assets.catalogue.monitoring import DRIFT
from step3_assets.config import Step3Config
from step3_assets.domain.monitoring.metrics import drift_metrics
from step3_assets.domain.monitoring.window import DriftInputs, History


def drift_table(inputs: DriftInputs, config: Step3Config) -> pd.DataFrame:
    """Every metric of every test month.

    Parameters
    ----------
    inputs : DriftInputs
    config : Step3Config

    Returns
    -------
    DataFrame
        Table ``drift``.
    """
    history = History(inputs, config)
    rows = []
    for month in inputs.months:
        window = history.window_to(month)
        for metric in drift_metrics():
            rows += [{"month": month, **vars(line)} for line in metric.lines(window)]
    return pd.DataFrame(rows, columns=DRIFT.names)
