"""Report inputs made of random walks: frames that obey the catalogue, with no meaning.

Belongs here: plausible frames for every table that the report reads. Does not belong here: a
market or a model.
"""

from datetime import date

import numpy as np
import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.config import Step3Config
from step3_assets.domain.core.months import add_months, month_range
from step3_assets.domain.core.weeks import week_range
from step3_assets.domain.report.inputs import ReportInputs

TICKERS = ("AAA", "BBB", "CCC", "DDD", "EEE")
STRESS = "platform_costs_x1.25"
CAPITAL = 10_000.0
MONEY_FRAMES = ("portfolio", "portfolio_months", "portfolio_equity")
_DTYPES = {
    "VARCHAR": "object",
    "DATE": "object",
    "DOUBLE": "float64",
    "BIGINT": "int64",
    "BOOLEAN": "bool",
    "TIMESTAMPTZ": "datetime64[us, UTC]",
}
_NEUTRAL = {"VARCHAR": "", "DOUBLE": 0.0, "BIGINT": 0, "BOOLEAN": False}
VERDICT = "PROMOTE NOTHING: failed calmar_vs_baseline, trades_per_month, monthly_turnover"


def empty(table: str) -> pd.DataFrame:
    """The table without rows."""
    columns = TABLES[table].columns
    return pd.DataFrame({c.name: pd.Series(dtype=_DTYPES[c.dtype]) for c in columns})


