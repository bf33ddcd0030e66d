"""What a take's WAV says about itself: chunks that DAWs read, and one of our own.

acid   tempo, beats, meter, loop or one-shot (Sonic Foundry; layout as libsndfile reads it)
smpl   the loop's first and last sample, where the take is whole bars (RIFF, 1994)
cue, LIST adtl   a marker with its text where a new prompt took over
bext   description, origin, date, and the place in the tree as time reference (EBU Tech 3285)
dawb   ours: the record as JSON, the take's tokens and those before it; `TakeFile` has it back

The last is parsed from files that a person drops: sizes are bounded, nothing is executed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from core.types import FRAME_RATE, MODEL_RATE, SAMPLES_PER_FRAME, seconds_of_bars
from daw_bridge.riff import find_chunk, read_chunk, sound_digest
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_table import record_of, table_of

Tokens = NDArray[np.integer]  # [codebooks, frames]

OUR_ID = b"dawb"
VERSION = 1
HEAD = struct.Struct("<HHIII")  # version, codebooks, frames, frames of context, bytes of JSON
LARGEST_CHUNK = 64 << 20
LARGEST_JSON = 1 << 20
MOST_CODEBOOKS = 64
MOST_MARKERS = 256
CONTEXT_KEPT = 600 * FRAME_RATE  # frames of tokens before the take that go into its file
ONE_SHOT, STRETCH = 1, 4  # of acid's flags
FORWARD = 0  # of smpl's loops


@dataclass(frozen=True, slots=True, eq=False)
class TakeFile:
    """A take as its WAV has it. codes, context: int16 [codebooks, frames]."""

    record: TakeRecord
    codes: Tokens
    context: Tokens
    edited: bool  # the samples are not those that were written
    name: str  # that it was written under

    @property
    def with_context(self) -> Tokens:
        """All tokens that a continuation starts from."""
        return np.concatenate((self.context, self.codes), axis=1).astype(np.int64)

    def record_at(self, path: Path) -> TakeRecord:
        return replace(self.record, path=str(path))


def chunks_for(
    record: TakeRecord, samples: int, codes: Tokens, context: Tokens, sound: str
) -> list[tuple[bytes, bytes]]:
    """All chunks for a WAV of `samples` whose digest is `sound`, in the order they are written."""
    chunks = [(b"acid", _acid(record, samples)), (b"bext", _bext(record, context.shape[1]))]
    loop_end = loop_samples(record, samples)
    if loop_end:
        chunks.append((b"smpl", _smpl(loop_end)))
    markers = [(record.lead + f * SAMPLES_PER_FRAME, text) for f, text in record.prompts if f > 0]
    markers = [marker for marker in markers if marker[0] < samples][:MOST_MARKERS]
    if markers:
        chunks += [(b"cue ", _cue(markers)), (b"LIST", _labels(markers))]
    chunks.append((OUR_ID, _ours(record, codes, context[:, -CONTEXT_KEPT:], sound)))
    return chunks


def loop_samples(record: TakeRecord, samples: int) -> int:
    """How many samples the take's bars are at its tempo; 0 where it is not whole bars."""
    bars = round(seconds_of_bars(record.bars, record.beats, record.tempo) * MODEL_RATE)
    whole = record.bars and record.complete and abs(bars - samples) <= SAMPLES_PER_FRAME
    return min(bars, samples) if whole else 0


def read_take_file(path: Path) -> TakeFile | None:
    """The take that a WAV holds; None for any other sound file.

    Raises OSError; ValueError for a chunk of ours that is damaged.
    """
    with path.open("rb") as file:
        chunk = find_chunk(file, OUR_ID)
        if chunk is None:
            return None
        record, codes, context, sound = _parse(read_chunk(file, chunk, LARGEST_CHUNK))
        name, record = record.path, replace(record, path="")
        return TakeFile(record, codes, context, sound_digest(file) != sound, name)


# ---------------------------------------------------------------- chunks that DAWs read


