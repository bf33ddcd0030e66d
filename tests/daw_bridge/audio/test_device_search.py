"""A device that is missing: what is told of it, and when it is said to be back."""

from __future__ import annotations

import threading
import time

import pytest

from core.errors import AudioFailed, BadDevice
from daw_bridge.audio import devices
from daw_bridge.audio.device_search import SEARCH_EVERY, SEARCH_LATER, DeviceSearch
from daw_bridge.audio.devices import AudioDevice
from daw_bridge.audio.messages import DeviceLost, OpenOutput

DESK = AudioDevice(0, "Desk", "ALSA", 0, 2, 48_000)
OTHER = AudioDevice(1, "Other", "ALSA", 0, 2, 48_000)


class Looks:
    """Stands for the child that lists devices: gives, or raises, what is set; counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.there: list[AudioDevice] | AudioFailed = []
        monkeypatch.setattr(devices, "list_devices", self)

    def __call__(self) -> list[AudioDevice]:
        self.count += 1
        if isinstance(self.there, AudioFailed):
            raise self.there
        return self.there

    def waited_for(self, search: DeviceSearch, now: float, other_plays: bool = False) -> int:
        """Looks until now, after one `look` and the end of its thread."""
        search.look(now, other_plays)
        for thread in threading.enumerate():
            if thread.name == "device-search":
                thread.join(10)
                assert not thread.is_alive()
        return self.count


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


def test_it_is_told_once_until_someone_asks_again(looks: Looks) -> None:
    told: list[DeviceLost] = []
    search = DeviceSearch(told.append)
    for _ in range(2):
        search.tell_lost("output", BadDevice("no Desk"), retrying=True)
    assert told == [DeviceLost("output", "no Desk", retrying=True)]
    search.tell_lost("input", BadDevice("no Desk"), retrying=True)
    search.tell_lost("output", BadDevice("no Desk, but Other"), retrying=True)
    assert len(told) == 3
    search.tell_again("output")
    search.tell_lost("output", BadDevice("no Desk, but Other"), retrying=True)
    assert len(told) == 4


def test_it_is_back_when_a_child_sees_it(looks: Looks) -> None:
    told: list[DeviceLost] = []
    search = DeviceSearch(told.append)
    asked = OpenOutput(device="Desk")
    search.want("output", asked)
    looks.there = [OTHER]
    now = time.monotonic()
    looks.waited_for(search, now)
    assert not search.is_one_back
    (lost,) = told
    assert (lost.kind, lost.retrying) == ("output", True)
    assert "'Desk'" in lost.text
    looks.there = [OTHER, DESK]
    looks.waited_for(search, now + SEARCH_LATER)
    assert search.is_one_back
    assert dict(search.wanted) == {"output": asked}
    search.forget("output")
    assert not search.is_one_back
    assert not search.wanted


def test_a_child_that_fails_says_nothing_of_the_device(looks: Looks) -> None:
    told: list[DeviceLost] = []
    search = DeviceSearch(told.append)
    search.want("output", OpenOutput(device="Desk"))
    looks.there = AudioFailed("PortAudio hangs")
    assert looks.waited_for(search, time.monotonic()) == 1
    assert not search.is_one_back
    assert told == []


def test_it_is_looked_for_often_at_first_then_seldom(looks: Looks) -> None:
    search = DeviceSearch(lambda lost: None)
    search.want("output", OpenOutput(device="Desk"))
    search.asked_now()
    now = time.monotonic()
    assert looks.waited_for(search, now) == 1
    assert looks.waited_for(search, now + SEARCH_EVERY / 2) == 1
    assert looks.waited_for(search, now + SEARCH_EVERY) == 2
    later = now + 100
    assert looks.waited_for(search, later) == 3
    assert looks.waited_for(search, later + SEARCH_EVERY) == 3
    assert looks.waited_for(search, later + SEARCH_LATER) == 4


def test_beside_a_stream_that_plays_there_is_time(looks: Looks) -> None:
    search = DeviceSearch(lambda lost: None)
    search.asked_now()
    search.refused("output", OpenOutput(device="Desk"), other_plays=True)
    now = time.monotonic()
    assert looks.waited_for(search, now, other_plays=True) == 0
    assert looks.waited_for(search, now + SEARCH_LATER, other_plays=True) == 1
    assert looks.waited_for(search, now + SEARCH_LATER + SEARCH_EVERY, other_plays=True) == 1
