"""The shadow account: candidates scored once as they arrive, filled when the bars show it.

Belongs here: what a step adds, the account derived from it, its comparison with the backtest.
Does not belong here: storage; scoring and simulation, which are those of the backtest.
"""
