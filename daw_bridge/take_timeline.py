"""A take's timeline: which prompts and sampling held from which frame on. Pure.

It is kept in the take's record, so that a retry goes through the same changes, and so that a
take that continues it reads its past as it was written, which makes the continuation exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.errors import BadInput
from core.generation.params import DEFAULT_TEXT_PUSH, Prompt, SamplingParams, Steering

if TYPE_CHECKING:
    from daw_bridge.take_record import TakeRecord


@dataclass(frozen=True, slots=True)
class TakeChange:
    """What holds from a new frame of the take on (below 0: of what it continues)."""

    frame: int
    texts: tuple[tuple[str, float], ...] = ()  # each with its share
    negative: str = ""
    temperature: float = 1.0
    top_k: int = 250
    guidance: float = 3.0
    melody: str = ""  # as in Prompt …
    style: str = ""
    text_push: float = DEFAULT_TEXT_PUSH  # … and in SamplingParams

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> TakeChange:
        """Raises KeyError, TypeError, ValueError or AttributeError for one that is not ours."""
        texts = tuple((str(text), float(share)) for text, share in table["texts"])
        made = cls(
            int(table["frame"]),
            texts,
            str(table["negative"]),
            float(table["temperature"]),
            int(table["top_k"]),
            float(table["guidance"]),
            str(table.get("melody", "")),
            str(table.get("style", "")),
            float(table.get("text_push", DEFAULT_TEXT_PUSH)),
        )
        try:
            made.steering(0)
        except BadInput as refused:
            raise ValueError(str(refused)) from None
        return made

    @classmethod
    def to(cls, steering: Steering) -> TakeChange:
        prompt, sampling = steering.prompt, steering.sampling
        return cls(
            steering.frame,
            prompt.texts,
            prompt.negative,
            sampling.temperature,
            sampling.top_k,
            sampling.guidance,
            prompt.melody,
            prompt.style,
            sampling.text_push,
        )

    def steering(self, seed: int) -> Steering:
        """Raises BadInput."""
        sampling = SamplingParams(
            seed=seed,
            temperature=self.temperature,
            top_k=self.top_k,
            guidance=self.guidance,
            text_push=self.text_push,
        )
        words = Prompt.of(self.texts, self.negative)
        prompt = replace(words, melody=self.melody, style=self.style)
        return Steering(self.frame, prompt, sampling)


def timeline(record: TakeRecord, seed: int | None = None) -> tuple[Steering, ...]:
    """Everything that held, in order, from frame 0 or before on. seed: in place of the take's.

    Of a take without a timeline (an older program's) its prompts.
    """
    seed = record.seed if seed is None else seed
    if record.changes:
        return tuple(change.steering(seed) for change in record.changes)
    sampling = SamplingParams(
        seed=seed,
        temperature=record.temperature,
        top_k=record.top_k,
        guidance=record.guidance,
    )
    told = record.prompts or ((0, ""),)
    return tuple(Steering(frame, Prompt(text), sampling) for frame, text in told)


def own_changes(
    prompt: Prompt, sampling: SamplingParams, changes: Sequence[Steering]
) -> list[Steering]:
    """The timeline of a take that begins with these, and has changes to come."""
    return [Steering(0, prompt, sampling), *(one for one in changes if one.frame > 0)]


def prompts_of(prompt: Prompt, changes: Sequence[Steering]) -> tuple[tuple[int, str], ...]:
    """A timeline's prompts for people, each with its frame."""
    told = [(0, prompt.text)]
    for change in changes:
        if change.frame > 0 and change.prompt.text != told[-1][1]:
            told.append((change.frame, change.prompt.text))
    return tuple(told)


def steered(record: TakeRecord, change: Steering) -> TakeRecord:
    """The record once `change` has come in place of all that held from its frame on."""
    frame, text = change.frame, change.prompt.text
    prompts = [told for told in record.prompts if told[0] < frame]
    if not prompts or prompts[-1][1] != text:
        prompts.append((frame, text))
    known = record.changes or tuple(TakeChange.to(one) for one in timeline(record))
    before = [old for old in known if old.frame < frame]
    if not before and (record.parent is not None or record.source):
        # What it continues was read with what it began with, and is to be read so again.
        before = [replace(known[0], frame=-1)]
    return replace(record, prompts=tuple(prompts), changes=(*before, TakeChange.to(change)))


def split(changes: Sequence[Steering]) -> tuple[Steering, tuple[Steering, ...]]:
    """What a take's new frames begin with, and all other changes."""
    first = [change for change in changes if change.frame <= 0][-1]
    return first, tuple(change for change in changes if change is not first)


def past(
    records: Mapping[int, TakeRecord], take: int | None, at: int | None
) -> tuple[Steering, ...]:
    """What held while the context of a take that continues `take` at frame `at` was made.

    Frames are below 0. Goes back through the takes that those continue, as far as they are known.
    """
    found: list[Steering] = []
    seen: set[int] = set()
    end = 0  # the frame, counted from the new take, at which `take` was left
    while take in records and take is not None and take not in seen:
        seen.add(take)
        record = records[take]
        length = record.frames if at is None else at
        own = [change for change in timeline(record) if change.frame < length]
        found = [replace(c, frame=c.frame - length + end) for c in own] + found
        end -= length
        take, at = record.parent, record.at
    return tuple(found)
