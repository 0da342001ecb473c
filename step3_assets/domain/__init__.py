"""The science of the platform: folds, models, decisions, execution, worlds.

Belongs here: pure functions over frames and arrays. Does not belong here: Dagster, DuckDB,
the environment, the command line; import-linter keeps it so.
"""
