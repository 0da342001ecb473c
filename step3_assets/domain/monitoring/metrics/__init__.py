"""The drift metrics, one file each.

Belongs here: a module for each metric, with a record ``METRIC`` of class
:class:`~step3_assets.domain.monitoring.metric.DriftMetric`. Does not belong here: estimators that
several metrics share.

A new metric is a new file in this folder, and a field of ``DriftConfig`` if it has a setting.
Table, allowed values, asset check, report and docs follow from the record.
"""

import sys

from step3_assets.domain.core.one_file_each import records_of
from step3_assets.domain.monitoring.metric import DriftMetric


def drift_metrics() -> tuple[DriftMetric, ...]:
    """Every metric, in the order of the page."""
    return records_of(sys.modules[__name__], "METRIC")


def drift_metric_names() -> tuple[str, ...]:
    """The values that column ``metric`` of table ``drift`` may take."""
    return tuple(metric.name for metric in drift_metrics())
