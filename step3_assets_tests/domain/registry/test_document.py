"""The JSON document equals the tables, its schema is strict, its text is stable."""

import json

import pytest

from step3_assets.domain.registry.document import (
    document_schema,
    read_document,
    write_document,
)
from step3_assets.domain.registry.errors import RegistryError
from step3_assets.domain.registry.stages import Registry
from step3_assets_tests.domain.registry.registered import DEC, NOV, entry, registry_of

CRITERION = '{"max_drawdown":{"comparison":"<=","is_passed":true,"threshold":0.12,"value":null}}'
JSON = {
    "features": '["sigma"]',
    "libraries": "{}",
    "parameters": None,
    "metrics": '{"brier":null}',
    "criteria": CRITERION,
}
REGISTRY = registry_of({**entry(NOV), **JSON}, {**entry(DEC), **JSON})


def test_the_document_says_what_the_tables_say():
    document = read_document(write_document(REGISTRY))
    assert document.schema_version == "2"
    assert document.champion is None
    assert document.shadow == document.models[1].model_id
    assert [model.stage for model in document.models] == ["candidate", "shadow"]
    assert document.models[0].artefacts == {"blend": "bb", "ridge": "aa"}
    assert document.models[0].criteria["max_drawdown"].value is None
    assert [step.position for step in document.transitions] == [1, 2, 3]
    assert document.transitions[0].time_utc.isoformat() == "2024-01-02T09:30:00+00:00"


def test_the_same_tables_give_the_same_text():
    assert write_document(REGISTRY) == write_document(
        Registry(REGISTRY.models.copy(), REGISTRY.transitions.copy())
    )


def test_an_empty_registry_is_a_document():
    assert read_document(write_document(Registry.empty())).models == ()


@pytest.mark.parametrize("cut", [1, 100, 1500])
def test_half_a_document_is_refused(cut):
    with pytest.raises(ValueError, match="Invalid JSON"):
        read_document(write_document(REGISTRY)[:cut])


def test_an_unknown_field_and_another_version_are_refused():
    plain = json.loads(write_document(REGISTRY))
    for changed in ({"more": 1}, {"schema_version": "1"}):
        with pytest.raises(ValueError, match="validation error"):
            read_document(json.dumps({**plain, **changed}))


def test_two_champions_are_not_written_out():
    with pytest.raises(RegistryError, match="2 champions"):
        write_document(Registry(REGISTRY.models.assign(stage="champion"), REGISTRY.transitions))


def test_the_schema_names_every_field_of_a_document():
    schema = json.loads(document_schema())
    plain = json.loads(write_document(REGISTRY))
    assert set(schema["properties"]) == set(schema["required"]) == set(plain)
    for name, row in (("Model", plain["models"][0]), ("Transition", plain["transitions"][0])):
        described = schema["$defs"][name]
        assert set(described["properties"]) == set(described["required"]) == set(row)
        assert described["additionalProperties"] is False
