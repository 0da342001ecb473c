"""The report as one markdown page: the verdict first, then what it rests on.

Belongs here: the order of the sections and their sentences. Does not belong here: tables
(:mod:`~step3_assets.domain.report.money_tables`,
:mod:`~step3_assets.domain.report.score_tables`), figures, HTML.

Nothing on the page depends on the clock or the machine: the same inputs give the same bytes.
"""

import re
from collections.abc import Callable, Iterator

from step3_assets.domain.report import account_tables as account
from step3_assets.domain.report import drift_tables as monitoring
from step3_assets.domain.report import evidence_tables as evidence
from step3_assets.domain.report import importance_tables as models
from step3_assets.domain.report import money_tables as money
from step3_assets.domain.report import numbers as fmt
from step3_assets.domain.report import recalibration_tables as weekly
from step3_assets.domain.report import score_tables as tables
from step3_assets.domain.report.canvas import MARK
from step3_assets.domain.report.ev_calibration import ev_deciles
from step3_assets.domain.report.figures import FIGURE_FOLDER
from step3_assets.domain.report.funnel import gate_funnel
from step3_assets.domain.report.inputs import ReportInputs, score_outcomes
from step3_assets.domain.report.limits import limits
from step3_assets.domain.report.reliability import inner_scores, out_of_sample_scores
from step3_assets.domain.report.series import MOCK, PLATFORM
from step3_assets.domain.report.text_table import TextTable, escape
from step3_assets.domain.statistics.ev_slope import EvSlope, ev_slope

FOLD_ABOVE_ROWS = 12

Blocks = Iterator[str]


def write_page(inputs: ReportInputs) -> str:
    """The page as markdown; figures are linked, not drawn.

    Parameters
    ----------
    inputs : ReportInputs

    Returns
    -------
    str
        GitHub-flavoured markdown, ending in a newline. The first line holds the verdict, word for
        word; of a synthetic delivery the first line and every heading say SYNTHETIC.
    """
    prefix = f"{MARK} · " if inputs.is_synthetic else ""
    blocks = [f"# {prefix}{inputs.verdict}", *_opening(inputs)]
    names = [f"{prefix}{name}" for name in _SECTIONS]
    blocks.append(" · ".join(f"[{n.removeprefix(prefix)}](#{anchor(n)})" for n in names))
    for name, section in zip(names, _SECTIONS.values(), strict=True):
        blocks += [f"## {name}", *section(inputs)]
    return "\n\n".join(blocks) + "\n"


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading.

    Examples
    --------
    >>> anchor("SYNTHETIC · Profit and loss by month")
    'synthetic--profit-and-loss-by-month'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _opening(inputs: ReportInputs) -> Blocks:
    if inputs.is_synthetic:
        yield (
            f"> **{MARK} data.** The bars were simulated. Nothing on this page is a statement "
            "about a real market."
        )
    months = inputs.months
    if months:
        n, span = fmt.plural(len(months), "test month"), f"{months[0]} to {months[-1]}"
        yield (
            f"Out of sample: {n}, {span}, {', '.join(map(escape, inputs.symbols))}, one account "
            f"of {fmt.usd(inputs.config.execution.initial_capital_usd)}. Each month was traded by "
            "models that saw only labels final before it. "
            f"{money.calmar_sentence(inputs.portfolio)}"
        )
    else:
        yield "No test month has been run."


def _gates(inputs: ReportInputs) -> Blocks:
    if inputs.acceptance.empty:
        yield "No gate was judged, so nothing is promoted."
        return
    n_passed = int(inputs.acceptance["is_passed"].fillna(False).astype(bool).sum())
    yield f"{n_passed} of {fmt.plural(len(inputs.acceptance), 'gate')} passed. Promotion needs all."
    yield money.gates_table(inputs.acceptance).markdown()
    yield _source("acceptance")


def _chance(inputs: ReportInputs) -> Blocks:
    if inputs.statistics.empty:
        yield "No statistic was computed."
        return
    level = inputs.config.statistics.level
    yield (
        "How much of the result could be chance. Intervals are two-sided at "
        f"{level:.0%}; a figure that could not be had says why, and fails its gate."
    )
    yield evidence.expected_gain(inputs.statistics, inputs.portfolio)
    yield evidence.statistics_table(inputs.statistics).markdown()
    yield evidence.methods_table(inputs.statistics).folded("How each figure was had")
    yield _source("statistics", "portfolio")


def _audit(inputs: ReportInputs) -> Blocks:
    if inputs.audit.empty:
        yield "The leakage audit has not been run on these results: `step3 audit` runs it."
        return
    n_passed = int(inputs.audit["is_passed"].fillna(False).astype(bool).sum())
    yield f"{n_passed} of {fmt.plural(len(inputs.audit), 'check')} passed."
    yield evidence.audit_table(inputs.audit).markdown()
    yield _source("audit")


