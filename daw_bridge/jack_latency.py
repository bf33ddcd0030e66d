"""How long after its cycle a JACK client's sound reaches the loudspeaker, and how long before it
what comes in was heard.

JACK-Client does not have jack_port_get_latency_range (JACK's API, "Managing and determining
latency"), so libjack is asked itself. PortAudio is no help: it takes one period off.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

CAPTURE, PLAYBACK = 0, 1  # JackCaptureLatency, JackPlaybackLatency


class _Range(ctypes.Structure):
    _fields_ = (("least", ctypes.c_uint32), ("most", ctypes.c_uint32))


def playback_latency(jack: Any, client: Any, mode: int = PLAYBACK) -> float:
    """Seconds from the start of a cycle to when its first frame sounds, by the sound card's own
    ports; 0 where they cannot be asked. mode CAPTURE: since its first frame was heard.

    jack: the module. client: an open `jack.Client`.
    """
    sides = {CAPTURE: {"is_output": True}, PLAYBACK: {"is_input": True}}
    try:
        ask = ctypes.CDLL(ctypes.util.find_library("jack")).jack_port_get_latency_range
        ask.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Range))
        ask.restype = None
        found, latency = 0, _Range()
        for port in client.get_ports(is_audio=True, is_physical=True, **sides[mode]):
            pointer = int(jack._ffi.cast("uintptr_t", port._ptr))
            ask(pointer, mode, ctypes.byref(latency))
            found = max(found, latency.most)
        return found / client.samplerate
    except (OSError, AttributeError, TypeError, jack.JackError):
        return 0.0


def latency_now(mode: int = PLAYBACK) -> float | None:
    """The same by a client of its own, for a moment; None where there is no JACK."""
    try:
        import jack
    except (ImportError, OSError):
        return None
    try:
        client = jack.Client("daw-bridge-latency", no_start_server=True)
    except jack.JackError:
        return None
    try:
        return playback_latency(jack, client, mode) or None
    finally:
        client.close()
