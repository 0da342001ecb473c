"""Small hourly bars and candidates for tests of the simulation path.

Belongs here: frames in catalogue types, made from prices written in the test. Does not belong here:
expectations. Bar ``i`` of a symbol starts ``i`` hours after ``START``; a candidate decided on bar
``t`` enters at the open of bar ``t + 1``.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from step3_assets.domain.core.months import month_of

START = pd.Timestamp("2020-03-02 14:00", tz="UTC")
MONTH_START = pd.Timestamp("2020-03-01", tz="UTC")
MONTH_END = pd.Timestamp("2020-04-01", tz="UTC")


def hour(i: float) -> pd.Timestamp:
    """Start of bar ``i``."""
    return START + pd.Timedelta(hours=i)


def make_bars(
    symbol: str,
    opens: Sequence[float],
    closes: Sequence[float] | None = None,
    lows: Sequence[float] | None = None,
    hours: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Bars of one symbol; a close is the next open unless given, a low the lower of the two."""
    open_ = np.asarray(opens, dtype="float64")
    close = np.append(open_[1:], open_[-1]) if closes is None else np.asarray(closes, "float64")
    low = np.minimum(open_, close) if lows is None else np.asarray(lows, dtype="float64")
    at = range(len(open_)) if hours is None else hours
    date = pd.Series([hour(i) for i in at]).dt.as_unit("us")
    return pd.DataFrame(
        {
            "symbol": symbol,
            "date": date,
            "bar_end_utc": date + pd.Timedelta(hours=1),
            "open": open_,
            "close": close,
            "low": low,
        }
    )


def make_candidates(bars: pd.DataFrame, rows: Sequence[dict]) -> pd.DataFrame:
    """Candidates from rows of ``symbol``, ``t`` (decision bar), ``exit`` (exit bar) and options.

    Options: ``entry`` (the bar after), ``cost_rt`` (0.002), ``size_frac`` (1.0), ``maturity``
    (final). Rows of another maturity have no outcome.
    """
    opens = {(r.symbol, r.date): r.open for r in bars.itertuples()}
    out = []
    for row in rows:
        symbol, maturity = row["symbol"], row.get("maturity", "final")
        entry, exit_ = hour(row.get("entry", row["t"] + 1)), hour(row["exit"])
        is_final = maturity == "final"
        out.append(
            {
                "symbol": symbol,
                "decision_time_utc": hour(row["t"]),
                "size_frac": row.get("size_frac", 1.0),
                "decision_instant_utc": hour(row["t"] + 1),
                "entry_time_utc": entry,
                "exit_time_utc": exit_ if is_final else pd.NaT,
                "entry_open": opens.get((symbol, entry), 1.0),
                "exit_open": opens.get((symbol, exit_), 1.0) if is_final else np.nan,
                "cost_rt": row.get("cost_rt", 0.002),
                "maturity": maturity,
            }
        )
    frame = pd.DataFrame(out)
    for name in [c for c in frame if str(c).endswith("_utc")]:
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    frame.insert(2, "month", month_of(frame["decision_time_utc"]))
    return frame
