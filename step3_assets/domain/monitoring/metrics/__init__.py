"""The drift metrics, one file each.

Belongs here: a module for each metric, with a record ``METRIC`` of class
:class:`~step3_assets.domain.monitoring.metric.DriftMetric`. Does not belong here:
estimators that several metrics share.

A new metric is a new file in this folder, and a field of ``DriftConfig`` if it has a setting of its
own. Table, allowed values, asset check, report and docs find it by itself.
"""

from importlib import import_module
from pkgutil import iter_modules

from step3_assets.domain.monitoring.metric import DriftMetric


def drift_metrics() -> tuple[DriftMetric, ...]:
    """Every metric, in the order of the page.

    Raises
    ------
    ValueError
        If two metrics share a position, or a metric is not named like its file.
    """
    found = {m.name: import_module(f"{__name__}.{m.name}").METRIC for m in iter_modules(__path__)}
    for file_name, metric in found.items():
        if metric.name != file_name:
            raise ValueError(f"drift metric {metric.name} is in the file {file_name}.py")
    metrics = sorted(found.values(), key=lambda metric: metric.position)
    if len({metric.position for metric in metrics}) < len(metrics):
        raise ValueError("two drift metrics have the same position")
    return tuple(metrics)


def drift_metric_names() -> tuple[str, ...]:
    """The values that column ``metric`` of table ``drift`` may take."""
    return tuple(metric.name for metric in drift_metrics())