def _registry(inputs: ReportInputs) -> Blocks:
    if inputs.model_registry.empty:
        yield "No model is registered."
        return
    yield evidence.registry_table(inputs.model_registry).markdown()
    yield (
        "A new month's models are watched in the shadow. They are trusted, as champion, only when "
        "`step3 registry promote` finds every gate and every check of the audit passed. "
        "`step3 registry list` has every version."
    )
    yield _source("model_registry", "registry_transitions")


def _portfolio(inputs: ReportInputs) -> Blocks:
    if (inputs.portfolio_trades["series"] != PLATFORM).all():
        yield "**The platform made no trade in these months.** Its account stayed in cash."
    yield "Every series has the same months, clock and capital, unless its note says otherwise."
    yield money.portfolio_table(inputs).markdown()
    yield "\n".join(money.series_notes(inputs))
    yield (
        "Calmar divides by the drawdown or 1%, whichever is larger. Drawdown is marked at every "
        "bar close; a series known only at month ends can hide what lies between, so compare it "
        "by *Calmar, month ends only*."
    )
    yield _source("portfolio")


def _costs(inputs: ReportInputs) -> Blocks:
    if inputs.cost_stress.empty:
        yield "No stressed costs were run."
        return
    yield (
        "Every decision taken again, gate and size, as if each cost were so many times what it is "
        "modelled as; the models are the same."
    )
    yield account.cost_stress_table(inputs.cost_stress).markdown()
    yield _source("cost_stress")


def _allocation(inputs: ReportInputs) -> Blocks:
    if inputs.allocation_comparison.empty:
        yield "No allocation was compared."
        return
    yield (
        "The same decisions under every way of dividing capital among symbols, decided at each "
        "month's start from data before it. Which one is used was not chosen on these months."
    )
    yield account.allocation_table(inputs.allocation_comparison).markdown()
    yield account.weights_table(inputs.allocation_weights).markdown()
    yield _source("allocation_comparison", "allocation_weights")


def _risk(inputs: ReportInputs) -> Blocks:
    config = inputs.config
    rules = account.risk_table(inputs.risk_events, config.risk, config.execution.max_gross_frac)
    if (inputs.risk_events["series"] != PLATFORM).all():
        yield "No rule had to speak on the platform's account."
    yield rules.markdown()
    yield (
        "A stop sees a bar's close and its exits fill at the next bar's open, with costs. After "
        f"the kill switch {fmt.plural(config.risk.rearm_sessions, 'session')} are stood aside; "
        "then the peak is measured anew."
    )
    if config.search.is_enabled:
        yield (
            "The limits above are those of `step3.toml`; a searched epoch may have tighter ones, "
            "in `tuned_params`. Each row of `risk_events` shows the one that spoke."
        )
    yield _source("risk_events")


def _symbols(inputs: ReportInputs) -> Blocks:
    if not inputs.symbols:
        yield "No symbol has a fold."
        return
    yield money.symbols_note(inputs.symbols)
    yield money.symbols_table(inputs).markdown()
    yield _source("scores", "portfolio_trades", "portfolio")


def _equity(_inputs: ReportInputs) -> Blocks:
    yield _figure("equity.png", "Equity of the platform, the baselines and buy-and-hold")
    yield _figure("drawdown.png", "Drawdown of the platform, the mock baseline and buy-and-hold")
    yield _source("portfolio_equity", "portfolio_months")


def _months(inputs: ReportInputs) -> Blocks:
    table = money.months_table(inputs)
    if not table.rows:
        yield "The platform has no month to show."
        return
    yield _figure("monthly_pnl.png", "Heat map of the platform's monthly returns in percent")
    yield (
        "The compounding account reinvests; the constant account earns each month's return on "
        f"{fmt.usd(inputs.config.execution.initial_capital_usd)}. A month without a trade is 0."
    )
    yield money.years_table(inputs).markdown()
    yield "Return of each series by year:"
    yield money.years_beside_table(inputs).markdown()
    yield _long(table, f"Every month ({len(table.rows)})")
    yield _source("portfolio_months")


def _reliability(inputs: ReportInputs) -> Blocks:
    n_bins = inputs.config.models.calibration.n_bins
    joined = score_outcomes(inputs.scores, inputs.events_outcomes)
    scores = [
        *inner_scores(inputs.model_metrics),
        *out_of_sample_scores(joined, inputs.model_metrics, n_bins),
    ]
    yield _figure("reliability.png", "Reliability of the probabilities, raw and calibrated")
    yield (
        "A calibrated probability lies on the dashed line. Inner out-of-fold rows lie before each "
        "test month and chose the calibrator; the test months chose nothing. A Brier score that "
        "is not better than the base rate's says that the probabilities tell winners from losers "
        "no better than their frequency does."
    )
    yield tables.probability_table(scores).markdown()
    yield (
        f"The expected calibration error (ECE) uses {n_bins} bins of equal width; inner "
        "out-of-fold it is the mean over folds. The figure bins the test months by equal count "
        "and leaves out bins under 20 rows."
    )
    yield _source("model_metrics", "reliability_bins", "scores", "events")


