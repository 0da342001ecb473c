"""Instants: stamps as microseconds since the epoch, and back.

Belongs here: conversion between pandas stamps and integers. Does not belong here: what happens at
an instant.
"""

import numpy as np
import pandas as pd


def utc_index(us: np.ndarray) -> pd.DatetimeIndex:
    """Microseconds since the epoch as UTC stamps."""
    return pd.DatetimeIndex(us.astype("int64").view("datetime64[us]"), tz="UTC")


def instant_us(stamp: pd.Timestamp) -> int:
    """One stamp with a time zone, as microseconds since the epoch."""
    return int(pd.DatetimeIndex([stamp]).tz_convert("UTC").as_unit("us").asi8[0])


def utc_stamp(us: int) -> pd.Timestamp:
    """One instant, from microseconds since the epoch."""
    return pd.Timestamp(us, unit="us", tz="UTC")


def new_york_days(us: np.ndarray) -> np.ndarray:
    """New York calendar day of each instant, counted from 1970-01-01."""
    local = utc_index(us).tz_convert("America/New_York").tz_localize(None)
    return local.as_unit("us").to_numpy().astype("datetime64[D]").astype("int64")
