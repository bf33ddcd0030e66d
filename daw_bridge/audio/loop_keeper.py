"""Loops that play: begun, kept on the bar lines, brought to an end. Feeder thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from daw_bridge.audio.clock import StreamClock
from daw_bridge.audio.looped_source import JUMP, LoopedSource
from daw_bridge.audio.messages import FinishLoop, LoopGrid, PlayLoop
from daw_bridge.audio.renderer import Renderer
from daw_bridge.audio.voice import FADE_DIP, Voice

UNHEARD = 0.0005  # seconds beside the grid at which a loop may begin, where a leap costs nothing


class LoopKeeper:
    """safe: the first frame that may still be rendered again."""

    def __init__(
        self, renderer: Renderer, stream: StreamClock, rate: int, safe: Callable[[], int]
    ) -> None:
        self._renderer, self._stream, self._rate, self._safe = renderer, stream, rate, safe

    def play(self, request: PlayLoop) -> None:
        """A new voice, which starts by itself; or another sound for the one that plays."""
        for voice, source in self._loops(request.take):
            if voice.epoch == request.epoch:
                self._take_over(voice, source, request)
                return
        channels = self._renderer.channels
        voice = Voice(request.take, request.epoch, None, self._rate, channels)
        phase = request.at / len(request.pcm)
        voice.source = LoopedSource(
            request.pcm, request.seconds, request.bars, self._rate, channels, phase, request.first
        )
        voice.follows, voice.follows_at = request.follows, request.first + request.at
        self._renderer.voices.append(voice)

    def grid(self, request: LoopGrid) -> None:
        for voice, source in self._loops(request.take):
            source.grid = request
            if voice.start is not None:
                self._follow(voice, source, JUMP)

    def started(self, voice: Voice) -> None:
        """A voice begins, cross-faded or after silence: it may as well begin on the grid."""
        if isinstance(voice.source, LoopedSource):
            self._follow(voice, voice.source, UNHEARD)

    def _follow(self, voice: Voice, source: LoopedSource, jump: float) -> None:
        """Turn a loop towards the grid it was last told of, from the next frame to be rendered
        on; where the tempo moved, from the first that may be rendered again."""
        if source.grid is None or source.complete:
            return
        frame = max(self._renderer.cursor, voice.start or 0)
        if self._turn(voice, source, source.grid, frame, jump):
            frame = max(self._safe(), voice.start or 0)
            self._renderer.rewind(frame)
            self._turn(voice, source, source.grid, frame, jump)

    def finish(self, request: FinishLoop) -> None:
        for voice, source in self._loops(request.take):
            if voice.released or source.complete:
                continue
            frame = max(self._safe(), voice.start or 0)
            fade = round(FADE_DIP * self._rate)
            source.finish(voice.take_frame_at(frame) + fade)
            self._renderer.rewind(frame)

    # ------------------------------------------------------------------ inside

    def _loops(self, take: int) -> Iterator[tuple[Voice, LoopedSource]]:
        for voice in self._renderer.voices:
            if voice.take == take and isinstance(voice.source, LoopedSource):
                yield voice, voice.source

    def _turn(
        self, voice: Voice, source: LoopedSource, grid: LoopGrid, frame: int, jump: float
    ) -> bool:
        to_line = None
        if grid.line is not None and self._stream.ready:
            to_line = grid.line - self._stream.time_of(frame)
        return source.follow(voice.take_frame_at(frame), to_line, grid.seconds, jump)

    def _take_over(self, voice: Voice, source: LoopedSource, request: PlayLoop) -> None:
        frame = max(self._safe(), voice.start or 0)
        source.take_over(voice.take_frame_at(frame), request.pcm)
        self._renderer.rewind(frame)