def _ev(inputs: ReportInputs) -> Blocks:
    joined = score_outcomes(inputs.scores, inputs.events_outcomes)
    deciles = ev_deciles(joined)
    yield _slope_sentence(ev_slope(joined, inputs.config.statistics.level))
    if deciles.empty:
        return
    yield _figure("ev_calibration.png", "Realised net return by tenth of expected value")
    yield tables.deciles_table(deciles).markdown()
    yield (
        "Every candidate with a final label counts here, traded or not. Tenths are cut over all "
        "test months at once, to describe, never to decide. Figures are log returns net of the "
        "modelled cost; intervals are clustered by day."
    )
    yield _source("scores", "events")


def _slope_sentence(slope: EvSlope) -> str:
    rows = f"{fmt.plural(slope.n_rows, 'event')} on {fmt.plural(slope.n_days, 'day')}"
    if fmt.is_missing(slope.slope):
        return f"Slope of realised net on ev\\_final: {fmt.NOT_AVAILABLE} ({rows} are too few)."
    interval = f"{slope.level:.0%} interval {fmt.ratio(slope.lo)} to {fmt.ratio(slope.hi)}"
    if slope.lo > 0:
        reading = "Higher expected values did earn more."
    elif slope.hi < 0:
        reading = "Higher expected values earned less: the score points the wrong way."
    else:
        reading = "The interval holds 0: the score cannot be told from one that says nothing."
    return (
        f"Slope of realised net on ev\\_final: **{fmt.ratio(slope.slope)}** ({interval}; {rows}; "
        f"1 is honest, 0 is empty). {reading}"
    )


def _funnel(inputs: ReportInputs) -> Blocks:
    own = gate_funnel(inputs.scores, inputs.portfolio_decisions, PLATFORM)
    if not own[0].n_events:
        yield "There was no candidate in these months."
        return
    n_gated = int(inputs.scores["is_gated"].astype(bool).sum())
    if not n_gated:
        yield "**The gate let no candidate through.**"
    yield _figure("gate_funnel.png", "Candidates, losses with their reasons, trades")
    for name, table in tables.funnel_tables(own, _mock_funnel(inputs)):
        yield f"**{name}**"
        yield table.markdown()
    gate = inputs.config.gate
    yield (
        f"The gate asks ev\\_final above {gate.k:g} × cost ({gate.k * gate.overnight_multiplier:g} "
        f"× cost overnight) and a target of at least {gate.phi:g} × cost. One position per symbol; "
        "overlap is resolved after the gate, in time order."
    )
    if inputs.config.search.is_enabled:
        yield (
            "Months of a searched epoch have models, gate and sizes of their own: those of "
            "`tuned_params`, chosen on folds wholly before the epoch."
        )
    yield _source("scores", "mock_baseline", "portfolio_decisions")


def _mock_funnel(inputs: ReportInputs) -> list | None:
    if inputs.mock_baseline is None or inputs.mock_baseline.empty:
        return None
    return gate_funnel(inputs.mock_baseline, inputs.portfolio_decisions, MOCK)


def _recalibration(inputs: ReportInputs) -> Blocks:
    rows = inputs.recalibration_comparison
    if rows.empty:
        yield (
            "Weekly recalibration has not been run over whole calendar months: `step3 "
            "recalibrate` does, and says here what it is worth."
        )
        return
    yield weekly.answer(rows, inputs.config.statistics.level)
    yield weekly.comparison_table(rows).markdown()
    yield weekly.reasons_table(inputs.recalibrations, rows).markdown()
    yield (
        "The same events, decided again by the same gate, sizes and account. What a week runs on "
        "saw only labels final before the week's first session. Nothing on this page but this "
        "section uses it."
    )
    yield _source("recalibration_comparison", "recalibrations")


def _folds(inputs: ReportInputs) -> Blocks:
    if inputs.folds.empty:
        yield "There is no fold."
        return
    folds = inputs.config.folds
    yield (
        f"One fold per calendar month: a window of {folds.train_months} months before it, purged "
        "of labels that reach into it and embargoed by the longest horizon in the window. "
        f"{tables.n_dropped(inputs.folds):,} rows were dropped inside the windows, counted once "
        "per fold. Returns here start each month flat."
    )
    yield _figure("drop_reasons.png", "Training rows of each fold and rows dropped, by reason")
    yield tables.drops_table(inputs.folds).markdown()
    table = tables.folds_table(inputs)
    yield _long(table, f"Every fold ({len(table.rows)})")
    yield _source("folds", "fold_backtests")


