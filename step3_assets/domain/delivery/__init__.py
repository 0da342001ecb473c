"""Ingest of a Step 2 delivery: it is read, validated and compared with what is stored.

Belongs here: the contract with Step 2. ``files`` lists the files that are read, ``contract`` their
columns and types, ``sheet`` reads one file, ``rules`` holds what its rows must satisfy,
``consistency`` computes columns again and compares, ``side_files`` reads the manifest, meta files
and adjustments, ``read`` puts a delivery together. ``probe`` finds the span of a delivery without
reading it. ``revisions`` compares it with what is stored row by row, ``changes`` month by month,
and ``withdrawal`` finds what it no longer holds. ``snapshot`` decides when the files of a folder
have settled, and ``problems`` is the error. Does not belong here: storage, Dagster, or building a
delivery (:mod:`step3_assets.domain.step2`).
"""

from step3_assets.domain.delivery.probe import probe_months
from step3_assets.domain.delivery.problems import DeliveryError, Problem
from step3_assets.domain.delivery.read import Delivery, read_delivery
from step3_assets.domain.delivery.revisions import count_revisions, find_revisions
from step3_assets.domain.delivery.rules import label_arithmetic_problems

__all__ = [
    "Delivery",
    "DeliveryError",
    "Problem",
    "count_revisions",
    "find_revisions",
    "label_arithmetic_problems",
    "probe_months",
    "read_delivery",
]