def conform(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame's columns in catalogue order.

    A column that the catalogue lacks is an error; one that the report does not read, and that is
    therefore not made up here, gets a neutral value of its type.
    """
    columns = TABLES[table].by_name
    assert set(frame.columns) <= set(columns), set(frame.columns) - set(columns)
    absent = {c.name: _NEUTRAL[c.dtype] for c in columns.values() if c.name not in frame}
    return frame.assign(**absent)[TABLES[table].names]


def make_inputs(
    *,
    n_symbols: int = 2,
    n_months: int = 14,
    gate_share: float = 0.2,
    traded_share: float = 0.6,
    with_mock: bool = True,
    with_published: bool = True,
    is_synthetic: bool = False,
    seed: int = 7,
) -> ReportInputs:
    """Report inputs from seeded noise; every knob that a section must cope with."""
    rng = np.random.default_rng(seed)
    symbols = list(TICKERS[:n_symbols])
    months = month_range(date(2019, 11, 1), add_months(date(2019, 11, 1), n_months - 1))
    scores = _scores(rng, symbols, months, gate_share)
    decisions = _decisions(rng, scores[scores["is_gated"]], "platform", traded_share)
    mock = _mock(rng, scores) if with_mock else None
    if mock is not None:
        gated = mock[mock["is_gated"]]
        decisions = pd.concat([decisions, _decisions(rng, gated, "mock_baseline", traded_share)])
    series = ["platform", STRESS, *(["mock_baseline"] if with_mock else [])]
    series += [f"buy_and_hold:{s}" for s in symbols]
    trades = _trades(rng, decisions[decisions["status"] == "traded"])
    idle = {"platform", STRESS} if "platform" not in set(trades["series"]) else set()
    curves = [_equity(rng, s, months, is_flat=s in idle) for s in series]
    equity = pd.concat(curves, ignore_index=True)
    table = _months(equity, trades, months)
    if with_published:
        table = pd.concat([table, _published_months(rng, months)], ignore_index=True)
    return ReportInputs(
        verdict=VERDICT,
        acceptance=_acceptance(),
        statistics=_statistics(),
        audit=_audit(),
        drift=_drift(rng, months),
        importances=_importances(months),
        tuned_params=empty("tuned_params"),
        model_registry=_registry(months),
        portfolio=_portfolio(equity, trades, table, months),
        portfolio_months=table,
        portfolio_equity=equity,
        portfolio_trades=trades,
        portfolio_decisions=conform("portfolio_decisions", decisions),
        risk_events=_risk_events(),
        cost_stress=_cost_stress(),
        allocation_comparison=_allocations(),
        allocation_weights=_weights(symbols, months),
        fold_backtests=_fold_backtests(rng, scores, trades, symbols, months),
        folds=_folds(rng, symbols, months),
        scores=scores,
        events_outcomes=_outcomes(rng, scores),
        bars=_bars(np.random.default_rng(seed), symbols, months),
        model_metrics=_metrics(rng, months),
        reliability_bins=_bins(rng, months),
        recalibrations=_recalibrations(months),
        recalibration_comparison=_recalibration_comparison(months),
        mock_baseline=mock,
        dataset_version="3f6c1d0a9b7e4f2288aa01",
        dataset_note=f"{', '.join(symbols)}, 2016-01 to {months[-1]:%Y-%m}",
        is_synthetic=is_synthetic,
        config=Step3Config(),
        code_version="0.1.0",
    )


def _recalibrations(months: list[date]) -> pd.DataFrame:
    reasons = ("no_worse", "worse_brier", "too_few_new_labels")
    weeks = week_range(months[0], months[-1])
    frame = pd.DataFrame({"week": weeks, "reason": [reasons[i % 3] for i in range(len(weeks))]})
    frame["is_used"] = frame["reason"] == "no_worse"
    frame["base_month"] = [week.replace(day=1) for week in weeks]
    stamps = [pd.Timestamp(week, tz="UTC").as_unit("us") for week in weeks]
    times = ("as_of_utc", "data_end_utc", "last_final_utc", "check_from_utc")
    frame = frame.assign(**dict.fromkeys(times, stamps), first_session=weeks)
    frame = frame.assign(method="calibrator", new_week=weeks)
    return conform("recalibrations", frame.assign(incumbent_week=None, in_force_week=None))


def _recalibration_comparison(months: list[date]) -> pd.DataFrame:
    span = {"first_month": months[0], "last_month": months[-1], "n_weeks": 60, "n_labels": 2400}
    rows = [
        {"arm": "walk_forward", "position": 1, "brier": 0.251, "n_weeks_recalibrated": 0},
        {"arm": "weekly", "position": 2, "brier": 0.2502, "n_weeks_recalibrated": 21},
        {"arm": "weekly_unchecked", "position": 3, "brier": 0.2515, "n_weeks_recalibrated": 58},
    ]
    frame = pd.DataFrame(rows).assign(**span)
    gain = frame["brier"].iloc[0] - frame["brier"]
    interval = {"brier_gain_lower": gain - 0.001, "brier_gain_upper": gain + 0.001}
    frame = frame.assign(method="calibrator", brier_gain=gain, **interval)
    return conform("recalibration_comparison", frame)


def _registry(months) -> pd.DataFrame:
    rows = [(f"fold-{m:%Y-%m}-0123456789ab", "fold", m, "candidate") for m in months]
    names = ["model_id", "kind", "period_start", "stage"]
    frame = pd.DataFrame(rows, columns=names)
    frame.loc[frame.index[-1:], "stage"] = "shadow"
    return conform("model_registry", frame)


def _risk_events() -> pd.DataFrame:
    at = pd.Timestamp("2019-12-03 18:00", tz="UTC")
    rows = [
        ("platform", 1, "session_loss", "tripped", 0.03, 0.0412),
        ("platform", 2, "session_loss", "forced_exit", 0.03, 0.0412),
        ("platform", 3, "turnover_day", "refused_entry", 6.0, 7.5),
        ("mock_baseline", 1, "gross_cap", "trimmed_entry", 1.0, 1.25),
    ]
    names = ["series", "position", "rule", "action", "threshold", "value"]
    frame = pd.DataFrame(rows, columns=names).assign(symbol="QQQ", equity_usd=CAPITAL)
    stamps = pd.Series([at] * len(rows)).dt.as_unit("us")
    times = {"time_utc": stamps, "decision_time_utc": stamps, "fill_time_utc": stamps}
    return conform("risk_events", frame.assign(**times))


def _cost_stress() -> pd.DataFrame:
    rows = [(1.0, 210, 60, 3.1, 0.214), (1.25, 190, 55, 1.2, 0.083), (1.5, 150, 44, -0.9, -0.052)]
    names = ["factor", "n_gated", "n_trades", "net_bps_mean", "calmar"]
    frame = pd.DataFrame(rows, columns=names)
    return conform("cost_stress", frame.assign(cagr=0.011, max_drawdown_frac=0.0517))


def _allocations() -> pd.DataFrame:
    rows = [
        ("equal_weight", True, 0.0, 0.214),
        ("inverse_volatility", False, 0.023, 0.231),
        ("calmar", False, 0.041, 0.187),
    ]
    names = ["method", "is_used", "weight_turnover_frac", "calmar"]
    return conform("allocation_comparison", pd.DataFrame(rows, columns=names))


def _weights(symbols, months) -> pd.DataFrame:
    rows = [
        (method, month, symbol, 1.0 / len(symbols))
        for method in ("equal_weight", "calmar")
        for month in months
        for symbol in symbols
    ]
    return pd.DataFrame(rows, columns=TABLES["allocation_weights"].names)


def _scores(rng, symbols, months, gate_share) -> pd.DataFrame:
    rows = []
    for symbol in symbols:
        for month in months:
            n = int(rng.integers(60, 90))
            hours = np.sort(rng.choice(27 * 7, n, replace=False))
            start = pd.Timestamp(month, tz="UTC") + pd.Timedelta(hours=14)
            stamps = start + pd.to_timedelta(hours // 7 * 24 + hours % 7, unit="h")
            p = np.clip(rng.normal(0.47, 0.06, n), 0.02, 0.98)
            ev = rng.normal(-1e-4, 8e-4, n)
            gated = rng.random(n) < gate_share
            reasons = rng.choice(
                ["ev_below_cost", "overnight_ev_below_cost", "tp_to_cost_below_phi"],
                n,
                p=[0.7, 0.2, 0.1],
            )
            part = {
                "month": month,
                "symbol": symbol,
                "decision_time_utc": stamps.astype("datetime64[us, UTC]"),
                "p_raw": p,
                "p_calibrated": 0.45 + 0.3 * (p - 0.47),
                "p_logistic": np.clip(rng.normal(0.46, 0.03, n), 0, 1),
                "q10": ev - 0.01,
                "q50": ev,
                "q90": ev + 0.01,
                "ridge": ev,
                "elasticnet": ev,
                "ev_struct": ev,
                "ev_ml": ev,
                "ev_final": ev,
                "ev_threshold": 2.2e-4,
                "is_gated": gated,
                "gate_reason": np.where(gated, "pass", reasons),
                "size_frac": np.where(gated, 0.5, 0.0),
            }
            rows.append(pd.DataFrame(part))
    return conform("scores", pd.concat(rows, ignore_index=True))


def _outcomes(rng, scores) -> pd.DataFrame:
    n = len(scores)
    net = 0.4 * scores["ev_final"].to_numpy() + rng.normal(0, 0.008, n)
    maturity = np.where(np.arange(n) % 97 == 96, "provisional", "final")
    return scores[["symbol", "decision_time_utc", "month"]].assign(
        y=pd.array((net > 0).astype(int), dtype="Int64"),
        net_logret=net,
        cost_rt=9e-4,
        maturity=maturity,
        family=rng.choice(["trend_long", "pullback_long"], n),
        exit_reason=rng.choice(["tp", "sl", "horizon"], n),
        entry_overnight=rng.random(n) < 0.2,
    )


def _bars(rng, symbols, months) -> pd.DataFrame:
    last = add_months(months[-1], 1)
    days = pd.date_range(months[0], last, inclusive="left", tz="UTC")
    stamps = np.repeat(days, 9) + pd.to_timedelta(np.tile(range(14, 23), len(days)), unit="h")
    close = 400.0 * np.exp(np.cumsum(rng.normal(0, 0.003, len(stamps))))
    frame = pd.DataFrame({"date": stamps, "high": close * 1.004, "low": close * 0.996})
    frames = [frame.assign(symbol=symbol, close=close) for symbol in symbols]
    return pd.concat(frames, ignore_index=True)


def _decisions(rng, gated, series, traded_share) -> pd.DataFrame:
    n = len(gated)
    status = np.where(rng.random(n) < traded_share, "traded", "position_open")
    status[rng.random(n) < 0.02] = "gross_cap"
    return gated[["symbol", "decision_time_utc", "month"]].assign(series=series, status=status)


def _mock(rng, scores) -> pd.DataFrame:
    gated = rng.random(len(scores)) < 0.3
    frame = scores[["month", "symbol", "decision_time_utc"]].assign(
        p_linear=0.46,
        ev_linear=1e-4,
        p_threshold=0.5,
        ev_threshold=2e-4,
        is_gated=gated,
        gate_reason=np.where(gated, "pass", "p_below_cut"),
        size_frac=np.where(gated, 0.5, 0.0),
    )
    return conform("mock_baseline", frame)


def _trades(rng, traded) -> pd.DataFrame:
    n = len(traded)
    net_bps = rng.normal(3.0, 70.0, n)
    entry = traded["decision_time_utc"] + pd.Timedelta(hours=1)
    frame = traded.drop(columns="status").assign(
        entry_time_utc=entry,
        exit_time_utc=entry + pd.Timedelta(hours=5),
        size_frac=0.5,
        notional_usd=5_000.0,
        units=12.5,
        entry_open=400.0,
        exit_open=400.0 * (1 + net_bps / 1e4),
        cost_entry_usd=2.2,
        cost_exit_usd=2.2,
        pnl_usd=5_000.0 * net_bps / 1e4,
        net_bps=net_bps,
        equity_before_usd=CAPITAL,
        binding_cap="size_frac",
    )
    return conform("portfolio_trades", frame)


def _equity(rng, series, months, is_flat) -> pd.DataFrame:
    days = pd.bdate_range(months[0], add_months(months[-1], 1), inclusive="left", tz="UTC")
    stamps = np.repeat(days, 2) + pd.to_timedelta(np.tile([18, 21], len(days)), unit="h")
    is_hold = series.startswith("buy")
    steps = rng.normal(2e-4 if is_hold else 5e-5, 0.008 if is_hold else 0.002, len(stamps))
    equity = CAPITAL * np.exp(np.cumsum(steps * (not is_flat)))
    drawdown = 1 - equity / np.maximum(np.maximum.accumulate(equity), CAPITAL)
    frame = pd.DataFrame(
        {
            "series": series,
            "bar_end_utc": stamps.astype("datetime64[us, UTC]"),
            "equity_usd": equity,
            "cash_usd": 0.0 if is_hold else equity * 0.8,
            "gross_exposure_frac": 1.0 if is_hold else 0.2,
            "drawdown_frac": drawdown,
            "drawdown_low_frac": drawdown + 0.001,
        }
    )
    return conform("portfolio_equity", frame)


def _months(equity, trades, months) -> pd.DataFrame:
    rows = []
    for series, curve in equity.groupby("series"):
        before = CAPITAL
        for month in months:
            inside = curve["bar_end_utc"] < pd.Timestamp(add_months(month, 1), tz="UTC")
            end = float(curve.loc[inside, "equity_usd"].iloc[-1])
            n = ((trades["series"] == series) & (trades["month"] == month)).sum()
            change = end / before - 1
            held = n + (end != before)  # the noise of a quiet month is one carried over
            rows.append((series, month, end, end - before, change, change * CAPITAL, held, 0.012))
            before = end
    names = [
        "series", "month", "equity_usd", "pnl_usd", "return_frac", "pnl_constant_usd",
        "n_held", "max_drawdown_frac",
    ]  # fmt: skip
    return conform("portfolio_months", pd.DataFrame(rows, columns=names))


def _published_months(rng, months) -> pd.DataFrame:
    returns = rng.normal(0.004, 0.012, len(months))
    equity = CAPITAL * np.cumprod(1 + returns)
    frame = pd.DataFrame(
        {
            "series": "published_baseline",
            "month": months,
            "equity_usd": equity,
            "pnl_usd": np.diff(equity, prepend=CAPITAL),
            "return_frac": returns,
            "pnl_constant_usd": returns * CAPITAL,
            "n_held": None,
            "max_drawdown_frac": np.nan,
        }
    )
    return conform("portfolio_months", frame)


def _portfolio(equity, trades, table, months) -> pd.DataFrame:
    years, rows = len(months) / 12, []
    start = pd.Timestamp(months[0], tz="UTC")
    end = pd.Timestamp(add_months(months[-1], 1), tz="UTC")
    for series, part in table.groupby("series"):
        mine = trades.loc[trades["series"] == series, "net_bps"]
        curve = equity.loc[equity["series"] == series]
        last = float(part["equity_usd"].iloc[-1])
        cagr = (last / CAPITAL) ** (1 / years) - 1
        drawdown = float(curve["drawdown_frac"].max()) if len(curve) else 0.031
        has_bars = len(curve) > 0
        rows.append(
            {
                "series": series,
                "start_utc": start,
                "end_utc": end,
                "start_equity_usd": CAPITAL,
                "end_equity_usd": last,
                "cagr": cagr,
                "max_drawdown_frac": drawdown,
                "calmar": cagr / max(drawdown, 0.01),
                "sharpe": 0.61 if has_bars else np.nan,
                "sortino": 0.84 if has_bars else np.nan,
                "n_trades": len(mine),
                "trades_per_month": len(mine) / len(months),
                "net_bps_mean": mine.mean(),
                "hit_rate": (mine > 0).mean() if len(mine) else np.nan,
                "turnover_per_year": 41.2 if has_bars else np.nan,
                "exposure_frac": 0.21 if has_bars else np.nan,
                "worst_month_frac": float(part["return_frac"].min()),
                "calmar_monthly": cagr / 0.02,
                "note": f"Made of noise for {series}.",
            }
        )
    return conform("portfolio", pd.DataFrame(rows))


def _acceptance() -> pd.DataFrame:
    rows = [
        ("calmar_vs_baseline", 1, 0.214, 0.45, ">=", False, "Calmar 0.214 against 0.450."),
        ("calmar_positive", 2, 0.214, 0.0, ">", True, "The platform made money after costs."),
        ("max_drawdown", 3, 0.0731, 0.12, "<=", True, "Deepest fall 7.31% at bar closes."),
        ("trades_per_month", 4, 4.256, 5.0, ">=", False, "60 trades in 14 calendar months."),
        ("worst_month", 5, -0.0312, -0.05, ">=", True, "Worst month 2020-03 with -3.12%."),
        ("constant_predictors", 6, 0.0, 0.0, "==", True, "No classifier is constant."),
        ("monthly_turnover", 7, np.nan, np.nan, "<=", False, "Not evaluated, so not passed."),
    ]
    names = ["criterion", "position", "value", "threshold", "comparison", "is_passed", "evidence"]
    return conform("acceptance", pd.DataFrame(rows, columns=names))


def _statistics() -> pd.DataFrame:
    rows = [
        ("calmar", 1, 0.214, -0.31, 1.02, 0.9, 290, "Calmar 0.214: not told from 0."),
        ("backtest_overfitting", 2, np.nan, np.nan, np.nan, np.nan, 1, "Does not apply."),
        ("brier_gain", 3, -0.00123, -0.0031, 0.0009, 0.9, 2100, "No better or worse."),
    ]
    names = ["name", "position", "value", "lower", "upper", "level", "n", "sentence"]
    return conform("statistics", pd.DataFrame(rows, columns=names).assign(method="a | b"))


def _audit() -> pd.DataFrame:
    rows = [
        ("known_at", 1, True, "17 features, every one known at the decision."),
        ("time_travel_models", 2, False, "2019-11: mean differs."),
    ]
    names = ["check", "position", "is_passed", "evidence"]
    return conform("audit", pd.DataFrame(rows, columns=names))


def _importances(months) -> pd.DataFrame:
    shares = {"trend_score": (0.6, 0.5), "vol_z": (0.3, 0.4), "family": (0.1, 0.1)}
    rows = [
        (month, head, feature, gain, shap)
        for month in months
        for head in ("classifier", "mean")
        for feature, (gain, shap) in shares.items()
    ]
    names = ["month", "head", "feature", "gain_frac", "shap_frac"]
    return conform("importances", pd.DataFrame(rows, columns=names))


def tuned_params() -> pd.DataFrame:
    """Two searched epochs, the second of which kept the settings before it."""
    rows = [
        (date(2020, 1, 1), 16, 200, 0.41, 0.92, 0.04, False, '{"k": 0.25, "method": "kelly"}'),
        (date(2020, 7, 1), 16, 200, 0.41, 0.50, 0.61, True, '{"k": 0.125, "max_depth": 3}'),
    ]
    names = ["epoch", "n_model_trials", "n_gate_trials", "default_objective", "objective"]
    frame = pd.DataFrame(rows, columns=[*names, "p_value", "is_default", "params"])
    fixed = dict.fromkeys(["last_month", "inner_first_month", "inner_last_month"], date(2020, 6, 1))
    return conform("tuned_params", frame.assign(**fixed))


def _drift(rng, months) -> pd.DataFrame:
    rows = []
    for number, month in enumerate(months):
        state = "not_enough" if number < 2 else "warn" if number == len(months) - 1 else "quiet"
        psi = np.nan if state == "not_enough" else 0.6 if state == "warn" else rng.uniform(0, 0.2)
        rows.append((month, "psi", "vol_z", psi, 0.05, np.nan, np.nan, 0.25, 180, state))
        rows.append((month, "psi", "family", 0.01, 0.01, np.nan, np.nan, 0.25, 180, "quiet"))
        for metric, level in (("brier", 0.25), ("ece", 0.03), ("ev_slope", 0.8)):
            value = np.nan if number < 2 else level * rng.uniform(0.9, 1.1)
            quiet = "not_enough" if number < 2 else "quiet"
            span = (value - 0.1, value + 0.1) if metric != "ece" else (np.nan, np.nan)
            rows.append((month, metric, "ALL", value, level, *span, level * 1.2, 300, quiet))
    names = [
        "month", "metric", "feature", "value", "reference", "lower", "upper", "threshold",
        "n_rows", "state",
    ]  # fmt: skip
    sentence = "Made of noise: 1 bp | less."
    return conform("drift", pd.DataFrame(rows, columns=names).assign(sentence=sentence))


def _fold_backtests(rng, scores, trades, symbols, months) -> pd.DataFrame:
    rows = []
    own = trades[trades["series"] == "platform"]
    for month in months:
        for symbol in [*symbols, "ALL"]:
            mine = scores["month"] == month
            traded = own["month"] == month
            if symbol != "ALL":
                mine &= scores["symbol"] == symbol
                traded &= own["symbol"] == symbol
            n = int(traded.sum())
            rows.append(
                {
                    "month": month,
                    "symbol": symbol,
                    "n_candidates": int(mine.sum()),
                    "n_gated": int((mine & scores["is_gated"]).sum()),
                    "n_trades": n,
                    "return_frac": rng.normal(0, 0.01) if n else 0.0,
                    "max_drawdown_frac": 0.011 if n else 0.0,
                    "calmar": rng.normal(0, 2) if n else 0.0,
                    "net_bps_mean": own.loc[traded, "net_bps"].mean(),
                    "hit_rate": 0.48 if n else np.nan,
                    "turnover": n * 1.0,
                    "exposure_frac": 0.2 if n else 0.0,
                    "brier": rng.normal(0.2495, 0.004),
                    "brier_base": rng.normal(0.2490, 0.002),
                }
            )
    return conform("fold_backtests", pd.DataFrame(rows))


def _folds(rng, symbols, months) -> pd.DataFrame:
    rows = []
    for month in months:
        for symbol in symbols:
            start = pd.Timestamp(month, tz="UTC")
            rows.append(
                {
                    "month": month,
                    "symbol": symbol,
                    "window_start_utc": pd.Timestamp(add_months(month, -36), tz="UTC"),
                    "test_start_utc": start,
                    "test_end_utc": pd.Timestamp(add_months(month, 1), tz="UTC"),
                    "embargo_start_utc": start - pd.Timedelta(days=2),
                    "first_test_idx": 5_000,
                    "embargo_bars": 12,
                    "n_fit": int(rng.integers(900, 1000)),
                    "n_calibration": int(rng.integers(1800, 2000)),
                    "n_test": int(rng.integers(60, 90)),
                    "n_purged": int(rng.integers(2, 12)),
                    "n_embargoed": int(rng.integers(3, 14)),
                    "n_not_final": 0,
                    "n_outside_window": 4_000,
                    "n_inner_folds": 4,
                    "members_hash": "0" * 16,
                }
            )
    return conform("folds", pd.DataFrame(rows))


def _metrics(rng, months) -> pd.DataFrame:
    rows = []
    for month in months:
        for head, stage, level in [
            ("classifier", "raw", 0.2531),
            ("classifier", "calibrated", 0.2488),
            ("base_rate", "raw", 0.2486),
        ]:
            brier = level + rng.normal(0, 5e-4)
            rows.append((month, head, stage, "brier", brier, 3600))
            rows.append((month, head, stage, "log_loss", brier + 0.443, 3600))
            rows.append((month, head, stage, "ece", 0.02, 3600))
        rows.append((month, "base_rate", "raw", "p_mean", 0.46, 3600))
    names = ["month", "head", "stage", "metric", "value", "n_rows"]
    return conform("model_metrics", pd.DataFrame(rows, columns=names))


def _bins(rng, months) -> pd.DataFrame:
    rows = []
    for month in months:
        for stage, spread in [("raw", 4), ("calibrated", 2)]:
            for k in range(5 - spread, 5 + spread):
                middle = (k + 0.5) / 10
                won = np.clip(0.45 + 0.2 * (middle - 0.5) + rng.normal(0, 0.05), 0, 1)
                n = int(rng.integers(20, 900))
                rows.append((month, stage, k, k / 10, (k + 1) / 10, n, middle, won))
    names = ["month", "stage", "bin", "p_lo", "p_hi", "n_rows", "p_mean", "y_mean"]
    return conform("reliability_bins", pd.DataFrame(rows, columns=names))
