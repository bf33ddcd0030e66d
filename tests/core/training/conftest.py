"""A small folder of music-like audio, made once a session."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="session")
def audio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of three seconds at 32 kHz: two tones each, with a sidecar."""
    folder = tmp_path_factory.mktemp("audio")
    time = np.arange(3 * 32_000) / 32_000
    for i in range(6):
        tone = np.sin(2 * np.pi * 110 * (i + 1) * time) * np.exp(-4 * (time % 0.5))
        wave = 0.25 * (tone + 0.5 * np.sin(2 * np.pi * 660 * (i + 1) * time))
        soundfile.write(folder / f"clip{i}.flac", wave, 32_000)
        facts = {"tempo": 120.0, "captions": [f"tone {i}, 120 bpm", f"two tones, number {i}"]}
        (folder / f"clip{i}.json").write_text(json.dumps(facts))
    return folder
