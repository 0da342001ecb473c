"""The shadow account: each candidate is scored once, when a delivery first contains it.

Belongs here: what a step adds, the account derived from it, its comparison with the backtest.
Does not belong here: storage; scoring and simulation, which the backtest provides.
"""
