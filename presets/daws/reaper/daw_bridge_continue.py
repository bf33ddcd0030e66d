"""REAPER action: ask daw-bridge to continue the sound file of the selected item, from its end."""

import socket
import struct

from reaper_python import (
    RPR_CountSelectedMediaItems,
    RPR_GetActiveTake,
    RPR_GetMediaItemTake_Source,
    RPR_GetMediaSourceFileName,
    RPR_GetSelectedMediaItem,
    RPR_ShowMessageBox,
)

HOST, PORT = "127.0.0.1", 9770


def padded(text):
    data = text.encode("utf-8")
    return data + b"\0" * (4 - len(data) % 4)


def send(address, value=None):
    """One OSC message with a float, a text or nothing."""
    if value is None:
        tags, body = ",", b""
    elif isinstance(value, float):
        tags, body = ",f", struct.pack(">f", value)
    else:
        tags, body = ",s", padded(value)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.sendto(padded(address) + padded(tags) + body, (HOST, PORT))


if RPR_CountSelectedMediaItems(0) == 0:
    RPR_ShowMessageBox("Select an audio item first.", "daw-bridge", 0)
else:
    take = RPR_GetActiveTake(RPR_GetSelectedMediaItem(0, 0))
    name = RPR_GetMediaSourceFileName(RPR_GetMediaItemTake_Source(take), "", 4096)[1]
    if name:
        send("/musicgen/continue", name)
    else:
        RPR_ShowMessageBox("This item has no sound file.", "daw-bridge", 0)
