"""Entries: the registry's record of one model version.

Belongs here: identity, provenance and metrics of a fold's models or of their recalibration, as rows
of table ``model_registry`` without a stage. Does not belong here: stages
(:mod:`step3_assets.domain.registry.stages`).

A model version is identified by its bytes: a hash over the payloads' hashes, independent of when or
how often they were made. A fold that is trained again to the same bytes is the same
version; the other fields of an entry are those of its last registration.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from step3_assets.config import Step3Config
from step3_assets.domain.acceptance.staleness import dated_verdict
from step3_assets.domain.acceptance.verdict import verdict
from step3_assets.domain.core.code import code_version, library_versions
from step3_assets.domain.core.months import add_months, month_label, month_range
from step3_assets.domain.core.weeks import settings_month
from step3_assets.domain.folds.build import LOOK_BACK_MONTHS
from step3_assets.domain.models.features import features_hash
from step3_assets.domain.models.text_format import load_numbers, name_in_hashes, payload_sha256
from step3_assets.domain.portfolio.stored_metrics import finite
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.search.epochs import epoch_of
from step3_assets.domain.search.settings import SearchedSections

FOLD, RECALIBRATION = "fold", "recalibration"
RETRAIN = "retrain"  # the method of a week whose models were all trained again
WEEKLY_COLUMNS = [
    "week",
    "head",
    "payload_sha256",
    "features_hash",
    "config_hash",
    "members_hash",
    "inputs_hash",
]
NOT_IN_FORCE = "not in force: trained with other settings"
Entry = dict[str, Any]

_METRICS = {
    "brier": ("classifier", "calibrated", "brier"),
    "brier_raw": ("classifier", "raw", "brier"),
    "brier_base_rate": ("base_rate", "raw", "brier"),
    "log_loss": ("classifier", "calibrated", "log_loss"),
    "log_loss_base_rate": ("base_rate", "raw", "log_loss"),
    "ece": ("classifier", "calibrated", "ece"),
    "auc": ("classifier", "raw", "auc"),
    "ev_slope": ("blend", "calibrated", "ev_slope"),
}


@dataclass(frozen=True)
class Provenance:
    """What the stored folds were made from, and the verdict on them.

    Parameters
    ----------
    dataset_version : str
        Version of the delivery in force.
    month_hashes : mapping of date to str
        Content hash of each month of ``events`` in the store.
    config : Step3Config
        As ``step3.toml`` sets it.
    by_month : mapping of date to Step3Config
        The settings in force for each test month: those of its epoch's search, if that is switched
        on.
    acceptance : DataFrame
        Table ``acceptance``.
    stale : tuple of str
        Why that verdict is out of date; empty if it is current.
    feature_lists : mapping of str to sequence of str
        The features of each ``features_hash``: see :func:`feature_lists`.
    """

    dataset_version: str
    month_hashes: Mapping[date, str]
    config: Step3Config
    by_month: Mapping[date, Step3Config]
    acceptance: pd.DataFrame
    feature_lists: Mapping[str, Sequence[str]]
    stale: tuple[str, ...] = ()

    def settings(self, month: date) -> Step3Config:
        """The settings in force for a test month."""
        return self.by_month.get(month, self.config)

    def inputs_hash(self, month: date) -> str:
        """Hash over the events of the months that a fold may train on."""
        return self.months_hash(
            month_range(add_months(month, -LOOK_BACK_MONTHS), add_months(month, -1))
        )

    def months_hash(self, months: Sequence[date]) -> str:
        """Hash over the stored events of months; those that are not stored are left out."""
        return short_digest(
            [f"{month_label(m)} {self.month_hashes[m]}" for m in months if m in self.month_hashes]
        )


def fold_entries(
    models: pd.DataFrame, metrics: pd.DataFrame, provenance: Provenance
) -> list[Entry]:
    """One entry for each fold that has models.

    Parameters
    ----------
    models : DataFrame
        ``month, head, payload_sha256, features_hash, config_hash, members_hash`` of table
        ``calibrated_models``, all months.
    metrics : DataFrame
        Table ``model_metrics`` of the same months.
    provenance : Provenance

    Raises
    ------
    RegistryError
        If the models of a fold differ in their features, settings or rows, or if the list of
        their features is not stored.
    """
    criteria = acceptance_json(provenance.acceptance)
    outcome = dated_verdict(verdict(provenance.acceptance), provenance.stale)
    by_month = dict(iter(metrics.groupby("month")))
    entries = []
    for month, rows in models.groupby("month"):
        assert isinstance(month, date)
        artefacts = stored_artefacts(rows)
        of_what = f"calibrated_models: the heads of {month_label(month)}"
        stored = {name: _agreed(rows, name, of_what) for name in _OF_THE_FOLD}
        measured = by_month.get(month, metrics.iloc[:0])
        entries.append(
            {
                "model_id": model_id(FOLD, month, artefacts),
                "kind": FOLD,
                "period_start": month,
                "base_model_id": None,
                "dataset_version": provenance.dataset_version,
                "inputs_hash": provenance.inputs_hash(month),
                **stored,
                "features": to_json(_features(stored["features_hash"], month, provenance)),
                **_settings_fields(month, stored, provenance),
                "code_version": code_version(),
                "libraries": to_json(library_versions()),
                "artefacts": to_json(artefacts),
                "metrics": to_json(_fold_metrics(measured)),
                "criteria": criteria,
                "verdict": outcome,
            }
        )
    return entries


def feature_lists(models: pd.DataFrame) -> dict[str, list[str]]:
    """The features that models were trained on, in order, by their hash.

    Parameters
    ----------
    models : DataFrame
        ``head, payload`` of table ``calibrated_models``, of one month with each hash at least.
    """
    texts = models.loc[models["head"] == "features", "payload"].unique()
    lists = [list(load_numbers(str(text))["names"]) for text in texts]
    return {features_hash(names): names for names in lists}


@dataclass(frozen=True)
class RefitSource:
    """The data that a refit was made from.

    Parameters
    ----------
    dataset_version : str
        Delivery in force at the refit.
    members_hash : str
        Hash of the rows it was refitted on.
    inputs_hash : str
        Hash of the events that these rows were taken from.
    """

    dataset_version: str
    members_hash: str
    inputs_hash: str


def recalibration_entry(
    base: Mapping[str, Any],
    week: date,
    artefacts: Mapping[str, str],
    source: RefitSource,
    metrics: Mapping[str, float | int | None],
) -> Entry:
    """The entry of a weekly refit: the base model's provenance with new artefacts.

    Parameters
    ----------
    base : mapping
        Row of ``model_registry`` of the fold model that was refitted.
    week : date
        First day of the live week that it is for.
    artefacts : mapping of str to str
        Head to ``payload_sha256`` of everything that decides in that week: the refitted heads and
        those taken over from the base alike.
    source : RefitSource
    metrics : mapping
        The metrics of a fold's entry; null for an unknown one.

    Raises
    ------
    RegistryError
        If the base is no fold model, or the week ends before the base's month.
    """
    if base["kind"] != FOLD:
        raise RegistryError(f"{base['model_id']} is a {base['kind']}; a fold model is refitted")
    if week + timedelta(days=6) < base["period_start"]:
        raise RegistryError(f"the week of {week} lies before the month of {base['model_id']}")
    return {
        **{name: base[name] for name in _INHERITED},
        "model_id": model_id(RECALIBRATION, week, artefacts),
        "kind": RECALIBRATION,
        "period_start": week,
        "base_model_id": base["model_id"],
        "dataset_version": source.dataset_version,
        "inputs_hash": source.inputs_hash,
        "members_hash": source.members_hash,
        "parameters_source": "base model",
        "code_version": code_version(),
        "libraries": to_json(library_versions()),
        "artefacts": to_json(dict(artefacts)),
        "metrics": to_json(dict(metrics)),
    }


def recalibration_entries(
    weeks: pd.DataFrame,
    weekly_models: pd.DataFrame,
    registry: pd.DataFrame,
    provenance: Provenance,
    window_weeks: int,
) -> list[Entry]:
    """One entry for each week with a refit of a fold model that is not archived, or with models.

    Parameters
    ----------
    weeks : DataFrame
        Table ``recalibrations``.
    weekly_models : DataFrame
        :data:`WEEKLY_COLUMNS` of the table of that name.
    registry : DataFrame
        Table ``model_registry``, its folds up to date.
    provenance : Provenance
    window_weeks : int
        Weeks before the week whose decisions a calibrator was refitted on.

    Returns
    -------
    list of Entry
        No entry for a week in which nothing could be fitted, or whose models are no longer the
        stored ones: that week must be made again. The metrics of a retrained week come from the
        week that evaluated it; until then there are none.
    """
    bases = standing_bases(registry)
    trained = dict(iter(weekly_models.groupby("week")))
    records = [{str(k): v for k, v in r.items()} for r in weeks.to_dict("records")]
    evaluated = {row["new_week"]: row for row in records if row["method"] == RETRAIN}
    entries = []
    for row in records:
        base, week = bases.get(row["base_hash"]), row["week"]
        artefacts = None if base is None else week_artefacts(base, row, trained)
        if base is None or artefacts is None:
            continue
        window = (week - timedelta(weeks=window_weeks)).replace(day=1)
        months = month_range(window, add_months(week.replace(day=1), -1))
        entry = recalibration_entry(
            base,
            week,
            artefacts,
            RefitSource(
                dataset_version=provenance.dataset_version,
                members_hash=row["labels_hash"],
                inputs_hash=provenance.months_hash(months),
            ),
            _week_metrics(row),
        )
        if row["method"] == RETRAIN:
            found = _week_metrics(evaluated[week]) if week in evaluated else {}
            entry |= _trained_fields(trained[week], week, provenance)
            entry["metrics"] = to_json(found)
        entries.append(entry)
    return entries


def standing_bases(registry: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The fold models that are not archived, by the hash of their artefacts."""
    rows = registry[(registry["kind"] == FOLD) & (registry["stage"] != "archived")]
    rows = rows.astype(object).where(rows.notna(), None)
    records = [{str(name): v for name, v in row.items()} for row in rows.to_dict("records")]
    return {artefacts_hash(artefacts_of(row)): row for row in records}


