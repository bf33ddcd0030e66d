"""What a run of `daw-bridge tokenize` did: for the last line, and for report.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NAMED = 3  # files that the summary names; report.json names all


@dataclass(slots=True)
class Report:
    """clips, seconds: written by this run. kept: clips that were there before.

    left_out: (file, reason). notes: (file, what was noticed), of files that were kept.
    """

    clips: int = 0
    seconds: float = 0.0
    kept: int = 0
    kept_seconds: float = 0.0
    without_caption: int = 0
    gone: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    stopped: bool = False

    def summary(self) -> str:
        """One line for a person."""
        parts = [f"wrote {_clips(self.clips)}, {length(self.seconds)}"]
        if self.kept:
            parts.append(f"{self.kept} were there ({length(self.kept_seconds)})")
        if self.left_out:
            named = [f"{file} ({_short(reason)})" for file, reason in self.left_out[:NAMED]]
            more = ["…"] if len(self.left_out) > NAMED else []
            parts.append(f"left out {len(self.left_out)}: {', '.join(named + more)}")
        if self.without_caption:
            parts.append(f"{self.without_caption} without a caption")
        if self.notes:
            files = len({file for file, _ in self.notes})
            parts.append(f"{files} files with remarks (report.json)")
        if self.gone:
            parts.append(f"{_clips(self.gone)} of files that are no longer there stay")
        line = "; ".join(parts)
        return f"stopped: {line}; the same command goes on" if self.stopped else line

    def as_json(self) -> dict[str, Any]:
        return {
            "complete": not self.stopped,
            "clips": self.clips + self.kept,
            "minutes": round((self.seconds + self.kept_seconds) / 60, 2),
            "written_by_this_run": self.clips,
            "without_caption": self.without_caption,
            "left_out": [{"file": file, "reason": reason} for file, reason in self.left_out],
            "remarks": [{"file": file, "remark": remark} for file, remark in self.notes],
        }


def length(seconds: float) -> str:
    """A length for a person: 12 s, 52 min, 2 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def _clips(count: int) -> str:
    return f"{count} clip{'' if count == 1 else 's'}"


def _short(reason: str) -> str:
    """The reason without its details and advice, which were said before."""
    return reason.split(";")[0].split(" (")[0].removeprefix("it ").removeprefix("is ")
