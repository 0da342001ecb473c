"""The leakage audit: checks whether stored results look better than they are.

Belongs here: checks over stored tables. Each uses other code than the code that made the tables,
and a test plants a fault that it must find. Does not belong here: reading the store, printing,
repairs.
"""