def week_artefacts(
    base: Mapping[str, Any], row: Mapping[str, Any], weekly_models: Mapping[Any, pd.DataFrame]
) -> dict[str, str] | None:
    """All models that a refitted or retrained week uses; None if it made none.

    Parameters
    ----------
    base : mapping
        Row of ``model_registry`` of the week's base model.
    row : mapping
        ``week, method, calibrator_sha256`` of table ``recalibrations``.
    weekly_models : mapping of date to DataFrame
        ``head, payload_sha256`` of the table of that name, by week.

    Returns
    -------
    dict of str to str
        The base's heads with the new calibrator; of a retrained week its own heads.
    """
    if row["method"] == RETRAIN:
        trained = weekly_models.get(row["week"])
        return None if trained is None else stored_artefacts(trained)
    new = row["calibrator_sha256"]
    return {**artefacts_of(base), "calibrator": new} if isinstance(new, str) else None


def model_id(kind: str, period_start: date, artefacts: Mapping[str, str]) -> str:
    """Kind, period and the first 12 hex digits of a hash over the artefacts' hashes.

    Examples
    --------
    >>> model_id("fold", date(2023, 12, 1), {"ridge": "ab", "blend": "cd"})
    'fold-2023-12-6646428b94df'
    """
    period = month_label(period_start) if kind == FOLD else period_start.isoformat()
    return f"{kind}-{period}-{artefacts_hash(artefacts)[:12]}"


