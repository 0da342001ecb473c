"""The statistics of a run, one file for each.

Belongs here: a module for each statistic, with a record ``STATISTIC`` of class
:class:`~step3_assets.domain.statistics.statistic.Statistic`. Does not belong here: estimators,
which are in the package above.

To add a statistic, add a file to this folder. Table, report and docs are derived from the record.
"""

import sys

from step3_assets.domain.core.one_file_each import records_of
from step3_assets.domain.statistics.statistic import Statistic


def all_statistics() -> tuple[Statistic, ...]:
    """Every statistic, in the order of the page."""
    return records_of(sys.modules[__name__], "STATISTIC")
