import math

import numpy as np
import pandas as pd
import pytest

from step3_assets.domain.models.text_format import (
    ModelIntegrityError,
    dump_numbers,
    load_numbers,
    payload_sha256,
    read_payloads,
)


def stored(**changes) -> pd.DataFrame:
    payload = '{"a":1}'
    row = {"month": "2019-02", "head": "ridge", "payload": payload}
    return pd.DataFrame([row | {"payload_sha256": payload_sha256(payload)} | changes])


def test_floats_come_back_to_the_bit():
    values = np.array([0.1, 1 / 3, 1e-300, -0.0, 123456789.123456789])
    back = load_numbers(dump_numbers({"x": values, "n": np.int64(3)}))
    assert np.array(back["x"]).tobytes() == values.tobytes()
    assert back["n"] == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_no_nan_is_stored(bad):
    with pytest.raises(ValueError, match="Out of range float"):
        dump_numbers({"x": bad})


def test_only_plain_numbers_are_stored():
    with pytest.raises(TypeError, match="object is not a plain number"):
        dump_numbers({"x": object()})


def test_sha256_is_the_standard_one():
    assert payload_sha256("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_one_flipped_character_is_caught():
    with pytest.raises(ModelIntegrityError, match="model ridge of 2019-02 was altered"):
        read_payloads(stored(payload='{"a":2}'))


def test_head_stored_twice_is_refused():
    with pytest.raises(ModelIntegrityError, match="stored twice"):
        read_payloads(pd.concat([stored(), stored()]))


@pytest.mark.parametrize("text", ["", "{", "[1]", "__import__('os')"])
def test_text_that_is_no_numbers_is_refused(text):
    with pytest.raises(ModelIntegrityError, match=r"not (a )?JSON"):
        load_numbers(text)
