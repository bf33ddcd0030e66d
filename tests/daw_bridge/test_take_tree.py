"""Undo, redo and what is made after them: walks of the tree, in the session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pythonosc.osc_message import OscMessage

from core.errors import BadInput
from core.generation import messages as engine
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.osc_feedback import OscFeedback
from daw_bridge.session import apply
from daw_bridge.session_io import SessionInput, SessionOutput
from daw_bridge.session_state import SessionState
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_tree import TakeTree
from tests.fakes import codes_of, loaded, pcm_of

ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/undo", 7)


class Session:
    def __init__(self, tree: TakeTree | None = None, next_take: int = 1) -> None:
        state = SessionState(entropy=1, next_take=next_take, tree=tree or TakeTree())
        self.state, self.now = state, 100.0
        self.do(engine.ModelLoading("starter", 0.0, "starting"), loaded())

    def do(self, *items: SessionInput) -> list[SessionOutput]:
        came: list[SessionOutput] = []
        for item in items:
            self.now += 0.1
            self.state, outputs = apply(self.state, item, self.now)
            came += outputs
        return came

    def made(self, *commands: ask.Command) -> TakeRecord:
        """Ask, give the engine's and the disk's answers, and end the take: its record."""
        came = self.do(*commands)
        for question in of(disk.RecallTake, came):
            record = self.state.tree.records[question.take]
            frame = record.frames if question.frame is None else question.frame
            at_end = question.frame is None
            came += self.do(
                disk.TakeRecalled(question.token, record, codes_of(frame), frame, at_end)
            )
        for question in of(disk.RecallRecipe, came):
            record = self.state.tree.records[question.take]
            came += self.do(disk.RecipeRecalled(question.token, record, codes_of(record.at or 0)))
        (start,) = of(engine.StartTake, came)
        block = engine.PcmBlock(start.take, start.epoch, 0, pcm_of(100), True)
        came += self.do(block, engine.TakeDone(start.take, 100, False))
        (closed,) = of(disk.CloseTake, came)
        self.do(disk.TakeWritten(closed.record))
        return closed.record

    def current(self) -> int:
        return self.state.tree.current


def of(kind: type, outputs: list[SessionOutput]) -> list:
    return [o for o in outputs if isinstance(o, kind)]


def continued(**options: object) -> ask.ContinueTake:
    return ask.ContinueTake(**options)  # type: ignore[arg-type]


@pytest.fixture
def session() -> Session:
    return Session()


def test_undo_and_redo_walk_to_where_a_take_came_from(session: Session) -> None:
    session.made(ask.Generate())
    session.made(ask.Retry())
    session.made(continued())
    assert session.current() == 3
    came = session.do(ask.Undo(ME))
    assert of(events.CurrentTake, came) == [events.CurrentTake(2, ME)]
    assert of(disk.KeepCurrent, came) == [disk.KeepCurrent(2)]
    assert not of(engine.CancelTake, came), "what sounds goes on"
    session.do(ask.Undo(ME))
    assert session.current() == 1
    (problem,) = of(events.Problem, session.do(ask.Undo(ME)))
    assert "nothing to undo" in problem.text
    session.do(ask.Redo(ME), ask.Redo(ME))
    assert session.current() == 3
    (problem,) = of(events.Problem, session.do(ask.Redo(ME)))
    assert "nothing to redo" in problem.text


def test_what_comes_after_undo_goes_from_there(session: Session) -> None:
    session.made(ask.Generate("one"))
    session.made(continued(prompt="two"))
    session.do(ask.Undo(ME))
    branch = session.made(continued())
    assert (branch.take, branch.parent, branch.at, branch.before) == (3, 1, 100, 1)
    assert session.state.tree.records.keys() == {1, 2, 3}
    session.do(ask.Undo(ME), ask.Undo(ME))
    assert session.current() == 1, "there is no way before the first"
    session.do(ask.ChooseTake(2, ME))
    again = session.made(ask.Retry())
    assert (again.parent, again.at, again.before, again.prompt) == (1, 100, 2, "two")


def test_continuing_an_end_goes_on_with_its_seed_once(session: Session) -> None:
    first = session.made(ask.Generate())
    second = session.made(continued())
    assert second.seed == first.seed, "it is the run that did not stop"
    other = session.made(continued(take=1))
    assert other.seed != first.seed, "the same continuation twice is no use"
    branch = session.made(continued(take=1, at=1.0))
    assert (branch.at, branch.seed == first.seed) == (50, False)
    fixed = session.made(ask.SetParameter("seed", 5.0), continued(take=1, at=1.0))
    assert fixed.seed == 5


def test_a_take_that_is_being_made_is_continued_when_it_is_whole(session: Session) -> None:
    (start,) = of(engine.StartTake, session.do(ask.Generate()))
    block = engine.PcmBlock(1, start.epoch, 0, pcm_of(50))
    came = session.do(block, continued(origin=ME))
    assert not of(engine.CancelTake, came)
    assert not of(disk.RecallTake, came)
    came = session.do(engine.TakeDone(1, 50, False))
    assert [r.take for r in of(disk.RecallTake, came)] == [1]
    came = session.do(ask.Generate(), continued(origin=ME), ask.Stop())
    assert [(p.code, p.origin) for p in of(events.Problem, came)] == [("superseded", ME)]
    came = session.do(engine.TakeDone(2, 50, True))
    assert not of(disk.RecallTake, came), "stop takes the wish back"


def test_a_take_of_which_nothing_was_made_is_no_place_to_be(session: Session) -> None:
    session.made(ask.Generate())
    session.do(ask.Generate(), engine.TakeDone(2, 0, True))
    assert session.current() == 1
    assert session.state.tree.records.keys() == {1}


def test_after_a_restart_the_tree_is_walked_as_before() -> None:
    before = Session()
    records = [before.made(c) for c in (ask.Generate("a"), continued(), ask.Retry())]
    session = Session(TakeTree.of(records, current=3), next_take=4)
    retried = session.made(ask.Retry())
    assert (retried.take, retried.parent, retried.at, retried.before) == (4, 1, 100, 3)
    assert retried.prompts[0] == records[2].prompts[0]
    session.do(ask.Undo(), ask.Undo(), ask.Undo())
    assert session.current() == 1
    session = Session(TakeTree.of(records, current=1), next_take=4)
    session.do(ask.Redo())
    assert session.current() == 2


def test_the_tree_is_told_a_take_at_a_time(session: Session) -> None:
    session.made(ask.Generate("a"))
    session.made(continued())
    session.do(ask.KeepTake(origin=ME))
    came = session.do(ask.AskTakes(1, origin=ME))
    (told,) = of(events.TakeTold, came)
    assert (told.take, told.parent, told.at, told.seconds, told.kept) == (2, 1, 2.0, 2.0, True)
    assert of(events.TakesTold, came) == [events.TakesTold(1, 2, 2, ME)]
    came = session.do(ask.AskTakes(9, below=2, origin=ME))
    assert [t.take for t in of(events.TakeTold, came)] == [1]


def test_the_tree_over_osc_is_numbers_and_texts_for_who_asked() -> None:
    sent: list[tuple[str, list]] = []
    feedback = OscFeedback(lambda data, client: sent.append(parts(data)))
    feedback.hear(events.TakeTold(2, 1, 3.5, 8.0, True, 7, "funk", "/a.wav", ME))
    feedback.hear(events.TakesTold(1, 2, 2, ME))
    feedback.hear(events.CurrentTake(2, ME))
    assert sent == [
        ("/musicgen/take", [2, 1, 3.5, 8.0, 1, 7, "funk", "/a.wav", 7]),
        ("/musicgen/takes", [1, 2, 2, 7]),
        ("/musicgen/current", [2, 7]),
    ]


def parts(datagram: bytes) -> tuple[str, list]:
    message = OscMessage(datagram)
    return message.address, list(message.params)


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (ask.ContinueTake(origin=ME), "no take to continue"),
        (ask.ContinueTake(3, origin=ME), "no take 3"),
        (ask.ContinueTake(3, -1.0, origin=ME), "no take 3"),
        (ask.ChooseTake(3, ME), "none yet"),
        (ask.Undo(ME), "there is no take"),
        (ask.Redo(ME), "nothing to redo"),
        (ask.Retry(ME), "no take yet"),
        (ask.KeepTake(origin=ME), "no take to keep"),
    ],
)
def test_an_empty_tree_says_so(session: Session, command: ask.Command, hint: str) -> None:
    came = session.do(command)
    (problem,) = of(events.Problem, came)
    assert hint in problem.text
    assert problem.origin == ME


@pytest.mark.parametrize("at", [0.0, -1.0, float("-inf")])
def test_a_branch_before_the_start_is_one_line(session: Session, at: float) -> None:
    session.made(ask.Generate())
    (problem,) = of(events.Problem, session.do(continued(take=1, at=at)))
    assert "before its start" in problem.text


def test_a_circle_in_a_damaged_folder_ends() -> None:
    records = [TakeRecord(1, before=2), TakeRecord(2, before=1, parent=2)]
    tree = TakeTree.of(records, 1)
    assert tree.undo().current == 2
    assert replace(tree, current=2).undo().current == 1
    with pytest.raises(BadInput):
        TakeTree.of([TakeRecord(1, before=1, parent=9)], 1).undo()
