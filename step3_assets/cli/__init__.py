"""The ``step3`` command line, thin over the Dagster definitions.

Belongs here: arguments, progress, printed words. Does not belong here: anything a Dagster user
could not also do from the UI.
"""
