"""The one line that says how things are, derived from the session's state."""

from __future__ import annotations

from dataclasses import replace

from daw_bridge.events import Status, StatusChanged
from daw_bridge.session_clocks import clocks_in_words
from daw_bridge.session_state import SessionState
from daw_bridge.session_turn import Turn

TELL_EVERY = 0.1  # seconds between two news of numbers that merely drift


def status_of(state: SessionState) -> Status:
    """A snapshot for people and for /musicgen/status."""
    loaded = state.model.loaded
    flight = state.current
    return Status(
        state=_word(state),
        model=loaded.name if loaded else state.model.asked,
        model_progress=state.model.progress,
        device=loaded.device if loaded else "",
        dtype=loaded.dtype if loaded else "",
        dtype_why=loaded.why if loaded else "",
        licence=loaded.licence if loaded else "",
        hears_melody=loaded.hears_melody if loaded else False,
        hears_style=loaded.hears_style if loaded else False,
        adapters=", ".join(f"{one.name} {one.weight:g}" for one in state.adapters),
        output=state.output,
        output_rate=state.output_rate,
        input=state.input,
        recording=state.recording_since is not None,
        headroom=round(state.speed, 2),
        latency=state.tuning.step.word,
        in_hand=round(state.in_hand, 2),
        starts_in=round(flight.fills, 1) if flight and not flight.begun else 0.0,
        buffered=round(flight.buffered, 2) if flight else 0.0,
        underruns=state.underruns,
        tempo=round(state.transport.tempo, 2),
        clock=state.transport.leader.value,
        clocks=clocks_in_words(state.transport),
        link_peers=state.link_peers,
        rolling=state.transport.rolling,
        prompt=state.prompt,
        take=state.last_take,
        progress=round(max(0.0, state.last_fraction), 3),
        problem=state.problem,
        oscquery=state.oscquery,
        sounding=next((f.take for f in reversed(state.flights) if f.sounding and f.heard), 0),
    )


def _word(state: SessionState) -> str:
    model = state.model
    if model.loaded is None or model.loaded.model != model.asked:
        if model.failed:
            return "error"
        return "loading" if model.what or model.progress > 0 else "starting"
    # one that takes another's place sounds as soon as that one does not
    if any(f.sounding and (f.heard or f.follows) for f in state.flights):
        return "playing"
    flight = state.current
    if flight is None:
        return "idle" if model.progress >= 1 else "loading"  # the engine is started again
    if not flight.begun and not flight.muted and flight.start_at is not None and flight.held:
        return "scheduled"
    return "idle" if flight.engine_done or flight.cancelled else "generating"


def tell_status(turn: Turn) -> None:
    """Tell what changed: words at once, drifting numbers ten times a second."""
    status, shown = status_of(turn.state), turn.state.shown
    if status == shown:
        return
    drifted = replace(
        shown,
        headroom=status.headroom,
        in_hand=status.in_hand,
        starts_in=status.starts_in,
        buffered=status.buffered,
        tempo=status.tempo,
        clocks=status.clocks,
        progress=status.progress,
        model_progress=status.model_progress,
        underruns=status.underruns,
    )
    if drifted == status and turn.now - turn.state.shown_at < TELL_EVERY:
        return
    turn.change(shown=status, shown_at=turn.now)
    turn.send(StatusChanged(status))
