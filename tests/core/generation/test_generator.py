"""What a generator makes of the words for device and precision."""

from __future__ import annotations

import pytest

from core.errors import BadDevice, BadInput
from core.generation import generator
from core.generation.generator import resolve_device


@pytest.mark.parametrize(
    ("device", "dtype", "text"),
    [
        ("gpu", "auto", "device 'gpu' is unknown; use auto, cpu, cuda, mps"),
        ("cpu", "int4", "dtype 'int4' is unknown; use auto, float32, bfloat16, float16, int8"),
    ],
)
def test_unknown_words_are_named(device: str, dtype: str, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        resolve_device(device, dtype)


def test_a_cpu_computes_in_float32_unless_told() -> None:
    assert resolve_device("cpu", "auto") == ("cpu", "float32")
    assert resolve_device("cpu", "bfloat16") == ("cpu", "bfloat16")


def test_eight_bits_where_the_machine_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "can_quantise", lambda: True)
    assert resolve_device("cpu", "int8") == ("cpu", "int8")
    monkeypatch.setattr(generator, "can_quantise", lambda: False)
    with pytest.raises(BadDevice, match="8-bit weights need a CPU"):
        resolve_device("cpu", "int8")
