"""What clocks say to the session: tempo, position, start and stop; that one is lost or gone."""

from __future__ import annotations

from types import MappingProxyType
from typing import assert_never

from daw_bridge import commands as ask
from daw_bridge import session_sound as sound
from daw_bridge import session_steering as steering
from daw_bridge.disk_messages import KeepSettings
from daw_bridge.events import ClockTold, ParameterChanged, Problem
from daw_bridge.session_schedule import follow_clock
from daw_bridge.session_turn import Turn
from daw_bridge.transport import Transport

ClockCommand = (
    ask.ClockTempo
    | ask.ClockPosition
    | ask.ClockRolling
    | ask.ClockLost
    | ask.ClockGone
    | ask.LinkPeers
)
TELL_CLOCK = 0.01  # seconds by which a clock may stray from what was told of it
WENT = {  # what happened, as a musician would say it
    ask.ClockSource.LINK: "the last Link peer left",
    ask.ClockSource.MIDI: "the MIDI clock is silent",
    ask.ClockSource.JACK: "JACK transport tells no tempo any more",
}


def hear_clock(turn: Turn, command: ClockCommand) -> None:
    state, now = turn.state, turn.now
    match command:
        case ask.ClockTempo(source, bpm):
            turn.change(transport=state.transport.with_tempo(source, bpm, now))
            if source is ask.ClockSource.OSC:
                note_parameter(turn, "tempo", turn.state.transport.clocks[source].tempo, None)
            tell_tempo(turn)
        case ask.ClockPosition(source, beat, at):
            turn.change(transport=state.transport.with_position(source, beat, at))
            follow_clock(turn)
        case ask.ClockRolling():
            _roll(turn, command)
        case ask.ClockLost(source):
            _lose(turn, source)
        case ask.ClockGone(source):
            turn.change(transport=state.transport.forget(source))
        case ask.LinkPeers(count):
            turn.change(link_peers=count)
        case _:
            assert_never(command)


def forget_lost_clocks(turn: Turn) -> None:
    """While nothing plays or waits for its bar, a clock that is there leads, even if it stands."""
    state = turn.state
    transport = state.transport
    idle = not any(f.sounding or not (f.begun or f.muted) for f in state.flights)
    there = any(not transport.clocks[source].lost for source in transport.outside)
    if idle and there and transport.clocks[transport.leader].lost:
        turn.change(transport=transport.without_lost())


def tell_tempo(turn: Turn) -> None:
    """The take that is being made hears of a tempo that moved; one that is made stays as it is."""
    flight = turn.state.current
    if flight is None or flight.engine_done or flight.cancelled:
        return
    if steering.tempo_to_tell(turn.state, flight.told_tempo) != flight.told_tempo:
        steering.steer(turn)


def tell_clock(turn: Turn) -> None:
    """Where the bars are, for whoever shows them: when it is not where one would reckon."""
    state, shown = turn.state, turn.state.clock_shown
    clock = state.transport.clocks[state.transport.leader]
    beat = clock.beat_at(turn.now)
    if shown is not None:
        same = (clock.rolling, clock.tempo, state.beats) == (
            shown.rolling, shown.tempo, shown.beats,
        )  # fmt: skip
        strayed = abs(beat - shown.beat_at(turn.now)) * 60 / clock.tempo
        if same and strayed < TELL_CLOCK:
            return
    told = ClockTold(beat, turn.now, clock.tempo, clock.rolling, state.beats)
    turn.change(clock_shown=told)
    turn.send(told)


def note_parameter(turn: Turn, name: str, value: float, origin: ask.Origin | None) -> None:
    """Remember a parameter's value and tell it. origin: None where no person set it."""
    values = {**turn.state.values, name: value}
    turn.change(values=MappingProxyType(values))
    turn.send(ParameterChanged(name, value, origin), KeepSettings({"values": values}))


def clocks_in_words(transport: Transport) -> str:
    """The clocks of other programs, in the order they lead: 'link 120.0 rolling, midi 97.5'."""
    words = []
    for source in transport.outside:
        clock = transport.clocks[source]
        how = " lost" if clock.lost else " rolling" if clock.rolling else ""
        words.append(f"{source.value} {clock.tempo:.1f}{how}")
    return ", ".join(words)


def _lose(turn: Turn, source: ask.ClockSource) -> None:
    """Free-wheel, and say so once. One that stood, or did not lead, is not missed."""
    before = turn.state.transport
    led = before.leader is source and not before.clocks[source].lost
    rolled, bpm = before.rolling, before.tempo
    turn.change(transport=before.without(source))
    if not led:
        return
    note_parameter(turn, "tempo", bpm, None)
    if not rolled:
        return
    after = turn.state.transport
    how = f"going on at {bpm:.1f} bpm"
    if after.leader is not source:
        how = f"{after.leader.value} leads now, at {after.tempo:.1f} bpm"
    went = WENT.get(source, f"the {source.value} clock is silent")
    turn.send(Problem("clock_lost", f"{went}; {how}", ask.Origin(source="clock")))


def _roll(turn: Turn, command: ask.ClockRolling) -> None:
    """A clock starts or stops. When the leader stops, so does the sound (OSC's stop is also a
    person's, so it always counts); a take of fixed length is still made whole, for its file."""
    transport = turn.state.transport
    did_roll = transport.rolling and transport.leader is command.source
    turn.change(transport=transport.with_rolling(command.source, command.rolling, command.at))
    if command.rolling or not (did_roll or command.source is ask.ClockSource.OSC):
        return
    for flight in turn.state.flights:
        if flight.sounding:
            sound.cut(turn, flight.take, keep_generating=flight.wanted is not None)
