"""OSC with clients no one here wrote: liblo's oscsend and oscdump, Pure Data."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daw_bridge import events
from daw_bridge.controller import Controller
from daw_bridge.osc_server import OscServer
from daw_bridge.presets import load_presets
from daw_bridge.settings import SettingsFile
from daw_bridge.takes import TakeLibrary
from tests.conftest import require_program
from tests.fakes import FakeAudio, FakeEngine, Listener

pytestmark = [pytest.mark.real, pytest.mark.beside_others]


class Served:
    """The controller behind a real OSC server; the model and the sound are fakes."""

    def __init__(self, folder: Path) -> None:
        self.heard = Listener()
        self.controller = Controller(
            FakeEngine(), FakeAudio(), TakeLibrary(folder / "takes"),
            SettingsFile(folder / "settings.json"), load_presets(folder)[0],
        )  # fmt: skip
        self.osc = OscServer(self.controller.submit, port=0)
        self.controller.subscribe(self.heard)
        self.controller.subscribe(self.osc.hear)
        self.controller.start()
        self.osc.start()

    def send(self, address: str, types: str = "", *values: object) -> None:
        command = ["oscsend", "127.0.0.1", str(self.osc.port), address]
        subprocess.run([*command, types, *map(str, values)] if types else command, check=True)

    def stop(self) -> None:
        self.osc.stop()
        self.controller.stop()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    require_program("oscsend")
    served = Served(tmp_path)
    yield served
    served.stop()


class Dump:
    """oscdump, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._path = folder / "oscdump.txt"
        with self._path.open("wb") as out:
            self._process = subprocess.Popen(
                ["stdbuf", "-oL", "oscdump", str(self.port)], stdout=out, stderr=out
            )
        time.sleep(0.3)

    def wait(self, pattern: str, timeout: float = 5.0) -> re.Match[str]:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if found := re.search(pattern, self._path.read_text()):
                return found
            time.sleep(0.02)
        raise AssertionError(f"no {pattern!r} in {self._path.read_text()!r}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(5)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def dump(tmp_path: Path) -> Iterator[Dump]:
    for program in ("oscdump", "stdbuf"):
        require_program(program)
    dump = Dump(tmp_path)
    yield dump
    dump.stop()


def test_a_take_from_oscsend_to_oscdump(served: Served, dump: Dump) -> None:
    served.send("/musicgen/subscribe", "if", dump.port, 20)
    served.send("/musicgen/bars", "f", 1)
    dump.wait(r"/musicgen/bars i 1\b")
    served.send("/musicgen/generate", "si", "funk", 7)
    take = dump.wait(r'/musicgen/accepted is (\d+) "/musicgen/generate"')[1]
    assert float(dump.wait(rf"/musicgen/first_audio if {take} ([\d.]+)")[1]) < 1000
    dump.wait(rf"/musicgen/progress if {take} 1\.0")
    path = dump.wait(rf'/musicgen/done is {take} "([^"]+)"')[1]
    assert Path(path).exists()


@pytest.mark.parametrize(
    ("types", "value"), [("i", 97), ("f", 97.0), ("d", 97.0), ("s", "97"), ("h", 97)]
)
def test_numbers_in_any_coat(served: Served, types: str, value: object) -> None:
    served.send("/musicgen/tempo", types, value)
    changed = served.heard.wait(events.ParameterChanged, lambda e: e.name == "tempo")  # type: ignore[union-attr]
    assert changed.value == 97.0  # type: ignore[union-attr]


def test_booleans_and_button_releases(served: Served) -> None:
    served.send("/musicgen/record", "T")
    served.heard.wait(events.Accepted, lambda e: e.origin.address == "/musicgen/record")  # type: ignore[union-attr]
    served.send("/musicgen/generate", "f", 0.0)
    served.send("/musicgen/ping", "i", 1)
    served.heard.wait(events.Pong)
    assert not [e for e in served.heard.events if isinstance(e, events.Accepted) and e.take]


def test_a_mistake_is_told_to_all_who_made_it(served: Served) -> None:
    served.send("/musicgen/genrate")
    problem = served.heard.wait(events.Problem)
    assert "/musicgen/generate" in problem.text  # type: ignore[union-attr]


def pd_patch(server: int) -> str:
    """A patch that connects, sets bars to 1, generates, and prints the answers it hears."""
    lines = [
        "#N canvas 0 0 450 300 12;",
        "#X obj 10 10 loadbang;",  # 0
        "#X obj 10 40 t b b b;",  # 1
        f"#X msg 200 70 connect 127.0.0.1 {server};",  # 2
        "#X msg 100 70 1;",  # 3
        "#X obj 100 100 oscformat musicgen bars;",  # 4
        "#X msg 10 70 list funk 9;",  # 5
        "#X obj 10 100 oscformat musicgen generate;",  # 6
        "#X obj 10 130 list prepend send;",  # 7
        "#X obj 10 160 list trim;",  # 8
        "#X obj 10 190 netsend -u -b;",  # 9
        "#X obj 10 220 oscparse;",  # 10
        "#X obj 10 250 print heard;",  # 11
        "#X obj 10 55 delay 100;",  # 12
    ]
    wires = [
        (0, 0, 1, 0), (1, 2, 2, 0), (2, 0, 9, 0), (1, 1, 3, 0), (3, 0, 4, 0), (4, 0, 7, 0),
        (1, 0, 12, 0), (12, 0, 5, 0), (5, 0, 6, 0), (6, 0, 7, 0), (7, 0, 8, 0), (8, 0, 9, 0),
        (9, 1, 10, 0), (10, 0, 11, 0),
    ]  # fmt: skip
    lines += [f"#X connect {a} {b} {c} {d};" for a, b, c, d in wires]
    return "\n".join(lines) + "\n"


def test_pure_data_hears_its_answers(
    served: Served, tmp_path: Path, require_program: Callable[[str], Path]
) -> None:
    require_program("pd")
    patch = tmp_path / "client.pd"
    patch.write_text(pd_patch(served.osc.port))
    printed = tmp_path / "pd.txt"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", str(patch)], stdout=out, stderr=out
        )
    try:
        until = time.monotonic() + 8
        while "musicgen done 1" not in printed.read_text():
            assert time.monotonic() < until, printed.read_text()
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(5)
    text = printed.read_text()
    assert re.search(r"heard: list musicgen accepted 1 /musicgen/generate 9", text), text
    assert re.search(r"heard: list musicgen first_audio 1 [\d.]+ 9", text), text
