"""Tests that hear composed music need FluidSynth, as the composer's own do."""

from tests.core.training.composer.conftest import fluidsynth

__all__ = ["fluidsynth"]
