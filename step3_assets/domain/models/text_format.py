"""How a model is stored: as text that executes nothing when it is read, with a hash.

Belongs here: JSON of plain numbers, the hash and its check. Does not belong here: what the numbers
mean, or LightGBM's text format (:mod:`step3_assets.domain.models.boosting`).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

JSON_NUMBERS = "json of plain numbers"

Numbers = dict[str, Any]
"""A stored model or calibrator: names and numbers."""


class ModelIntegrityError(ValueError):
    """A stored model is missing, altered, or not of the form that its head has."""


def dump_numbers(numbers: Mapping[str, Any]) -> str:
    """JSON with sorted keys; floats in their shortest exact form, so that reading restores them.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.

    Examples
    --------
    >>> dump_numbers({"b": 0.1, "a": [1, 2.5]})
    '{"a":[1,2.5],"b":0.1}'
    """
    return json.dumps(
        numbers, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain
    )


def load_numbers(text: str) -> Numbers:
    """Read what :func:`dump_numbers` wrote.

    Raises
    ------
    ModelIntegrityError
        If the text is not a JSON object.
    """
    try:
        numbers = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelIntegrityError(f"model payload is not JSON: {error}") from error
    if not isinstance(numbers, dict):
        raise ModelIntegrityError("model payload is not a JSON object")
    return numbers


_NAMES_IN_HASHES = {
    "classifier": "lgbm_classifier",
    "mean": "lgbm_mean",
    "q10": "lgbm_q10",
    "q50": "lgbm_q50",
    "q90": "lgbm_q90",
}


def name_in_hashes(head: str) -> str:
    """A head's name in hashes over several heads.

    Hashes that identify a set of models were first computed when heads were named by library. They
    keep those names, so that the hash of stored models did not change when heads were renamed.
    """
    return _NAMES_IN_HASHES.get(head, head)


def payload_sha256(payload: str) -> str:
    """SHA-256 of a payload, 64 hex digits."""
    return hashlib.sha256(payload.encode()).hexdigest()


def read_payloads(models: pd.DataFrame) -> dict[str, str]:
    """Payload of each head, after checking every hash.

    Parameters
    ----------
    models : DataFrame
        Rows of table ``calibrated_models`` of one fold, or of ``weekly_models`` of one week.

    Returns
    -------
    dict of str to str
        Head to payload; empty for a fold that could not be trained.

    Raises
    ------
    ModelIntegrityError
        If a payload does not match its hash, or a head is stored twice.
    """
    payloads: dict[str, str] = {}
    partition = "week" if "week" in models else "month"
    rows = zip(
        models[partition], models["head"], models["payload"], models["payload_sha256"], strict=True
    )
    for when, head, payload, expected in rows:
        if head in payloads:
            raise ModelIntegrityError(f"model {head} of {when} is stored twice")
        found = payload_sha256(payload)
        if found != expected:
            raise ModelIntegrityError(
                f"model {head} of {when} was altered: its SHA-256 is {found[:12]}..., "
                f"recorded was {expected[:12]}..."
            )
        payloads[head] = payload
    return payloads


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a plain number")
