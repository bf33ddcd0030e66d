"""Takes of whole bars: how long they are and where the next one begins, to the sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.generation import messages as engine
from core.types import MODEL_RATE, SAMPLES_PER_FRAME, seconds_of_bars
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.audio import messages as audio
from daw_bridge.dropped_files import recall
from daw_bridge.engine_ledger import Ledger
from daw_bridge.partial_take import PartialTake
from daw_bridge.session_status import status_of
from daw_bridge.take_chunks import read_take_file
from daw_bridge.take_length import frames_for, point_in, second_of
from daw_bridge.take_record import TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.daw_bridge.test_session import Session, of, tokens
from tests.fakes import codes_of, pcm_of

BAR = seconds_of_bars(1, 4, 130)  # 1.846 s: 92.3 frames
SAMPLES = round(BAR * MODEL_RATE)
FRAMES = 93
LEAD = FRAMES * SAMPLES_PER_FRAME - SAMPLES


def block(take: int, first: int, samples: int, last: bool = False) -> engine.PcmBlock:
    return engine.PcmBlock(take, take, first, pcm_of(-(-samples // 640))[:samples], last)


def made(session: Session, take: int = 1, first: int = 0) -> list:
    """The whole take comes from the engine."""
    return session.do(
        tokens(take, 0, FRAMES),
        block(take, first, FRAMES * 640 - first),
        block(take, FRAMES * 640, 0, last=True),
        engine.TakeDone(take, FRAMES, False),
    )


@pytest.fixture
def session() -> Session:
    session = Session()
    session.do(ask.SetParameter("tempo", 130.0), ask.SetParameter("bars", 1.0))
    return session


# ---------------------------------------------------------------- numbers


@given(st.floats(0.05, 100), st.integers(0, 640))
def test_frames_cover_a_take_and_not_one_more_than_that(seconds: float, lead: int) -> None:
    samples = round(seconds * MODEL_RATE)
    frames = frames_for(seconds, lead)
    assert lead + 640 * (frames - 1) < samples <= lead + 640 * frames
    record = TakeRecord(1, frames=frames, lead=lead, length=seconds)
    assert record.samples == samples
    assert 0 <= record.left_over < 640


@given(st.floats(0.02, 100), st.integers(0, 640))
def test_a_moment_of_a_take_is_found_again(seconds: float, lead: int) -> None:
    parent = TakeRecord(1, frames=5_000, lead=lead)
    frame, before = point_in(parent, seconds)
    child = TakeRecord(2, parent=1, at=frame, lead=before)
    assert frame >= 1
    assert abs(second_of(parent, child) - seconds) <= 0.5 / MODEL_RATE + 1e-9


# ---------------------------------------------------------------- session


def test_a_take_of_bars_is_as_long_as_they_are(session: Session) -> None:
    session.do(ask.Generate())
    assert session.one(engine.StartTake).frames == FRAMES
    came = made(session)
    begin = session.one(audio.BeginTake, came)
    assert (begin.first, begin.length) == (0, BAR)
    closed = session.one(disk.CloseTake, came).record
    assert (closed.frames, closed.samples, closed.complete) == (FRAMES, SAMPLES, True)
    came = session.do(disk.TakeWritten(closed))
    assert session.one(events.TakeSaved, came).seconds == SAMPLES / MODEL_RATE


def test_what_continues_a_take_that_sounds_follows_it_to_the_sample(session: Session) -> None:
    session.do(ask.Generate())
    made(session)
    session.do(audio.TakeHeard(1, session.now))
    session.do(audio.Played(1, 1, 32_000, 0.8, 0), ask.ContinueTake(1), after=1.0)
    asked = session.one(disk.RecallTake)
    record = session.state.tree.records[1]
    came = session.do(
        disk.TakeRecalled(asked.token, record, codes_of(FRAMES), FRAMES, True, LEAD), after=0.01
    )
    start = session.one(engine.StartTake, came)
    frames = frames_for(BAR, LEAD)
    assert (start.frames, start.lead) == (frames, 5 * 640)
    came = session.do(block(2, -start.lead, 20_000), after=0.3)
    begin = session.one(audio.BeginTake, came)
    assert (begin.follows, begin.at, begin.sample) == (1, FRAMES * 640, 0)
    assert (begin.first, begin.length) == (-LEAD, BAR)
    kept = session.one(disk.KeepPcm, came).block  # the pre-roll is for the ear alone
    assert (kept.first_sample, len(kept.pcm)) == (-LEAD, 20_000 - start.lead + LEAD)
    assert session.one(events.TakeWaveform, came).first == 0
    session.do(engine.TakeDone(2, frames, cancelled=False))
    session.do(audio.TakeEnded(1, SAMPLES, True))  # the second is not heard yet
    assert status_of(session.state).state == "playing"


def test_a_take_that_is_not_heard_any_more_is_continued_without_a_pre_roll(
    session: Session,
) -> None:
    session.do(ask.Generate())
    made(session)
    session.do(audio.TakeHeard(1, session.now), audio.TakeEnded(1, SAMPLES, True))
    session.do(ask.ContinueTake(1))
    asked = session.one(disk.RecallTake)
    record = session.state.tree.records.get(1) or TakeRecord(1)
    came = session.do(disk.TakeRecalled(asked.token, record, codes_of(FRAMES), FRAMES, True, LEAD))
    assert session.one(engine.StartTake, came).lead == LEAD
    came = session.do(block(2, -LEAD, 20_000), after=0.2)
    assert session.one(audio.BeginTake, came).follows is None


@pytest.mark.parametrize(("moved", "joined"), [(0.0, True), (0.004, True), (0.2, False)])
def test_on_a_clock_the_join_is_where_the_bar_line_is(
    session: Session, moved: float, joined: bool
) -> None:
    """A line that moved a little is the take's end; one that moved far is the clock's."""
    session.roll(bpm=130.0)
    session.do(ask.Generate(), after=0.5)
    made(session)
    session.pass_time(BAR)
    (begin,) = of(audio.BeginTake, session.out)
    start = begin.sent_at + begin.start_in
    heard = round((session.now - start - session.state.latency) * MODEL_RATE)
    session.do(audio.TakeHeard(1, start), audio.Played(1, 1, heard, 1.0, 0), ask.ContinueTake(1))
    asked = session.one(disk.RecallTake)
    record = session.state.tree.records[1]
    session.do(disk.TakeRecalled(asked.token, record, codes_of(FRAMES), FRAMES, True, LEAD))
    session.do(block(2, -3_200, 30_000))
    transport = session.state.transport
    beat = transport.clocks[transport.leader].beat_at(session.now)
    midi = ask.ClockSource.MIDI
    session.do(ask.ClockPosition(midi, beat - moved * 130 / 60, session.now))
    session.pass_time(2 * BAR)
    begins = [b for b in of(audio.BeginTake, session.out) if b.take == 2]
    assert begins
    assert (begins[0].follows == 1) is joined
    if joined:
        due = begins[0].sent_at + begins[0].start_in
        assert due == pytest.approx(start + BAR, abs=1e-6)


def test_a_branch_is_at_its_moment_not_at_the_next_frame(session: Session) -> None:
    session.do(ask.Generate())
    made(session)
    session.do(ask.ContinueTake(1, 1.2345))
    asked = session.one(disk.RecallTake)
    assert asked.frame == 62
    assert asked.frame * 640 - asked.lead == round(1.2345 * MODEL_RATE)


# ---------------------------------------------------------------- disk


def write(library: TakeLibrary, record: TakeRecord, samples: int) -> TakeRecord:
    library.open(record)
    library.add_pcm(record.take, pcm_of(-(-samples // 640))[:samples])
    library.add_codes(record.take, 0, codes_of(record.frames))
    written = library.close(record)
    assert written is not None
    return written


def test_the_file_is_as_long_as_the_bars_and_its_loop_too(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    first = TakeRecord(1, frames=FRAMES, tempo=130.0, bars=1, complete=True, length=BAR)
    written = write(library, first, FRAMES * 640)
    sound = soundfile.SoundFile(written.path)
    assert len(sound) == SAMPLES
    assert sound.read(dtype="float32")[-1] == pytest.approx(
        pcm_of(FRAMES)[SAMPLES - 1, 0], abs=1e-6
    )
    sound.close()
    raw = Path(written.path).read_bytes()
    loop = raw[raw.index(b"smpl") + 8 :]
    assert int.from_bytes(loop[48:52], "little") == SAMPLES - 1
    found = recall(library, 1, 1, None)
    assert (found.frame, found.lead, found.at_end) == (FRAMES, LEAD, True)
    frames = frames_for(BAR, LEAD)
    second = TakeRecord(
        2, frames=frames, tempo=130.0, bars=1, complete=True, length=BAR, parent=1,
        at=FRAMES, lead=LEAD,
    )  # fmt: skip
    again = write(library, second, LEAD + frames * 640)
    assert soundfile.info(again.path).frames == SAMPLES
    found_file = read_take_file(Path(again.path))
    assert found_file is not None
    assert found_file.record.lead == LEAD
    before = Path(again.path).read_bytes()
    stamp = before[before.index(b"bext") + 8 + 338 :]
    assert int.from_bytes(stamp[:8], "little") == SAMPLES, "a DAW lays it at the first one's end"
    with pytest.raises(BadInput, match=f"{SAMPLES / MODEL_RATE:g} s long"):
        recall(library, 1, 1, FRAMES + 1)


def test_a_branch_in_the_last_frame_begins_no_later_than_the_end(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    record = TakeRecord(1, frames=FRAMES, tempo=130.0, bars=1, complete=True, length=BAR)
    write(library, record, FRAMES * 640)
    assert recall(library, 1, 1, FRAMES, LEAD - 5).lead == LEAD
    earlier = recall(library, 1, 1, FRAMES, LEAD + 5)
    assert (earlier.lead, earlier.at_end) == (LEAD + 5, False)


def test_a_take_with_a_lead_that_is_cut_short_ends_with_a_frame(tmp_path: Path) -> None:
    record = TakeRecord(1, frames=20, lead=100, length=BAR)
    written = write(TakeLibrary(tmp_path), record, 100 + 20 * 640 + 333)
    assert soundfile.info(written.path).frames == 100 + 20 * 640
    assert written.left_over == 0


def test_sound_is_taken_back_from_its_own_sample_on(tmp_path: Path) -> None:
    partial = PartialTake(tmp_path, TakeRecord(1, lead=100))
    partial.add_pcm(pcm_of(3))
    partial.cut(1, 540)
    assert partial.samples == 640
    partial.cut(0, -3_000)
    assert partial.samples == 0
    partial.release()


def test_a_take_with_a_lead_of_which_nothing_new_was_made_is_not_kept(tmp_path: Path) -> None:
    library = TakeLibrary(tmp_path)
    library.open(TakeRecord(1, lead=300))
    library.add_pcm(1, pcm_of(1)[:300])
    assert library.close(TakeRecord(1, lead=300)) is None


# ---------------------------------------------------------------- a death of the engine


def test_after_a_death_the_lead_that_came_is_not_sent_twice() -> None:
    ledger = Ledger()
    session = Session()
    session.do(ask.Generate())
    start = session.one(engine.StartTake)
    ledger.request(
        engine.StartTake(1, 1, start.prompt, start.sampling, 50, codes_of(9), lead=3_200)
    )
    (again,) = ledger.replay()
    assert isinstance(again, engine.StartTake)
    assert again.first_sample == -3_200
    ledger.event(engine.TakeTokens(1, 0, codes_of(5), 50, 60.0))
    ledger.event(engine.PcmBlock(1, 1, -3_200, np.zeros((4_000, 1), np.float32)))
    (again,) = ledger.replay()
    assert isinstance(again, engine.StartTake)
    assert (again.lead, again.done, again.first_sample) == (3_200, 5, 800)