def artefacts_hash(artefacts: Mapping[str, str]) -> str:
    """Hash over the heads' names and hashes, in the order of their names."""
    named = {name_in_hashes(head): sha for head, sha in artefacts.items()}
    return hashlib.sha256(to_json(named).encode()).hexdigest()


def artefacts_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Head to ``payload_sha256`` of a row of ``model_registry``."""
    return json.loads(row["artefacts"])


def stored_artefacts(models: pd.DataFrame) -> dict[str, str]:
    """Head to stored ``payload_sha256`` of one fold or week."""
    return dict(zip(models["head"], models["payload_sha256"], strict=True))


def payload_artefacts(payloads: Mapping[str, str]) -> dict[str, str]:
    """Head to the computed hash of its payload, whatever hash is stored beside it."""
    return {head: payload_sha256(payload) for head, payload in payloads.items()}


def artefacts_by_month(models: pd.DataFrame) -> dict[date, dict[str, str]]:
    """Head to ``payload_sha256`` of every month of ``calibrated_models``."""
    found: dict[date, dict[str, str]] = {}
    for month, head, sha in zip(
        models["month"], models["head"], models["payload_sha256"], strict=True
    ):
        found.setdefault(month, {})[head] = sha
    return found


def models_hash(models: pd.DataFrame) -> str:
    """Hash over every model of every month.

    Parameters
    ----------
    models : DataFrame
        ``month, head, payload_sha256`` of table ``calibrated_models``.
    """
    rows = zip(models["month"], models["head"], models["payload_sha256"], strict=True)
    return short_digest(
        sorted(f"{month_label(m)} {name_in_hashes(head)} {sha}" for m, head, sha in rows)
    )


def acceptance_json(acceptance: pd.DataFrame) -> str:
    """Each criterion's value, threshold and mark, as JSON; an unknown value is null."""
    criteria = {
        row["criterion"]: {
            "value": finite(row["value"]),
            "threshold": finite(row["threshold"]),
            "comparison": row["comparison"],
            "is_passed": bool(row["is_passed"]),
        }
        for row in acceptance.sort_values("position").to_dict("records")
    }
    return to_json(criteria)


