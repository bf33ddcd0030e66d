"""A take's life: asked for, generated, started on its bar, heard, stopped, written.

    request ─► StartTake ─► blocks are held ─► BeginTake on time ─► blocks flow ─► TakeEnded
                       └─► every block and token also goes to disk ─► CloseTake

One take is generated at a time. The take before it keeps sounding until the new one is
begun; the audio process cross-fades the two. Here: what is asked of the engine and comes from
it. When a take starts is in session_schedule.py, what is heard of it in session_sound.py.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np

from core.generation.messages import (
    CancelTake,
    Credit,
    PcmBlock,
    StartTake,
    TakeDone,
    TakeTokens,
)
from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME, Frames, seconds_of_bars
from daw_bridge import session_latency as latency
from daw_bridge.commands import Origin
from daw_bridge.disk_messages import CloseTake, KeepContext, KeepPcm, KeepTokens, OpenTake
from daw_bridge.events import Accepted, Problem, PromptChanged, TakeProgress
from daw_bridge.looping.tail import tail_frames
from daw_bridge.session_adapters import uses_of
from daw_bridge.session_flight import Context, Flight, Recipe
from daw_bridge.session_io import PlayBlock
from daw_bridge.session_loop import loops
from daw_bridge.session_schedule import place, try_begin
from daw_bridge.session_steering import note_reaction, prompt_of, sampling_of, tempo_to_tell
from daw_bridge.session_turn import Turn
from daw_bridge.take_heritage import heritage, unheard
from daw_bridge.take_length import frames_for, pre_roll, rest_of
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_timeline import TakeChange, own_changes, prompts_of, split, timeline
from daw_bridge.waveform import waveform

ASKERS_KEPT = 64


# ---------------------------------------------------------------- ask


def start_take(
    turn: Turn,
    origin: Origin,
    context: Context,
    prompt: str | None = None,
    *,
    asked_at: float | None = None,
    recipe: Recipe | None = None,
) -> None:
    """Ask the engine for a new take. `recipe`: the same once more, with another seed."""
    latency.open_take(turn, endless=not turn.state.values["bars"])
    state = turn.state
    told_tempo = tempo_to_tell(state)
    asked = prompt_of(state, told_tempo, prompt)  # raises BadInput before anything has changed
    wanted_seed = int(state.values["seed"])
    seed = wanted_seed if wanted_seed >= 0 and recipe is None else turn.draw_seed()
    if wanted_seed < 0 and recipe is None and context.seed is not None:
        seed = context.seed  # a take that is continued goes on as it would have
    sampling, changes = sampling_of(state, seed), context.past
    if recipe:  # through all that changed on its way
        first, changes = split(timeline(recipe.record, seed))
        asked, sampling = first.prompt, first.sampling
        changes = (*context.past, *changes)
    bars, beats, tempo = int(state.values["bars"]), state.beats, state.transport.tempo
    length = seconds_of_bars(bars, beats, tempo)  # 0: until stopped
    frames = frames_for(length, context.lead) if bars else None
    if recipe:
        bars, beats, tempo = recipe.record.bars, recipe.record.beats, recipe.record.tempo
        length, frames = recipe.record.length, recipe.frames
    loop = recipe.record.loop if recipe else loops(state, bars)
    if loop and frames is not None and recipe is None:
        frames = Frames(frames + tail_frames(length))
    after = _end_of_parent(turn, context) if context.begin is None else context.begin
    branched = context.branched
    follows = None
    if branched and context.at is not None:  # the rest of it, in its place
        bars, beats, tempo = branched.record.bars, branched.record.beats, branched.record.tempo
        length = rest_of(branched.record, context.at)
        frames = None if branched.wanted is None else branched.wanted - context.at
        follows = (branched.epoch, context.at * SAMPLES_PER_FRAME)
    elif after is not None and context.at is not None:
        parent = state.flight(context.parent or 0)
        follows = None if parent is None else (parent.epoch, context.at * SAMPLES_PER_FRAME)
    take, epoch = state.next_take, state.next_epoch
    loaded = state.model.loaded
    record = TakeRecord(
        take=take,
        prompts=prompts_of(asked, changes),
        seed=seed,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        guidance=sampling.guidance,
        changes=tuple(TakeChange.to(one) for one in own_changes(asked, sampling, changes)),
        tempo=tempo,
        bars=bars,
        beats=beats,
        model=loaded.name if loaded else state.model.asked,
        digest=loaded.digest if loaded else "",
        licence=loaded.licence if loaded else "",
        adapters=uses_of(state.adapters),
        parent=context.parent,
        at=context.at,
        lead=context.lead,
        length=length,
        loop=loop and context.branched is None,
        before=recipe.record.take if recipe else context.parent or state.tree.current or None,
        source=context.source,
        **heritage(state, context, recipe),
    )
    flight = Flight(
        take,
        epoch,
        origin,
        turn.now if asked_at is None else asked_at,
        record,
        sampling,
        frames,
        asked,
        told_tempo,
        follows=follows,
        guidance_due=None if recipe else latency.guidance_due(state, sampling),
        credit=state.run_ahead if frames is None else frames,
        offset=context.lead if branched is None else branched.offset + (follows or (0, 0))[1],
        unheard=unheard(state, context),
    )
    _supersede(turn, spares_alternatives=branched is not None)
    askers = {**turn.state.askers, take: origin}
    for old in sorted(askers)[:-ASKERS_KEPT]:
        del askers[old]
    turn.change(
        next_take=take + 1,
        next_epoch=epoch + 1,
        flights=(*turn.state.flights, flight),
        last_take=take,
        last_fraction=0.0,
        askers=MappingProxyType(askers),
        recipe=Recipe(record, replace(context, branched=None, begin=None), frames),
        tree=state.tree.grown(record),
    )
    drop_next(turn)
    if recipe is None and prompt is not None and prompt != state.prompt:
        turn.change(prompt=prompt)
        turn.send(PromptChanged(prompt, origin, weight=state.prompt_weight))
    turn.send(
        OpenTake(record),
        StartTake(
            take,
            epoch,
            asked,
            sampling,
            frames,
            context.codes,
            context.clip,
            context.clip_rate,
            lead=context.lead if follows is None else pre_roll(context.lead),
            changes=changes,
            bars=record.bar_grid,
            skip=context.skip,
            level=record.level,
        ),
        Credit(take, flight.credit),
        Accepted(take, origin),
    )
    if context.codes is not None and context.parent is None:
        turn.send(KeepContext(take, context.codes))  # of a clip that was encoded before
    if branched is None:
        place(turn, flight, after)


def drop_next(turn: Turn) -> None:
    """What was to follow the take that is being made will not: whoever asked is told."""
    command = turn.state.next_up
    if command is not None:
        turn.change(next_up=None)
        text = f"take {command.take} is not continued: something else was asked for first"
        turn.send(Problem("superseded", text, command.origin))


def _supersede(turn: Turn, *, spares_alternatives: bool) -> None:
    """The takes before no longer need the engine; one that sounds goes on for now."""
    for old in turn.state.flights:
        if old.aside and spares_alternatives:
            continue
        cancel(turn, old)
        if not old.begun:
            turn.change_flight(old.take, muted=True, held=())


def _end_of_parent(turn: Turn, context: Context) -> float | None:
    """When the take that is continued from its end has been heard, if it sounds now."""
    parent = turn.state.flight(context.parent) if context.parent is not None else None
    if parent is None or not parent.sounding or not parent.heard:
        return None
    record = parent.record
    if not parent.engine_done:
        record = replace(record, frames=parent.wanted or 0)
    end = record.samples - record.lead
    if parent.engine_done and not record.complete:
        end = parent.received
    if context.at is None or context.at * SAMPLES_PER_FRAME - context.lead != end:
        return None
    return parent.played_at + (end - parent.played) / MODEL_RATE + turn.state.latency


# ---------------------------------------------------------------- the engine's side


def on_tokens(turn: Turn, tokens: TakeTokens) -> None:
    flight = turn.state.flight(tokens.take)
    turn.send(KeepTokens(tokens))
    if flight is None:
        return
    generated = max(flight.generated, tokens.first_frame + tokens.codes.shape[1])
    turn.change_flight(flight.take, generated=generated)
    if flight.take != turn.state.last_take:
        return
    seconds = generated / FRAME_RATE
    fraction = generated / flight.wanted if flight.wanted else -seconds
    latency.hear_tokens(turn, tokens)
    turn.change(last_fraction=min(1.0, fraction))
    turn.send(TakeProgress(flight.take, min(1.0, fraction)))


def on_block(turn: Turn, block: PcmBlock) -> None:
    flight = turn.state.flight(block.take)
    lead = 0 if flight is None else flight.record.lead
    own = block.from_sample(-lead)
    if len(own.pcm):
        turn.send(KeepPcm(own))
        if flight is None or not flight.aside:
            turn.send(waveform(own, lead))
    if flight is None:
        return
    if block.epoch == flight.epoch and flight.steered_at is not None:
        note_reaction(turn, flight)
    flight = turn.change_flight(
        flight.take,
        received=max(flight.received, block.first_sample + len(block.pcm)),
        last_sent=flight.last_sent or block.last,
        kept=() if flight.muted else (*flight.kept, block),
    )
    if flight.muted:
        return
    if flight.aside:
        if flight.sounding and block.first_sample < flight.sounds_until:
            turn.send(PlayBlock(block))  # until the other one is heard
        return
    if flight.begun:
        turn.send(PlayBlock(block))
        return
    turn.change_flight(flight.take, held=(*flight.held, block))
    try_begin(turn, flight.take)


def on_done(turn: Turn, done: TakeDone) -> None:
    """All that will be made is made: write it."""
    flight = turn.state.flight(done.take)
    if flight is not None and not flight.engine_done:
        _close(turn, flight, complete=not done.cancelled)


def fail_take(turn: Turn, take: int) -> Origin:
    """The engine gave the take up: keep what was made. Whose it was."""
    flight = turn.state.flight(take)
    if flight is None:
        return Origin()
    if not flight.engine_done:
        _close(turn, flight, complete=False)
    return flight.origin


def _close(turn: Turn, flight: Flight, *, complete: bool) -> None:
    frames = max(0, flight.received // SAMPLES_PER_FRAME)
    record = replace(flight.record, frames=frames, complete=complete)
    turn.send(CloseTake(record))
    end = PcmBlock(
        flight.take, flight.epoch, flight.received, np.zeros((0, 1), np.float32), last=True
    )
    empty = flight.received <= 0
    tree = turn.state.tree
    turn.change(tree=tree.without(flight.take) if empty else tree.with_record(record))
    missing = not flight.last_sent and not flight.muted  # so that the ear learns of the end
    if missing and flight.begun:
        turn.send(PlayBlock(end))
    elif missing and not empty:
        turn.change_flight(flight.take, held=(*flight.held, end), kept=(*flight.kept, end))
    turn.change_flight(
        flight.take, engine_done=True, record=record, last_sent=True, muted=flight.muted or empty
    )
    if not empty and not flight.begun and not flight.aside:
        try_begin(turn, flight.take)


# ---------------------------------------------------------------- change


def cancel(turn: Turn, flight: Flight) -> None:
    """The engine need not go on with it."""
    if not flight.engine_done and not flight.cancelled:
        turn.change_flight(flight.take, cancelled=True)
        turn.send(CancelTake(flight.take))
