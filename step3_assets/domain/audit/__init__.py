"""The leakage audit: stored results asked how they could have come out flattering by accident.

Belongs here: checks over stored tables, each by other means than those that made them, each proved
by a planted fault. Does not belong here: reading the store, printing, repairing.
"""
