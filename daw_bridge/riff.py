"""Chunks of a RIFF/WAVE file: found without reading the sound, appended without touching it.

Files that a person drops are not to be trusted: sizes are held to the file's own, and their
number is bounded. Layout: Multimedia Programming Interface and Data Specifications 1.0 (IBM,
Microsoft, 1991): 'RIFF' size 'WAVE', then chunks of id, size (both little-endian, 32 bit) and
body, padded to even length.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

MOST_CHUNKS = 1_000
LARGEST = 2**32 - 1  # bytes that a RIFF file can say it holds
PIECE = 1 << 20  # bytes read at a time


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where a chunk's body lies. id: four bytes."""

    id: bytes
    start: int
    size: int


def chunks_of(file: BinaryIO) -> Iterator[Chunk]:
    """All chunks of a WAV, in order; none for a file of another kind. Raises OSError."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return
    at = 12
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = struct.unpack("<4sI", header)
        yield Chunk(name, at + 8, min(size, length - at - 8))
        at += 8 + size + size % 2


def find_chunk(file: BinaryIO, name: bytes) -> Chunk | None:
    """The first chunk of that id."""
    return next((chunk for chunk in chunks_of(file) if chunk.id == name), None)


def read_chunk(file: BinaryIO, chunk: Chunk, limit: int) -> bytes:
    """Its body. Raises ValueError when it is larger than `limit` bytes."""
    if chunk.size > limit:
        raise ValueError(f"a chunk of {chunk.size} bytes")
    file.seek(chunk.start)
    return file.read(chunk.size)


def sound_digest(file: BinaryIO) -> str:
    """SHA-256 (hex) of the samples, and of how many bits, channels and Hz they are.

    Raises ValueError for a file without them.
    """
    found = {chunk.id: chunk for chunk in chunks_of(file) if chunk.id in (b"fmt ", b"data")}
    if len(found) < 2 or found[b"fmt "].size < 16:
        raise ValueError("no WAV, or one without sound")
    _, channels, rate, _, _, bits = struct.unpack(
        "<HHIIHH", read_chunk(file, found[b"fmt "], 1_000)[:16]
    )
    digest = hashlib.sha256(f"{channels} {rate} {bits} ".encode())
    file.seek(found[b"data"].start)
    left = found[b"data"].size
    while left and (piece := file.read(min(left, PIECE))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


def append_chunks(file: BinaryIO, chunks: Sequence[tuple[bytes, bytes]]) -> None:
    """Put chunks (id, body) at the end of a whole WAV, open for reading and writing.

    What does not fit into a RIFF file (4 GiB) is left out. Raises OSError.
    """
    end = file.seek(0, os.SEEK_END)
    more = b"\0" * (end % 2)
    for name, body in chunks:
        more += struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)
    if end + len(more) - 8 > LARGEST:
        return
    file.write(more)
    file.seek(4)
    file.write(struct.pack("<I", end + len(more) - 8))
