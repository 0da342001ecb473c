"""Tear sheet: measures of returns, trades and signals that describe a finished backtest.

Belongs here: measures over stored equity, trades, bars and scores. They only describe.
Does not belong here: metrics of the verdict (:mod:`step3_assets.domain.portfolio.metrics`),
confidence intervals (:mod:`step3_assets.domain.statistics`), tables and plots.
"""
