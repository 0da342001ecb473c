"""Dagster definitions: assets, checks, partitions, resources and jobs.

Belongs here: wiring. An asset's body reads, calls one domain function and hands back frames and
metadata; what is computed lives in :mod:`step3_assets.domain`.
"""
