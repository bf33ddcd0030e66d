"""Which device a name means; the outputs that need none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from core.errors import AudioFailed, BadDevice
from daw_bridge.audio import devices, sinks
from daw_bridge.audio.devices import AudioDevice, match
from daw_bridge.audio.sinks import PacedOutput, WavOutput

DEVICES = [
    AudioDevice(0, "Built-in Microphone", "Core Audio", 1, 0, 48_000, default_input=True),
    AudioDevice(1, "Built-in Output", "Core Audio", 0, 2, 48_000, default_output=True),
    AudioDevice(2, "BlackHole 2ch", "Core Audio", 2, 2, 44_100),
    AudioDevice(3, "BlackHole 16ch", "Core Audio", 16, 16, 48_000),
    AudioDevice(4, "BlackHole", "Core Audio", 2, 2, 48_000),
]


@pytest.mark.parametrize(
    ("wanted", "kind", "index"),
    [
        (None, "output", 1),
        ("", "input", 0),
        ("3", "output", 3),
        ("blackhole 2CH", "output", 2),
        ("16ch", "input", 3),
        ("BlackHole", "output", 4),  # exact before partial
        ("core built", "output", 1),  # words in any order, host included
    ],
)
def test_a_name_means_a_device(wanted, kind, index) -> None:
    assert match(DEVICES, wanted, kind).index == index


@pytest.mark.parametrize(
    ("wanted", "kind", "words"),
    [
        ("Scarlett", "output", ["no audio device", "'Scarlett'", "BlackHole 2ch"]),
        ("0", "output", ["no audio device", "'0'"]),
        ("hole ch", "output", ["more than one", "2 BlackHole 2ch", "3 BlackHole 16ch"]),
    ],
)
def test_what_no_device_fits_is_told_with_the_names_there_are(wanted, kind, words) -> None:
    with pytest.raises(BadDevice) as error:
        match(DEVICES, wanted, kind)
    text = str(error.value)
    assert all(word in text for word in words)
    assert "\n" not in text


def test_no_device_at_all() -> None:
    with pytest.raises(BadDevice, match="no audio device: PortAudio finds no output"):
        match([], None, "output")


def test_devices_are_listed_by_a_child() -> None:
    assert all(isinstance(device, AudioDevice) for device in devices.list_devices())


def run(output: PacedOutput, audio: np.ndarray, now: float = 0.0) -> float:
    """Play `audio` in steps of 10 ms, as the feeder does."""
    for start in range(0, len(audio), 320):
        output.ring.write(output.ring.frontier, audio[start : start + 320])
        output.publish(now)
        now += 0.01
        output.poll(now)
    return now


def stereo(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.1, (round(32_000 * seconds), 2)).astype(np.float32)


def test_a_wav_holds_every_sample_and_is_continued(tmp_path: Path) -> None:
    path, audio = tmp_path / "out.wav", stereo(1.0)
    first = WavOutput(path, 0.5)
    run(first, audio[:16_000])
    first.close()
    second = WavOutput(path, 0.5, resume=True)
    run(second, audio[16_000:])
    second.close()
    back, rate = sf.read(path, dtype="float32")
    assert rate == 32_000
    np.testing.assert_array_equal(back, audio)


def test_a_crash_leaves_a_readable_wav(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    script = (
        "import os, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from daw_bridge.audio.sinks import WavOutput\n"
        "out = WavOutput(Path(sys.argv[1]), 2.0)\n"
        "out.publish(0.0)\n"
        "for i in range(1, 151):\n"
        "    out.ring.write(out.ring.frontier, np.full((320, 2), .5, np.float32))\n"
        "    out.poll(i / 100)\n"
        "os._exit(9)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-c", script, str(path)], check=False, env=environment)
    audio, _ = sf.read(path)
    assert 0.9 * 32_000 <= len(audio) <= 1.5 * 32_000
    assert (audio == 0.5).all()


def test_paced_outputs_keep_time_and_give_up_time_after_a_long_sleep() -> None:
    output = PacedOutput(1.0)
    output.ring.write(0, np.zeros((20_000, 2), np.float32))
    output.publish(10.0)
    output.poll(10.25)
    assert output.consumed == 8000
    output.poll(70.0)  # the machine slept
    assert output.consumed == 20_000
    output.ring.write(20_000, np.zeros((8000, 2), np.float32))
    output.poll(70.1)
    assert output.consumed == 23_200


def test_paths_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(BadDevice, match="there is no folder"):
        WavOutput(tmp_path / "none" / "out.wav", 0.5)
    with pytest.raises(BadDevice, match="names no file"):
        WavOutput(tmp_path / "folder.wav", 0.5)


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = WavOutput(tmp_path / "out.wav", 0.5)
    monkeypatch.setattr(sinks, "LEAST_FREE", 1 << 62)
    with pytest.raises(AudioFailed, match=r"out\.wav stopped: the disk is full; free some space"):
        run(output, stereo(0.1))
    assert not output.alive
    output.close()
