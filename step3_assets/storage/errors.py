"""The one error that storage raises.

Belongs here: :class:`StoreError`. Does not belong here: the code that raises it.
"""


class StoreError(RuntimeError):
    """The store refused an operation or could not complete it; stored rows are unchanged."""
