"""The Step 2 builder: bars in, a complete Step 2 delivery out.

Belongs here: the definitions of every Step 2 column, the session calendar they need and the
writing of a delivery. Does not belong here: models, folds, Dagster, DuckDB, the command line.
"""
