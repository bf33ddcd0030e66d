"""Prompts and sampling that change while a take plays: what is asked, from which frame on.

The engine is ahead of the ear. A change reaches back to the first frame that can still be made
anew in time (the look-ahead, a fraction of a second); what was sent after it is replaced, frame
for frame, by the audio process, so that no beat moves. Blends: `core.model.text_keys`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType

from core.errors import BadInput
from core.generation.messages import (
    ChangePrompt,
    ChangeSampling,
    MelodyHeard,
    PcmBlock,
    StyleHeard,
    TakeSteered,
)
from core.generation.params import (
    DEFAULT_TEXT_PUSH,
    Prompt,
    SamplingParams,
    Steering,
    checked_text_weight,
)
from core.types import FRAME_RATE, SAMPLES_PER_FRAME
from daw_bridge import commands as ask
from daw_bridge.disk_messages import CutTake, KeepSettings, NoteTake, RecallTake
from daw_bridge.events import Accepted, PromptChanged
from daw_bridge.prompt_tempo import told
from daw_bridge.session_flight import Flight
from daw_bridge.session_latency import guidance_due, sampling_in_force
from daw_bridge.session_melody import clip_of, hears_style, note_heard
from daw_bridge.session_schedule import SLOW_ENDLESS, SPEED_TRUSTED, begin_message
from daw_bridge.session_state import Pending, SessionState, Wish
from daw_bridge.session_turn import Turn
from daw_bridge.take_length import PRE_ROLL
from daw_bridge.take_timeline import steered

CODEC_AHEAD = 4  # frames: a sample depends on frames so much later
FIRST_SOUND = 9  # steps from a change to its first sound: a block of five, and the delay's
UNKNOWN_REACTION = 0.5  # seconds from a change to its first sound, before one was measured
LONGEST_REACTION = 5.0
REACTION_HALF_LIFE = 15.0  # seconds in which a slow one counts half …
REACTION_FADES = 0.1  # … and at most this much less from one change to the next
SHORTEST_GAP = 0.1  # seconds between two changes of one take: each costs the engine some steps
LONGEST_GAP = 1.0
SHORTEST_BRANCH = 25  # frames of a take that are worth making anew
TEMPO_MOVED = 0.01  # share by which a clock must move before a take is told
STEPS_LOST = 14  # that a change costs: what is read and drawn again, and smaller blocks


def sampling_of(state: SessionState, seed: int) -> SamplingParams:
    """The sampling that the parameter table asks for, and that there is time for."""
    values = state.values
    asked = SamplingParams(
        seed=seed,
        temperature=values["temperature"],
        top_k=int(values["top_k"]),
        guidance=values["guidance"],
        text_push=values["text_push"] if hears_style(state) else DEFAULT_TEXT_PUSH,
    )
    return sampling_in_force(state, asked)


def prompt_of(state: SessionState, tempo: float, text: str | None = None) -> Prompt:
    """All slots blended, with the tempo in words; text: in place of slot 1's. Raises BadInput.

    tempo: as `tempo_to_tell` says; 0 leaves the texts as they are.
    """
    first = state.prompt if text is None else text
    slots = [(first, state.prompt_weight), *state.slots.values()]
    prompt = Prompt.of(slots, state.negative)
    leads = state.transport.leader is not ask.ClockSource.INTERNAL
    prompt = told(prompt, tempo, leads=leads) if tempo else prompt
    return clip_of(state, prompt)


def tempo_to_tell(state: SessionState, before: float = 0.0) -> float:
    """The tempo that the model is told in its prompt, 0 for none.

    before: the one that a take was told already, which stays while the clock is near it.
    """
    if not state.values["tell_tempo"] or not state.transport.tempo_known:
        return 0.0
    tempo = state.transport.tempo
    return before if abs(tempo - before) < TEMPO_MOVED * before else tempo


# ---------------------------------------------------------------- commands


def set_prompt(turn: Turn, text: str, origin: ask.Origin) -> None:
    """Slot 1. Raises BadInput."""
    checked = Prompt(text).text
    turn.change(prompt=checked)
    steer(turn)
    turn.send(
        PromptChanged(checked, origin, weight=turn.state.prompt_weight),
        KeepSettings({"prompt": checked}),
    )


def set_slot(turn: Turn, command: ask.SetPromptSlot) -> None:
    """A text, a weight or both; an empty text empties the slot. Raises BadInput."""
    slot, state = command.slot, turn.state
    if not 1 <= slot <= ask.PROMPT_SLOTS:
        raise BadInput(f"there is no prompt slot {slot}; use 1 to {ask.PROMPT_SLOTS}")
    old_text, old_weight = slot_of(state, slot)
    weight = old_weight if command.weight is None else checked_text_weight(command.weight)
    text = old_text if command.text is None else Prompt(command.text).text
    if slot == 1:
        turn.change(prompt_weight=weight)
        set_prompt(turn, text, command.origin)
        return
    slots = {**state.slots, slot: (text, weight)}
    if not text.strip():
        del slots[slot]
        weight = 1.0
    turn.change(slots=MappingProxyType(slots))
    steer(turn)
    turn.send(PromptChanged(text, command.origin, slot=slot, weight=weight))


def set_negative(turn: Turn, text: str, origin: ask.Origin) -> None:
    """Raises BadInput."""
    turn.change(negative=Prompt(negative=text).negative)
    steer(turn)
    turn.send(PromptChanged(text, origin, slot=ask.NEGATIVE_SLOT))


def melody_heard(turn: Turn, heard: MelodyHeard | StyleHeard) -> None:
    """The engine has listened: what plays follows the melody, or the style, from now on."""
    if note_heard(turn, heard):
        steer(turn)


def clear_slots(turn: Turn, origin: ask.Origin) -> None:
    """A preset is one prompt: the other slots are emptied."""
    for slot in turn.state.slots:
        turn.send(PromptChanged("", origin, slot=slot))
    turn.change(slots=MappingProxyType({}), prompt_weight=1.0)


def slot_of(state: SessionState, slot: int) -> tuple[str, float]:
    """Text and weight of a slot; the negative prompt's weight is 1."""
    if slot == ask.NEGATIVE_SLOT:
        return state.negative, 1.0
    if slot == 1:
        return state.prompt, state.prompt_weight
    return state.slots.get(slot, ("", 1.0))


