"""Tables of the model registry.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import Column, KnownAt, Table

_I = KnownAt.IDENTITY
_F = KnownAt.FOLD_START
_R = KnownAt.RESULT


MODEL_KINDS = ("fold", "recalibration")

STAGES = ("candidate", "shadow", "champion", "archived")

TRANSITION_CAUSES = (
    "registered",
    "newest",
    "not_newest",
    "replaced",
    "withdrawn",
    "base_archived",
    "restored",
    "promoted",
    "superseded",
    "rollback",
    "rolled_back",
)


MODEL_REGISTRY = Table(
    "model_registry",
    "Every model version: what it was made from, its quality, and the verdict.",
    "model_registry",
    (
        Column("model_id", "VARCHAR", _I, "Kind, period and hash of the artefacts."),
        Column("kind", "VARCHAR", _I, "A fold's models, or their refit.", allowed=MODEL_KINDS),
        Column("period_start", "DATE", _I, "First day of the test month, or of the week."),
        Column(
            "base_model_id",
            "VARCHAR",
            _I,
            "The fold model that a recalibration refits.",
            is_nullable=True,
        ),
        Column("stage", "VARCHAR", _R, "Its stage now.", allowed=STAGES),
        Column("dataset_version", "VARCHAR", _F, "Delivery in force when last registered."),
        Column("inputs_hash", "VARCHAR", _F, "Hash over the events of its look-back months."),
        Column("members_hash", "VARCHAR", _F, "Hash of the rows it was trained on."),
        Column("features", "VARCHAR", _F, "The features that the models see, in order, as JSON."),
        Column("features_hash", "VARCHAR", _F, "Hash of the feature list, in order."),
        Column("code_version", "VARCHAR", _F, "Version and hash of the code that decides."),
        Column("libraries", "VARCHAR", _F, "Numerical libraries and their versions, as JSON."),
        Column("config_hash", "VARCHAR", _F, "Hash of the model settings it was trained with."),
        Column(
            "parameters",
            "VARCHAR",
            _F,
            "Settings of folds and of what a search may change, as JSON; null if not in force.",
            is_nullable=True,
        ),
        Column(
            "parameters_source",
            "VARCHAR",
            _F,
            "defaults, step3.toml, search epoch YYYY-MM, base model, or not in force.",
        ),
        Column("artefacts", "VARCHAR", _F, "SHA-256 of each head's payload, as JSON."),
        Column("metrics", "VARCHAR", _F, "Quality out of fold, as JSON."),
        Column("criteria", "VARCHAR", _R, "Result of each acceptance criterion then, as JSON."),
        Column("verdict", "VARCHAR", _R, "Verdict in force when last registered."),
    ),
    ("model_id",),
    partition=None,
)


REGISTRY_TRANSITIONS = Table(
    "registry_transitions",
    "Every change of a model's stage, in order; append-only.",
    "model_registry",
    (
        Column("position", "BIGINT", _I, "Order in which it happened, from 1."),
        Column("model_id", "VARCHAR", _I, "The model."),
        Column("from_stage", "VARCHAR", _R, "Null when new.", is_nullable=True, allowed=STAGES),
        Column("to_stage", "VARCHAR", _R, "Its stage afterwards.", allowed=STAGES),
        Column("cause", "VARCHAR", _R, "Cause of the change.", allowed=TRANSITION_CAUSES),
        Column("reason", "VARCHAR", _R, "Why, in words."),
        Column("actor", "VARCHAR", _R, "The asset or the person."),
        Column(
            "evidence",
            "VARCHAR",
            _R,
            "For a promotion: data, settings, criteria and audit at that time, as JSON.",
            is_nullable=True,
        ),
        Column(
            "time_utc",
            "TIMESTAMPTZ",
            _R,
            "Wall-clock time of the change; not part of content hashes.",
            "UTC",
            is_wall_clock=True,
        ),
    ),
    ("position",),
    partition=None,
)
