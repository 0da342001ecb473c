"""Feature importances of the boosted heads: gain in training, TreeSHAP on scored candidates.

Belongs here: shares of features from stored models. Does not belong here: drawing them, or causes:
a share shows what a model uses, not whether that is right.

Sources: gain is the reduction of loss by a feature's splits, summed over trees (J. Friedman 2001,
eq. 45); SHAP values are LightGBM's own ``pred_contrib``, the exact TreeSHAP of S. Lundberg et al.,
"From local explanations to global understanding with explainable AI for trees" (2020).
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue.delivery import CATEGORICAL_FEATURES
from step3_assets.catalogue.monitoring import IMPORTANCES
from step3_assets.domain.models.heads import matrix_of
from step3_assets.domain.models.text_format import load_numbers, read_payloads

EXPLAINED_HEADS = ("classifier", "mean")


def head_importances(models: pd.DataFrame, candidates: pd.DataFrame, month: date) -> pd.DataFrame:
    """Share of each feature in each explained head.

    Parameters
    ----------
    models : DataFrame
        Rows of ``calibrated_models`` of one fold; empty if it could not be trained.
    candidates : DataFrame
        Rows of ``events`` of the test month; no outcome is read.
    month : date
        The test month.

    Returns
    -------
    DataFrame
        Rows of table ``importances``. The shares of a head sum to 1, or are 0 if it has no split. A
        category's share is the sum over its codes. ``shap_frac`` is NaN without candidates.
    """
    import lightgbm as lgb

    payloads = read_payloads(models)
    if not payloads:
        return pd.DataFrame(columns=IMPORTANCES.names)
    names = [_feature(name) for name in load_numbers(payloads["features"])["names"]]
    values = matrix_of(payloads, candidates).values
    parts = []
    for head in EXPLAINED_HEADS:
        booster = lgb.Booster(model_str=payloads[head])
        gain = booster.feature_importance("gain")
        shap = np.full(len(names), np.nan)
        if len(values):
            contributions = np.asarray(
                booster.predict(values, pred_contrib=True, num_threads=1), dtype=np.float64
            )
            shap = np.abs(contributions[:, :-1]).mean(axis=0)
        frame = pd.DataFrame({"feature": names, "gain_frac": gain, "shap_frac": shap})
        summed = frame.groupby("feature", sort=True).sum(min_count=1)
        parts.append((summed / summed.sum().replace(0.0, 1.0)).reset_index().assign(head=head))
    return pd.concat(parts, ignore_index=True).assign(month=month)[IMPORTANCES.names]


def _feature(name: str) -> str:
    """The column of events behind a matrix column: ``family`` for ``family=trend_long``."""
    column = name.split("=", 1)[0]
    return column if column in CATEGORICAL_FEATURES else name
