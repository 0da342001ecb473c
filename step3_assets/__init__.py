"""Step 3 of an event-driven ETF strategy: from Step 2 deliveries to believable decisions.

Belongs here: the package's version and nothing else; import the part you need by its own path.
"""

__version__ = "0.2.0"
