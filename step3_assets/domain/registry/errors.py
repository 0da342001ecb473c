"""The error that the registry raises.

Belongs here: the exception. Does not belong here: any rule.
"""


class RegistryError(ValueError):
    """A registry that contradicts itself, or a change of stage that is not allowed."""
