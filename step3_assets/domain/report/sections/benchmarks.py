"""Section: how much of the result comes from the market."""

from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.report.returns import returns_by_series
from step3_assets.domain.report.section import Blocks, Section
from step3_assets.domain.report.series import (
    BUY_AND_HOLD,
    PLATFORM,
    STRESSED,
    in_order,
    series_name,
)
from step3_assets.domain.report.text_table import escape, text_table
from step3_assets.domain.tear_sheet.returns import Against, against


def _write(inputs: ReportInputs) -> Blocks:
    returns = returns_by_series(inputs)
    platform = returns.get(PLATFORM)
    names = [s for s in in_order(returns) if s != PLATFORM and not s.startswith(STRESSED)]
    if platform is None or not names:
        yield "There is no benchmark with equity at bar closes in this run."
        return
    found = {name: against(platform, returns[name]) for name in names}
    yield _answer(found)
    header = ("Benchmark", "Alpha a year", "Beta", "Correlation", "Sessions")
    rows = [
        (
            escape(series_name(name)),
            fmt.percent(one.alpha),
            fmt.ratio(one.beta),
            fmt.ratio(one.correlation),
            fmt.count(one.n_sessions),
        )
        for name, one in found.items()
    ]
    yield text_table(header, rows, "lrrrr").markdown()
    yield (
        "Daily returns of the platform regressed on those of each benchmark. Alpha is the "
        "intercept times 252: the return of a year in which the benchmark does not move. A "
        "benchmark held at a lower, constant exposure has the same alpha and correlation."
    )


def _answer(found: dict[str, Against]) -> str:
    known = {name: one for name, one in found.items() if not fmt.is_missing(one.correlation)}
    if not known:
        return "The account's value never changed, so it cannot be compared with a benchmark."
    market = {name: one for name, one in known.items() if name.startswith(BUY_AND_HOLD)} or known
    name = max(market, key=lambda name: abs(market[name].correlation))
    one = known[name]
    return (
        f"Of the benchmarks the platform follows {escape(series_name(name))} most: beta "
        f"{fmt.ratio(one.beta)}, correlation {fmt.ratio(one.correlation)}, alpha "
        f"{fmt.percent(one.alpha)} a year."
    )


SECTION = Section(
    title="Against the benchmarks",
    order=72,
    question="How much of the result is the market's?",
    write=_write,
    tables=("portfolio_equity",),
)
