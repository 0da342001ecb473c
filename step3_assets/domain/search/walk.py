"""The search of every epoch of a walk-forward, without Dagster.

Belongs here: the loop over epochs for the pipeline without Dagster and for certification. Does not
belong here: one epoch (:mod:`.epoch_search`), storage of the rows.
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from step3_assets.catalogue.search import TRIALS, TUNED_PARAMS
from step3_assets.config import Step3Config
from step3_assets.domain.search.epoch_search import Workplace, search_epoch
from step3_assets.domain.search.epochs import epochs_between


def search_all(
    events: pd.DataFrame,
    bars: pd.DataFrame,
    months: Sequence[date],
    data_start: date,
    base: Step3Config,
    place: Workplace,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables ``tuned_params`` and ``trials`` of every epoch that contains a test month.

    Parameters
    ----------
    events, bars : DataFrame
        Tables ``events`` and ``bar_features`` of a whole delivery; each epoch uses what was known
        when it began.
    months : sequence of date
        Test months in order.
    data_start : date
        First complete month of the data.
    base : Step3Config
    place : Workplace

    Returns
    -------
    tuned_params, trials : DataFrame
        An epoch with too few inner months has no row. With ``base.search.is_enabled``,
        :func:`step3_assets.domain.search.settings.settings_by_month` and
        :meth:`step3_assets.domain.statistics.trials.Trials.from_ledger` turn them into fields of
        :class:`step3_assets.domain.pipeline.main_job.PipelineInputs`.
    """
    epochs = epochs_between(months[0], months[-1], data_start, base.search, base.folds)
    found = [search_epoch(events, bars, epoch, base, place) for epoch in epochs if epoch.inner]
    if not found:
        return pd.DataFrame(columns=TUNED_PARAMS.names), pd.DataFrame(columns=TRIALS.names)
    tuned = pd.concat([result.tuned_params for result in found], ignore_index=True)
    return tuned, pd.concat([result.trials for result in found], ignore_index=True)