def _importances(inputs: ReportInputs) -> Blocks:
    if inputs.importances.empty:
        yield "No fold has a model to look into."
        return
    yield _figure("importances.png", "Heat map of each feature's share of gain by fold")
    yield (
        "Gain is what a feature's splits took off the training loss; SHAP is its mean absolute "
        "part in the scores of the test month's candidates. Both say what the models use, not "
        "whether they are right to."
    )
    table = models.importance_table(inputs.importances)
    yield _long(table, f"Every feature ({len(table.rows)})")
    yield _source("importances")


def _parameters(inputs: ReportInputs) -> Blocks:
    rows, search = inputs.tuned_params, inputs.config.search
    if search.is_enabled:
        yield (
            "The months of an epoch run on what its search chose on folds wholly before it. The "
            "best trial replaces the settings before it only where its objective is higher by "
            f"{search.min_gain:g} and luck makes the best of all trials as good with at most "
            f"{search.max_p_value:g} (maxT of Westfall and Young, over months)."
        )
    else:
        yield (
            "No search is in force: every month ran on the documented settings, so no parameter "
            "could move." + ("" if rows.empty else " What `step3 optuna-search` would choose:")
        )
    if rows.empty:
        return
    yield models.epochs_table(rows).markdown()
    yield "What the best trial of each epoch held, taken or not:"
    yield models.params_table(rows).markdown()
    yield _source("tuned_params")


def _monitoring(inputs: ReportInputs) -> Blocks:
    rows, own = inputs.drift, inputs.config.drift
    if rows.empty:
        yield "Nothing was monitored: materialize `drift`."
        return
    yield monitoring.state_sentence(rows)
    yield (
        f"At the close of each test month its last {fmt.plural(own.window_months, 'month')} "
        f"({own.ev_window_months} for the slope) are held against the training window of the "
        "first model that scored them, which saw none of them. Outcomes count where the label "
        "was final at that close. Bounds allow for chance, and for signals that run on for weeks."
    )
    yield monitoring.newest_table(rows).markdown()
    yield _figure("drift_features.png", "Heat map of feature stability by month")
    yield _figure("drift_outcomes.png", "Brier score, calibration error and EV slope by month")
    yield monitoring.features_table(rows).folded("Every feature in the newest month")
    yield monitoring.history_table(rows).markdown()
    yield (
        "Costs are watched as far as bars show them: how far the price moves from the decision's "
        "close to the entry's open. Spread, queue and impact are not in a bar."
    )
    yield _source("drift")


def _data(inputs: ReportInputs) -> Blocks:
    kind = f"**{MARK}** (simulated bars)" if inputs.is_synthetic else "as delivered"
    yield "\n".join(
        (
            f"- Data: {escape(inputs.dataset_note)}; {kind}.",
            f"- Data version: `{inputs.dataset_version}`",
            f"- Code version: `{inputs.code_version}`",
            f"- Configuration: `{inputs.config.content_hash()}`",
        )
    )
    table = tables.settings_table(inputs.config)
    yield table.folded(f"Every setting ({len(table.rows)})")


def _limits(inputs: ReportInputs) -> Blocks:
    yield "\n".join(f"- {line}" for line in limits(inputs))


_SECTIONS: dict[str, Callable[[ReportInputs], Blocks]] = {
    "Gates": _gates,
    "How much could be chance": _chance,
    "Portfolio": _portfolio,
    "Stressed costs": _costs,
    "Allocation": _allocation,
    "Symbols": _symbols,
    "Equity and drawdown": _equity,
    "Profit and loss by month": _months,
    "Reliability": _reliability,
    "Weekly recalibration": _recalibration,
    "Expected value": _ev,
    "From candidate to trade": _funnel,
    "Risk rules": _risk,
    "Folds": _folds,
    "What the models look at": _importances,
    "Parameters across epochs": _parameters,
    "Monitoring": _monitoring,
    "Leakage audit": _audit,
    "Model registry": _registry,
    "Data and settings": _data,
    "What this page cannot tell": _limits,
}


def _figure(name: str, alt: str) -> str:
    return f"![{alt}]({FIGURE_FOLDER}/{name})"


def _long(table: TextTable, summary: str) -> str:
    """The table, folded away when it is long."""
    return table.folded(summary) if len(table.rows) > FOLD_ABOVE_ROWS else table.markdown()


def _source(*names: str) -> str:
    return f"*Tables: {', '.join(f'`{name}`' for name in names)}.*"
