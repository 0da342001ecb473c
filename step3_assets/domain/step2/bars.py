"""Input bars: read from disk, checked, and brought to one form.

Belongs here: the layout of bar files and every reason to refuse one. Does not belong here:
irregularities that are accepted and only reported (`irregularities`), or any signal.

A file is refused as a whole if its bars follow another grid than the exchange's hours, or contain a
jump that no market made. Bars that are passed in memory are accepted with such faults, which the
meta file then lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from step3_assets.domain.core.adjustments import (
    ADJUSTMENTS_FOLDER,
    SPLIT,
    Adjustment,
    AdjustmentsError,
    apply_splits,
    parse_adjustments,
    unexplained,
)
from step3_assets.domain.core.bar_grid import MAX_OFF_CALENDAR_FRAC, fit_grid, grid_fault
from step3_assets.domain.core.calendar import bar_end
from step3_assets.domain.core.delivery_layout import TICKER
from step3_assets.domain.core.instants import NY
from step3_assets.domain.core.jumps import (
    find_jumps,
    find_outlying_holes,
    has_same_bars,
    nearest_split,
)
from step3_assets.domain.step2.layout import NO_PARTNER

PRICES = ("open", "high", "low", "close")
REQUIRED = ("date", *PRICES, "volume")
CALENDAR_COLUMNS = ("ny_time", "is_opening_bar", "expected_bar_seconds", "is_partial_bar")
BAR_COLUMNS = (*REQUIRED, "average", "barcount", *CALENDAR_COLUMNS)

# Open and close may lie outside [low, high] by this fraction, which is rounding.
PRICE_TOLERANCE = 1e-9

_ROWS_NAMED = 5

SYMBOL_COLUMNS = ("symbol", "ticker")
"""Columns that name the symbol in bar files of other tools."""


class BarsError(ValueError):
    """Bars that cannot be used; the message names the file, the column and the rows."""


def find_bar_files(folder: Path) -> dict[str, Path]:
    """Bar files of a folder by upper-case symbol, in symbol order.

    A symbol's file is ``{symbol}.parquet`` or ``{symbol}_*.parquet``: its name up to the first
    underscore is the symbol, in upper or lower case. Hidden files and subfolders are ignored.

    Raises
    ------
    BarsError
        If there is no folder or no bar file, a symbol has two files, or a name is not a ticker.
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
    folder: Path,
    *,
    progress: Callable[[str], None] | None = None,
    max_off_calendar_frac: float = MAX_OFF_CALENDAR_FRAC,
    is_cut: bool = False,
) -> dict[str, pd.DataFrame]:
    """Read and check every bar file of a folder, and apply its adjustments.

    Parameters
    ----------
    folder : Path
        See `find_bar_files` for how files are named. ``adjustments/{symbol}.csv`` is optional.
    progress : callable, optional
        Called with one line per file.
    max_off_calendar_frac : float
        Largest share of a file's bars off the exchange's grid; 1 accepts any grid.
    is_cut : bool
        The build is made as of a time, so the last bar may still be running.

    Returns
    -------
    dict of str to DataFrame
        Checked bars (`check_bars`) by upper-case symbol, splits applied.

    Raises
    ------
    BarsError
        For the first file that cannot be used.
    """
    bars: dict[str, pd.DataFrame] = {}
    files = find_bar_files(Path(folder))
    adjustments = read_adjustments(Path(folder), files)
    for symbol, path in files.items():
        if progress:
            progress(f"{symbol}: reading {path.name}")
        raw = read_bar_file(path)
        refuse_other_symbol(raw, symbol, path.name)
        checked = check_bars(raw, path.name)
        refuse_strange_dates(checked, path.name, is_cut=is_cut)
        refuse_foreign_grid(checked, path.name, max_off_calendar_frac)
        for other, known in bars.items():
            if has_same_bars(checked, known):
                raise BarsError(
                    f"{path.name}: holds the bars of {other} ({files[other].name}), price by price"
                )
        adjusted = adjustments.get(symbol, ())
        refuse_early_splits(adjusted, checked, symbol)
        bars[symbol] = apply_splits(checked, adjusted)
        refuse_jumps(bars[symbol], path.name, adjusted)
    return bars


def read_adjustments(folder: Path, symbols: Iterable[str]) -> dict[str, tuple[Adjustment, ...]]:
    """The adjustments of a folder of bar files, by upper-case symbol.

    Raises
    ------
    BarsError
        If a file cannot be read, or belongs to a symbol without bars.
    """
    found = {}
    known = set(symbols)
    place = folder / ADJUSTMENTS_FOLDER
    if not place.is_dir():
        return {}
    for path in sorted(place.iterdir()):
        if path.name.startswith(".") or path.suffix != ".csv" or not path.is_file():
            continue
        name = f"{ADJUSTMENTS_FOLDER}/{path.name}"
        symbol = path.stem.upper()
        if symbol not in known:
            raise BarsError(f"{name}: there are no bars of {symbol}")
        if symbol in found:
            raise BarsError(f"{name}: {symbol} has another file of adjustments; keep one")
        try:
            found[symbol] = parse_adjustments(path.read_bytes())
        except (AdjustmentsError, OSError) as error:
            raise BarsError(f"{name}: {error}") from error
    return found


