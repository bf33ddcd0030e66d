"""Tests that hear something need FluidSynth and its font; without them they skip, in CI fail."""

from __future__ import annotations

import os

import pytest

from core.errors import MissingProgram
from core.training.composer.render import find_sound_font, load_fluidsynth


@pytest.fixture
def fluidsynth() -> None:
    try:
        load_fluidsynth()
        find_sound_font()
    except MissingProgram as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
