"""Average uniqueness of overlapping labels.

Belongs here: concurrency and uniqueness over bar indices. Does not belong here: which rows train
(:mod:`step3_assets.domain.folds.build`) or how a model uses the weights.

Source: M. Lopez de Prado, *Advances in Financial Machine Learning* (2018), ch. 4, snippets 4.1
and 4.2.
"""

import numpy as np
import pandas as pd


def average_uniqueness(
    symbols: np.ndarray | pd.Series, first_bar: np.ndarray, last_bar: np.ndarray
) -> np.ndarray:
    """Average uniqueness of each label among the labels given, symbol by symbol.

    A label spans the bars ``first_bar`` to ``last_bar``, both included. On each bar its share is
    one over the number of labels of the same symbol on that bar; its uniqueness is the mean share.

    Parameters
    ----------
    symbols : array of str, shape (n,)
    first_bar, last_bar : array of int, shape (n,)
        Row of the symbol's bar table (``t_idx + 1`` and ``label_end_idx``).

    Returns
    -------
    ndarray of float64, shape (n,)
        In (0, 1]; 1 for a label that does not overlap another.

    Raises
    ------
    ValueError
        If a label ends before it begins.

    Examples
    --------
    >>> average_uniqueness(np.array(["A", "A"]), np.array([0, 2]), np.array([2, 5])).round(4)
    array([0.8333, 0.875 ])
    """
    first = np.asarray(first_bar, dtype=np.int64)
    last = np.asarray(last_bar, dtype=np.int64)
    if np.any(last < first):
        row = int(np.flatnonzero(last < first)[0])
        raise ValueError(f"label {row} spans bars {first[row]} to {last[row]}: it ends too early")
    out = np.empty(len(first), dtype=np.float64)
    codes, _ = pd.factorize(np.asarray(symbols, dtype=object))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        out[rows] = _one_symbol(first[rows], last[rows])
    return out


def _one_symbol(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    base = first.min()
    start, stop = first - base, last - base + 1
    n_bars = int(stop.max())
    steps = np.bincount(start, minlength=n_bars + 1) - np.bincount(stop, minlength=n_bars + 1)
    concurrency = np.cumsum(steps)[:n_bars]
    share = np.divide(1.0, concurrency, out=np.zeros(n_bars), where=concurrency > 0)
    total = np.concatenate([[0.0], np.cumsum(share)])
    return np.clip((total[stop] - total[start]) / (stop - start), 0.0, 1.0)
