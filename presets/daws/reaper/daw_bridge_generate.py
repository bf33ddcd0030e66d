"""REAPER action: ask daw-bridge for a new take at the project's tempo."""

import socket
import struct

from reaper_python import RPR_GetUserInputs, RPR_Master_GetTempo

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


answer = RPR_GetUserInputs("daw-bridge", 1, "Prompt:,extrawidth=300", "", 1024)
if answer[0]:
    send("/musicgen/tempo", float(RPR_Master_GetTempo()))
    send("/musicgen/generate", answer[4] or None)  # nothing: the prompt in use
