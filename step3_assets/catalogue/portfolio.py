"""Tables of the account: fold backtests, portfolio, trades, equity, stressed costs, allocations.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import MONTH, TEST_MONTH, Column, KnownAt, Table
from step3_assets.catalogue.decisions import SIZING_COLUMNS
from step3_assets.plugins.risk_rules import RULE_NAMES, STOP_NAMES

_I = KnownAt.IDENTITY
_D = KnownAt.DECISION
_F = KnownAt.FOLD_START
_R = KnownAt.RESULT


RISK_RULES = RULE_NAMES

TRADE_STATUSES = (
    "traded",
    "position_open",
    "zero_size",
    "not_final",
    "no_equity",
    "no_buying_power",
    *RISK_RULES,
)

RISK_ACTIONS = ("tripped", "forced_exit", "cancelled_entry", "refused_entry", "trimmed_entry")


_LEDGER_KEY = (
    Column("series", "VARCHAR", _I, "A series of portfolio that was simulated."),
    Column("symbol", "VARCHAR", _I, "Ticker."),
    Column("decision_time_utc", "TIMESTAMPTZ", _I, "Key of the event.", "UTC"),
)


_TRADE_COLUMNS = (
    Column("entry_time_utc", "TIMESTAMPTZ", _R, "Fill of the entry.", "UTC"),
    Column("exit_time_utc", "TIMESTAMPTZ", _R, "Fill of the exit.", "UTC"),
    Column("allocation_frac", "DOUBLE", _D, "The symbol's share of equity.", "fraction"),
    Column("size_frac", "DOUBLE", _D, "Share of the allocation asked for.", "fraction"),
    Column("notional_usd", "DOUBLE", _R, "Units times entry price.", "USD"),
    Column("units", "DOUBLE", _R, "Shares held (fractional).", "shares"),
    Column("entry_open", "DOUBLE", _R, "Entry price.", "USD"),
    Column("exit_open", "DOUBLE", _R, "Exit price.", "USD"),
    Column("cost_entry_usd", "DOUBLE", _R, "Half of cost_rt on the entry's value.", "USD"),
    Column("cost_exit_usd", "DOUBLE", _R, "Half of cost_rt on the exit's value.", "USD"),
    Column("pnl_usd", "DOUBLE", _R, "Gain after costs.", "USD"),
    Column("net_bps", "DOUBLE", _R, "pnl_usd / notional_usd.", "bps"),
    Column("equity_before_usd", "DOUBLE", _R, "Equity when it was sized.", "USD"),
    Column(
        "binding_cap",
        "VARCHAR",
        _R,
        "What limited it: size_frac, a cap at the decision, or buying_power at the fill.",
    ),
    Column(
        "exit_rule",
        "VARCHAR",
        _R,
        "label, or the risk rule that brought the exit forward to the next open.",
        allowed=("label", *STOP_NAMES),
    ),
    *SIZING_COLUMNS,
)


FOLD_BACKTESTS = Table(
    "fold_backtests",
    "Each test month on its own, from a flat start; ALL is the one account over all symbols, a "
    "symbol's row its share in that account: returns and trades add up.",
    "fold_backtests",
    (
        TEST_MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker, or ALL."),
        Column("n_candidates", "BIGINT", _R, "Test events.", "events"),
        Column("n_gated", "BIGINT", _R, "Events that passed the gate.", "events"),
        Column("n_trades", "BIGINT", _R, "Traded.", "trades"),
        Column("return_frac", "DOUBLE", _R, "Gain to the last exit over capital.", "fraction"),
        Column("max_drawdown_frac", "DOUBLE", _R, "Marked at every bar close.", "fraction"),
        Column("calmar", "DOUBLE", _R, "Annualised; 0 for a month without trades."),
        Column("net_bps_mean", "DOUBLE", _R, "Mean net per trade.", "bps", is_nullable=True),
        Column("hit_rate", "DOUBLE", _R, "Share of winners.", "fraction", is_nullable=True),
        Column("turnover", "DOUBLE", _R, "Traded value over capital."),
        Column("exposure_frac", "DOUBLE", _R, "Mean gross exposure.", "fraction"),
        Column("brier", "DOUBLE", _R, "Calibrated p on final labels.", is_nullable=True),
        Column("brier_base", "DOUBLE", _R, "Brier of the training base rate.", is_nullable=True),
    ),
    ("month", "symbol"),
)


FOLD_TRADES = Table(
    "fold_trades",
    "The trades of each fold backtest.",
    "fold_backtests",
    (TEST_MONTH, *_LEDGER_KEY[1:], *_TRADE_COLUMNS),
    ("month", "symbol", "decision_time_utc"),
)


METRIC_COLUMNS = (
    Column("start_utc", "TIMESTAMPTZ", _R, "First instant of the period.", "UTC"),
    Column("end_utc", "TIMESTAMPTZ", _R, "First instant after the period.", "UTC"),
    Column("start_equity_usd", "DOUBLE", _R, "Starting capital.", "USD"),
    Column("end_equity_usd", "DOUBLE", _R, "Equity at the end.", "USD"),
    Column("cagr", "DOUBLE", _R, "Compound annual growth over the calendar.", "fraction"),
    Column("max_drawdown_frac", "DOUBLE", _R, "Marked at every bar close.", "fraction"),
    Column("calmar", "DOUBLE", _R, "CAGR / max(drawdown, 1 %)."),
    Column(
        "sharpe",
        "DOUBLE",
        _R,
        "Daily, annualised by 252; null where daily returns do not vary.",
        is_nullable=True,
    ),
    Column(
        "sortino",
        "DOUBLE",
        _R,
        "Daily, annualised by 252; null where returns do not vary or none is negative.",
        is_nullable=True,
    ),
    Column("n_trades", "BIGINT", _R, "Trades.", "trades"),
    Column("trades_per_month", "DOUBLE", _R, "Over every calendar month.", "trades"),
    Column("net_bps_mean", "DOUBLE", _R, "Mean net per trade.", "bps", is_nullable=True),
    Column("hit_rate", "DOUBLE", _R, "Share of winners.", "fraction", is_nullable=True),
    Column(
        "turnover_per_year",
        "DOUBLE",
        _R,
        "Traded value over mean equity, per year.",
        is_nullable=True,
    ),
    Column("exposure_frac", "DOUBLE", _R, "Mean gross exposure.", "fraction", is_nullable=True),
    Column("worst_month_frac", "DOUBLE", _R, "Worst calendar month.", "fraction"),
    Column("calmar_monthly", "DOUBLE", _R, "Calmar on month-end equity only."),
)


PORTFOLIO = Table(
    "portfolio",
    "The summary: one row per series over the same months, clocks and capital.",
    "portfolio",
    (
        Column(
            "series",
            "VARCHAR",
            _I,
            "platform, platform_costs_x1.25 (decided again under stressed costs), mock_baseline, "
            "published_baseline, buy_and_hold:SYMBOL.",
        ),
        *METRIC_COLUMNS,
        Column("note", "VARCHAR", _R, "What a reader must know about the series."),
    ),
    ("series",),
    partition=None,
)


PORTFOLIO_TRADES = Table(
    "portfolio_trades",
    "The trade ledger through all months.",
    "portfolio",
    (*_LEDGER_KEY, MONTH, *_TRADE_COLUMNS),
    ("series", "symbol", "decision_time_utc"),
    partition=None,
)


PORTFOLIO_DECISIONS = Table(
    "portfolio_decisions",
    "Every event that passed the gate: traded, or why not.",
    "portfolio",
    (
        *_LEDGER_KEY,
        MONTH,
        Column("status", "VARCHAR", _R, "traded, or why not.", allowed=TRADE_STATUSES),
    ),
    ("series", "symbol", "decision_time_utc"),
    partition=None,
)


RISK_EVENTS = Table(
    "risk_events",
    "Every action of a risk rule: entries refused, trimmed or cancelled, exits forced.",
    "portfolio",
    (
        _LEDGER_KEY[0],
        Column("position", "BIGINT", _I, "Order in which it happened, from 1."),
        Column("time_utc", "TIMESTAMPTZ", _R, "Bar close at which it was decided.", "UTC"),
        Column("symbol", "VARCHAR", _R, "Ticker; ALL where a stop tripped."),
        Column(
            "decision_time_utc",
            "TIMESTAMPTZ",
            _R,
            "Key of the event refused, or of the trade closed early; null for ALL.",
            "UTC",
            is_nullable=True,
        ),
        Column("rule", "VARCHAR", _R, "The rule.", allowed=RISK_RULES),
        Column("action", "VARCHAR", _R, "What it did.", allowed=RISK_ACTIONS),
        Column("threshold", "DOUBLE", _R, "The limit, in the rule's unit: a fraction or bars."),
        Column("value", "DOUBLE", _R, "The value beyond that limit."),
        Column("equity_usd", "DOUBLE", _R, "Equity marked at that close.", "USD"),
        Column(
            "fill_time_utc",
            "TIMESTAMPTZ",
            _R,
            "The next bar's open, at which a forced exit fills.",
            "UTC",
            is_nullable=True,
        ),
    ),
    ("series", "position"),
    partition=None,
)


PORTFOLIO_EQUITY = Table(
    "portfolio_equity",
    "Equity at every bar close.",
    "portfolio",
    (
        Column("series", "VARCHAR", _I, "As in portfolio."),
        Column("bar_end_utc", "TIMESTAMPTZ", _I, "Bar close at which it is marked.", "UTC"),
        Column("equity_usd", "DOUBLE", _R, "Cash and positions at the close.", "USD"),
        Column("cash_usd", "DOUBLE", _R, "Idle cash.", "USD"),
        Column("gross_exposure_frac", "DOUBLE", _R, "Position value over equity.", "fraction"),
        Column("drawdown_frac", "DOUBLE", _R, "Below the running peak.", "fraction"),
        Column(
            "drawdown_low_frac",
            "DOUBLE",
            _R,
            "Below the peak with positions at bar lows.",
            "fraction",
        ),
    ),
    ("series", "bar_end_utc"),
    partition=None,
)


PORTFOLIO_MONTHS = Table(
    "portfolio_months",
    "Calendar months of every series, by their marks: P&L compounding and on a constant account.",
    "portfolio",
    (
        Column("series", "VARCHAR", _I, "As in portfolio."),
        MONTH,
        Column("equity_usd", "DOUBLE", _R, "Equity at the month's last bar close.", "USD"),
        Column("pnl_usd", "DOUBLE", _R, "Change of equity (compounding account).", "USD"),
        Column("return_frac", "DOUBLE", _R, "pnl over equity before the month.", "fraction"),
        Column("pnl_constant_usd", "DOUBLE", _R, "return on a constant account.", "USD"),
        Column(
            "n_held",
            "BIGINT",
            _R,
            "Trades that held a position in the month: what pnl_usd was made with; null where only "
            "month ends are published.",
            "trades",
            is_nullable=True,
        ),
        Column("max_drawdown_frac", "DOUBLE", _R, "Within the month.", "fraction"),
    ),
    ("series", "month"),
    partition=None,
)


def metric_columns(*names: str) -> tuple[Column, ...]:
    """Some of the metric columns, in the order given."""
    columns = {c.name: c for c in METRIC_COLUMNS}
    return tuple(columns[name] for name in names)


COST_STRESS = Table(
    "cost_stress",
    "The platform with every decision made again under higher costs, on one account.",
    "portfolio",
    (
        Column("factor", "DOUBLE", _I, "Factor of every cost; 1 is as modelled."),
        Column("n_gated", "BIGINT", _R, "Events that passed the gate.", "events"),
        *metric_columns(
            "n_trades",
            "trades_per_month",
            "end_equity_usd",
            "cagr",
            "max_drawdown_frac",
            "calmar",
            "sharpe",
            "net_bps_mean",
            "hit_rate",
        ),
    ),
    ("factor",),
    partition=None,
)


ALLOCATION_COMPARISON = Table(
    "allocation_comparison",
    "The platform's decisions under every way of dividing capital among symbols.",
    "portfolio",
    (
        Column(
            "method",
            "VARCHAR",
            _I,
            "equal_weight, inverse_volatility, calmar, or searched where months differ.",
        ),
        Column("is_used", "BOOLEAN", _R, "The method that the platform trades with."),
        Column("weight_turnover_frac", "DOUBLE", _R, "Mean weight moved per month.", "fraction"),
        *metric_columns(
            "n_trades",
            "end_equity_usd",
            "cagr",
            "max_drawdown_frac",
            "calmar",
            "sharpe",
            "net_bps_mean",
            "turnover_per_year",
            "exposure_frac",
            "worst_month_frac",
        ),
    ),
    ("method",),
    partition=None,
)


ALLOCATION_WEIGHTS = Table(
    "allocation_weights",
    "Each symbol's share of equity by month and method, decided at the month's start.",
    "portfolio",
    (
        Column("method", "VARCHAR", _I, "As in allocation_comparison."),
        MONTH,
        Column("symbol", "VARCHAR", _I, "Ticker."),
        Column("weight_frac", "DOUBLE", _F, "Share of equity.", "fraction"),
    ),
    ("method", "month", "symbol"),
    partition=None,
)


EVALUATIONS = Table(
    "evaluations",
    "The return in each test month of every configuration with which the portfolio was ever run. "
    "Each configuration is a trial of the deflated Sharpe ratio and of PBO.",
    "portfolio",
    (
        Column("config_hash", "VARCHAR", _I, "Hash of all settings that trades depend on."),
        Column("code_version", "VARCHAR", _I, "Version and hash of the code that decides."),
        Column("span", "VARCHAR", _I, "longest, or the months of a run that left some out."),
        MONTH,
        Column("return_frac", "DOUBLE", _R, "The platform's, in the latest run.", "fraction"),
        Column("dataset_version", "VARCHAR", _R, "Delivery in force at the latest run."),
        Column("settings", "VARCHAR", _R, "Settings that differ from the defaults, as JSON."),
    ),
    ("config_hash", "code_version", "span", "month"),
    partition=None,
)
