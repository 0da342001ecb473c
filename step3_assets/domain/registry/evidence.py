"""What stored results were made from, and whether that is still what is stored.

Belongs here: the identity of a set of results (data, settings, models), its row in table
``result_versions``, the message for each difference. Does not belong here: what follows from one
(:mod:`step3_assets.domain.registry.promotion`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.catalogue.results import RESULT_VERSIONS
from step3_assets.config import Step3Config
from step3_assets.domain.core.months import month_label
from step3_assets.domain.registry.entries import models_hash


@dataclass(frozen=True)
class ResultVersion:
    """Identity of the data, settings and models that results were made from.

    Parameters
    ----------
    dataset_version : str
        Delivery in force.
    config_hash : str
        Hash of the whole configuration.
    models_hash : str
        Hash of every model of the months.
    first_month, last_month : date
        Test months.
    """

    dataset_version: str
    config_hash: str
    models_hash: str
    first_month: date
    last_month: date

    @classmethod
    def of(
        cls,
        dataset_version: str,
        config: Step3Config,
        months: Sequence[date],
        models: pd.DataFrame,
    ) -> "ResultVersion":
        """The version of results over consecutive test months.

        Parameters
        ----------
        dataset_version : str
        config : Step3Config
        months : sequence of date
        models : DataFrame
            ``month, head, payload_sha256`` of table ``calibrated_models``; other months are
            ignored.
        """
        own = models[models["month"].isin(list(months))]
        return cls(dataset_version, config.content_hash(), models_hash(own), months[0], months[-1])

    def staleness(self, result_versions: pd.DataFrame, result: str) -> list[str]:
        """Why the stored ``audit`` or ``acceptance`` is not of this version; empty if it is.

        Parameters
        ----------
        result_versions : DataFrame
            The table of that name.
        result : str
            ``audit`` or ``acceptance``.
        """
        rows = result_versions[result_versions["result"] == result].to_dict("records")
        if len(rows) != 1:
            return [f"{result}: it is not known what it was made from; run `step3 run`"]
        stored, found = rows[0], []
        if stored["dataset_version"] != self.dataset_version:
            found.append(
                f"{result}: is about delivery {stored['dataset_version']}, but the one in force is "
                f"{self.dataset_version}"
            )
        if stored["config_hash"] != self.config_hash:
            found.append(f"{result}: was made with other settings than those of step3.toml")
        if (stored["first_month"], stored["last_month"]) != (self.first_month, self.last_month):
            found.append(
                f"{result}: is about {month_label(stored['first_month'])} to "
                f"{month_label(stored['last_month'])}, but the scored months are "
                f"{month_label(self.first_month)} to {month_label(self.last_month)}"
            )
        elif stored["models_hash"] != self.models_hash:
            found.append(
                f"{result}: is about models that have been trained again since, with another result"
            )
        return found

    def written(self, result_versions: pd.DataFrame, result: str) -> pd.DataFrame:
        """Table ``result_versions`` once a result of this version is stored."""
        others = result_versions[result_versions["result"] != result].to_dict("records")
        own: dict[str, Any] = {"result": result, **self.__dict__}
        return pd.DataFrame([*others, own], columns=RESULT_VERSIONS.names)
