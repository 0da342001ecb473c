"""The door: a Step 2 delivery read, validated and compared with what is stored.

Belongs here: the contract with Step 2. ``files`` says which files count, ``contract`` which columns
and types they have, ``sheet`` reads one file, ``rules`` says what its rows must satisfy,
``consistency`` compares rows with bars and with themselves, ``beside`` reads the manifest, meta
files and adjustments, ``read`` puts a delivery together. ``probe`` looks at its span without
reading it. ``revisions`` compares it with what is stored row by row, ``changes`` month by month,
``withdrawal`` finds what it takes back. ``snapshot`` says when a folder's files have settled,
``problems`` is the one error. Does not belong here: storage, Dagster, and the building of
deliveries (:mod:`step3_assets.domain.step2`).
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
