"""From bars to a delivery: the order of the steps, and what is known as of a given time.

Belongs here: choosing partners, cutting at `as_of`, putting the columns together, the summary.
Does not belong here: the definition of a column, or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from step3_assets.domain.core.adjustments import Adjustment, format_adjustments
from step3_assets.domain.core.calendar import next_bar
from step3_assets.domain.step2.assemble import assemble_events
from step3_assets.domain.step2.bars import bar_ends, check_all
from step3_assets.domain.step2.cross import (
    PARTNER_COLUMNS,
    compute_cross_features,
    no_cross_features,
)
from step3_assets.domain.step2.features import compute_bar_features
from step3_assets.domain.step2.irregularities import find_irregularities
from step3_assets.domain.step2.knobs import Step2Config
from step3_assets.domain.step2.layout import partner_prefix
from step3_assets.domain.step2.summary import describe_build

Progress = Callable[[str], None]


class BuildError(ValueError):
    """Arguments from which no delivery can be built."""


@dataclass(frozen=True)
class SymbolDelivery:
    """What one symbol contributes to a delivery."""

    symbol: str
    events: pd.DataFrame
    bar_features: pd.DataFrame
    meta: dict
    adjustments: tuple[Adjustment, ...] = ()


@dataclass(frozen=True)
class Step2Delivery:
    """A complete delivery in memory, by upper-case symbol."""

    events: dict[str, pd.DataFrame]
    bar_features: dict[str, pd.DataFrame]
    meta: dict[str, dict]
    adjustments: dict[str, tuple[Adjustment, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildOptions:
    """Options of a build besides its bars and knobs; see `build_delivery`.

    `adjustments`, by symbol, are listed in the meta file and written to the delivery;
    `bars.read_bars` has applied them already.
    """

    partners: Mapping[str, str | None] | None = None
    as_of: pd.Timestamp | None = None
    emit_pending: bool = False
    symbols: Iterable[str] | None = None
    adjustments: Mapping[str, tuple[Adjustment, ...]] = field(default_factory=dict)


def build_delivery(
    bars: Mapping[str, pd.DataFrame],
    config: Step2Config,
    *,
    partners: Mapping[str, str | None] | None = None,
    as_of: pd.Timestamp | None = None,
    emit_pending: bool = False,
    symbols: Iterable[str] | None = None,
) -> Step2Delivery:
    """Build the delivery of all symbols; see `iter_delivery` for one symbol at a time.

    Parameters
    ----------
    bars : mapping of str to DataFrame
        Bars by upper-case symbol, as `bars.check_bars` takes them.
    config : Step2Config
    partners : mapping of str to str or None, optional
        The other symbol of some symbols, or None for none; `choose_partners` chooses the rest.
    as_of : Timestamp, optional
        Build as of that instant, from bars whose END is not after it. The last bar's
        ``entry_overnight`` then comes from the exchange calendar. A symbol without a bar by
        then is left out.
    emit_pending : bool
        Also emit candidates without an outcome (on the last two bars), with null outcomes.
    symbols : iterable of str, optional
        Build only these; the others serve as partners. All by default.

    Returns
    -------
    Step2Delivery

    Raises
    ------
    BarsError
        If bars cannot be used; the message names the symbol, the column and the rows.
    BuildError
        If a partner or symbol has no bars, `as_of` has no zone, or no bar had ended by then.
    """
    options = BuildOptions(
        partners=partners, as_of=as_of, emit_pending=emit_pending, symbols=symbols
    )
    return build_with(bars, config, options)


def build_with(
    bars: Mapping[str, pd.DataFrame], config: Step2Config, options: BuildOptions
) -> Step2Delivery:
    """Build the delivery of all symbols, as `build_delivery`, under options in one record."""
    built = {part.symbol: part for part in iter_delivery(bars, config, options)}
    return Step2Delivery(
        events={symbol: part.events for symbol, part in built.items()},
        bar_features={symbol: part.bar_features for symbol, part in built.items()},
        meta={symbol: part.meta for symbol, part in built.items()},
        adjustments={symbol: part.adjustments for symbol, part in built.items()},
    )


def iter_delivery(
    bars: Mapping[str, pd.DataFrame],
    config: Step2Config,
    options: BuildOptions | None = None,
    progress: Progress | None = None,
) -> Iterable[SymbolDelivery]:
    """Build a delivery one symbol at a time, so that only one is in memory.

    Takes the same arguments and raises the same errors as `build_delivery`. All arguments and bars
    are checked before the first symbol is built. `progress` is called with one line before each
    step, `count_steps` times.
    """
    options = options or BuildOptions()
    as_of = options.as_of
    checked = check_all(bars)
    if as_of is not None:
        checked = {symbol: _cut(frame, as_of) for symbol, frame in checked.items()}
    wanted = sorted(checked if options.symbols is None else set(options.symbols))
    unknown = [symbol for symbol in wanted if symbol not in checked]
    if unknown:
        raise BuildError(f"no bars for symbol {', '.join(unknown)}; there are {_list(checked)}")
    chosen = choose_partners(checked, options.partners, config)
    wanted = [symbol for symbol in wanted if len(checked[symbol])]
    if not wanted:
        raise BuildError(f"no bar had ended by {as_of}")
    run = _Run(
        config=config,
        options=options,
        partners=chosen,
        progress=progress or (lambda line: None),
    )
    return _build_all(checked, wanted, run)


def count_steps(n_symbols: int) -> int:
    """The least number of lines that `progress` is called with when `n_symbols` are built."""
    return 2 * n_symbols


def choose_partners(
    bars: Mapping[str, pd.DataFrame],
    partners: Mapping[str, str | None] | None,
    config: Step2Config,
) -> dict[str, str | None]:
    """The other symbol of each symbol.

    It is the first of these that has bars: the partner given, ``config.partners``,
    ``config.default_partner``, and then the symbol with the longest history (earliest first bar,
    then alphabetical order). So a symbol that is listed later does not change the partner of
    another.

    A single symbol has None, and so has every symbol when `include_cross_asset` is off.

    Raises
    ------
    BuildError
        If a given symbol or partner has no bars, or a symbol is its own partner.
    """
    given = {
        symbol.upper(): None if other is None else other.upper()
        for symbol, other in (partners or {}).items()
    }
    for symbol, other in given.items():
        absent = [name for name in (symbol, other) if name is not None and name not in bars]
        if absent:
            raise BuildError(
                f"partner {symbol}={other}: no bars for {', '.join(absent)};"
                f" there are {_list(bars)}"
            )
        if symbol == other:
            raise BuildError(f"partner {symbol}={other}: a symbol cannot be its own partner")
    if not config.include_cross_asset:
        return dict.fromkeys(bars)
    by_history = sorted(bars, key=lambda name: _history(bars[name], name))

    def choose(symbol: str) -> str | None:
        wanted = (config.partners.get(symbol), config.default_partner.upper(), *by_history)
        return next((name for name in wanted if name in bars and name != symbol), None)

    return {symbol: given[symbol] if symbol in given else choose(symbol) for symbol in bars}


def _history(bars: pd.DataFrame, symbol: str) -> tuple[pd.Timestamp, str]:
    first = bars["date"].iloc[0] if len(bars) else pd.Timestamp.max.tz_localize("UTC")
    return first, symbol


@dataclass(frozen=True)
class _Run:
    """What all symbols of a build have in common."""

    config: Step2Config
    options: BuildOptions
    partners: dict[str, str | None]
    progress: Progress

    @property
    def as_of(self) -> pd.Timestamp | None:
        """Instant as of which the build is made."""
        return self.options.as_of

    @property
    def emit_pending(self) -> bool:
        """Whether candidates without an outcome are kept."""
        return self.options.emit_pending

    @property
    def is_live(self) -> bool:
        """Whether the bar after the last one is read from the calendar."""
        return self.as_of is not None or self.emit_pending


def _build_all(
    bars: dict[str, pd.DataFrame], wanted: list[str], run: _Run
) -> Iterable[SymbolDelivery]:
    """Build in symbol order; of a finished symbol only the columns for partners are kept."""
    features: dict[str, pd.DataFrame] = {}

    def compute(symbol: str) -> pd.DataFrame:
        if symbol not in features:
            run.progress(f"{symbol}: bar features")
            features[symbol] = _features(symbol, bars[symbol], run)
        return features[symbol]

    for symbol in wanted:
        computed, partner = compute(symbol), run.partners[symbol]
        other = compute(partner) if partner else None
        run.progress(f"{symbol}: events")
        yield _build_symbol(symbol, computed, partner, other, run, list(bars))
        features[symbol] = computed[list(PARTNER_COLUMNS)]
        del computed, other


def _features(symbol: str, bars: pd.DataFrame, run: _Run) -> pd.DataFrame:
    is_overnight = _next_bar(bars)[1] if run.is_live and len(bars) else False
    return compute_bar_features(bars, run.config, symbol=symbol, is_last_bar_overnight=is_overnight)


def _build_symbol(
    symbol: str,
    features: pd.DataFrame,
    partner: str | None,
    other: pd.DataFrame | None,
    run: _Run,
    loaded: list[str],
) -> SymbolDelivery:
    if partner is None or other is None:
        cross, age = no_cross_features(features.index), None
    else:
        cross = compute_cross_features(features, other, partner, run.config)
        age = cross[f"{partner_prefix(partner)}_age_min"].to_numpy()
    next_start = _next_bar(features)[0] if run.emit_pending else None
    adjustments = run.options.adjustments.get(symbol, ())
    events = assemble_events(
        features,
        cross,
        symbol=symbol,
        config=run.config,
        emit_pending=run.emit_pending,
        next_bar_start=next_start,
    )
    meta = describe_build(
        symbol,
        features,
        events,
        config=run.config,
        irregularities=find_irregularities(features, age, adjustments),
    )
    meta["adjustments"] = format_adjustments(adjustments).splitlines() if adjustments else []
    meta |= {
        "symbols_loaded": loaded,
        "as_of": None if run.as_of is None else run.as_of.isoformat(),
        "emit_pending": run.emit_pending,
        "last_bar_entry_overnight": "calendar" if run.is_live else "no next row: false",
    }
    meta["knobs"]["cross_symbol"] = partner
    return SymbolDelivery(
        symbol=symbol,
        events=events,
        bar_features=features,
        meta=meta,
        adjustments=adjustments,
    )


def _cut(bars: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """The bars that had ended by `as_of`."""
    if as_of.tz is None:
        raise BuildError(f"as_of {as_of} has no time zone")
    is_known = np.asarray(bar_ends(bars) <= as_of)
    # Cut at the first bar that has not ended: later rows cannot be known before it.
    return bars.iloc[: int(np.argmin(is_known)) if not is_known.all() else len(bars)]


def _next_bar(bars: pd.DataFrame) -> tuple[pd.Timestamp | None, bool]:
    """Start of the bar after the last row, and whether it is on another date, by the calendar."""
    last = bars.iloc[-1:]
    return next_bar(last["date"].iloc[0], bar_ends(last)[0])


def _list(symbols: Iterable[str]) -> str:
    return ", ".join(sorted(symbols))
