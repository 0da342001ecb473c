"""The Step 2 builder: bars in, a complete Step 2 delivery out.

Belongs here: the definition of every Step 2 column, and writing a delivery. Does not belong here:
models, folds, Dagster, DuckDB, the command line.
"""
