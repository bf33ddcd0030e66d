from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.codec.soft_clip import CEILING, KNEE, soft_clip

signals = arrays.arrays(np.float32, (40, 2), elements=st.floats(-8, 8, width=32))


@given(signals)
def test_nothing_nears_full_scale_and_quiet_samples_stay(pcm: np.ndarray) -> None:
    out = soft_clip(pcm)
    assert out.dtype == np.float32
    assert np.abs(out).max() <= np.float32(CEILING)
    quiet = np.abs(pcm) <= KNEE
    np.testing.assert_array_equal(out[quiet], pcm[quiet])
    assert (np.sign(out) == np.sign(pcm)).all()


@given(signals, st.integers(0, 40))
def test_blocks_give_what_the_whole_gives(pcm: np.ndarray, cut: int) -> None:
    pieces = np.concatenate((soft_clip(pcm[:cut]), soft_clip(pcm[cut:])))
    np.testing.assert_array_equal(pieces, soft_clip(pcm))


def test_louder_stays_louder() -> None:
    ramp = np.linspace(0, 1.2, 500, dtype=np.float32)[:, None]
    assert (np.diff(soft_clip(ramp)[:, 0]) > 0).all()
