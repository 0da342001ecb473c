"""Tables of the nested search.

Belongs here: descriptions only. Does not belong here: code that reads, writes or computes.
"""

from step3_assets.catalogue.column import Column, KnownAt, Table

_I = KnownAt.IDENTITY
_F = KnownAt.FOLD_START
_R = KnownAt.RESULT


EPOCH = Column("epoch", "DATE", _I, "First month of the search epoch, as its first day.")


TUNED_PARAMS = Table(
    "tuned_params",
    "The settings that the nested search chose for an epoch, on folds that end before it.",
    "tuned_params",
    (
        EPOCH,
        Column("last_month", "DATE", _I, "Last month of the epoch."),
        Column("inner_first_month", "DATE", _F, "First inner test month."),
        Column("inner_last_month", "DATE", _F, "Last one: the month before the epoch."),
        Column("n_inner_months", "BIGINT", _F, "Inner test months."),
        Column("n_model_trials", "BIGINT", _F, "Model trials, pruned ones included."),
        Column("n_gate_trials", "BIGINT", _F, "Gate and portfolio trials."),
        Column("objective", "DOUBLE", _F, "Objective of the chosen trial, or of the best one."),
        Column("default_objective", "DOUBLE", _F, "Objective of the documented settings."),
        Column("p_value", "DOUBLE", _F, "Probability of so good a best trial by chance."),
        Column("is_default", "BOOLEAN", _F, "Gain too small or by chance: documented settings."),
        Column("params", "VARCHAR", _F, "The searched settings in force, as JSON."),
        Column("settings", "VARCHAR", _F, "Sections of the configuration in force, as JSON."),
        Column("config_hash", "VARCHAR", _F, "Hash of those sections."),
        Column("base_hash", "VARCHAR", _F, "Hash of the documented sections."),
        Column("search_hash", "VARCHAR", _F, "Hash of search settings, base and data."),
        Column("dataset_version", "VARCHAR", _F, "Delivery in force when it was searched."),
    ),
    ("epoch",),
    partition="epoch",
)


TRIAL_LEVELS = ("model", "gate", "allocation")

TRIAL_STATES = ("complete", "pruned")


TRIALS = Table(
    "trials",
    "Every configuration that the search ever evaluated; append-only.",
    "tuned_params",
    (
        Column("trial_id", "VARCHAR", _I, "Hash of the study and the trial's number in it."),
        EPOCH,
        Column("level", "VARCHAR", _I, "What was varied.", allowed=TRIAL_LEVELS),
        Column("study", "VARCHAR", _I, "Name of the Optuna study."),
        Column("number", "BIGINT", _I, "Number of the trial in its study."),
        Column("state", "VARCHAR", _R, "complete, or pruned.", allowed=TRIAL_STATES),
        Column("params", "VARCHAR", _R, "Parameters of the trial, as JSON."),
        Column("config_hash", "VARCHAR", _R, "Hash of the settings tried; unused ones left out."),
        Column("models_hash", "VARCHAR", _R, "Hash of the model settings alone."),
        Column("first_month", "DATE", _R, "First month evaluated."),
        Column("last_month", "DATE", _R, "Last month evaluated."),
        Column("objective", "DOUBLE", _R, "Objective over the months evaluated."),
        Column("max_drawdown_frac", "DOUBLE", _R, "Over the same months.", "fraction"),
        Column("n_trades", "BIGINT", _R, "Over the same months."),
        Column("month_returns", "VARCHAR", _R, "Return of each month, a JSON list of fractions."),
        Column("month_scores", "VARCHAR", _R, "Score of each month in the objective, a JSON list."),
        Column("evaluated_on", "VARCHAR", _R, "What the trial was evaluated on, in words."),
        Column("search_hash", "VARCHAR", _R, "Hash of search settings, base and data."),
        Column("dataset_version", "VARCHAR", _R, "Delivery in force."),
    ),
    ("trial_id",),
    partition=None,
)