def refuse_other_symbol(bars: pd.DataFrame, symbol: str, source: str) -> None:
    """Refuse a table whose column or index level ``symbol`` names another symbol than its file.

    Raises
    ------
    BarsError
        Naming the first of them.
    """
    for place in SYMBOL_COLUMNS:
        if list(bars.columns).count(place) == 1:
            values = bars[place]
        elif place in bars.index.names:
            values = bars.index.get_level_values(place)
        else:
            continue
        names = sorted({str(value).strip().upper() for value in pd.unique(values)} - {symbol})
        if names:
            shown = ", ".join(names[:_ROWS_NAMED])
            raise BarsError(f"{source}: column {place} names {shown}; expected {symbol} alone")


def refuse_strange_dates(
    bars: pd.DataFrame, source: str, *, is_cut: bool = False, now: datetime | None = None
) -> None:
    """Refuse checked bars of the future, still running, or years from the bar above.

    Parameters
    ----------
    bars : DataFrame
    source : str
    is_cut : bool
        Bars that are still running are cut off later, so they are no fault.
    now : datetime, optional
        The present, with a zone; by default the clock's.

    Raises
    ------
    BarsError
        Naming the rows.
    """
    present = pd.Timestamp(now or datetime.now(UTC))
    clock = f"(it is {present:%Y-%m-%d %H:%M} UTC)"
    _refuse(bars["date"] > present, "date", f"lies in the future {clock}", source, bars["date"])
    if not is_cut:
        message = f"starts a bar that has not ended yet {clock}; build with --as-of to leave it out"
        _refuse(bar_ends(bars) > present, "date", message, source, bars["date"])
    is_far = np.isin(np.arange(len(bars)), find_outlying_holes(pd.DatetimeIndex(bars["date"])))
    _refuse(is_far, "date", "lies years after the bar above it", source, bars["date"])


def refuse_early_splits(adjustments: Sequence[Adjustment], bars: pd.DataFrame, symbol: str) -> None:
    """Refuse a split after the last bar: applied now, it would put every price on another level.

    Raises
    ------
    BarsError
        Naming the file and the date.
    """
    last = bars["date"].iloc[-1].tz_convert(NY).date()
    early = [one.day for one in adjustments if one.kind == SPLIT and one.day > last]
    if early:
        raise BarsError(
            f"{ADJUSTMENTS_FOLDER}/{symbol.lower()}.csv: the split of {early[0]} lies after the "
            f"last bar ({last}); add it when there are bars at the new price"
        )


def refuse_foreign_grid(bars: pd.DataFrame, source: str, max_off_frac: float) -> None:
    """Refuse checked bars of another grid than the exchange's hours, and say what they look like.

    Raises
    ------
    BarsError
        If more than `max_off_frac` of the bars are off the grid, most of the grid's bars are
        missing, or a bar of the grid states another length.
    """
    stamps = pd.DatetimeIndex(bars["date"])
    fit = fit_grid(stamps, bars["expected_bar_seconds"].to_numpy())
    if fault := grid_fault(fit, stamps, max_off_frac):
        raise BarsError(f"{source}: {fault}")
    if max_off_frac < 1:
        message = "is not the length that the exchange calendar gives the bar"
        _refuse(fit.is_other_length, "expected_bar_seconds", message, source, bars["date"])


def refuse_jumps(bars: pd.DataFrame, source: str, adjustments: Sequence[Adjustment] = ()) -> None:
    """Refuse checked bars with a jump that no market made, unless an adjustment says it is real.

    Raises
    ------
    BarsError
        Naming the first jump, its date, and the line to add to which file.
    """
    jumps = unexplained(find_jumps(bars), adjustments)
    if not jumps:
        return
    first = jumps[0]
    day = first.stamp.tz_convert(NY).date()
    more = f" (and {len(jumps) - 1} more)" if len(jumps) > 1 else ""
    split = nearest_split(np.log(first.factor)) if first.is_lasting else None
    line = f"{day},{split:g},split for the split, or " if split else ""
    raise BarsError(
        f"{source}: row {first.row} ({first.stamp}): {first.text}{more}; a jump of this size is "
        f"refused. Correct the bars, or write a line into adjustments/SYMBOL.csv beside them "
        f"(date,factor,kind): {line}{day},,real if the market made the move"
    )


