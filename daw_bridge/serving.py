"""The running program without a face: everything of daw_bridge, started in order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from daw_bridge.commands import Origin, SetParameter
from daw_bridge.controller import Controller
from daw_bridge.discovery.service import Discovery
from daw_bridge.link_clock import LinkClock
from daw_bridge.midi_mapping import MidiMapping
from daw_bridge.midi_ports import MidiInput
from daw_bridge.osc_server import OscServer
from daw_bridge.parameters import parameter
from daw_bridge.ports import AudioSink, Engine
from daw_bridge.presets import Preset, load_presets
from daw_bridge.settings import SettingsFile
from daw_bridge.takes import TakeLibrary

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line may choose. None: as remembered, else the default."""

    osc_host: str = "127.0.0.1"
    osc_port: int = 9770
    output: str | None = None
    input: str | None = None
    midi_in: str | None = None
    midi_channel: int | None = None  # 1 to 16
    link: bool | None = None  # Ableton Link
    latency: str | None = None  # low, auto or safe
    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    takes: Path | None = None
    adapters: tuple[tuple[str, float], ...] = ()  # names or paths, and weights
    discovery: bool = True  # OSCQuery and zeroconf


class Serving:
    """A context: inside it the program runs. It starts in order and stops in reverse.

    OSC is bound first, so that a taken port is told before any process has been started.
    """

    def __init__(self, options: ServeOptions, engine: Engine, audio: AudioSink, say: Say) -> None:
        """Raises PortInUse and BadInput; nothing has been started then."""
        self._options, self._say = options, say
        self._settings = SettingsFile()
        self.presets, broken = load_presets()
        takes = TakeLibrary(options.takes)
        self.controller = Controller(
            engine,
            audio,
            takes,
            self._settings,
            self.presets,
            compute=options.device,
            dtype=options.dtype,
        )
        self.osc = OscServer(self.controller.submit, options.osc_host, options.osc_port)
        self.discovery: Discovery | None = None
        if options.discovery:
            self.discovery = Discovery(
                lambda: self.controller.state, self.osc.host, self.osc.port, say
            )
        channel = None if options.midi_channel is None else options.midi_channel - 1
        state = self.controller.state
        mapping = MidiMapping(values=state.values, channel=channel).mapped(state.controllers)
        self.midi = MidiInput(self.controller.submit, mapping, options.midi_in, say)
        self.link = LinkClock(self.controller.submit, say)
        cut = [f"take {take} was cut short last time; what was made of it is kept"
               for take in takes.recovered]  # fmt: skip
        lines = (self._settings.problem, *broken, *cut, *takes.problems)
        self.notes = [line for line in lines if line]  # what a person should know of the start
        for line in self.notes:
            say(line)
        self._stack = ExitStack()

    def __enter__(self) -> Serving:
        kept, asked, stack = self._settings.settings, self._options, self._stack
        with ExitStack() as begun:  # what was started is stopped if the next cannot start
            self.controller.subscribe(self.osc.hear)
            self.controller.subscribe(self.midi.hear)
            self.controller.subscribe(self.link.hear)
            begun.callback(self._stop_controller)
            self.controller.start(
                model=asked.model or kept.model or "starter",
                output=asked.output if asked.output is not None else kept.output,
                input=asked.input or kept.input or "none",
                adapters=asked.adapters,
                oscquery=self.discovery.port if self.discovery else 0,
            )
            if asked.latency is not None:
                value = parameter("latency").from_word(asked.latency)
                self.controller.submit(SetParameter("latency", value, Origin(source="cli")))
            begun.callback(self.osc.stop)
            self.osc.start()
            self._say(f"listening on OSC {self.osc.host}:{self.osc.port}")
            if self.discovery:
                begun.callback(self.discovery.stop)
                self.discovery.start()
            begun.callback(self.midi.stop)
            self.midi.start()
            begun.callback(self.link.stop)
            self._start_link()
            stack.push(begun.pop_all())
        return self

    def _start_link(self) -> None:
        values, asked = self.controller.state.values, self._options.link
        on = bool(values["link"]) if asked is None else asked
        self.link.start(on=on, tempo=values["tempo"], beats=int(values["beats"]))
        if asked is not None and on != bool(values["link"]):
            self.controller.submit(SetParameter("link", float(on), Origin(source="cli")))

    def _stop_controller(self) -> None:
        for line in self.controller.stop():
            self._say(line)

    def __exit__(self, *left: object) -> None:
        self._stack.close()


def has_display(environment: dict[str, str]) -> bool:
    """Whether a window could be shown: on Linux a display is named, or Qt is told to do without."""
    if sys.platform != "linux":
        return True
    return any(environment.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def preset_prompts(presets: tuple[Preset, ...]) -> dict[str, str]:
    """Names and prompts in order, as the panel shows them."""
    return {preset.name: preset.prompt for preset in presets}
