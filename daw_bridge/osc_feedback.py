"""Events → OSC messages: answers for who asked, news for who subscribed. Canonical: i, f, s."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import assert_never

from pythonosc.osc_message_builder import OscMessageBuilder

from daw_bridge import events
from daw_bridge.commands import Command, Origin, Refused, Subscribe, Unsubscribe
from daw_bridge.osc_arguments import ROOT
from daw_bridge.parameters import PARAMETERS

Client = tuple[str, int]
PROGRESS_EVERY = 0.1  # seconds between two messages about one take
TAKES_KEPT = 64
MOST_SUBSCRIBERS = 64  # senders of UDP can be made up, so that there has to be an end
MOST_OF_ONE_HOST = 16
TOO_MANY = "too_many_subscribers"
ASKERS_ALONE = ("unknown_address", "bad_input", "bad_message", TOO_MANY)  # one client's affair


@dataclass(frozen=True, slots=True)
class OscMessage:
    address: str
    args: tuple[int | float | str | bytes, ...]

    def datagram(self) -> bytes:
        builder = OscMessageBuilder(self.address)
        for value in self.args:
            match value:
                case bool():
                    builder.add_arg(int(value), "i")
                case int():
                    builder.add_arg(value, "i" if -(2**31) <= value < 2**31 else "h")
                case float():
                    builder.add_arg(value, "f")
                case bytes():
                    builder.add_arg(value, "b")
                case _:
                    builder.add_arg(value.replace("\0", " "), "s")
        return builder.build().dgram


def message_of(event: events.Event) -> OscMessage | None:
    """The one message that an event becomes; None for what only a screen can use."""
    match event:
        case events.StatusChanged(status):
            pairs: list[int | float | str | bytes] = []
            for field in fields(status):
                pairs += [field.name, getattr(status, field.name)]
            return OscMessage(f"{ROOT}/status", tuple(pairs))
        case events.Accepted(take, origin):
            return OscMessage(f"{ROOT}/accepted", (take, origin.address))
        case events.Scheduled(take, bar, seconds, slipped):
            return OscMessage(f"{ROOT}/scheduled", (take, bar, float(seconds), slipped))
        case events.Filling(take, seconds):
            return OscMessage(f"{ROOT}/filling", (take, float(seconds)))
        case events.LatencyChanged(step, worse, text):
            return OscMessage(f"{ROOT}/latency/step", (step, int(worse), text))
        case events.FirstAudio(take, milliseconds):
            return OscMessage(f"{ROOT}/first_audio", (take, float(milliseconds)))
        case events.TakeProgress(take, fraction):
            return OscMessage(f"{ROOT}/progress", (take, float(fraction)))
        case events.TakeSaved(take, path):
            return OscMessage(f"{ROOT}/done", (take, path))
        case events.CurrentTake(take):
            return OscMessage(f"{ROOT}/current", (take,))
        case events.LoopMade(take, drift, offset, mended):
            return OscMessage(f"{ROOT}/loop/made", (take, float(drift), float(offset), mended))
        case events.TakeTold(take, parent, at, seconds, kept, seed, prompt, path):
            facts = (take, parent, float(at), float(seconds), int(kept), seed, prompt, path)
            return OscMessage(f"{ROOT}/take", facts)
        case events.AlternativesReady(takes):
            return OscMessage(f"{ROOT}/alternatives/ready", (len(takes), *takes))
        case events.TakesTold(count, total, current):
            return OscMessage(f"{ROOT}/takes", (count, total, current))
        case events.ParameterChanged(name, value):
            number = int(value) if PARAMETERS[name].integer else float(value)
            return OscMessage(f"{ROOT}/{name}", (number,))
        case events.PromptChanged(text, origin, slot=1) if not _asks_slot_1(origin):
            return OscMessage(f"{ROOT}/prompt", (text,))
        case events.PromptChanged(text, slot=0):
            return OscMessage(f"{ROOT}/prompt/negative", (text,))
        case events.PromptChanged(text, slot=slot, weight=weight):
            return OscMessage(f"{ROOT}/prompt/{slot}", (text, float(weight)))
        case events.AdaptersChanged(adapters):
            blend = [value for name, weight in adapters for value in (name, float(weight))]
            return OscMessage(f"{ROOT}/adapters", tuple(blend))
        case events.MelodyChanged(path, seconds):
            return OscMessage(f"{ROOT}/melody", (path, float(seconds)))
        case events.StyleChanged(path, seconds, took):
            return OscMessage(f"{ROOT}/style", (path, float(seconds), 1000.0 * took))
        case events.ControllerMapped(name, controller):
            return OscMessage(f"{ROOT}/learn", (name, -1 if controller is None else controller))
        case events.Pong(payload):
            return OscMessage(f"{ROOT}/pong", tuple(_canonical(payload)))
        case events.Problem(code, text, origin):
            return OscMessage(f"{ROOT}/error", (origin.address or ROOT, code, text))
        case events.LoopbackMeasured(report, text):
            figures = (1000 * report.round_trip, float(report.drift or 0.0))
            return OscMessage(f"{ROOT}/loopback", (*figures, len(report.dropouts), text))
        case events.TakeDeleted(take):
            return OscMessage(f"{ROOT}/takes/deleted", (take,))
        case (
            events.TakeWaveform()
            | events.MeterLevels()
            | events.TreeChanged()
            | events.ClockTold()
            | events.Playhead()
        ):
            return None
        case _:
            assert_never(event)


def _asks_slot_1(origin: Origin | None) -> bool:
    """Asked for like the other slots, the prompt is answered like them."""
    return origin is not None and origin.address.rstrip("/") == f"{ROOT}/prompt/1"


def _canonical(payload: tuple[object, ...]) -> Iterator[int | float | str | bytes]:
    for value in payload:
        if isinstance(value, int | float | str) or (isinstance(value, bytes) and value):
            yield value
        elif value is not None:
            yield str(value)


class OscFeedback:
    """Who is told what. `hear` runs on the controller's thread, the rest on the server's."""

    def __init__(
        self,
        send: Callable[[bytes, Client], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._clock = send, clock
        self._lock = threading.Lock()  # guards _subscribers
        self._subscribers: dict[Client, float] = {}  # until when
        self._askers: dict[int, Origin] = {}  # of takes
        self._progress_at: dict[int, float] = {}

    def note(self, command: Command) -> Command:
        """Subscriptions count from the moment they arrive, before anything that follows them.

        → the command, or its refusal where there are too many subscribers already.
        """
        match command:
            case Subscribe(port=port, origin=origin) if origin.client:
                return self._subscribe(command, (origin.client[0], port or origin.client[1]))
            case Unsubscribe(port, origin) if origin.client:
                with self._lock:
                    self._subscribers.pop((origin.client[0], port or origin.client[1]), None)
            case _:
                pass
        return command

    def _subscribe(self, asked: Subscribe, client: Client) -> Command:
        """Again is a renewal: it holds from now on for the seconds of this time."""
        now = self._clock()
        with self._lock:
            self._expire(now)
            others = {c: until for c, until in self._subscribers.items() if c != client}
            near = {c: until for c, until in others.items() if c[0] == client[0]}
            if len(near) >= MOST_OF_ONE_HOST:
                who, in_the_way = f"{len(near)} subscribers on {client[0]}", near
            elif len(others) >= MOST_SUBSCRIBERS:
                who, in_the_way = f"{len(others)} subscribers", others
            else:
                self._subscribers[client] = now + asked.seconds
                return asked
        wait = min(in_the_way.values()) - now
        hint = f"unsubscribe one, or try again when the next expires ({wait:.0f} s)"
        return Refused(TOO_MANY, f"there are {who} already; {hint}", asked.origin)

    def hear(self, event: events.Event) -> None:
        """Send what `event` means to those it concerns: one message each."""
        message = message_of(event)
        if message is None or not self._due(event):
            return
        asker = self._asker(event)
        client = asker.client if asker else None
        answers, news = self._concerns(event)
        if client is not None and answers:
            assert asker is not None
            request = () if asker.request is None else (asker.request,)
            echoed = OscMessage(message.address, (*message.args, *request))
            self._send(echoed.datagram(), client)
        if not news:
            return
        datagram = message.datagram()
        for subscriber in self._alive():
            if subscriber != client:
                self._send(datagram, subscriber)

    # ------------------------------------------------------------------ who

    def _asker(self, event: events.Event) -> Origin | None:
        match event:
            case events.Accepted(take, origin):
                if take:
                    self._askers[take] = origin
                    for old in sorted(self._askers)[:-TAKES_KEPT]:
                        self._askers.pop(old)
                        self._progress_at.pop(old, None)
                return origin
            case events.TakeProgress(take) | events.Scheduled(take) | events.Filling(take):
                return self._askers.get(take)
            case _:
                return getattr(event, "origin", None)

    @staticmethod
    def _concerns(event: events.Event) -> tuple[bool, bool]:
        """Whether the asker is answered, and whether it is news for subscribers."""
        match event:
            case events.AdaptersChanged() | events.MelodyChanged() | events.StyleChanged():
                return True, not event.answer
            case events.ControllerMapped():
                return event.answer, not event.answer
            case events.ParameterChanged() | events.PromptChanged():
                return event.answer, not event.answer  # no echo to the fader that moved
            case events.StatusChanged():
                return True, event.origin is None
            case events.Pong() | events.TakeTold() | events.TakesTold() | events.LoopbackMeasured():
                return True, False
            case events.CurrentTake():
                return True, not event.answer
            case events.Accepted():
                return True, event.take > 0
            case events.Problem():
                return True, event.code not in ASKERS_ALONE
            case _:
                return True, True

    def _alive(self) -> tuple[Client, ...]:
        with self._lock:
            self._expire(self._clock())
            return tuple(self._subscribers)

    def _expire(self, now: float) -> None:
        for client in [c for c, until in self._subscribers.items() if until <= now]:
            del self._subscribers[client]

    def _due(self, event: events.Event) -> bool:
        """Progress is told ten times a second at most, and always its end."""
        if not isinstance(event, events.TakeProgress) or event.fraction >= 1:
            return True
        now = self._clock()
        if now - self._progress_at.get(event.take, -1.0) < PROGRESS_EVERY:
            return False
        self._progress_at[event.take] = now
        return True
