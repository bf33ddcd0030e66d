"""docs/osc.md and docs/midi.md, made from the tables: `python -m daw_bridge.reference docs`.

A test holds the files to what this makes, so they cannot fall behind.
"""

from __future__ import annotations

import sys
from pathlib import Path

from daw_bridge.midi_mapping import NOTES, PANIC
from daw_bridge.osc_address import ADDRESSES
from daw_bridge.parameters import PARAMETERS

OSC_HEAD = """# OSC

daw-bridge listens on UDP 127.0.0.1:9770 (`--osc-port`, `--osc-host`). Answers go to the port
a message came from, and come from the port it was sent to.

- Numbers may come as int, float, double, true/false or as text. What is sent is int, float
  and string only.
- A request number after the arguments (any int) is echoed at the end of every answer.
- A button's release (a single 0) is ignored where a message is a trigger.
- Bundles wait for their time tag; nothing waits for them.
- Every message is answered: `/musicgen/accepted`, the value asked for, or `/musicgen/error`.
  Addresses outside `/musicgen` are complained about once in ten seconds.

Try it: `oscsend 127.0.0.1 9770 /musicgen/generate s "funky drums and bass, 110 bpm"`

## What you can send

| address | arguments | effect |
|---|---|---|
"""

OSC_TAIL = """
`/play`, `/stop` and `/tempo/raw` are what DAWs send of their own transport, so their stock
OSC surfaces work unmapped. A take waits for the next bar of a clock that rolls
(`/musicgen/quantize`); when the clock stops, the sound ends, and a take of fixed length is
still finished for its file.

`/musicgen/prompt` while a take plays turns it within a fraction of a second, without a gap and on
the beat. Slots blend by weight: `/musicgen/prompt/2 sf "strings" 0.4`; a fader sends the weight
alone. [prompts.md](prompts.md) has more.

## What you hear

To whoever asked, and to everyone who subscribed (`/musicgen/subscribe`):

| address | arguments | when |
|---|---|---|
| /musicgen/accepted | i take (0: none), s address | a command was understood and is under way |
| /musicgen/scheduled | i take, i bar, f seconds, i bars late | a take waits for its bar |
| /musicgen/filling | i take, f seconds | a slow model: enough of it is made first |
| /musicgen/latency/step | s step, i 0/1, s text | [headroom](live.md#latency) shrank or is back |
| /musicgen/first_audio | i take, f milliseconds | its first sound, counted from the command |
| /musicgen/progress | i take, f 0 to 1 | ten a second at most; of endless takes minus seconds |
| /musicgen/done | i take, s path | it is on disk, whole |
| /musicgen/loop/made | i take, f ms, f ms, i | a loop goes round: see [takes](takes.md#loops) |
| /musicgen/loopback | f ms, f ppm, i, s | [measured](routing.md#the-loopback-doctor): dropouts |
| /musicgen/current | i take (0: none) | undo, redo or someone chose it, or you asked |
| /musicgen/alternatives/ready | i n, i take, … | they can be swapped to, by number; 0: no more |
| /musicgen/take | i take, i parent, f at, f seconds, i kept, i seed, s prompt, s path | see takes |
| /musicgen/takes | i told, i of how many, i current | after the last /musicgen/take |
| /musicgen/takes/deleted | i take | it was moved aside |
| /musicgen/error | s address, s code, s text | what went wrong and what to do |
| /musicgen/status | s name, value, … | something changed, or you asked |
| /musicgen/prompt, /prompt/2 …, /tempo … | the value | someone else set it, or you asked |
| /musicgen/melody | s path, f seconds | a melody was heard (none: an empty path), or you asked |
| /musicgen/style | s path, f seconds, f ms | a style was heard, in so long, or you asked |
| /musicgen/adapters | s name, f weight, … | what is loaded changed, or you asked |
| /musicgen/learn | s parameter, i controller | a MIDI controller was mapped (-1: none) |
| /musicgen/pong | what was sent | the answer to ping |

A subscription lasts for the seconds you gave (600 if none, a day at most). Send it again before
it ends; that counts from then on. There is room for 64 subscribers, 16 of one host: one more is
answered `too_many_subscribers`, with the time until there is room.

## Discovery

While it runs, the program describes itself over HTTP ([OSCQuery]) and announces itself by
zeroconf, as `_oscjson._tcp` and `_osc._udp`, named `daw-bridge 9770 on HOST`.

    curl 'http://127.0.0.1:9770/'                        everything, as one tree
    curl 'http://127.0.0.1:9770/musicgen/tempo'          one address
    curl 'http://127.0.0.1:9770/musicgen/tempo?VALUE'    one attribute: {"VALUE": [120.0]}
    curl 'http://127.0.0.1:9770/?HOST_INFO'              where OSC is, and what is supported

- The HTTP port has the number of the OSC port, or any free one if that is taken. It is printed
  at the start, and in `/musicgen/status` as `oscquery` (0: off).
- Each address has TYPE, ACCESS, DESCRIPTION and, where they fit, VALUE (that of the moment),
  RANGE, UNIT, CLIPMODE and OVERLOADS (other arguments it takes). CLIPMODE is `none`: a value
  outside the range is not clipped but refused, with `/musicgen/error`. TYPE `N` is a button.
- 404: no such address. 204: it has no such attribute. 400: no such attribute exists, or none is
  supported: `LISTEN` and WebSockets are not (HOST_INFO says so); `/musicgen/subscribe` is for that.
- HTTP only reads, and only from this computer, as OSC does; `--osc-host` opens both. A browser of
  zeroconf that leaves out the loopback interface does not find a program that only this computer
  can reach: give it the port by hand.
- `--no-discovery` turns all of this off.

[OSCQuery]: https://github.com/Vidvox/OSCQueryProposal
"""

