"""Validation of stored recalibrations, by an independent second computation.

Belongs here: checks of meaning over rows of ``recalibrations`` and ``weekly_models``. Does not
belong here: types and keys (:mod:`step3_assets.domain.core.validation`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from step3_assets.config import FoldConfig, RecalibrationConfig
from step3_assets.domain.core.keys import EVENT_KEY
from step3_assets.domain.core.weeks import add_weeks, first_session, week_sessions
from step3_assets.domain.folds.purge import STALE_AFTER
from step3_assets.domain.live.base_model import BaseModel
from step3_assets.domain.live.recalibration import labels_hash
from step3_assets.domain.live.retraining import outcomes_hash
from step3_assets.domain.models.heads import stored_features_hash
from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    payload_sha256,
    read_payloads,
)
from step3_assets.domain.registry.entries import artefacts_hash, stored_artefacts


def known_at_violations(
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    events: pd.DataFrame,
    bars: pd.DataFrame,
    models: pd.DataFrame,
    config: RecalibrationConfig,
) -> list[str]:
    """Weeks whose calibrator was not fitted on exactly the labels final before their first session.

    Recomputed from the bars before the open of the first session, which the exchange calendar
    gives. A delivery that ended there would call those labels final whose exit bar and whole
    horizon lie in it.

    Parameters
    ----------
    rows : DataFrame
        Of table ``recalibrations``.
    scores, events, bars, models : DataFrame
        Tables ``scores``, ``events``, ``bar_features`` and ``calibrated_models`` over the windows
        of the weeks.
    config : RecalibrationConfig
    """
    hashes = models.loc[models["head"] == "calibrator", ["month", "config_hash"]]
    final = events[events["maturity"] == "final"].drop(columns="month", errors="ignore")
    scored = scores[scores["p_raw"].notna()].merge(final, on=EVENT_KEY).merge(hashes, on="month")
    scored = scored.sort_values(["decision_time_utc", "symbol"], kind="stable")
    of_base: dict[Any, str] = dict(zip(hashes["month"], hashes["config_hash"], strict=True))
    problems = []
    for row in rows.to_dict("records"):
        week, session = row["week"], first_session(row["week"])
        if session is None or session.open_utc != row["as_of_utc"]:
            opens = "has no session" if session is None else f"opens at {session.open_utc}"
            problems.append(f"recalibrations: week {week} says {row['as_of_utc']}, but it {opens}")
            continue
        if row["last_final_utc"] >= session.open_utc:
            problems.append(
                f"recalibrations: week {week} uses a label that became final at "
                f"{row['last_final_utc']}, not before {session.open_utc}"
            )
        known = _final_before(scored, bars, session.open_utc)
        since = session.open_utc - pd.Timedelta(weeks=config.window_weeks)
        known = known[known["decision_time_utc"] >= since]
        known = known[known["config_hash"] == of_base.get(row["base_month"], "")]
        if len(known) != row["n_labels"] or labels_hash(known) != row["labels_hash"]:
            problems.append(
                f"recalibrations: week {week} was fitted on {row['n_labels']} labels that are not "
                f"the {len(known)} final before {session.open_utc}"
            )
    return problems


def _final_before(scored: pd.DataFrame, bars: pd.DataFrame, instant: pd.Timestamp) -> pd.DataFrame:
    """Labels that a delivery that ends at the instant would call final."""
    ended = bars[bars["bar_end_utc"] < instant]
    exits = ended[["symbol", "date"]].rename(columns={"date": "exit_time_utc"})
    known = scored.merge(exits, on=["symbol", "exit_time_utc"], how="inner")
    last_bar = ended.groupby("symbol")["bar_idx"].max().rename("last_bar").reset_index()
    known = known.merge(last_bar, on="symbol")
    entry = known["t_idx"] + 1
    known = known[entry + known["H"] <= known["last_bar"] - 1].astype({"y": "float64"})
    return known.sort_values(["decision_time_utc", "symbol"], kind="stable")


def trained_violations(
    models: pd.DataFrame, events: pd.DataFrame, bars: pd.DataFrame, config: FoldConfig
) -> list[str]:
    """Retrained weeks whose training labels are not those known before their first session.

    Parameters
    ----------
    models : DataFrame
        Rows of ``weekly_models``; payloads are not read.
    events, bars : DataFrame
        Tables ``events`` and ``bar_features`` over the look-backs of the weeks.
    config : FoldConfig
    """
    problems = []
    for row in models.drop_duplicates("week").to_dict("records"):
        week, session = row["week"], first_session(row["week"])
        if session is None or session.open_utc != row["as_of_utc"]:
            opens = "has no session" if session is None else f"opens at {session.open_utc}"
            problems.append(f"weekly_models: week {week} says {row['as_of_utc']}, but it {opens}")
            continue
        if not row["last_final_utc"] < session.open_utc:
            problems.append(
                f"weekly_models: week {week} trained on a label that became final at "
                f"{row['last_final_utc']}, not before {session.open_utc}"
            )
        known = _trainable_before(events, bars, session.open_utc, config)
        if len(known) != row["n_rows"] or outcomes_hash(known) != row["labels_hash"]:
            problems.append(
                f"weekly_models: week {week} was trained on {row['n_rows']} labels that are not "
                f"the {len(known)} known before {session.open_utc}"
            )
    return problems


def validation_violations(
    rows: pd.DataFrame, events: pd.DataFrame, bars: pd.DataFrame, config: FoldConfig
) -> list[str]:
    """Retrained weeks validated on labels that were not final, or that one of the two models knew.

    Parameters
    ----------
    rows : DataFrame
        Of table ``recalibrations``, of weeks that are retrained.
    events, bars : DataFrame
        Tables ``events`` and ``bar_features`` over the look-backs of the models validated.
    config : FoldConfig
    """
    problems = []
    final = events[events["maturity"] == "final"]
    for row in rows.to_dict("records"):
        week, session = row["week"], first_session(row["week"])
        if session is None or session.open_utc != row["as_of_utc"]:
            problems.append(f"recalibrations: week {week} does not open at {row['as_of_utc']}")
            continue
        if pd.isna(row["new_week"]):
            continue
        trained_at, incumbent = first_session(row["new_week"]), row["incumbent_week"]
        is_older = pd.isna(incumbent) or incumbent < row["new_week"]
        if trained_at is None or not row["new_week"] < week or not is_older:
            problems.append(
                f"recalibrations: week {week} compares models of week {row['new_week']} with "
                f"those of {incumbent}, which cannot be"
            )
            continue
        known = _trainable_before(events, bars, trained_at.open_utc, config)
        if (
            row["check_from_utc"] != trained_at.open_utc
            or outcomes_hash(known) != row["labels_hash"]
        ):
            problems.append(
                f"recalibrations: week {week} compares models of week {row['new_week']} that were "
                f"not trained on the {len(known)} labels known before {trained_at.open_utc}"
            )
        before, now = (
            len(_final_before(final, bars, instant))
            for instant in (trained_at.open_utc, session.open_utc)
        )
        if row["n_check"] != now - before:
            problems.append(
                f"recalibrations: week {week} was checked on {row['n_check']} labels; "
                f"{now - before} became final from {trained_at.open_utc} to {session.open_utc}"
            )
    return problems


def _trainable_before(
    events: pd.DataFrame, bars: pd.DataFrame, instant: pd.Timestamp, config: FoldConfig
) -> pd.DataFrame:
    """Labels of the window that are final at the instant and end before the embargo."""
    since = instant - pd.DateOffset(months=config.train_months)
    decided = events["decision_time_utc"]
    window = events[(decided >= since) & (decided < instant)]
    embargo_bars = int(window["H"].max()) if len(window) else 0
    known = _final_before(window[window["maturity"] == "final"], bars, instant)
    known = known[known["label_end_idx"] + embargo_bars <= known["last_bar"]]
    begins = []
    for _, rows in bars[bars["date"] < instant].groupby("symbol"):
        starts = rows["date"].sort_values()
        if embargo_bars and instant - starts.iloc[-1] <= STALE_AFTER:
            begins.append(starts.iloc[-min(embargo_bars, len(starts))])
    return known[known["exit_time_utc"] < min([instant, *begins])]


def weekly_model_violations(models: pd.DataFrame) -> list[str]:
    """Models of retrained weeks that were altered, are incomplete, or contradict one another.

    Parameters
    ----------
    models : DataFrame
        Rows of table ``weekly_models``.
    """
    problems = []
    for week, rows in models.groupby("week"):
        try:
            payloads = read_payloads(rows)
            stored = stored_features_hash(payloads)
        except (ModelIntegrityError, KeyError) as error:
            problems.append(f"weekly_models: week {week}: {error}")
            continue
        missing = {"calibrator", "payoff", "blend"} - set(payloads)
        if missing:
            problems.append(f"weekly_models: week {week} lacks {', '.join(sorted(missing))}")
        if set(rows["features_hash"]) != {stored} or rows["inputs_hash"].nunique() != 1:
            problems.append(f"weekly_models: the heads of week {week} are not of one training")
    return problems


def models_in_force_violations(rows: pd.DataFrame, weekly_models: pd.DataFrame) -> list[str]:
    """Weeks validated or run on models of a week that stores other models now.

    Parameters
    ----------
    rows : DataFrame
        Of table ``recalibrations``.
    weekly_models : DataFrame
        ``week, head, payload_sha256`` of the table of that name; a week that is not stored says
        nothing.
    """
    stored = {
        week: artefacts_hash(stored_artefacts(rows)) for week, rows in weekly_models.groupby("week")
    }
    problems = []
    for row in rows.to_dict("records"):
        for which in ("new", "in_force"):
            week, recorded = row[f"{which}_week"], row[f"{which}_hash"]
            if isinstance(recorded, str) and stored.get(week, recorded) != recorded:
                problems.append(
                    f"recalibrations: week {row['week']} refers to models of week {week} "
                    f"({which}) that are not those stored in weekly_models; make it again"
                )
    return problems


def integrity_violations(rows: pd.DataFrame, bases: Mapping[date, BaseModel]) -> list[str]:
    """Calibrators that were altered, and weeks made on another base model than theirs is now.

    Parameters
    ----------
    rows : DataFrame
        Of table ``recalibrations``.
    bases : mapping of date to BaseModel
        The base model of each week, as the registry and ``calibrated_models`` now have it.
    """
    problems = []
    for row in rows.to_dict("records"):
        for column in ("calibrator", "in_force"):
            text, recorded = row[column], row[f"{column}_sha256"]
            if isinstance(text, str) and payload_sha256(text) != recorded:
                problems.append(f"recalibrations: {column} of week {row['week']} was altered")
        base = bases.get(row["week"])
        if base is None or base.artefact_hash != row["base_hash"]:
            now = "none" if base is None else f"{base.month:%Y-%m} ({base.source})"
            problems.append(
                f"recalibrations: week {row['week']} was made on models of "
                f"{row['base_month']:%Y-%m} ({row['base_source']}) that are no longer its base, "
                f"{now}; make it again"
            )
    return problems


def stale_weeks(rows: pd.DataFrame) -> list[str]:
    """Weeks whose data ended before the last session that the exchange calendar has before them."""
    problems = []
    for row in rows.to_dict("records"):
        week, closed = row["week"], None
        while closed is None:
            week = add_weeks(week, -1)
            sessions = week_sessions(week)
            closed = sessions[-1].close_utc if sessions else None
        if row["data_end_utc"] < closed:
            problems.append(
                f"recalibrations: the data of week {row['week']} ended at "
                f"{row['data_end_utc']:%Y-%m-%d %H:%M} UTC, before the close of the session "
                f"before it; make it again when they are delivered"
            )
    return problems