def obey_prompt(turn: Turn, command: ask.PromptCommand) -> None:
    """Commands about prompts. Raises BadInput."""
    origin = command.origin
    match command:
        case ask.SetPrompt(text):
            set_prompt(turn, text, origin)
        case ask.SetPromptSlot():
            set_slot(turn, command)
        case ask.SetNegative(text):
            set_negative(turn, text, origin)
        case ask.AskPrompt(slot):
            text, weight = slot_of(turn.state, slot)
            turn.send(PromptChanged(text, origin, answer=True, slot=slot, weight=weight))
            return
    turn.send(Accepted(0, origin))


# ---------------------------------------------------------------- the take in flight


def steer(turn: Turn) -> None:
    """The take that is being made takes over what the session now asks for.

    A fader sends more changes than an engine can follow: they are passed on in steps, the last
    one always.
    """
    flight = turn.state.current
    if flight is None:
        return
    tempo = tempo_to_tell(turn.state, flight.told_tempo)
    prompt = prompt_of(turn.state, tempo)
    sampling = sampling_of(turn.state, flight.sampling.seed)
    due = guidance_due(turn.state, sampling)
    if due != flight.guidance_due:
        flight = turn.change_flight(flight.take, guidance_due=due)
    if (prompt, sampling) == (flight.prompt, flight.sampling):
        turn.change_flight(flight.take, steer_due=False)
        return
    if flight.engine_done or flight.cancelled:
        _branch(turn, flight)
        return
    if turn.now < flight.next_steer:
        turn.change_flight(flight.take, steer_due=True)
        return
    frame = first_free_frame(turn, flight)
    if prompt != flight.prompt:
        turn.send(ChangePrompt(flight.take, prompt, frame, _new_epoch(turn)))
    if sampling != flight.sampling:
        turn.send(ChangeSampling(flight.take, sampling, frame, _new_epoch(turn)))
    turn.change_flight(
        flight.take,
        prompt=prompt,
        told_tempo=tempo,
        sampling=sampling,
        steer_due=False,
        next_steer=turn.now + _gap(turn.state),
        steered_at=turn.now if flight.steered_at is None else flight.steered_at,
    )


def _branch(turn: Turn, flight: Flight) -> None:
    """A take that is made whole and still sounds is on disk as it is: the change begins a take
    that branches from it, and takes its place at the look-ahead."""
    waits = any(pending.wish is Wish.BRANCH for pending in turn.state.pending.values())
    if flight.record.loop or flight.replay:  # it stays as it is: what is asked for is the next
        return
    if waits or flight.cancelled or not flight.heard or not flight.sounding or flight.stop_at:
        return
    heard = flight.heard_by(turn.now)
    ahead = max(turn.state.ready_after, look_ahead(turn.state, flight, heard))
    safe = heard + ahead + turn.state.in_hand
    frame = math.ceil(safe * FRAME_RATE) + PRE_ROLL // SAMPLES_PER_FRAME
    if flight.wanted is not None and frame <= flight.wanted - SHORTEST_BRANCH:
        pending = Pending(Wish.BRANCH, flight.origin, None, turn.now)
        turn.send(RecallTake(turn.new_token(pending), flight.take, frame))