MIDI_HEAD = """# MIDI

A virtual port `daw-bridge` is there for the DAW to connect to (Linux and macOS). Ports that
exist are opened with `--midi-in NAME` (part of a name, or `all`), also when they appear later.
`--midi-channel N` hears one channel alone. On Linux without an ALSA sequencer the port is a
JACK port; without any MIDI the program says so and goes on.

## Clock

MIDI clock (24 ticks a quarter note) leads when there is some: a line through the last eight
beats gives tempo and position, so jitter does not matter. Start, stop, continue and song
position are followed. A sender that counts clocks where the standard counts sixteenths is
found out after the first stop. When the clock falls silent the tempo stays.

## Notes

| note | | effect |
|---|---|---|
"""

MIDI_CONTROLLERS = """
## Controllers

They take over softly: a knob does nothing until it passes the value that holds. The panel or
`/musicgen/learn` maps the next controller that moves.

| controller | parameter | range |
|---|---|---|
"""


def osc_reference() -> str:
    rows = [f"| {a.path} | {a.arguments} | {a.effect} |\n" for a in ADDRESSES.values()]
    return OSC_HEAD + "".join(rows) + OSC_TAIL


def midi_reference() -> str:
    notes = [f"| {a.note} | {a.name} | {a.effect} |\n" for a in NOTES.values()]
    mapped = sorted((p.controller, p) for p in PARAMETERS.values() if p.controller is not None)
    knobs = [f"| {c} | {p.name}: {p.help} | {p.low:g} to {p.high:g} |\n" for c, p in mapped]
    panic = f"| {', '.join(map(str, PANIC))} | panic: silence at once | |\n"
    programs = "\nA program change recalls the preset of that number, from 0.\n"
    return MIDI_HEAD + "".join(notes) + programs + MIDI_CONTROLLERS + "".join(knobs) + panic


def main(folder: Path) -> None:
    (folder / "osc.md").write_text(osc_reference(), encoding="utf-8")
    (folder / "midi.md").write_text(midi_reference(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
