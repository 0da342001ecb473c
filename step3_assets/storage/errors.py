"""The one error that storage raises.

Belongs here: :class:`StoreError`. Does not belong here: anything that can fail.
"""


class StoreError(RuntimeError):
    """The store refused or could not do what was asked; what was stored before still stands."""
