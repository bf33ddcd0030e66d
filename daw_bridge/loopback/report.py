"""What the loopback doctor found, and in plain words what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daw_bridge.parameters import PARAMETERS

SILENT = 1e-4  # linear
CLIPPED = 0.99
MUCH_DRIFT = 20.0  # ppm: 12 ms in ten minutes
MUCH_UNTOLD = 0.005  # seconds


@dataclass(frozen=True, slots=True)
class Dropout:
    """at: seconds into the measurement. lost: milliseconds of sound that are missing from there
    on; negative: that were put in; 0: sound that is there but broken."""

    at: float
    lost: float


@dataclass(frozen=True, slots=True)
class LoopbackReport:
    """found: the signal came back; else only `peak` says something.

    peak: linear, of what was heard. round_trip: seconds from the output's callback to the
    input's. untold: seconds of it that the drivers' own figures leave out. drift: ppm by which
    the input's clock is faster than the output's; None: nobody can tell. delays: (seconds into
    the measurement, milliseconds of round trip then). underruns: times that this program itself
    was late. buffer: the setting with which it was measured, a value of the parameter.
    """

    found: bool
    seconds: float
    peak: float = 0.0
    round_trip: float = 0.0
    untold: float = 0.0
    drift: float | None = None
    dropouts: tuple[Dropout, ...] = ()
    delays: tuple[tuple[float, float], ...] = ()
    underruns: int = 0
    buffer: int = 0

    @property
    def clean(self) -> bool:
        """Nothing was lost on the way."""
        return self.found and not self.dropouts and not self.underruns


def better_buffer(report: LoopbackReport) -> int | None:
    """The buffer to try next, as a value of the parameter; None: this one is right, or there is
    no larger one."""
    if not report.found or report.clean:
        return None
    words = PARAMETERS["buffer"].words
    wanted = words.index("512") if report.buffer == 0 else report.buffer + 1
    return wanted if wanted < len(words) else None


def advice(report: LoopbackReport) -> str:
    """What was found and what to do, in a sentence or a few."""
    if not report.found:
        if report.peak < SILENT:
            return (
                "Nothing came back. Connect the output to the input (one loopback device chosen"
                " for both; with JACK its ports) and see that the gain is not 0."
            )
        return (
            "Sound comes in, but not the test signal: stop other music on this route, or choose the"
            " input that this output leads to."
        )
    said = [f"The way out and back takes {1000 * report.round_trip:.1f} ms."]
    if report.peak >= CLIPPED:
        said.append("It clips on the way: turn it down.")
    said += _about_losses(report)
    if report.drift is not None and abs(report.drift) >= MUCH_DRIFT:
        slip = abs(report.drift) * 0.6
        said.append(
            f"The clocks of output and input differ by {abs(report.drift):.0f} ppm"
            f" ({slip:.0f} ms in ten minutes): use one device for both, or let one follow the"
            " other's word clock."
        )
    if abs(report.untold) >= MUCH_UNTOLD:
        late = "late" if report.untold > 0 else "early"
        said.append(
            f"{1000 * abs(report.untold):.0f} ms of that the drivers do not tell, so takes lie"
            f" {late} by it on the input's track: set it as the recording offset in the DAW."
        )
    if report.clean:
        said.append("Nothing was lost: the buffer is right.")
    return " ".join(said)


def _about_losses(report: LoopbackReport) -> list[str]:
    if report.clean:
        return []
    lost, late = len(report.dropouts), report.underruns
    counted = [_counted(lost, "dropout")] if lost else []
    if late:
        counted.append(f"{_counted(late, 'time')} this program was late itself")
    told = f"{' and '.join(counted)} in {report.seconds:.0f} s."
    larger = better_buffer(report)
    if larger is None:
        return [f"{told} The buffer is at its largest: close other programs."]
    word = PARAMETERS["buffer"].words[larger]
    return [f"{told} A buffer of {word} frames is safer (with JACK or ASIO: in their settings)."]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def merged(dropouts: list[Dropout], nearer: float) -> tuple[Dropout, ...]:
    """Those that follow each other within `nearer` seconds as one, with what all of them lost."""
    groups: list[list[Dropout]] = []
    for one in dropouts:
        if groups and one.at - groups[-1][-1].at <= nearer:
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(Dropout(group[0].at, sum(one.lost for one in group)) for group in groups)
