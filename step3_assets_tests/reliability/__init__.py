"""A bad day: kills, full disks, strange files, clocks; what ``docs/reliability.md`` promises."""
