"""Tables as older programs created them, for the tests of migrations.

Belongs here: the statements of a schema version, with a few rows. Does not belong here: what
becomes of them. Whoever changes a table that is not here yet adds the statement that created it.
"""

VERSION_1 = (
    "CREATE TABLE store_info (name VARCHAR, value VARCHAR)",
    "INSERT INTO store_info VALUES ('schema_version', '1-38050cfa')",
    'CREATE TABLE acceptance ("gate" VARCHAR NOT NULL, "position" BIGINT NOT NULL, '
    '"value" DOUBLE, "threshold" DOUBLE, "lower" DOUBLE, "upper" DOUBLE, '
    '"comparison" VARCHAR NOT NULL, "is_passed" BOOLEAN NOT NULL, "evidence" VARCHAR NOT NULL)',
    "INSERT INTO acceptance VALUES ('max_drawdown', 1, 0.05, 0.12, NULL, NULL, '<=', true, 'A.')",
    'CREATE TABLE model_registry ("model_id" VARCHAR NOT NULL, "kind" VARCHAR NOT NULL, '
    '"period_start" DATE NOT NULL, "base_model_id" VARCHAR, "stage" VARCHAR NOT NULL, '
    '"dataset_version" VARCHAR NOT NULL, "inputs_hash" VARCHAR NOT NULL, '
    '"members_hash" VARCHAR NOT NULL, "features" VARCHAR NOT NULL, '
    '"features_hash" VARCHAR NOT NULL, "code_version" VARCHAR NOT NULL, '
    '"libraries" VARCHAR NOT NULL, "config_hash" VARCHAR NOT NULL, "parameters" VARCHAR, '
    '"parameters_source" VARCHAR NOT NULL, "artefacts" VARCHAR NOT NULL, '
    '"metrics" VARCHAR NOT NULL, "gates" VARCHAR NOT NULL, "verdict" VARCHAR NOT NULL)',
    "INSERT INTO model_registry VALUES ('fold-2023-12-a', 'fold', DATE '2023-12-01', NULL, "
    "'champion', 'd1', 'i', 'm', '[]', 'f', 'c', '{}', 'h', NULL, 'defaults', '{}', '{}', "
    "'{\"max_drawdown\":{}}', 'PROMOTE')",
    'CREATE TABLE registry_transitions ("position" BIGINT NOT NULL, "model_id" VARCHAR NOT NULL, '
    '"from_stage" VARCHAR, "to_stage" VARCHAR NOT NULL, "cause" VARCHAR NOT NULL, '
    '"reason" VARCHAR NOT NULL, "actor" VARCHAR NOT NULL, "evidence" VARCHAR, '
    '"time_utc" TIMESTAMPTZ NOT NULL)',
    "INSERT INTO registry_transitions VALUES (1, 'fold-2023-12-a', NULL, 'candidate', "
    "'registered', 'new', 'asset', NULL, '2024-01-01 00:00:00+00')",
    "INSERT INTO registry_transitions VALUES (2, 'fold-2023-12-a', 'candidate', 'champion', "
    "'promoted', 'ok', 'me', '{\"audit\":[],\"gates\":{\"max_drawdown\":{}}}', "
    "'2024-01-02 00:00:00+00')",
)
