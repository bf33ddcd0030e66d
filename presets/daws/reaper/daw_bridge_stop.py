"""REAPER action: stop daw-bridge on the next bar."""

import socket

MESSAGE = b"/musicgen/stop\0\0,\0\0\0"

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
    wire.sendto(MESSAGE, ("127.0.0.1", 9770))
