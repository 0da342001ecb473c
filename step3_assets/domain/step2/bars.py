"""Bars at the door: read from disk, checked, brought to one form.

Belongs here: the layout of bar files and every reason to refuse one. Does not belong here:
irregularities that are lawful and only reported (`irregularities`), or any signal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from step3_assets.domain.core.calendar import NY, bar_end
from step3_assets.domain.step2.layout import NO_PARTNER

PRICES = ("open", "high", "low", "close")
REQUIRED = ("date", *PRICES, "volume")
CALENDAR_COLUMNS = ("ny_time", "is_opening_bar", "expected_bar_seconds", "is_partial_bar")
BAR_COLUMNS = (*REQUIRED, "average", "barcount", *CALENDAR_COLUMNS)

# Open and close may lie outside [low, high] by this fraction: rounding, not a wrong bar.
PRICE_TOLERANCE = 1e-9

# A ticker becomes a file name and a column prefix.
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}")
_ROWS_NAMED = 5


class BarsError(ValueError):
    """Bars that cannot be used; the message names the file, the column and the rows."""


def find_bar_files(folder: Path) -> dict[str, Path]:
    """Bar files of a folder by upper-case symbol, in symbol order.

    A symbol's file is ``{symbol}.parquet`` or ``{symbol}_*.parquet``: its name up to the first
    underscore is the symbol, in any case. Hidden files and subfolders are left alone.

    Raises
    ------
    BarsError
        If there is no folder, no bar file, two files of one symbol, or a name is no ticker.
    """
    if not folder.is_dir():
        raise BarsError(f"{folder}: no such folder of bar files")
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.parquet")):
        if path.name.startswith("."):
            continue
        symbol = check_symbol(path.stem.split("_")[0].upper(), path.name)
        if symbol in found:
            raise BarsError(
                f"{folder.name}: two bar files for {symbol}: {found[symbol].name}, {path.name}"
            )
        found[symbol] = path
    if not found:
        raise BarsError(f"{folder}: holds no bar file ({{symbol}}_*.parquet or {{symbol}}.parquet)")
    return dict(sorted(found.items()))


def read_bars(
    folder: Path, *, progress: Callable[[str], None] | None = None
) -> dict[str, pd.DataFrame]:
    """Read and check every bar file of a folder.

    Parameters
    ----------
    folder : Path
        See `find_bar_files` for how files are named.
    progress : callable, optional
        Told one line per file.

    Returns
    -------
    dict of str to DataFrame
        Checked bars (`check_bars`) by upper-case symbol.

    Raises
    ------
    BarsError
        For the first file that cannot be used.
    """
    bars = {}
    for symbol, path in find_bar_files(Path(folder)).items():
        if progress:
            progress(f"{symbol}: reading {path.name}")
        bars[symbol] = check_bars(read_bar_file(path), path.name)
    return bars


def read_bar_file(path: Path) -> pd.DataFrame:
    """Read one parquet file as it is, without checking its bars."""
    try:
        return pq.read_table(path).to_pandas()
    except (pa.ArrowInvalid, pa.ArrowIOError, OSError) as error:
        raise BarsError(f"{path.name}: not a readable parquet file: {error}") from error


def check_symbol(symbol: str, source: str) -> str:
    """Return `symbol`, or refuse it if it is no plain upper-case ticker."""
    if not _SYMBOL.fullmatch(symbol):
        raise BarsError(f"{source}: {symbol!r} is no plain ticker; expected A-Z, then A-Z, 0-9, .")
    if symbol == NO_PARTNER.upper():
        raise BarsError(f"{source}: {symbol} is kept for columns without a partner")
    return symbol


def check_bars(bars: pd.DataFrame, source: str) -> pd.DataFrame:
    """Check bars and bring them to the builder's form.

    Parameters
    ----------
    bars : DataFrame
        One row per bar in time order. ``date`` is the bar's start in UTC; ``open``, ``high``,
        ``low``, ``close`` and ``volume`` are needed. ``average``, ``barCount`` and the four
        calendar columns may be absent: the first two become null, the others are filled from
        the exchange calendar. Other columns are dropped.
    source : str
        What to call the bars in a message: a file name or a symbol.

    Returns
    -------
    DataFrame
        `BAR_COLUMNS` in order, typed as the delivery types them, with a fresh index.

    Raises
    ------
    BarsError
        On a missing or mistyped column; stamps that are naive, not UTC, missing, off the whole
        second, unsorted or duplicated; prices that are not finite and positive; high below low,
        or open or close outside them by more than 1e-9 of the price; negative or non-finite
        volume.

    Notes
    -----
    Volume of zero is lawful: ``vol_z`` is null on such a bar.
    """
    if not isinstance(bars, pd.DataFrame):
        raise BarsError(f"{source}: expected a table of bars, got {type(bars).__name__}")
    if "barcount" not in bars and "barCount" in bars:
        bars = bars.rename(columns={"barCount": "barcount"})
    missing = [name for name in REQUIRED if name not in bars]
    if missing:
        raise BarsError(f"{source}: missing column {', '.join(missing)}")
    twice = sorted({name for name in BAR_COLUMNS if list(bars.columns).count(name) > 1})
    if twice:
        raise BarsError(f"{source}: column {', '.join(twice)} stands twice")
    if not len(bars):
        raise BarsError(f"{source}: holds no bars")

    stamps = _stamps(bars["date"], source)
    out = pd.DataFrame({"date": stamps})
    for name in (*PRICES, "volume"):
        out[name] = _numbers(bars[name], name, source)
    _check_values(out, source)
    out["average"] = _numbers(bars["average"], "average", source) if "average" in bars else np.nan
    out["barcount"] = _counts(bars, source)
    return _with_calendar_columns(out, bars, source)[list(BAR_COLUMNS)]


def bar_ends(bars: pd.DataFrame) -> pd.DatetimeIndex:
    """End of each checked bar, UTC: by the calendar, else its start and its stated length."""
    stamps = pd.DatetimeIndex(bars["date"])
    stated = stamps + pd.to_timedelta(bars["expected_bar_seconds"].to_numpy(), unit="s")
    ends = bar_end(stamps)
    return pd.DatetimeIndex(ends.where(ends.notna(), stated)).as_unit("us")


def _stamps(column: pd.Series, source: str) -> pd.Series:
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        what = "stamps without a zone" if column.dtype.kind == "M" else f"type {column.dtype}"
        raise BarsError(f"{source}: column date has {what}; expected UTC stamps")
    if str(column.dtype.tz) not in ("UTC", "+00:00", "UTC+00:00", "Etc/UTC"):
        raise BarsError(f"{source}: column date is in {column.dtype.tz}; expected UTC")
    _refuse(column.isna(), "date", "is missing", source)
    exact = column.dt.tz_convert("UTC").reset_index(drop=True)
    _refuse(exact != exact.dt.floor("s"), "date", "is not on a whole second", source, exact)
    stamps = exact.dt.as_unit("us")
    step = np.ones(len(stamps), dtype=np.int64)
    step[1:] = np.diff(pd.DatetimeIndex(stamps).asi8)
    _refuse(step == 0, "date", "repeats the stamp before it", source, stamps)
    _refuse(step < 0, "date", "lies before the row above (unsorted)", source, stamps)
    return stamps


def _numbers(column: pd.Series, name: str, source: str) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        raise BarsError(f"{source}: column {name} has type {column.dtype}; expected numbers")
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _counts(bars: pd.DataFrame, source: str) -> pd.Series:
    if "barcount" not in bars:
        return pd.Series(pd.NA, index=range(len(bars)), dtype="Int64")
    numbers = _numbers(bars["barcount"], "barCount", source)
    _refuse((numbers != np.floor(numbers)) & ~np.isnan(numbers), "barCount", "is no count", source)
    is_null = np.isnan(numbers)
    if is_null.any():
        return pd.Series(pd.array(numbers, dtype="Int64"))
    return pd.Series(numbers.astype(np.int64))


def _check_values(bars: pd.DataFrame, source: str) -> None:
    for name in PRICES:
        price = bars[name]
        _refuse(~np.isfinite(price), name, "is not a finite price", source, bars["date"])
        _refuse(price <= 0, name, "is zero or negative", source, bars["date"])
    _refuse(bars["high"] < bars["low"], "high", "is below low", source, bars["date"])
    for name in ("open", "close"):
        slack = PRICE_TOLERANCE * bars[name]
        outside = (bars[name] > bars["high"] + slack) | (bars[name] < bars["low"] - slack)
        _refuse(outside, name, "lies outside [low, high]", source, bars["date"])
    _refuse(~np.isfinite(bars["volume"]), "volume", "is not finite", source, bars["date"])
    _refuse(bars["volume"] < 0, "volume", "is negative", source, bars["date"])


def _with_calendar_columns(out: pd.DataFrame, bars: pd.DataFrame, source: str) -> pd.DataFrame:
    """Pass the calendar columns through where they are given, else derive them."""
    ny_time = out["date"].dt.tz_convert(NY)
    if "ny_time" in bars:
        given = bars["ny_time"].reset_index(drop=True)
        if not isinstance(given.dtype, pd.DatetimeTZDtype):
            raise BarsError(f"{source}: column ny_time has type {given.dtype}; expected zoned")
        _refuse(given != ny_time, "ny_time", "is another instant than date", source, out["date"])
    out["ny_time"] = ny_time
    out["is_opening_bar"] = (
        _flags(bars["is_opening_bar"], "is_opening_bar", source)
        if "is_opening_bar" in bars
        else np.diff(_days(ny_time), prepend=-1) != 0
    )
    if "expected_bar_seconds" in bars:
        seconds = _numbers(bars["expected_bar_seconds"], "expected_bar_seconds", source)
        wrong = ~((seconds > 0) & (seconds == np.floor(seconds)))
        _refuse(wrong, "expected_bar_seconds", "is no positive count", source, out["date"])
    else:
        seconds = _calendar_seconds(out["date"])
    out["expected_bar_seconds"] = seconds.astype(np.int64)
    out["is_partial_bar"] = (
        _flags(bars["is_partial_bar"], "is_partial_bar", source)
        if "is_partial_bar" in bars
        else seconds < 3600
    )
    return out


def _calendar_seconds(stamps: pd.Series) -> np.ndarray:
    """Length of each bar by the calendar; to the next whole hour where it knows no such bar."""
    start = pd.DatetimeIndex(stamps)
    end = bar_end(start)
    end = end.where(end.notna(), start.floor("h") + pd.Timedelta(hours=1))
    return ((end - start) // pd.Timedelta(seconds=1)).to_numpy()


def _days(ny_time: pd.Series) -> np.ndarray:
    return ny_time.dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)


def _flags(column: pd.Series, name: str, source: str) -> np.ndarray:
    if not pd.api.types.is_bool_dtype(column) or column.isna().any():
        raise BarsError(f"{source}: column {name} has type {column.dtype}; expected true or false")
    return column.to_numpy(dtype=bool)


def _refuse(
    is_wrong: pd.Series | np.ndarray,
    column: str,
    what: str,
    source: str,
    stamps: pd.Series | None = None,
) -> None:
    """Raise, naming the first rows, if any row is wrong."""
    rows = np.flatnonzero(np.asarray(is_wrong, dtype=bool))
    if not len(rows):
        return
    named = [
        f"{row} ({stamps.iloc[row]:%Y-%m-%d %H:%M:%S}Z)" if stamps is not None else str(row)
        for row in rows[:_ROWS_NAMED]
    ]
    more = f" and {len(rows) - _ROWS_NAMED} more" if len(rows) > _ROWS_NAMED else ""
    raise BarsError(f"{source}: column {column} {what} at row {', '.join(named)}{more}")


def check_all(bars: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Check the bars of every symbol (`check_bars`), in symbol order.

    Raises
    ------
    BarsError
        If there is no symbol, a symbol is no plain ticker, or its bars cannot be used.
    """
    if not bars:
        raise BarsError("no bars were given")
    symbols = sorted(check_symbol(symbol, "bars") for symbol in bars)
    return {symbol: check_bars(bars[symbol], symbol) for symbol in symbols}