def to_json(value: Any) -> str:
    """Canonical JSON: sorted keys, no blanks, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def short_digest(lines: Sequence[str]) -> str:
    """SHA-256 over the lines, first 32 hex digits."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


_OF_THE_FOLD = ("members_hash", "features_hash", "config_hash")
_INHERITED = ("features", "features_hash", "config_hash", "parameters", "criteria", "verdict")


def _agreed(rows: pd.DataFrame, name: str, of_what: str) -> str:
    values = set(rows[name])
    if len(values) != 1:
        raise RegistryError(f"{of_what} have {len(values)} values of {name}; train them again")
    return str(values.pop())


def _features(hash_: str, month: date, provenance: Provenance) -> list[str]:
    if hash_ not in provenance.feature_lists:
        raise RegistryError(
            f"calibrated_models: no stored list of features has the hash of {month_label(month)}, "
            f"{hash_}; train that month again"
        )
    return list(provenance.feature_lists[hash_])


def _settings_fields(
    month: date, stored: Mapping[str, str], provenance: Provenance
) -> dict[str, Any]:
    """The parameters, if the fold was trained with the settings in force."""
    settings = provenance.settings(month)
    if settings.models.content_hash() != stored["config_hash"]:
        return {"parameters": None, "parameters_source": NOT_IN_FORCE}
    return {
        "parameters": parameters_json(settings),
        "parameters_source": _source(month, settings, provenance.config),
    }


def parameters_json(settings: Step3Config) -> str:
    """The settings of folds, and all settings that a search may change."""
    folds = settings.folds.model_dump(mode="json")
    return to_json({"folds": folds, **SearchedSections.of(settings).model_dump(mode="json")})


def _source(month: date, settings: Step3Config, config: Step3Config) -> str:
    used = parameters_json(settings)
    if used != parameters_json(config):
        return f"search epoch {month_label(epoch_of(month, config.search.epoch_months))}"
    return "defaults" if used == parameters_json(Step3Config()) else "step3.toml"


def _trained_fields(rows: pd.DataFrame, week: date, provenance: Provenance) -> dict[str, Any]:
    """The fields that a retrained week does not share with its base.

    Its settings are those of the month of its first session.
    """
    of_what = f"weekly_models: the heads of week {week}"
    stored = {name: _agreed(rows, name, of_what) for name in (*_OF_THE_FOLD, "inputs_hash")}
    month = settings_month(week)
    features = to_json(_features(stored["features_hash"], month, provenance))
    return {**stored, "features": features, **_settings_fields(month, stored, provenance)}


def _fold_metrics(metrics: pd.DataFrame) -> dict[str, float | int | None]:
    """Quality out of fold; null where a metric is unknown."""
    keys = zip(metrics["head"], metrics["stage"], metrics["metric"], strict=True)
    values = dict(zip(keys, metrics["value"], strict=True))
    found: dict[str, float | int | None] = {
        name: finite(values.get(key)) for name, key in _METRICS.items()
    }
    return {**found, "n_rows_out_of_fold": int(metrics["n_rows"].max()) if len(metrics) else 0}


def _week_metrics(row: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Metrics of the week's validation, on the labels that became final since the last one."""
    names = {"brier": "brier_new", "log_loss": "log_loss_new", "ece": "ece_new"}
    names |= {name: name for name in ("brier_raw", "brier_incumbent", "log_loss_incumbent")}
    return {
        **{name: finite(row[column]) for name, column in names.items()},
        "n_rows_out_of_fold": int(row["n_check"]),
        "is_used": int(row["is_used"]),
    }
