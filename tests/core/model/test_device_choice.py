"""What is made of the words for device and precision."""

from __future__ import annotations

import pytest

from core.errors import BadDevice, BadInput
from core.model import device_choice
from core.model.device_choice import resolve_device


@pytest.mark.parametrize(
    ("device", "dtype", "text"),
    [
        ("gpu", "auto", "device 'gpu' is unknown; use auto, cpu, cuda, mps"),
        ("cpu", "int2", "dtype 'int2' is unknown; use auto, float32, .*, int8, int4"),
    ],
)
def test_unknown_words_are_named(device: str, dtype: str, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        resolve_device(device, dtype)


def test_what_a_cpu_computes_in_is_settled_with_the_model() -> None:
    assert resolve_device("cpu", "auto") == ("cpu", "auto")
    assert resolve_device("cpu", "bfloat16") == ("cpu", "bfloat16")


def test_eight_bits_where_the_machine_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_choice, "FEW_BITS", {"int8": lambda: True, "int4": lambda: False})
    assert resolve_device("cpu", "int8") == ("cpu", "int8")
    with pytest.raises(BadDevice, match="4-bit weights need a CPU"):
        resolve_device("cpu", "int4")
