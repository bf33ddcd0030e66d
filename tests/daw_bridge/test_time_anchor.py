"""A device's stamps on our clock: late callbacks do not show."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daw_bridge.time_anchor import WRONG, TimeAnchor


@settings(max_examples=25, deadline=None)
@given(apart=st.floats(-1e5, 1e5), drift=st.floats(-1e-4, 1e-4), seed=st.integers(0, 999))
def test_stamps_stay_even_however_late_they_are_heard(apart: float, drift: float, seed: int):
    late = np.random.default_rng(seed).exponential(0.003, 600)
    anchor, off = TimeAnchor(), []
    for i, delay in enumerate(late):
        device = i * 0.02
        anchor.note(device, apart + device * (1 + drift) + float(delay))
        off.append(anchor.at(device) - apart - device * (1 + drift))
    assert np.abs(off[100:]).max() < 2 * WRONG + 64 * 0.02 * abs(drift)
    steps = np.abs(np.diff(off[100:]))
    assert np.count_nonzero(steps > 1e-4) < 40, "held still between corrections"


def test_a_device_that_begins_anew_is_believed() -> None:
    anchor = TimeAnchor(median)
    for i in range(50):
        assert anchor.note(i * 0.01, 100 + i * 0.01) == pytest.approx(0, abs=1e-9)
    assert anchor.note(0.0, 200.0) == pytest.approx(100)
    assert anchor.at(1.0) == 201.0


def test_nothing_is_known_at_first() -> None:
    with pytest.raises(ValueError):
        TimeAnchor().at(0.0)
