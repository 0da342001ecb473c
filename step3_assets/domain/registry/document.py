"""The registry as one JSON document, for programs that cannot read DuckDB.

Belongs here: the fields of the document, from which its JSON schema is generated, and filling it
from the tables. Does not belong here: where it is written
(:mod:`step3_assets.defs.registry.registry_store`).
"""

import json
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from step3_assets.config import Frozen
from step3_assets.domain.registry.stages import SHADOW, Registry, as_rows

DOCUMENT_VERSION = "2"

Stage = Literal["candidate", "shadow", "champion", "archived"]


class Criterion(Frozen):
    """One acceptance criterion as it stood when the model was last registered."""

    value: float | None = Field(description="The metric; null where it is unknown.")
    threshold: float | None = Field(description="The threshold.")
    comparison: str = Field(description="How they are compared: >=, >, <= or ==.")
    is_passed: bool


class Model(Frozen):
    """One model version; the meaning of each field is that of its column in the data dictionary."""

    model_id: str
    kind: Literal["fold", "recalibration"]
    period_start: date
    base_model_id: str | None
    stage: Stage
    dataset_version: str
    inputs_hash: str
    members_hash: str
    features: tuple[str, ...]
    features_hash: str
    code_version: str
    libraries: dict[str, str]
    config_hash: str
    parameters: dict[str, Any] | None
    parameters_source: str
    artefacts: dict[str, str] = Field(description="SHA-256 of each head's payload.")
    metrics: dict[str, float | None] = Field(description="Out of fold; null where unknown.")
    criteria: dict[str, Criterion]
    verdict: str


class Transition(Frozen):
    """One change of a model's stage."""

    position: int
    model_id: str
    from_stage: Stage | None
    to_stage: Stage
    cause: str
    reason: str
    actor: str
    evidence: dict[str, Any] | None
    time_utc: datetime


class RegistryDocument(Frozen):
    """The model registry of one installation."""

    schema_version: Literal["2"] = Field(description="Version of the document's fields.")
    champion: str | None = Field(description="Identifier of the champion; null if there is none.")
    shadow: str | None = Field(
        description="Identifier of the fold model at stage shadow; null if there is none."
    )
    models: tuple[Model, ...]
    transitions: tuple[Transition, ...] = Field(description="Changes of stage, in order of time.")


_JSON_COLUMNS = ("features", "libraries", "parameters", "artefacts", "metrics", "criteria")


def write_document(registry: Registry) -> str:
    """The document's text, ending in a newline; the same tables give the same text.

    Raises
    ------
    RegistryError
        If there are two champions.
    """
    champion = registry.champion
    watched = registry.models[
        (registry.models["stage"] == SHADOW) & (registry.models["kind"] == "fold")
    ]
    document = RegistryDocument(
        schema_version=DOCUMENT_VERSION,
        champion=champion["model_id"] if champion else None,
        shadow=str(watched["model_id"].iloc[0]) if len(watched) else None,
        models=tuple(Model(**_parsed(row, _JSON_COLUMNS)) for row in as_rows(registry.models)),
        transitions=tuple(
            Transition(**_parsed(row, ("evidence",))) for row in as_rows(registry.transitions)
        ),
    )
    return document.model_dump_json(indent=1) + "\n"


def read_document(text: str) -> RegistryDocument:
    """Read what :func:`write_document` wrote.

    Raises
    ------
    ValueError
        If the text is not such a document, or has a field that the schema lacks.
    """
    return RegistryDocument.model_validate_json(text)


def document_schema() -> str:
    """The document's JSON schema (draft 2020-12), as JSON text ending in a newline."""
    schema = RegistryDocument.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def _parsed(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in names and value is not None else value
        for name, value in row.items()
    }
