"""Settings and presets: files that people edit, copy and break."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInput
from daw_bridge.presets import find_preset, load_presets, parse_preset
from daw_bridge.settings import Settings, SettingsFile


def test_settings_come_back(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "settings.json")
    file.change({"prompt": "dub", "values": {"tempo": 97.0}, "controllers": {"gain": 11}})
    file.flush(now=True)
    again = SettingsFile(tmp_path / "settings.json")
    assert again.problem == ""
    assert again.settings == Settings("dub", values={"tempo": 97.0}, controllers={"gain": 11})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"version": 1, "values": 3}', "damaged"),
        ('{"version": 1, "values": {"tempo": 9999}}', "damaged"),
        ('{"version": 1, "model": 3}', "damaged"),
        ('{"version": 99}', "newer"),
    ],
)
def test_a_file_that_cannot_be_used_is_kept_aside(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    file = SettingsFile(path)
    assert why in file.problem
    assert file.settings == Settings()
    assert (tmp_path / "settings.old.json").read_text() == text
    assert SettingsFile(path).problem == "", "said once"


def test_presets_of_the_program_and_of_a_person(tmp_path: Path) -> None:
    shipped, broken = load_presets(tmp_path)
    assert len(shipped) >= 6
    assert not broken
    (tmp_path / "50-mine.toml").write_text('prompt = "my own"\n')
    (tmp_path / "60-bad.toml").write_text("prompt = 3 = 4\n")
    (tmp_path / "70-bytes.toml").write_bytes(b"\xff\xfe")
    presets, broken = load_presets(tmp_path)
    assert presets[len(shipped) :] == (find_preset(presets, "mine"),)
    assert ["60-bad.toml" in line or "70-bytes.toml" in line for line in broken] == [True, True]


@pytest.mark.parametrize(
    "text",
    ["", "prompt = 3\n[parameters]\ntempo = 9999", 'prompt = "x"\n[parameters]\nvolume = 1'],
)
def test_a_preset_that_makes_no_sense_names_its_file(text: str) -> None:
    with pytest.raises(BadInput, match=r"mine\.toml"):
        parse_preset(text, "mine.toml")


def test_presets_are_found_by_number_key_and_name() -> None:
    presets, _ = load_presets(Path("/nowhere"))
    assert find_preset(presets, 0) is presets[0]
    assert find_preset(presets, "House").key == "house"
    assert find_preset(presets, "solo-piano").name == "Solo piano"
    for wrong in (99, -1, "polka"):
        with pytest.raises(BadInput):
            find_preset(presets, wrong)
