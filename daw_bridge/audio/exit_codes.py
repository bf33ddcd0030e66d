"""How the audio process tells why it ended. Free of PortAudio: both sides import it."""

STOPPED = 0  # it was asked to, or its parent is gone
STREAM_LOST = 70  # the stream died; PortAudio cannot be mended inside a process
START_AGAIN = 75  # another device is wanted, which takes a fresh PortAudio
EOF_TIMEOUT = 76  # the parent is gone and the device would not close
