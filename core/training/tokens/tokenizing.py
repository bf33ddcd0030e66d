"""A folder of music → token shards: the flow, from reading a file to its place in a shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import EncodecModel

from core.codec.encodec import Codec
from core.codec.loudness import DEFAULT_TARGET, LoudnessMeter, gain_to
from core.codec.resampler import Pcm
from core.errors import BadClip, BadInput
from core.training.music.audio_folder import audio_files, foreign_files
from core.training.music.cutting import SHORTEST, Piece, cut
from core.training.music.labels import Label, label_of
from core.training.music.recording import Recording
from core.training.tokens.clips import TokenClip, codec_digest
from core.training.tokens.progress import TokenizeProgress
from core.training.tokens.report import Report, length
from core.training.tokens.store import Origin, StoredClip, TokenStore
from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME

KEPT_IN_MEMORY = 300.0  # seconds; a longer file is read twice instead
LOUDNESS_RANGE = (-60.0, 0.0)  # LUFS


def _encode(codec: Codec, pcm: Pcm) -> NDArray[np.int16]:
    frames = len(pcm) // SAMPLES_PER_FRAME
    if frames == 0:
        raise BadClip("it is shorter than a frame; leave it out")
    return codec.encode(pcm[: frames * SAMPLES_PER_FRAME]).astype(np.int16)


@dataclass(frozen=True, slots=True)
class _Stamp:
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> _Stamp:
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns)


def tokenize_folder(
    codec: Codec | EncodecModel,
    folder: Path,
    out: Path,
    *,
    loudness: float | None = DEFAULT_TARGET,
    progress: TokenizeProgress | None = None,
) -> Report:
    """Write token shards of every audio file below `folder`; goes on where it was stopped.

    codec: for a stereo model, a Codec with two channels. loudness: LUFS (ITU-R BS.1770), None
    leaves levels as they are. A file that cannot be used is named and left out. Whenever this
    ends, also by KeyboardInterrupt, report.json is written. Raises BadInput when `out` belongs
    to another codec, folder or run, TokensRefused when the disk does not take it.
    """
    if loudness is not None and not LOUDNESS_RANGE[0] <= loudness <= LOUDNESS_RANGE[1]:
        low, high = LOUDNESS_RANGE
        raise BadInput(f"a loudness of {loudness:g} LUFS; use {low:g} to {high:g}, or none")
    if not isinstance(codec, Codec):
        codec = Codec(codec)
    setting = {
        "codec": codec_digest(codec.model),
        "channels": codec.channels,
        "loudness": loudness,
    }
    with TokenStore(out, folder, setting) as store, progress or TokenizeProgress() as shown:
        run = _Run(codec, folder, store, loudness, shown)
        try:
            run.all_files()
        except KeyboardInterrupt:
            run.report.stopped = True
            store.flush()
            run.finish()
            raise
        store.flush()
        run.finish()
        return run.report


class _Run:
    def __init__(
        self,
        codec: Codec,
        folder: Path,
        store: TokenStore,
        loudness: float | None,
        shown: TokenizeProgress,
    ) -> None:
        self.codec, self.folder, self.store = codec, folder, store
        self.loudness, self.shown = loudness, shown
        self.report = Report()
        self.before = {id(clip) for clips in store.stored.values() for clip in clips}

    def all_files(self) -> None:
        for path in foreign_files(self.folder):
            self._leave_out(path, f"{path.suffix} is not read; convert it to FLAC")
        todo, labels = self._compare(audio_files(self.folder))
        self.shown.begin(len(todo), sum(path.stat().st_size for path in todo))
        for path in todo:
            try:
                self._file(path, labels[path])
            except BadClip as problem:
                self._leave_out(path, str(problem))
                self.shown.file(0)
            except FileNotFoundError:
                self._leave_out(path, "it went away")
                self.shown.file(0)

    def _compare(self, paths: Sequence[Path]) -> tuple[list[Path], dict[Path, Label]]:
        """What is to be done, and every file's label; the store is brought up to date.

        A caption that changed costs no encoding; a file that changed, or whose bars did, is
        done again.
        """
        todo, labels, changed = [], {}, []
        for path in paths:
            name, label = self._name(path), label_of(path, self.folder)
            labels[path] = label
            for problem in label.problems:
                self._note(name, problem)
            stored = self.store.stored.get(name, [])
            if not stored:
                todo.append(path)
                continue
            try:
                stamp = _Stamp.of(path)
            except OSError:
                continue
            same = all(_Stamp(c.origin.size, c.origin.mtime_ns) == stamp for c in stored)
            if not same or self._bars_moved(stored, label):
                changed.append(name)
                todo.append(path)
                continue
            self.store.relabel(name, label.captions, label.facts)
            if len(stored) < stored[0].origin.pieces:
                todo.append(path)
            else:
                for note in stored[0].origin.notes:
                    self._note(name, note, quietly=True)
        if changed:
            self.shown.say(f"{len(changed)} files changed since; they are done again")
        self.store.drop(changed)
        self.store.write_labels()
        return todo, labels

    @staticmethod
    def _bars_moved(stored: list[StoredClip], label: Label) -> bool:
        uncut = len(stored) == 1 and stored[0].origin.pieces == 1 and stored[0].origin.at == 0
        before = Label(facts=stored[0].facts).bar_seconds
        return not uncut and before != label.bar_seconds

    def _file(self, path: Path, label: Label) -> None:
        name, stamp = self._name(path), _Stamp.of(path)
        recording, meter, held = self._measure(path)
        pieces = cut(meter.hops, recording.samples, label.bar_seconds)
        if not pieces:
            short = recording.samples < SHORTEST * MODEL_RATE
            raise BadClip(f"shorter than {SHORTEST:g} s" if short else "silent")
        notes = recording.flaws
        silent = recording.samples - sum(piece.length for piece in pieces)
        if silent >= MODEL_RATE:
            notes.append(f"{length(silent / MODEL_RATE)} of silence left out")
        for note in notes:
            self._note(name, note)
        gain = 1.0 if self.loudness is None else gain_to(self.loudness, meter)

        stored = self.store.stored.get(name, [])
        if any(clip.origin.pieces != len(pieces) for clip in stored):
            self.store.drop([name])
            self.store.write_labels()
            stored = []
        done = {clip.origin.piece for clip in stored}
        blocks = iter([held]) if held is not None else recording.blocks()
        counted = 0.0
        for number, pcm in _stretches(blocks, pieces, skip=done):
            piece = pieces[number]
            codes = _encode(self.codec, pcm * np.float32(gain))
            if _Stamp.of(path) != stamp:
                raise BadClip("it changed while it was read; run the same command again")
            origin = Origin(
                name, stamp.size, stamp.mtime_ns, number, len(pieces), piece.start, notes
            )
            self.store.add(_clip(name, codes, label, origin), origin)
            share = stamp.size * piece.length / recording.samples
            counted += share
            self.shown.clip(codes.shape[1] / FRAME_RATE, share)
        self.shown.file(stamp.size - counted)

    def _measure(self, path: Path) -> tuple[Recording, LoudnessMeter, Pcm | None]:
        """Read the file once; its sound too where that is no longer than a few minutes."""
        recording, meter = Recording(path, self.codec.channels), LoudnessMeter()
        blocks: list[Pcm] = []
        for pcm in recording.blocks():
            meter.feed(pcm)
            if recording.samples <= KEPT_IN_MEMORY * MODEL_RATE:
                blocks.append(pcm)
            else:
                blocks.clear()
        whole = recording.samples <= KEPT_IN_MEMORY * MODEL_RATE
        return recording, meter, np.concatenate(blocks) if whole and blocks else None

    # ---------------------------------------------------------------- what is told

    def finish(self) -> None:
        """Count, and write report.json."""
        report, here = self.report, set(map(self._name, audio_files(self.folder)))
        for file, clips in self.store.stored.items():
            for clip in clips:
                if id(clip) in self.before:
                    report.kept += 1
                    report.kept_seconds += clip.frames / FRAME_RATE
                else:
                    report.clips += 1
                    report.seconds += clip.frames / FRAME_RATE
                report.without_caption += not clip.captions
                report.gone += file not in here
        self.store.write_json("report.json", report.as_json())

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _note(self, name: str, text: str, quietly: bool = False) -> None:
        self.report.notes.append((name, text))
        if not quietly:
            self.shown.say(f"{name}: {text}")

    def _leave_out(self, path: Path, reason: str) -> None:
        name = self._name(path)
        self.report.left_out.append((name, reason))
        self.shown.say(f"left out {name}: {reason}")


def _clip(name: str, codes: NDArray[np.int16], label: Label, origin: Origin) -> TokenClip:
    facts = dict(label.facts)
    if origin.pieces > 1:
        # the sidecar's bars and samples are the whole file's
        facts |= {"piece": origin.piece, "pieces": origin.pieces}
        facts["start_seconds"] = origin.at / MODEL_RATE
        name = f"{name}#{origin.piece}"
    return TokenClip(name, codes, label.captions, facts)


def _stretches(
    blocks: Iterator[Pcm], pieces: Sequence[Piece], skip: set[int]
) -> Iterator[tuple[int, Pcm]]:
    """The pieces' sound out of a stream of blocks, each with its number, in order."""
    held: list[Pcm] = []
    begins = ends = 0  # of what is held, in samples
    for number, piece in enumerate(pieces):
        while ends < piece.start + piece.length:
            block = next(blocks, None)
            if block is None:
                raise BadClip("it changed while it was read; run the same command again")
            held.append(block)
            ends += len(block)
            while held and begins + len(held[0]) <= piece.start:
                begins += len(held.pop(0))
        if number in skip:
            continue
        whole = np.concatenate(held)
        yield number, whole[piece.start - begins : piece.start + piece.length - begins]
