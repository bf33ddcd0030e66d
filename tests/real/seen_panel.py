"""The panel as a person sees it: its parts found on the screen by their looks, light scheme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gui.icons import GROUNDS
from gui.theme import LIGHT
from tests.real.desktop import Desktop, Pixels, Place, of_colour, watch

TALLEST_LINE, WIDEST_CHIP = 12, 45  # pixels


@dataclass(frozen=True)
class Frame:
    """A bordered part whose left edge lies under that of Generate."""

    left: int
    top: int
    bottom: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def middle(self) -> int:
        return (self.top + self.bottom) // 2


class SeenPanel:
    """The Play page, from the moment that its Generate button is on the screen."""

    def __init__(self, desktop: Desktop, patience: float = 30.0, pause: float = 0.05) -> None:
        """pause: seconds from one look to the next, while it is waited for."""
        self._desktop = desktop
        what = "the panel with its Generate button"
        watch(lambda: self.visible, what, patience, pause)

    @property
    def visible(self) -> bool:
        return self._button(self._desktop.pixels()) is not None

    @property
    def generate(self) -> Place:
        left, right, top, bottom = self._found(self._desktop.pixels())
        return (left + right) // 2, (top + bottom) // 2

    def _found(self, pixels: Pixels) -> tuple[int, int, int, int]:
        found = self._button(pixels)
        assert found is not None, "the Play page is not on the screen"
        return found

    def _button(self, pixels: Pixels) -> tuple[int, int, int, int] | None:
        """Left, right, top and bottom of Generate: from above the first large area of accent."""
        accent = of_colour(pixels, [LIGHT.accent])
        for top, bottom in _runs(accent.sum(axis=1) > WIDEST_CHIP):
            if bottom - top >= TALLEST_LINE:
                middle = (top + bottom) // 2
                across = np.flatnonzero(accent[middle])
                edge = pixels[middle : middle + 1, across[0] - 1 : across[0]]
                if of_colour(edge, [LIGHT.text]).all():  # its border, under the mouse
                    across = np.append(across[0] - 1, across)
                return int(across[0]), int(across[-1]), top, bottom
        return None

    # ------------------------------------------------------------ the parts below Generate

    def frames(self) -> list[Frame]:
        """From above: the waveform's strip, the card of a take if there is one, the last row."""
        return self._frames(self._desktop.pixels())

    def _frames(self, pixels: Pixels) -> list[Frame]:
        """What has a border at its left, below Generate."""
        left, _, _, below = self._found(pixels)
        edge = pixels[below:, left : left + 1]
        # sound, and the line where it is heard, cover the border
        bordered = (of_colour(edge, [LIGHT.border, LIGHT.text]) | of_wave(edge))[:, 0]
        runs = [Frame(left, below + top, below + bottom) for top, bottom in _runs(bordered)]
        return [frame for frame in runs if frame.height > TALLEST_LINE]

    def card(self) -> Place | None:
        """Where to take hold of the last take."""
        frames = self.frames()
        if len(frames) < 3:
            return None
        return frames[1].left + 150, frames[1].middle

    def waveform(self) -> Pixels:
        """The strip, without its border: [height, width, 3]."""
        pixels = self._desktop.pixels()
        strip = self._frames(pixels)[0]
        inside = pixels[strip.top : strip.bottom, strip.left + 1 :]
        row = 3 * len(inside) // 4  # where there is no writing
        outside = of_colour(inside[row : row + 1], [LIGHT.window])[0]
        return inside[:, : int(np.flatnonzero(outside)[0]) - 1]

    def profile(self) -> NDArray[np.float64]:
        """How tall the sound is in each column of the strip, of the strip's height."""
        return of_wave(self.waveform()).mean(axis=0)

    def heard_columns(self) -> int:
        """Columns of the strip with sound in them."""
        return int(np.count_nonzero(self.profile()))

    def progress_shown(self) -> bool:
        """Whether something moves or is filled in the bar below the strip."""
        pixels = self._desktop.pixels()
        strip = self._frames(pixels)[0]
        rows = pixels[strip.bottom + 2 : strip.bottom + 24, strip.left :]
        return bool(of_colour(rows, [LIGHT.accent]).sum() > 10)

    def in_waveform(self, part: float) -> Place:
        """A place in the strip, so far from its left."""
        strip, width = self.frames()[0], self.waveform().shape[1]
        return strip.left + 1 + round(part * width), strip.middle

    def tray_icon(self, state: str) -> Place | None:
        """Where the icon is, if it shows that state."""
        width, height = self._desktop.size
        corner = self._desktop.pixels()[height - 40 :, width // 2 :]
        rows, columns = np.nonzero(of_colour(corner, [GROUNDS[state].name()], off=12))
        if len(rows) < 20:
            return None
        return int(width // 2 + np.median(columns)), int(height - 40 + np.median(rows))


def of_wave(pixels: Pixels) -> NDArray[np.bool_]:
    """Accent or violet, however pale: much more blue in it than green and red."""
    red, green, blue = (pixels[..., part].astype(np.int16) for part in range(3))
    return (blue - np.minimum(red, green) > 60) & (blue > 120)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