def _acid(record: TakeRecord, samples: int) -> bytes:
    loops = loop_samples(record, samples) > 0
    flags = STRETCH if loops else ONE_SHOT
    beats = record.bars * record.beats if loops else samples / MODEL_RATE * record.tempo / 60
    return struct.pack(
        "<IHHfIHHf", flags, 60, 0x8000, 0.0, round(beats), 4, record.beats, record.tempo
    )


def _smpl(loop_end: int) -> bytes:
    period = round(1e9 / MODEL_RATE)  # nanoseconds a sample
    head = struct.pack("<9I", 0, 0, period, 60, 0, 0, 0, 1, 0)
    return head + struct.pack("<6I", 0, FORWARD, 0, loop_end - 1, 0, 0)  # for ever


def _cue(markers: Sequence[tuple[int, str]]) -> bytes:
    points = [
        struct.pack("<II4sIII", number, at, b"data", 0, 0, at)
        for number, (at, _) in enumerate(markers, 1)
    ]
    return struct.pack("<I", len(points)) + b"".join(points)


def _labels(markers: Sequence[tuple[int, str]]) -> bytes:
    body = b"adtl"
    for number, (_, text) in enumerate(markers, 1):
        label = struct.pack("<I", number) + text[:200].encode() + b"\0"
        body += struct.pack("<4sI", b"labl", len(label)) + label + b"\0" * (len(label) % 2)
    return body


def _bext(record: TakeRecord, context_frames: int) -> bytes:
    def ascii_of(text: str, length: int) -> bytes:
        return text.encode("ascii", "replace")[:length].ljust(length, b"\0")

    date, _, time = record.created.partition("T")
    # So that a DAW can lay a branch on its parent.
    before = max(0, context_frames * SAMPLES_PER_FRAME - record.lead)
    head = (
        ascii_of(record.prompt, 256)
        + ascii_of("daw-bridge", 32)
        + ascii_of(record.uid, 32)
        + ascii_of(date, 10)
        + ascii_of(time[:8], 8)
    )
    return (head + struct.pack("<QH", before, 1)).ljust(602, b"\0")


# ---------------------------------------------------------------- ours


def _ours(record: TakeRecord, codes: Tokens, context: Tokens, sound: str) -> bytes:
    # The file may be given away: where the clip lay on this machine is nobody's business.
    told = replace(record, source=PurePath(record.source).name)
    text = json.dumps({**table_of(told), "sound": sound}, ensure_ascii=False).encode()
    same = context if context.shape[0] == codes.shape[0] else codes[:, :0]
    head = HEAD.pack(VERSION, codes.shape[0], codes.shape[1], same.shape[1], len(text))
    return head + text + _packed(codes) + _packed(same)


def _packed(codes: Tokens) -> bytes:
    return codes.T.astype("<u2").tobytes()


def _parse(body: bytes) -> tuple[TakeRecord, Tokens, Tokens, str]:
    """Record, tokens, tokens before them, the digest of the sound. Raises ValueError."""
    if len(body) < HEAD.size:
        raise ValueError("its description is cut short")
    version, books, frames, before, length = HEAD.unpack_from(body)
    if version != VERSION:
        raise ValueError(f"its description is of version {version}; use a newer daw-bridge")
    sizes_fit = len(body) == HEAD.size + length + 2 * books * (frames + before)
    if not sizes_fit or not 1 <= books <= MOST_CODEBOOKS or length > LARGEST_JSON:
        raise ValueError("its description is damaged")
    try:
        table = json.loads(body[HEAD.size : HEAD.size + length].decode())
    except (UnicodeDecodeError, RecursionError):
        raise ValueError("its description is damaged") from None
    record = record_of(table)
    sound = table.get("sound")
    values = np.frombuffer(body, "<u2", offset=HEAD.size + length)
    if values.size and values.max() > np.iinfo(np.int16).max:
        raise ValueError("its tokens are damaged")
    every = values.astype(np.int16).reshape(frames + before, books).T
    return record, every[:, :frames], every[:, frames:], sound if isinstance(sound, str) else ""
