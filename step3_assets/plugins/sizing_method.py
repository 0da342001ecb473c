"""The record of a sizing method, the forecasts it sees, and the sizes it returns.

Belongs here: the record that a method's file declares, the arrays that it reads and writes. Does
not belong here: any method (:mod:`step3_assets.plugins.sizing_methods`).

All inputs are known at the decision.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from step3_assets.plugins.setting import Setting, SettingValues

if TYPE_CHECKING:  # the settings of every installation are read without loading pandas
    import pandas as pd


@dataclass(frozen=True)
class Forecasts:
    """The forecasts from which the sizes of n decisions are computed.

    Attributes
    ----------
    ev_final, q10, q90 : ndarray, shape (n,)
        Forecast log returns; NaN if there is no score.
    sigma : callable
        Volatility of one bar, log return; only the methods that need it call it.
    is_overnight : callable
        Whether the position starts with an overnight gap.
    """

    ev_final: np.ndarray
    q10: np.ndarray
    q90: np.ndarray
    sigma: Callable[[], np.ndarray]
    is_overnight: Callable[[], np.ndarray]

    @classmethod
    def of_events(
        cls, events: "pd.DataFrame", ev_final: np.ndarray, q10: np.ndarray, q90: np.ndarray
    ) -> "Forecasts":
        """Create from events; a constant size does not read ``sigma`` and ``entry_overnight``."""
        return cls(
            ev_final=ev_final,
            q10=q10,
            q90=q90,
            sigma=lambda: events["sigma"].to_numpy(dtype=np.float64),
            is_overnight=lambda: events["entry_overnight"].to_numpy() > 0,
        )


@dataclass(frozen=True)
class Sizes:
    """Sizes of n decisions, and the values from which they were computed.

    Attributes
    ----------
    size_frac : ndarray, shape (n,)
        Requested share of the allocation, including decisions that the gate refused.
    forecast_sd : ndarray
        Standard deviation of the net return, log return, from the quantile spread.
    kelly_frac : ndarray
        The full Kelly fraction, ``ev_final / forecast_sd**2``.
    vol_cap_frac : ndarray
        The size at which the position's volatility equals the target.
    overnight_factor : ndarray
        Factor applied to the size of an overnight entry.
    size_cap : ndarray of str
        What limited the size before the overnight haircut: one of the method's ``caps``.

    Values that the method does not use are NaN.
    """

    size_frac: np.ndarray
    forecast_sd: np.ndarray
    kelly_frac: np.ndarray
    vol_cap_frac: np.ndarray
    overnight_factor: np.ndarray
    size_cap: np.ndarray

    def inputs_frame(self, index: "pd.Index") -> "pd.DataFrame":
        """All fields except ``size_frac``, as columns of ``scores``."""
        import pandas as pd

        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "size_frac"}
        named["size_cap"] = pd.array(named["size_cap"], dtype="str")
        return pd.DataFrame(named, index=index)


SIZING_COLUMNS = tuple(f.name for f in fields(Sizes) if f.name != "size_frac")


@dataclass(frozen=True)
class SizingMethod:
    """The record of one method.

    Attributes
    ----------
    name : str
        Value of ``sizing.method``.
    label : str
        Name in the report.
    meaning : str
        The size that it requests, for the settings and the documentation.
    place : int
        Order among the methods; the first is the default.
    size : callable
        Maps forecasts, settings and the largest allowed size to sizes in [0, largest].
    caps : tuple of str
        The values that it may write to ``size_cap``.
    settings : mapping of str to Setting
        All settings that it reads.
    """

    name: str
    label: str
    meaning: str
    place: int
    size: Callable[[Forecasts, SettingValues, float], Sizes]
    caps: tuple[str, ...]
    settings: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def is_constant(self) -> bool:
        """Whether the size does not depend on the forecast; such a method reads no setting."""
        return not self.settings
