"""The model registry in the store and in its file: reading, updating, changing, writing it.

Belongs here: which tables a change of the registry reads and writes, each in one transaction, and
the file ``step3_model_registry.json``. Does not belong here: what a change means
(:mod:`step3_assets.domain.registry`).

The store is authoritative. After every change the whole file is written from the store under a
lock, so the last writer always writes the latest change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock

from step3_assets.catalogue.registry import MODEL_REGISTRY, REGISTRY_TRANSITIONS
from step3_assets.config import Step3Config
from step3_assets.defs.provenance import EVIDENCE, contradictions
from step3_assets.defs.results.evaluation import evaluate_again, evidence_token
from step3_assets.defs.results.result_months import result_months
from step3_assets.defs.settings import Settings
from step3_assets.defs.stored_inputs import dataset_in_force, settings_in_force
from step3_assets.domain.acceptance.staleness import dated_verdict
from step3_assets.domain.acceptance.verdict import verdict
from step3_assets.domain.core.code import code_version
from step3_assets.domain.core.hashing import frame_hash
from step3_assets.domain.core.weeks import settings_month
from step3_assets.domain.registry.document import write_document
from step3_assets.domain.registry.entries import (
    WEEKLY_COLUMNS,
    Provenance,
    feature_lists,
    fold_entries,
    recalibration_entries,
)
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.evidence import ResultVersion
from step3_assets.domain.registry.integrity import artefact_violations
from step3_assets.domain.registry.past_verdicts import JUDGED_TABLES, Judged, verdict_row
from step3_assets.domain.registry.stages import (
    Change,
    Registry,
    register_folds,
    register_recalibrations,
)
from step3_assets.storage.files import replace_file
from step3_assets.storage.store import MadeFrom, Reader, Store, Transaction

REGISTRY_TABLES = ("model_registry", "registry_transitions")
LOCK_TIMEOUT_S = 60.0
MODEL_HASHES = ["month", "head", "payload_sha256"]
_ENTRY_COLUMNS = [*MODEL_HASHES, "features_hash", "config_hash", "members_hash"]
_REGISTERED = ("calibrated_models", "model_metrics", "recalibrations", "weekly_models")
_EVIDENCE_TABLES = (
    *REGISTRY_TABLES,
    "acceptance",
    "audit",
    "result_versions",
    "calibrated_models",
    "datasets",
    "dataset_months",
    "folds",
    "scores",
    "mock_baseline",
)


@dataclass(frozen=True)
class Request:
    """A person's request to change the registry.

    Parameters
    ----------
    reason, who : str
        Both are recorded in the history.
    seen_champion : str or None
        The champion at the time the person decided.
    """

    reason: str
    who: str
    seen_champion: str | None


def read_registry(reader: Reader) -> Registry:
    """The registry as it is stored."""
    return Registry(*(reader.read(table) for table in REGISTRY_TABLES))


def put_registry(transaction: Transaction, registry: Registry) -> None:
    """Store a changed registry: all models, and the new rows of the history."""
    transaction.replace_all({"model_registry": registry.models})
    transaction.append("registry_transitions", registry.transitions)


def change_now(actor: str) -> Change:
    """A change by `actor`, at the current time."""
    return Change(actor, datetime.now(UTC))


def current_provenance(store: Store, config: Step3Config) -> Provenance:
    """The inputs of the stored folds, and the verdict on them."""
    manifest = store.read("dataset_months")
    events = manifest[manifest["table_name"] == "events"]
    return Provenance(
        dataset_version=dataset_in_force(store)["dataset_version"],
        month_hashes=dict(zip(events["month"], events["content_hash"], strict=True)),
        config=config,
        by_month=settings_in_force(store, config, _months_trained(store)),
        acceptance=store.read("acceptance"),
        stale=tuple(verdict_staleness(store, config)),
        feature_lists=_feature_lists(store),
    )


def _months_trained(store: Store) -> list[date]:
    """Test months of the folds, and calendar months of the retrained weeks."""
    weeks = map(settings_month, store.partitions("weekly_models"))
    return sorted({*store.partitions("calibrated_models"), *weeks})


def _feature_lists(store: Store) -> dict[str, list[str]]:
    """Feature lists by hash; one partition is read for each hash because payloads are large."""
    lists: dict[str, list[str]] = {}
    for table, partition in (("calibrated_models", "month"), ("weekly_models", "week")):
        hashes = store.read(table, columns=[partition, "features_hash"])
        chosen = list(hashes.drop_duplicates("features_hash")[partition])
        lists |= feature_lists(store.read(table, partitions=chosen, columns=["head", "payload"]))
    return lists


def current_version(reader: Reader, config: Step3Config) -> ResultVersion:
    """The version that results computed now would have."""
    months = result_months(reader)
    return ResultVersion.of(
        dataset_in_force(reader)["dataset_version"],
        config,
        months,
        reader.read("calibrated_models", partitions=months, columns=MODEL_HASHES),
    )


def verdict_staleness(reader: Reader, config: Step3Config) -> list[str]:
    """Why the stored verdict does not match the current data, settings or models; else empty."""
    try:
        version = current_version(reader, config)
    except ValueError as error:
        return [f"acceptance: cannot be compared with what is stored now: {error}"]
    stale = version.staleness(reader.read("result_versions"), "acceptance")
    months = result_months(reader)
    return stale or contradictions(reader, config, months, [*EVIDENCE, "acceptance"])


def verdict_in_force(reader: Reader, config: Step3Config) -> str:
    """The stored verdict, marked if it is stale; empty if there is none."""
    acceptance = reader.read("acceptance")
    if acceptance.empty:
        return ""
    return dated_verdict(verdict(acceptance), verdict_staleness(reader, config))


def store_result(
    store: Store, result: str, frame: pd.DataFrame, version: ResultVersion, stamp: MadeFrom
) -> None:
    """Store ``audit`` or ``acceptance`` together with the version of its inputs."""
    with store.transaction([result, "result_versions"]) as transaction:
        versions = version.written(transaction.read("result_versions"), result)
        transaction.replace_all({result: frame}, stamp)
        transaction.replace_all({"result_versions": versions})


def keep_verdict(store: Store, version: ResultVersion, config: Step3Config) -> None:
    """Add the stored verdict to the past ones, unless it is there with the same inputs."""
    evaluated = Judged(
        version=version,
        config=config,
        code_version=code_version(),
        is_synthetic=bool(dataset_in_force(store)["is_synthetic"]),
        tables={name: store.read(name) for name in JUDGED_TABLES},
    )
    with store.transaction(["verdicts"]) as transaction:
        past = transaction.read("verdicts")
        transaction.append("verdicts", verdict_row(evaluated, past, datetime.now(UTC)))


def audit_in_force(store: Store, version: ResultVersion) -> pd.DataFrame:
    """Table ``audit``; empty if its data, settings or models are not the current ones."""
    audit = store.read("audit")
    stale = version.staleness(store.read("result_versions"), "audit")
    return audit.iloc[:0] if stale else audit


def register_stored(store: Store, config: Step3Config, change: Change) -> Registry:
    """Bring the registry up to date with the stored folds and weeks, in one transaction."""
    provenance = current_provenance(store, config)
    with store.transaction([*REGISTRY_TABLES, *_REGISTERED]) as transaction:
        registry = _registered(transaction, config, provenance, change)
        put_registry(transaction, registry)
    return registry


def registry_is_behind(store: Store, config: Step3Config) -> bool:
    """Whether registering the stored folds and weeks would change the registry."""
    stored = read_registry(store)
    change = change_now("nobody")
    registry = _registered(store, config, current_provenance(store, config), change)
    pairs = ((MODEL_REGISTRY, "models"), (REGISTRY_TRANSITIONS, "transitions"))
    return any(
        frame_hash(getattr(registry, name), table) != frame_hash(getattr(stored, name), table)
        for table, name in pairs
    )


def _registered(
    reader: Reader, config: Step3Config, provenance: Provenance, change: Change
) -> Registry:
    """The registry brought up to date with the stored folds and weeks."""
    models = reader.read("calibrated_models", columns=_ENTRY_COLUMNS)
    entries = fold_entries(models, reader.read("model_metrics"), provenance)
    registry = register_folds(read_registry(reader), entries, change)
    weeks = recalibration_entries(
        reader.read("recalibrations"),
        reader.read("weekly_models", columns=WEEKLY_COLUMNS),
        registry.models,
        provenance,
        config.recalibration.window_weeks,
    )
    return register_recalibrations(registry, weeks, change)


def register_if_behind(store: Store, settings: Settings, change: Change) -> bool:
    """Register the stored folds if the registry does not match them; called before scoring."""
    stored = store.read("calibrated_models", columns=MODEL_HASHES)
    if not artefact_violations(store.read("model_registry"), stored):
        return False
    register_stored(store, settings.config, change)
    write_registry_file(store, settings)
    return True


def promote_in_store(store: Store, settings: Settings, model_id: str, request: Request) -> Registry:
    """Promote a model on newly computed evidence, in one transaction, then write the file.

    The stored verdict is not trusted: the stored rows are compared with the manifest, statistics
    and criteria are computed again, and if all of them pass the audit is run again. The transaction
    is committed only if the rows that were read have not changed since.

    Raises
    ------
    RegistryError
        As :func:`step3_assets.domain.registry.promotion.promote`; the store is unchanged.
    """

    from step3_assets.domain.registry.promotion import (
        Evidence,
        PromotionRefused,
        promote,
        refuse_refit,
    )

    row = read_registry(store).row(model_id)
    refuse_refit(row)
    try:
        audit = audit_in_force(store, current_version(store, settings.config))
        again = evaluate_again(store, settings, audit)
    except ValueError as error:  # months missing between those that are scored
        raise PromotionRefused(model_id, [str(error)]) from error

    def work(transaction: Transaction) -> Registry:
        registry = read_registry(transaction)
        row = registry.row(model_id)
        if evidence_token(transaction) != again.token:
            raise RegistryError("the results changed while they were checked; promote again")
        evidence = Evidence(
            acceptance=again.acceptance,
            problems=again.problems,
            audit=transaction.read("audit"),
            result_versions=transaction.read("result_versions"),
            current=current_version(transaction, settings.config),
            models=_payloads(transaction, row["period_start"]),
        )
        return promote(
            registry,
            model_id,
            evidence,
            seen_champion=request.seen_champion,
            reason=request.reason,
            change=change_now(request.who),
        )

    return _change(store, settings, work)


def rollback_in_store(store: Store, settings: Settings, request: Request) -> Registry:
    """Return to the former champion, in one transaction, then write the file.

    Raises
    ------
    RegistryError
        As :func:`step3_assets.domain.registry.promotion.rollback`; the store is unchanged.
    """

    from step3_assets.domain.registry.promotion import former_champion, rollback

    def work(transaction: Transaction) -> Registry:
        registry = read_registry(transaction)
        former = former_champion(registry)
        month = registry.row(former)["period_start"] if former else None
        return rollback(
            registry,
            _payloads(transaction, month),
            seen_champion=request.seen_champion,
            reason=request.reason,
            change=change_now(request.who),
        )

    return _change(store, settings, work)


def write_registry_file(store: Store, settings: Settings) -> Path:
    """Write the registry's file from the store.

    Raises
    ------
    RegistryError
        If the file cannot be written, or the registry has two champions; the earlier file is kept
        unchanged.
    """
    path = settings.registry_file
    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_TIMEOUT_S):
            text = write_document(read_registry(store))
            replace_file(path, text.encode())
    except OSError as error:
        raise RegistryError(
            f"{path}: cannot be written ({error}). The store holds the current registry; "
            "`step3 run` writes the file again"
        ) from error
    return path


def registry_file_problems(store: Store, settings: Settings) -> list[str]:
    """Problems with ``step3_model_registry.json``; empty if it matches the table."""
    path = settings.registry_file
    if not path.exists():
        return [f"{path.name} is missing; `step3 run` writes it"]
    try:
        document = write_document(read_registry(store))
    except RegistryError as error:
        return [str(error)]
    if path.read_text("utf-8") != document:
        return [f"{path.name} does not match the table model_registry"]
    return []


def _change(store: Store, settings: Settings, work: Callable[[Transaction], Registry]) -> Registry:
    with store.transaction(_EVIDENCE_TABLES) as transaction:
        registry = work(transaction)
        put_registry(transaction, registry)
    write_registry_file(store, settings)
    return registry


def _payloads(transaction: Transaction, month: date | None) -> pd.DataFrame:
    months = [month] if month else []
    return transaction.read("calibrated_models", partitions=months, columns=["head", "payload"])
