"""Instants: stamps as microseconds since the epoch, their days and weeks as numbers.

Belongs here: conversion between pandas stamps and integers. Does not belong here: what happens at
an instant, or the exchange's sessions (:mod:`step3_assets.domain.core.calendar`).
"""

import numpy as np
import pandas as pd

NY = "America/New_York"


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
    local = utc_index(us).tz_convert(NY).tz_localize(None)
    return local.as_unit("us").to_numpy().astype("datetime64[D]").astype("int64")


def week_numbers(days: np.ndarray) -> np.ndarray:
    """Number of the week, from Monday to Sunday, of days counted from 1970-01-01.

    Examples
    --------
    >>> days = np.array(["2023-01-01", "2023-01-02"], dtype="datetime64[D]")  # Sunday, Monday
    >>> week_numbers(days.astype("int64")).tolist()
    [2765, 2766]
    """
    return (days + 3) // 7  # 1970-01-01 was a Thursday
