"""Errors of means and slopes when rows are not independent.

Belongs here: covariances for clusters of rows, and for correlated days. Does not belong here: the
choice of regressors and outcomes.
"""

import numpy as np

COLLINEAR = 1e-10
"""Regressors are collinear if the ratio of smallest to largest eigenvalue of X'X is below this."""


def clustered_ols(
    x: np.ndarray, y: np.ndarray, clusters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with a cluster-robust covariance.

    Parameters
    ----------
    x : ndarray, shape (n_rows, k)
        Regressors, the constant among them.
    y : ndarray, shape (n_rows,)
    clusters : ndarray, shape (n_rows,)
        Label of each row's cluster.

    Returns
    -------
    beta : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Liang and Zeger (1986) with the small-sample factor G/(G-1) * (n-1)/(n-k)
        (Cameron and Miller 2015, eq. 12).
    """
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ (x.T @ y)
    _, index = np.unique(clusters, return_inverse=True)
    n_clusters = int(index.max()) + 1
    sums = np.zeros((n_clusters, x.shape[1]))
    np.add.at(sums, index, x * (y - x @ beta)[:, None])
    n, k = x.shape
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    return beta, factor * bread @ (sums.T @ sums) @ bread


def jackknife_ols(
    x: np.ndarray, y: np.ndarray, clusters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with the covariance of the jackknife over clusters (CR3).

    The plain cluster-robust covariance is too small if some clusters have more leverage than
    others; this one is not.

    Parameters
    ----------
    x : ndarray, shape (n_rows, k)
        Regressors, the constant among them.
    y : ndarray, shape (n_rows,)
    clusters : ndarray, shape (n_rows,)
        Label of each row's cluster; at least two.

    Returns
    -------
    beta : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        ``(G - 1) / G`` times the sum of outer products of the changes of beta when one cluster is
        left out (MacKinnon, Nielsen and Webb 2023, *Cluster-Robust Inference: A Guide to Empirical
        Practice*, Journal of Econometrics 232, eq. 15).

    Raises
    ------
    numpy.linalg.LinAlgError
        If the regressors are collinear, or become so without one of the clusters.
    """
    _, index = np.unique(clusters, return_inverse=True)
    n_clusters, k = int(index.max()) + 1, x.shape[1]
    products, moments = np.zeros((n_clusters, k, k)), np.zeros((n_clusters, k))
    np.add.at(products, index, x[:, :, None] * x[:, None, :])
    np.add.at(moments, index, x * y[:, None])
    total, moment = products.sum(axis=0), moments.sum(axis=0)
    rest = total - products
    sizes = np.linalg.eigvalsh(rest)
    if np.any(sizes[:, 0] <= COLLINEAR * sizes[:, -1]):
        raise np.linalg.LinAlgError("without one of the clusters the regressors are collinear")
    beta = np.linalg.solve(total, moment)
    changes = np.linalg.solve(rest, (moment - moments)[:, :, None])[:, :, 0] - beta
    return beta, (n_clusters - 1) / n_clusters * changes.T @ changes


def mean_over_days(values: np.ndarray, days: np.ndarray, n_lags: int) -> tuple[float, float]:
    """Mean over rows, and its standard error if rows of the same or nearby days are correlated.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
    days : ndarray, shape (n_rows,)
        Label of each row's day; labels sort in time order.
    n_lags : int
        Number of days over which rows are correlated: Bartlett weights ``1 - lag / (n_lags + 1)``.

    Returns
    -------
    mean, standard_error : float
        Driscoll and Kraay (1998), eq. 4, of a constant; lags count days that have rows. The error
        is 0 if the values do not vary.
    """
    mean = float(np.mean(values))
    _, index = np.unique(days, return_inverse=True)
    sums = np.zeros(int(index.max()) + 1)
    np.add.at(sums, index, values - mean)
    variance = float(sums @ sums)
    for lag in range(1, min(n_lags, len(sums) - 1) + 1):
        variance += 2.0 * (1.0 - lag / (n_lags + 1)) * float(sums[lag:] @ sums[:-lag])
    return mean, float(np.sqrt(max(variance, 0.0)) / len(values))