def steer_late(turn: Turn) -> None:
    """Time has passed: a change that was held back."""
    flight = turn.state.current
    if flight is not None and flight.steer_due and turn.now >= flight.next_steer:
        steer(turn)


def first_free_frame(turn: Turn, flight: Flight) -> int:
    """The first frame that can still be made anew before its sound is due."""
    if flight.begun and flight.played_at:
        heard = flight.heard_by(turn.now)
    else:  # the first sample is yet to come
        heard = min(0.0, turn.now - (flight.start_at or turn.now))
    safe = heard + look_ahead(turn.state, flight, heard)
    return max(0, math.ceil(safe * FRAME_RATE) + CODEC_AHEAD)


def look_ahead(state: SessionState, flight: Flight, heard: float) -> float:
    """Seconds of sound that a change leaves as they are, lest what follows comes too late.

    An engine that is slower than the ear keeps as much in hand as it needs to the end.
    """
    speed = SPEED_TRUSTED * state.speed
    reaction = state.reaction or (FIRST_SOUND / FRAME_RATE / speed if speed else UNKNOWN_REACTION)
    ahead = reaction + state.in_hand
    if 0 < speed < 1:
        whole = SLOW_ENDLESS if flight.wanted is None else flight.wanted
        left = whole / FRAME_RATE - (0 if flight.wanted is None else heard)
        slow = (1 - speed) * left
        ahead = max(ahead, slow)
    return min(ahead, LONGEST_REACTION) if flight.wanted is None else ahead


def _gap(state: SessionState) -> float:
    """Seconds between two changes, so that what they cost can be made up for."""
    spare = SPEED_TRUSTED * state.speed - 1
    if spare <= 0:
        return LONGEST_GAP
    return min(max(STEPS_LOST / FRAME_RATE / spare, SHORTEST_GAP), LONGEST_GAP)


def _new_epoch(turn: Turn) -> int:
    epoch = turn.state.next_epoch
    turn.change(next_epoch=epoch + 1)
    return epoch


# ---------------------------------------------------------------- the engine's answer


def on_steered(turn: Turn, answer: TakeSteered) -> None:
    """From `frame` on everything is made anew; what was kept of it before is cut off."""
    flight = turn.state.flight(answer.take)
    turn.send(CutTake(answer.take, answer.frame, answer.first_sample))
    if flight is None:
        return
    record = steered(flight.record, Steering(answer.frame, answer.prompt, answer.sampling))
    turn.send(NoteTake(record))
    turn.change(tree=turn.state.tree.with_record(record))
    before = flight.epoch
    turn.change(headroom=replace(turn.state.headroom, steered=True))
    flight = turn.change_flight(
        flight.take,
        record=record,
        epoch=answer.epoch,
        generated=min(flight.generated, answer.frame),
        received=min(flight.received, answer.first_sample),
        held=tuple(_cut(flight.held, answer)),
        kept=tuple(_cut(flight.kept, answer)),
    )
    if answer.epoch == before:  # nothing that was sent is void
        turn.change_flight(flight.take, steered_at=None)
    elif flight.begun and not flight.muted:
        sample = answer.first_sample
        turn.send(begin_message(flight, answer.epoch, 0.0, turn.now, before, sample, sample))


def note_reaction(turn: Turn, flight: Flight) -> None:
    """The first sound after a change has come: so long it takes. Rises at once, falls slowly, also
    while a fader moves: each change leaves little in hand, so the slowest one lately counts."""
    if flight.steered_at is None:
        return
    took, known = min(LONGEST_REACTION, turn.now - flight.steered_at), turn.state.reaction
    passed = (turn.now - turn.state.reacted_at) / REACTION_HALF_LIFE
    fades = min(REACTION_FADES, 1 - 0.5**passed)
    turn.change(reaction=max(took, known + fades * (took - known)), reacted_at=turn.now)
    turn.change_flight(flight.take, steered_at=None)


def _cut(held: tuple[PcmBlock, ...], answer: TakeSteered) -> list[PcmBlock]:
    """Blocks that wait for the start, without what is void, as of the new epoch."""
    kept = []
    for block in held:
        samples = min(len(block.pcm), answer.first_sample - block.first_sample)
        if samples > 0:
            kept.append(replace(block, epoch=answer.epoch, pcm=block.pcm[:samples], last=False))
    return kept
