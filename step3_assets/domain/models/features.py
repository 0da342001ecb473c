"""The feature matrix: which columns a model may see, and in what order.

Belongs here: the known-at rule and the one-hot coding of categories. Does not belong here:
imputation and scaling, which are fitted per fold (:mod:`step3_assets.domain.models.linear`).

The catalogue states when each column is known. A column that is not known at the decision raises
:class:`LeakageError`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from step3_assets.catalogue.column import KnownAt
from step3_assets.catalogue.delivery import (
    BAR_FEATURES,
    CATEGORICAL_FEATURES,
    EVENTS,
    FEATURE_VERSION,
    NUMERIC_FEATURES,
)

FEATURES: tuple[str, ...] = NUMERIC_FEATURES + CATEGORICAL_FEATURES

Vocabulary = Mapping[str, Sequence[str]]


class LeakageError(ValueError):
    """A column that is not known at the decision was requested as a feature."""


@dataclass(frozen=True)
class FeatureMatrix:
    """Feature values of events, known at the decision instant.

    Parameters
    ----------
    values : ndarray of float64, shape (n, p)
        NaN where a signal has no history yet.
    names : tuple of str, length p
        Column names; that of a category is, for example, ``family=trend_long``.
    vocabulary : dict of str to tuple of str
        The coded categories of each categorical column.
    """

    values: np.ndarray
    names: tuple[str, ...]
    vocabulary: dict[str, tuple[str, ...]]


def feature_matrix(
    events: pd.DataFrame,
    vocabulary: Vocabulary | None = None,
    columns: Sequence[str] = FEATURES,
) -> FeatureMatrix:
    """Build the matrix that models see.

    Parameters
    ----------
    events : DataFrame, n rows
        Rows of table ``events``; only `columns` are read.
    vocabulary : mapping of str to sequence of str, optional
        Categories of each categorical column, from a fold's training rows; any other category is
        coded as all zeros. By default the categories of these rows.
    columns : sequence of str
        Columns of ``events`` to use; the frozen list by default.

    Returns
    -------
    FeatureMatrix

    Raises
    ------
    LeakageError
        If a column is not known at the decision, is part of the key, or is not in the catalogue.

    Examples
    --------
    >>> feature_matrix(pd.DataFrame({"y": [1]}), columns=["y"])
    Traceback (most recent call last):
    ...
    step3_assets.domain.models.features.LeakageError: y may not be a feature: known at outcome
    """
    refuse_leaks(columns)
    blocks, names, coded = [], [], {}
    for name in columns:
        if name not in CATEGORICAL_FEATURES:
            blocks.append(events[name].to_numpy(dtype=np.float64, na_value=np.nan))
            names.append(name)
            continue
        known = (vocabulary or {}).get(name, sorted(events[name].dropna().unique()))
        coded[name] = tuple(str(c) for c in known)
        values = events[name].to_numpy(dtype=object)
        blocks += [(values == category).astype(np.float64) for category in coded[name]]
        names += [f"{name}={category}" for category in coded[name]]
    values = np.column_stack(blocks) if blocks else np.empty((len(events), 0))
    return FeatureMatrix(values=np.ascontiguousarray(values), names=tuple(names), vocabulary=coded)


def refuse_leaks(columns: Sequence[str]) -> None:
    """Raise :class:`LeakageError` for the first column that no model may see."""
    for name in columns:
        column = EVENTS.by_name.get(name)
        if column is None:
            where = "a column of bar_features" if name in BAR_FEATURES.by_name else "unknown"
            raise LeakageError(f"{name} may not be a feature: {where}, not in events' catalogue")
        if column.known_at is not KnownAt.DECISION:
            raise LeakageError(f"{name} may not be a feature: known at {column.known_at.value}")


def features_hash(names: Sequence[str]) -> str:
    """Hash of a feature list, in order, and of its version: 16 hex digits of SHA-256."""
    text = "\n".join([FEATURE_VERSION, *names])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
