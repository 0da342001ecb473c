"""Decisions: from stored models to an expected value, a gate and a size for every event."""
