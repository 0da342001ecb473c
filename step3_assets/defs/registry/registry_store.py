"""The model registry in the store and in its file: reading, updating, changing, writing it.

Belongs here: which tables a change of the registry reads and writes, each in one transaction, and
the file ``step3_model_registry.json``. Does not belong here: what a change means
(:mod:`step3_assets.domain.registry`).

The store is authoritative: whoever changes it writes the whole file
under a lock, so that the last writer has read the last change.
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
    """What a person asks for.

    Parameters
    ----------
    reason, who : str
        Both stay in the history.
    seen_champion : str or None
        The champion that the person saw when deciding.
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
    """A change by somebody, now."""
    return Change(actor, datetime.now(UTC))


def current_provenance(store: Store, config: Step3Config) -> Provenance:
    """What the stored folds were made from, and the verdict on them."""
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
    """Read from one partition a hash: payloads are large, and they mostly share their list."""
    lists: dict[str, list[str]] = {}
    for table, partition in (("calibrated_models", "month"), ("weekly_models", "week")):
        hashes = store.read(table, columns=[partition, "features_hash"])
        chosen = list(hashes.drop_duplicates("features_hash")[partition])
        lists |= feature_lists(store.read(table, partitions=chosen, columns=["head", "payload"]))
    return lists


def current_version(reader: Reader, config: Step3Config) -> ResultVersion:
    """The version of results that would be made now."""
    months = result_months(reader)
    return ResultVersion.of(
        dataset_in_force(reader)["dataset_version"],
        config,
        months,
        reader.read("calibrated_models", partitions=months, columns=MODEL_HASHES),
    )


def verdict_staleness(reader: Reader, config: Step3Config) -> list[str]:
    """Why the stored verdict is not about the data, settings and models now; empty if it is."""
    try:
        version = current_version(reader, config)
    except ValueError as error:
        return [f"acceptance: cannot be compared with what is stored now: {error}"]
    stale = version.staleness(reader.read("result_versions"), "acceptance")
    months = result_months(reader)
    return stale or contradictions(reader, config, months, [*EVIDENCE, "acceptance"])


def verdict_in_force(reader: Reader, config: Step3Config) -> str:
    """The stored verdict, marked stale where it is; empty where there is none."""
    acceptance = reader.read("acceptance")
    if acceptance.empty:
        return ""
    return dated_verdict(verdict(acceptance), verdict_staleness(reader, config))


def store_result(
    store: Store, result: str, frame: pd.DataFrame, version: ResultVersion, stamp: MadeFrom
) -> None:
    """Store ``audit`` or ``acceptance`` together with the version that it was made from."""
    with store.transaction([result, "result_versions"]) as transaction:
        versions = version.written(transaction.read("result_versions"), result)
        transaction.replace_all({result: frame}, stamp)
        transaction.replace_all({"result_versions": versions})


def keep_verdict(store: Store, version: ResultVersion, config: Step3Config) -> None:
    """Add the stored verdict to the past ones, unless the same was given on the same before."""
    judged = Judged(
        version=version,
        config=config,
        code_version=code_version(),
        is_synthetic=bool(dataset_in_force(store)["is_synthetic"]),
        tables={name: store.read(name) for name in JUDGED_TABLES},
    )
    with store.transaction(["verdicts"]) as transaction:
        past = transaction.read("verdicts")
        transaction.append("verdicts", verdict_row(judged, past, datetime.now(UTC)))


def audit_in_force(store: Store, version: ResultVersion) -> pd.DataFrame:
    """Table ``audit``; empty where it was made from other data, settings or models than now."""
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
    """Register, if a stored fold is not the one that the registry knows: who scores asks first."""
    stored = store.read("calibrated_models", columns=MODEL_HASHES)
    if not artefact_violations(store.read("model_registry"), stored):
        return False
    register_stored(store, settings.config, change)
    write_registry_file(store, settings)
    return True


def promote_in_store(store: Store, settings: Settings, model_id: str, request: Request) -> Registry:
    """Promote a model on evidence computed now, stage written in one transaction; then the file.

    Nothing stored about the verdict is believed: stored rows are compared with the manifest,
    statistics and criteria are computed again, and if all passes the audit is run again. The
    transaction goes through only if none of what was read has changed meanwhile.

    Raises
    ------
    RegistryError
        As :func:`step3_assets.domain.registry.promotion.promote`; the store is as it was.
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
    """Return to the former champion, in one transaction; then the file.

    Raises
    ------
    RegistryError
        As :func:`step3_assets.domain.registry.promotion.rollback`; the store is as it was.
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
    """Write the registry's document as the store now has it.

    Raises
    ------
    RegistryError
        If the file cannot be written, or the registry has two champions: the file is then the one
        before, whole.
    """
    path = settings.registry_file
    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_TIMEOUT_S):
            text = write_document(read_registry(store))
            replace_file(path, text.encode())
    except OSError as error:
        raise RegistryError(
            f"{path}: cannot be written ({error}). The store has the registry as it now is; "
            "`step3 run` writes the file again"
        ) from error
    return path


def registry_file_problems(store: Store, settings: Settings) -> list[str]:
    """Whether ``step3_model_registry.json`` says what the table says; empty if it does."""
    path = settings.registry_file
    if not path.exists():
        return [f"{path.name} is missing; `step3 run` writes it"]
    try:
        document = write_document(read_registry(store))
    except RegistryError as error:
        return [str(error)]
    if path.read_text("utf-8") != document:
        return [f"{path.name} does not say what the table model_registry says"]
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
