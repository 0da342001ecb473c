"""The Python entrance for notebooks: the tables of an installation as frames.

Belongs here: reading what is stored, and putting one decision's rows side by side. Does not belong
here: writing anything, or computing a result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from step3_assets.catalogue import TABLES
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.months import parse_month
from step3_assets.domain.portfolio.series import PLATFORM
from step3_assets.storage.store import Store

KEY = list(EVENT_KEY)


@dataclass(frozen=True)
class Home:
    """An installation's tables, to be looked at.

    Parameters
    ----------
    path : Path
        The folder that ``STEP3_HOME`` names.
    store : Store
    """

    path: Path
    store: Store

    @property
    def tables(self) -> list[str]:
        """Names of all tables; :meth:`table` reads one."""
        return list(TABLES)

    @property
    def figures(self) -> list[str]:
        """Names of the last report's plots; :meth:`figure` has one's file."""
        return sorted(path.stem for path in (self.path / "report" / "figures").glob("*.png"))

    def figure(self, name: str) -> Path:
        """The PNG file of a plot of the last report.

        Raises
        ------
        ValueError
            When the report has no such plot.
        """
        if name not in self.figures:
            raise ValueError(f"the report has no plot {name!r}; the names are in `figures`")
        return self.path / "report" / "figures" / f"{name}.png"

    def table(
        self,
        name: str,
        *,
        first: str | None = None,
        last: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of a table as a frame.

        Parameters
        ----------
        name : str
        first, last : str, optional
            First and last month, as ``2023-01``, by column ``month``.
        columns : sequence of str, optional

        Raises
        ------
        ValueError
            When there is no such table, or it has no column ``month`` to choose by.
        """
        if name not in TABLES:
            raise ValueError(f"there is no table {name!r}; the names are in `tables`")
        described = TABLES[name]
        if first is None and last is None:
            return self.store.read(name, columns=columns)
        low = parse_month(first) if first else date.min
        high = parse_month(last) if last else date.max
        if described.partition == "month":
            months = [m for m in self.store.partitions(name) if low <= m <= high]
            return self.store.read(name, partitions=months, columns=columns)
        if "month" not in described.names:
            raise ValueError(f"{name} has no column month, so a range of months selects nothing")
        rows = self.store.read(name)
        rows = rows[(rows["month"] >= low) & (rows["month"] <= high)]
        return rows[list(columns)] if columns else rows

    def trades(self, series: str = PLATFORM) -> pd.DataFrame:
        """The ledger of a series, in order of entry, with exit reason and family of each event."""
        trades = self.store.read("portfolio_trades")
        trades = trades[trades["series"] == series]
        events = self.store.read("events", columns=[*KEY, "family", "exit_reason"])
        return trades.merge(events, on=KEY, how="left").sort_values(
            ["entry_time_utc", "symbol"], ignore_index=True
        )

    def explain(self, symbol: str, decision_time: str | pd.Timestamp) -> pd.Series:
        """All that is stored about one candidate: features, parts of the score, decision, outcome.

        Parameters
        ----------
        symbol : str
        decision_time : str or Timestamp
            ``decision_time_utc`` of the event, the start of its bar; UTC unless it says otherwise.

        Returns
        -------
        Series
            Indexed by (part, name). Parts are ``feature``, ``contribution`` (log odds of the
            classifier, by TreeSHAP; they add up to its raw margin), ``score``, ``decision``,
            ``risk``, ``trade`` and ``outcome``.

        Raises
        ------
        ValueError
            When there is no such event.
        """
        stamp = pd.Timestamp(decision_time)
        stamp = stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
        month = date(stamp.year, stamp.month, 1)
        event = self._row("events", symbol, stamp, month)
        if event is None:
            raise ValueError(f"there is no event of {symbol} at {stamp}")
        parts = {"feature": self._features(event), "contribution": self._contributions(event)}
        score = self._row("scores", symbol, stamp, month)
        parts["score"] = {} if score is None else score.drop(["month", *KEY]).to_dict()
        for part, table in (("decision", "portfolio_decisions"), ("trade", "portfolio_trades")):
            row = self._row(table, symbol, stamp, None)
            parts[part] = {} if row is None else row.drop(["series", "month", *KEY]).to_dict()
        risk = self._row("risk_events", symbol, stamp, None)
        names = ["rule", "action", "threshold", "value"]
        parts["risk"] = {} if risk is None else risk[names].to_dict()
        outcomes = ["entry_open", "exit_open", "exit_reason", "net_logret", "y", "maturity"]
        parts["outcome"] = event[[name for name in outcomes if name in event.index]].to_dict()
        flat = {(part, name): value for part, row in parts.items() for name, value in row.items()}
        return pd.Series(flat, dtype="object", name=f"{symbol} {stamp:%Y-%m-%d %H:%M} UTC")

    def _row(
        self, table: str, symbol: str, stamp: pd.Timestamp, month: date | None
    ) -> pd.Series | None:
        rows = self.store.read(table, partitions=[month] if month else None)
        rows = rows[(rows["symbol"] == symbol) & (rows["decision_time_utc"] == stamp)]
        if "series" in rows:
            rows = rows[rows["series"] == PLATFORM]
        return None if rows.empty else rows.iloc[0]

    def _features(self, event: pd.Series) -> dict[str, object]:
        from step3_assets.catalogue.delivery import CATEGORICAL_FEATURES, NUMERIC_FEATURES

        names = [*NUMERIC_FEATURES, *CATEGORICAL_FEATURES]
        return {name: event[name] for name in names if name in event.index}

    def _contributions(self, event: pd.Series) -> dict[str, float]:
        import lightgbm as lgb
        import numpy as np

        from step3_assets.domain.models.heads import matrix_of
        from step3_assets.domain.models.text_format import load_numbers, read_payloads

        models = self.store.read("calibrated_models", partitions=[event["month"]])
        payloads = read_payloads(models)
        if "classifier" not in payloads:
            return {}
        names = [*load_numbers(payloads["features"])["names"], "(base)"]
        values = matrix_of(payloads, event.to_frame().T.infer_objects()).values
        booster = lgb.Booster(model_str=payloads["classifier"])
        found = np.asarray(booster.predict(values, pred_contrib=True, num_threads=1))[0]
        return dict(zip(names, found.tolist(), strict=True))


def open_home(path: str | Path) -> Home:
    """Open an installation to look at it; nothing is written.

    Parameters
    ----------
    path : str or Path
        The folder that ``STEP3_HOME`` names.

    Raises
    ------
    FileNotFoundError
        When no tables are stored there.
    """
    folder = Path(path).expanduser()
    database = folder / "step3.duckdb"
    if not database.is_file():
        raise FileNotFoundError(f"{folder} holds no step3.duckdb; run `step3 demo` first")
    return Home(folder, Store(database))
