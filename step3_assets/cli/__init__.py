"""The ``step3`` command line, a thin layer over the Dagster definitions.

Belongs here: arguments, progress, printed text. Does not belong here: anything a Dagster user
could not also do from the UI.
"""
