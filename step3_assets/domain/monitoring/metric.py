"""The record that describes one drift metric.

Belongs here: what a metric must state about itself. Does not belong here: any metric (one file each
in :mod:`step3_assets.domain.monitoring.metrics`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from step3_assets.config import DriftConfig
from step3_assets.domain.monitoring.line import Line
from step3_assets.domain.monitoring.window import Window


@dataclass(frozen=True)
class DriftMetric:
    """Everything that lists, tables, checks and docs need to know about one metric.

    Parameters
    ----------
    name : str
        Value of column ``metric``; also the name of the metric's file.
    position : int
        Order in tables and on the page.
    label : str
        Name in the report, with its unit.
    decimals : int
        Decimals shown in the report.
    rows_setting : str
        Field of :class:`~step3_assets.config.DriftConfig` with the minimum number of rows.
    row_noun : str
        What those rows are, in the plural.
    check : str
        Asset check that reports the metric; metrics that name the same check share it.
    check_text : str
        What is true if the check passes.
    recent, reference, warns, errors : str
        Cells of the table in ``docs/monitoring.md``: the recent rows, what they are compared with,
        and when the metric warns or reports an error.
    measure : callable
        Yields the metric's lines for one window that has enough rows, or lines that say why there
        are not enough.
    is_per_feature : bool
        One line for each feature instead of one line.
    warns_when : str
        Which number is compared with ``threshold``, and how: ``above`` (the value lies above it),
        ``interval above`` or ``interval below`` (the whole interval at the warning rate does).
    panel : str
        Axis label in the plot of metrics through time; empty for a metric that is not plotted.
    """

    name: str
    position: int
    label: str
    decimals: int
    rows_setting: str
    row_noun: str
    check: str
    check_text: str
    recent: str
    reference: str
    warns: str
    errors: str
    measure: Callable[["DriftMetric", Window], Iterable[Line]]
    is_per_feature: bool = False
    panel: str = ""
    warns_when: str = "above"

    def min_rows(self, config: DriftConfig) -> int:
        """Rows below which the metric is not computed."""
        return int(getattr(config, self.rows_setting))

    def not_enough(self, n_rows: int, config: DriftConfig, sentence: str = "") -> Line:
        """The line of a window that has too few rows, or another reason in `sentence`."""
        least = self.min_rows(config)
        text = sentence or f"Not enough yet: {n_rows} of {least} {self.row_noun}."
        return Line(
            metric=self.name, n_rows=n_rows, min_rows=least, state="not_enough", sentence=text
        )

    def lines(self, window: Window) -> Iterable[Line]:
        """The metric's lines for one window."""
        return self.measure(self, window)