def read_bar_file(path: Path) -> pd.DataFrame:
    """Read one parquet file as it is, without checking its bars."""
    try:
        with pq.ParquetFile(path) as parquet:  # not read_table: it reads columns out of the path
            return parquet.read().to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BarsError(f"{path.name}: not a readable parquet file: {error}") from error


def check_symbol(symbol: str, source: str) -> str:
    """Return `symbol`, or refuse it if it is not a plain upper-case ticker."""
    if not TICKER.fullmatch(symbol):
        raise BarsError(
            f"{source}: {symbol!r} is not a plain ticker; expected A-Z, then A-Z, 0-9, ."
        )
    if symbol == NO_PARTNER.upper():
        raise BarsError(f"{source}: {symbol} is reserved for columns without a partner")
    return symbol


def check_bars(bars: pd.DataFrame, source: str) -> pd.DataFrame:
    """Check bars and bring them to the builder's form.

    Parameters
    ----------
    bars : DataFrame
        One row per bar in time order. ``date`` is the bar's start in UTC; ``open``, ``high``,
        ``low``, ``close`` and ``volume`` are required. ``average``, ``barCount`` and the four
        calendar columns are optional: the first two become null, the others are filled from
        the exchange calendar. Other columns are dropped.
    source : str
        Name of the bars in a message: a file name or a symbol.

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
    A volume of zero is allowed: ``vol_z`` is null on such a bar.
    """
    if not isinstance(bars, pd.DataFrame):
        raise BarsError(f"{source}: expected a table of bars, got {type(bars).__name__}")
    if bars.columns.nlevels > 1:
        raise BarsError(
            f"{source}: has {bars.columns.nlevels} header rows; expected one: date, open, high, ..."
        )
    if "date" not in bars and "date" in bars.index.names:
        kept = [name for name in bars.index.names if name and name not in bars]
        bars = bars.reset_index(level=kept)  # pandas saves stamps as an index
    if "barcount" not in bars and "barCount" in bars:
        bars = bars.rename(columns={"barCount": "barcount"})
    missing = [name for name in REQUIRED if name not in bars]
    if missing:
        hint = (_index_hint(bars) if "date" in missing else "") or _case_hint(bars, missing)
        raise BarsError(f"{source}: missing column {', '.join(missing)}{hint}")
    twice = sorted({name for name in BAR_COLUMNS if list(bars.columns).count(name) > 1})
    if twice:
        raise BarsError(f"{source}: column {', '.join(twice)} appears twice")
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
    """End of each checked bar, UTC: the later of the calendar's and the stated end.

    A bar of another grid may start together with a calendar bar and last longer.
    """
    stamps = pd.DatetimeIndex(bars["date"])
    stated = stamps + pd.to_timedelta(bars["expected_bar_seconds"].to_numpy(), unit="s")
    ends = bar_end(stamps)
    return pd.DatetimeIndex(stated.where(ends.isna() | (stated > ends), ends)).as_unit("us")


def _case_hint(bars: pd.DataFrame, missing: Sequence[str]) -> str:
    other = [str(name) for name in bars.columns if str(name).lower() in missing]
    return f" (there is {', '.join(other)}; names are lower case)" if other else ""


def _index_hint(bars: pd.DataFrame) -> str:
    if isinstance(bars.index, pd.DatetimeIndex):
        return (
            f" (the index, {bars.index.name or 'without a name'}, holds stamps: name it date, or "
            "save the bars with reset_index())"
        )
    return ""


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
    is_broken = (numbers != np.floor(numbers)) & ~np.isnan(numbers)
    _refuse(is_broken, "barCount", "is not a whole number", source)
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
    """Keep the calendar columns that are given, and derive the others."""
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
        _refuse(
            wrong, "expected_bar_seconds", "is not a positive whole number", source, out["date"]
        )
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
    """Length of each bar: from the calendar, or on another grid up to the next bar.

    Where the calendar has no such bar, or too many bars are off its grid, a bar lasts until the
    next bar starts, at most the usual step; so the last bar of a day lasts the usual step. This
    way no bar counts as known too early.
    """
    start = pd.DatetimeIndex(stamps)
    end = bar_end(start)
    known = (end - start).total_seconds().to_numpy()
    steps = np.diff(start.asi8) / 1_000_000
    usual = float(np.median(steps)) if len(steps) else 3600.0
    usual = min(max(usual, 1.0), 86_400.0)
    until_next = np.minimum(np.append(steps, usual), usual)
    is_other_grid = np.isnan(known).mean() > MAX_OFF_CALENDAR_FRAC
    seconds = until_next if is_other_grid else np.where(np.isnan(known), until_next, known)
    return seconds.astype(np.int64)


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
        If there is no symbol, a symbol is not a plain ticker, or its bars cannot be used.
    """
    if not bars:
        raise BarsError("no bars were given")
    symbols = sorted(check_symbol(symbol, "bars") for symbol in bars)
    return {symbol: check_bars(bars[symbol], symbol) for symbol in symbols}
