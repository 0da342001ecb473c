"""Reliability: kills, full disks, strange files, clocks; the claims of ``docs/reliability.md``."""
