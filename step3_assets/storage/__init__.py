"""Tables in DuckDB: how they are created, replaced, read and hashed.

Belongs here: everything that uses SQL. Does not belong here: the meaning of the data.
"""
