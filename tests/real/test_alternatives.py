"""The whole program, its real engine: alternatives made beside an endless take, and swapped.

The model is a tiny random one, so that the engine has time for all of them. That every swap is on
its line is shown in made time too, by tests/daw_bridge/test_swaps_heard.py.
"""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.real.serving import OscClient, Program
from tests.real.test_prompt_changes import found_in

pytestmark = [pytest.mark.real, pytest.mark.accept]
RATE = 32_000
BPM = 225  # a bar is 34133⅓ samples: no whole number of frames
BAR = 240 / BPM * RATE
FADE = round(0.022 * RATE)  # before a line: where the next take is already mixed in


@pytest.mark.timeout(180)
def test_swaps_land_on_the_bar_to_the_sample(tmp_path: Path, tiny: Path) -> None:
    sound = tmp_path / "heard.wav"
    planned: list[tuple[int, int]] = []  # the take that comes, and its bar, or a later one
    with Program(tmp_path, "--output", f"wav:{sound}", "--model", str(tiny), "--device", "cpu",
                 "--no-discovery") as program:  # fmt: skip
        client = OscClient(program.port)
        program.wait_for("ready:", 150)
        for name, value in (("bars", 0), ("tempo", BPM), ("seed", 5)):
            client.send(f"/musicgen/{name}", value)
        client.send("/musicgen/generate", "slow piano")
        client.wait_for("/musicgen/first_audio")
        client.send("/musicgen/alternatives", 2)
        _, ready = client.wait_for("/musicgen/alternatives/ready")
        assert ready == [3, 2, 3, 1]
        for take in (2, 3, 1, 3):
            client.send("/musicgen/swap", *([] if take != 3 else [2]))
            while True:
                _, (told, bar, _, _) = client.wait_for("/musicgen/scheduled")
                if told == take:
                    break
            _, (current,) = client.wait_for("/musicgen/current")
            assert current == take
            planned.append((take, bar))
            time.sleep(1.2)
        client.send("/musicgen/stop")
        paths = {}
        while len(paths) < 3:
            _, (take, path) = client.wait_for("/musicgen/done")
            paths[take] = Path(path)
        time.sleep(0.6)  # the file of what is heard is written in steps
        assert client.status()["underruns"] == 0
        client.close()
    records = {take: json.loads(path.with_suffix(".json").read_text())
               for take, path in paths.items()}  # fmt: skip
    at = records[2]["at"]
    assert [(records[n]["parent"], records[n]["at"]) for n in (2, 3)] == [(1, at), (1, at)]
    takes = {take: soundfile.read(path, dtype="float32")[0] for take, path in paths.items()}
    assert not np.array_equal(takes[2][:RATE], takes[3][:RATE])

    heard = soundfile.read(sound, dtype="float32")[0][:, 0]
    start = found_in(heard, takes[1])
    end = int(np.flatnonzero(heard)[-1]) - start - FADE
    offsets = {1: 0, 2: at * 640, 3: at * 640}

    def line_of(take: int, bar: int) -> int:
        """Where it came in: on its bar or, on a busy machine, some bars later."""
        lines = [round((bar - 1 + late) * BAR) for late in range(5)]
        lines = [line for line in lines if line + RATE // 4 <= end]
        return min(lines, key=lambda line: off_by(take, line, line + RATE // 4).max())

    def off_by(take: int, first: int, stop: int) -> np.ndarray:
        own = takes[take][first - offsets[take] : stop - offsets[take]]
        return np.abs(heard[start + first : start + stop] - own)

    segments = [(1, 0), *((take, line_of(take, bar)) for take, bar in planned), (0, end)]
    for (take, first), (_, stop) in pairwise(segments):
        assert stop - first > BAR / 2
        off = off_by(take, first, stop)
        off[: FADE if not first else 0] = 0  # the start fades in
        off[-FADE:] = 0
        assert off.max() < 1e-4, f"take {take} is not heard {int(off.argmax())} samples in"
