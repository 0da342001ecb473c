"""Daily returns of every series of the report.

Belongs here: the returns that all sections share. Does not belong here: metrics
(:mod:`step3_assets.domain.tear_sheet.returns`).
"""

import pandas as pd

from step3_assets.domain.report.inputs import ReportInputs
from step3_assets.domain.tear_sheet.returns import daily_returns


def returns_by_series(inputs: ReportInputs) -> dict[str, pd.Series]:
    """Daily returns of each series that has equity at bar closes, by session."""
    known = set(inputs.portfolio_equity["series"])
    return {
        str(row["series"]): daily_returns(
            inputs.portfolio_equity, str(row["series"]), float(row["start_equity_usd"])
        )
        for row in inputs.portfolio.to_dict("records")
        if row["series"] in known
    }
