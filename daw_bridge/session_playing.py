"""A take of the library, played from anywhere in it: read from its file a piece at a time.

It starts like every other take, on the leader's bar, and the one that sounds gives way to it. What
is being made goes on for its file, unless it has no end.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.errors import BadInput
from core.generation.messages import PcmBlock
from core.types import MODEL_RATE
from daw_bridge.audio.messages import Played
from daw_bridge.commands import PlayTake
from daw_bridge.disk_messages import DiskProblem, KeepCurrent, ReadSound, SoundRead
from daw_bridge.events import Accepted, CurrentTake, Scheduled
from daw_bridge.session_alternatives import dissolve
from daw_bridge.session_flight import Flight, Replay
from daw_bridge.session_io import PlayBlock
from daw_bridge.session_schedule import MARGIN, try_begin
from daw_bridge.session_state import Pending, Wish
from daw_bridge.session_takes import cancel, drop_next
from daw_bridge.session_turn import Turn
from daw_bridge.take_timeline import timeline

PIECE = 20 * MODEL_RATE  # samples that are read at once …
IN_HAND = 10 * MODEL_RATE  # … when there are only so many left to play
SHORTEST = MODEL_RATE // 20  # of what is left of a take to be played


def play_take(turn: Turn, command: PlayTake) -> None:
    """Raises BadInput for a take that is not there or not whole, and for a moment past its end."""
    state, take = turn.state, command.take
    record, flight = state.tree.records.get(take), state.flight(take)
    if record is None:
        raise BadInput(f"no take {take} in the folder of takes")
    if not record.path or (flight is not None and not flight.engine_done):
        raise BadInput(f"take {take} is still being made; it can be played when it is whole")
    at = round(command.at * MODEL_RATE)
    if not 0 <= at <= record.samples - SHORTEST:
        raise BadInput(f"take {take} is {record.seconds:g} s long; play it from before that")
    pending = Pending(Wish.PLAY, command.origin, None, turn.now, take=take, at=at)
    turn.send(ReadSound(turn.new_token(pending), take, at, PIECE))


def on_sound(turn: Turn, read: SoundRead) -> None:
    """The first piece begins the take, the next ones go on with it."""
    pending = turn.take_pending(read.token)
    flight = turn.state.flight(read.take)
    if pending is None:
        return
    if pending.at == read.first:
        _begin(turn, pending, read)
    elif flight is not None and flight.replay is not None and flight.replay.read == read.first:
        _go_on(turn, flight, read)


def feed(turn: Turn, played: Played) -> None:
    """Ask for the next piece in time."""
    flight = turn.state.flight(played.take)
    if flight is None or flight.replay is None or flight.epoch != played.epoch:
        return
    replay = flight.replay
    if replay.asked or flight.last_sent or flight.received - played.samples > IN_HAND:
        return
    pending = Pending(Wish.PLAY, flight.origin, None, turn.now, take=flight.take, at=-1)
    turn.change_flight(flight.take, replay=replace(replay, asked=True))
    turn.send(ReadSound(turn.new_token(pending), flight.take, replay.read, PIECE))


def give_up(turn: Turn, problem: DiskProblem) -> None:
    """A piece cannot be read: the take ends with what is here."""
    asked = turn.state.pending.get(problem.token or 0)
    flight = turn.state.flight(asked.take) if asked and asked.wish is Wish.PLAY else None
    if flight is not None and flight.replay is not None and asked is not None and asked.at < 0:
        nothing = np.zeros((0, 1), np.float32)
        _hand_over(
            turn, flight, PcmBlock(flight.take, flight.epoch, flight.received, nothing, True)
        )


def _begin(turn: Turn, pending: Pending, read: SoundRead) -> None:
    state = turn.state
    record = state.tree.records.get(read.take)
    known = state.flight(read.take)
    if record is None or (known is not None and not known.engine_done):
        return  # deleted meanwhile, or asked for again
    dissolve(turn)
    drop_next(turn)
    for other in state.flights:
        _gives_way(turn, other)
    # Sample 0 of the WAV is the take's sample -lead; what is heard begins with `read.first`.
    heard = replace(
        record, lead=record.lead - read.first, length=(read.whole - read.first) / MODEL_RATE,
        loop=False,
    )  # fmt: skip
    first = timeline(record)[0]
    flight = Flight(
        read.take, state.next_epoch, pending.origin, pending.asked_at, heard, first.sampling,
        record.frames, first.prompt,
        generated=record.frames, received=read.first - record.lead, offset=heard.lead,
        replay=Replay(read.first), engine_done=True, ready_at=turn.now,
        heard=known is not None and known.sounding,  # the audio process says it once a take
    )  # fmt: skip
    others = tuple(f for f in turn.state.flights if f.take != read.take)
    tree = state.tree.chosen(read.take)
    turn.change(next_epoch=state.next_epoch + 1, flights=(*others, flight), tree=tree, recipe=None)
    turn.send(
        Accepted(read.take, pending.origin),
        KeepCurrent(read.take),
        CurrentTake(read.take, pending.origin),
    )
    _place(turn, flight)
    _go_on(turn, flight, read)


def _gives_way(turn: Turn, other: Flight) -> None:
    """It sounds until this one begins, and is made to its end if it has one."""
    if other.wanted is None:
        cancel(turn, other)
    if not other.begun:
        turn.change_flight(other.take, muted=True, held=())


def _place(turn: Turn, flight: Flight) -> None:
    state, now = turn.state, turn.now
    every = int(state.values["quantize"])
    ready = now + state.latency + 2 * MARGIN
    line = state.transport.next_bar(now, beats=state.beats, every=every, not_before=ready)
    if line is not None:
        turn.change_flight(flight.take, start_at=line.at, every=every)
        turn.send(Scheduled(flight.take, line.bar, line.at - now))


def _go_on(turn: Turn, flight: Flight, read: SoundRead) -> None:
    lead = turn.state.tree.records[flight.take].lead
    reached = read.first + len(read.pcm)
    last = reached >= read.whole or not len(read.pcm)
    turn.change_flight(flight.take, replay=Replay(reached))
    block = PcmBlock(flight.take, flight.epoch, read.first - lead, read.pcm, last)
    _hand_over(turn, flight, block)


def _hand_over(turn: Turn, flight: Flight, block: PcmBlock) -> None:
    known = turn.state.flight(flight.take) or flight
    received = max(known.received, block.first_sample + len(block.pcm))
    flight = turn.change_flight(flight.take, received=received, last_sent=block.last)
    if flight.begun:
        turn.send(PlayBlock(block))
    else:
        turn.change_flight(flight.take, held=(*flight.held, block))
        try_begin(turn, flight.take)
