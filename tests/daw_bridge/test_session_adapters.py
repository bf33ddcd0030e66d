"""Adapters in the session: asked for, answered, shown, and noted in takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import BadInput
from core.generation import messages as engine
from core.generation.messages import LoadedAdapter
from daw_bridge import commands as ask
from daw_bridge import disk_messages as disk
from daw_bridge import events
from daw_bridge.cli.options import adapter_choices
from daw_bridge.engine_ledger import Ledger
from daw_bridge.osc_address import parse
from daw_bridge.osc_feedback import OscFeedback, message_of
from daw_bridge.take_record import AdapterUse, TakeRecord
from daw_bridge.takes import TakeLibrary
from tests.daw_bridge.test_session import Session, of
from tests.fakes import pcm_of

ME = ask.Origin("osc", ("127.0.0.1", 5000), "/musicgen/adapter", 7)
WARM = LoadedAdapter("warm", 0.8, "a" * 16, "MIT", "zither")
DUST = LoadedAdapter("dust", 1.0, "b" * 16)


def session_with(*adapters: LoadedAdapter) -> Session:
    session = Session()
    for adapter in adapters:
        session.do(ask.UseAdapter(adapter.name, adapter.weight, ME))
    if adapters:
        session.do(engine.AdaptersLoaded(adapters, adapters[-1].name))
    return session


# ------------------------------------------------------------------ asked and answered


def test_an_adapter_is_asked_for_and_answered_to_who_asked() -> None:
    session = Session()
    out = session.do(ask.UseAdapter("warm", 0.8, ME))
    asked = session.one(engine.UseAdapter, out)
    assert (asked.adapter, asked.weight) == ("warm", 0.8)
    assert session.one(events.Accepted, out).origin == ME
    out = session.do(engine.AdaptersLoaded((WARM,), "warm"))
    told = session.one(events.AdaptersChanged, out)
    assert (told.adapters, told.origin, told.answer) == ((("warm", 0.8),), ME, False)
    assert session.one(events.StatusChanged, out).status.adapters == "warm 0.8"
    out = session.do(ask.AskAdapters(ME))
    assert session.one(events.AdaptersChanged, out).answer
    assert of(events.AdaptersChanged, session.do(engine.AdaptersLoaded((WARM,)))) == []


def test_a_refusal_reaches_who_asked_and_the_model_stays() -> None:
    session = session_with(WARM)
    session.do(ask.UseAdapter("dust", 1.0, ME))
    out = session.do(engine.AdaptersLoaded((WARM,), "dust", "there is no adapter 'dust'"))
    problem = session.one(events.Problem, out)
    assert (problem.code, problem.origin) == ("bad_adapter", ME)
    assert session.state.model.failed == ""
    assert session.state.adapters == (WARM,)
    assert session.state.problem == problem.text


@pytest.mark.parametrize("path", ["a/b", "../b", "./b.safetensors", "a\\b", ""])
def test_a_path_from_the_network_is_whole(path: str) -> None:
    session = Session()
    out = session.do(ask.UseAdapter(path, 1.0, ME))
    assert of(engine.UseAdapter, out) == []
    assert session.one(events.Problem, out).code == "bad_adapter"
    assert session.state.adapter_askers == ()


@pytest.mark.parametrize("path", ["/a/b.safetensors", "~/b", "C:\\b", "warm tape", "b.safetensors"])
def test_names_and_whole_paths_are_passed_on(path: str) -> None:
    assert len(of(engine.UseAdapter, Session().do(ask.UseAdapter(path, 1.0, ME)))) == 1


# ------------------------------------------------------------------ in takes


def test_a_take_notes_what_it_was_made_with_and_when() -> None:
    session = session_with(WARM)
    out = session.do(ask.Generate("funk", ME))
    record = session.one(disk.OpenTake, out).record
    assert record.adapters == (AdapterUse("warm", 0.8, "a" * 16, "MIT", 0),)
    take = record.take
    session.do(engine.TakeStarted(take, 1, 0, adapters=(WARM,)))
    session.do(engine.AdaptersLoaded((WARM, DUST), "dust", takes=((take, 25),)))
    session.do(engine.AdaptersLoaded((DUST,), "warm", takes=((take, 40),)))
    session.do(engine.PcmBlock(take, 1, 0, pcm_of(50)))
    out = session.do(engine.TakeDone(take, 50, False))
    assert session.one(disk.CloseTake, out).record.adapters == (
        AdapterUse("warm", 0.8, "a" * 16, "MIT", 0),
        AdapterUse("dust", 1.0, "b" * 16, "", 25),
        AdapterUse("warm", 0.0, "a" * 16, "MIT", 40),
    )


def test_the_engine_knows_what_a_take_began_with() -> None:
    """The adapter was on its way when the take was asked for."""
    session = Session()
    session.do(ask.UseAdapter("warm", 0.8, ME), ask.Generate("funk", ME))
    take = session.state.last_take
    session.do(engine.AdaptersLoaded((WARM,), "warm"))
    session.do(engine.TakeStarted(take, 1, 0, adapters=(WARM,)))
    flight = session.state.flight(take)
    assert flight is not None
    assert [use.name for use in flight.record.adapters] == ["warm"]


def test_the_sidecar_keeps_them(tmp_path: Path) -> None:
    uses = (AdapterUse("warm", 0.8, "a" * 16, "MIT"), AdapterUse("warm", 0.0, "a" * 16, "MIT", 9))
    library = TakeLibrary(tmp_path)
    record = TakeRecord(1, model="starter", digest="c" * 16, licence="CC0-1.0", adapters=uses)
    library.open(record)
    library.add_pcm(1, pcm_of(2))
    written = library.close(replace(record, complete=True))
    assert written is not None
    table = json.loads(Path(written.path).with_suffix(".json").read_text())
    assert table["adapters"][0] == {
        "name": "warm", "weight": 0.8, "digest": "a" * 16, "licence": "MIT", "frame": 0,
    }  # fmt: skip
    assert TakeLibrary(tmp_path).records()[0].adapters == uses
    del table["adapters"]  # a take of an older version
    Path(written.path).with_suffix(".json").write_text(json.dumps(table))
    assert TakeLibrary(tmp_path).records()[0].adapters == ()


# ------------------------------------------------------------------ OSC and command line


def test_osc_in() -> None:
    def said(*values: object) -> ask.Command | None:
        return parse("/musicgen/adapter", values, ask.Origin(), 0.0)

    at = ask.Origin(address="/musicgen/adapter")
    assert said("warm") == ask.UseAdapter("warm", 1.0, at)
    assert said("warm", 0) == ask.UseAdapter("warm", 0.0, at)
    assert said("warm", "0.5", 9) == ask.UseAdapter("warm", 0.5, replace(at, request=9))
    for wrong in (("warm", 2.5), ("warm", -0.1), ("warm", float("nan")), (), (3,)):
        assert isinstance(said(*wrong), ask.Refused)
    assert isinstance(parse("/musicgen/adapters", (), ask.Origin(), 0.0), ask.AskAdapters)


def test_osc_out() -> None:
    told = events.AdaptersChanged((("warm", 0.5), ("dust", 1.0)), ME)
    message = message_of(told)
    assert message is not None
    assert message.args == ("warm", 0.5, "dust", 1.0)
    sent: list[tuple[str, int]] = []
    feedback = OscFeedback(lambda datagram, client: sent.append(client))
    feedback.note(ask.Subscribe(None, 60.0, ask.Origin("osc", ("127.0.0.1", 6000))))
    feedback.hear(told)
    assert sent == [("127.0.0.1", 5000), ("127.0.0.1", 6000)]
    feedback.hear(replace(told, answer=True))
    assert sent[2:] == [("127.0.0.1", 5000)]


def test_the_command_line_takes_names_paths_and_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.safetensors").touch()
    given = ["warm", "warm:0.5", "a/b:2", "here.safetensors:1.5", "C:\\x"]
    assert adapter_choices(given)[:4] == (
        ("warm", 1.0),
        ("warm", 0.5),
        (str(tmp_path / "a/b"), 2.0),
        (str(tmp_path / "here.safetensors"), 1.5),
    )
    assert adapter_choices(None) == ()
    with pytest.raises(BadInput, match="adapter weight 3 is out of range; use 0"):
        adapter_choices(["warm:3"])


# ------------------------------------------------------------------ after a death


def test_a_new_engine_gets_the_blend_before_the_take() -> None:
    ledger = Ledger()
    ledger.request(engine.LoadModel("starter"))
    for name, weight in (("warm", 0.8), ("dust", 1.0), ("bad", 1.0), ("late", 0.3)):
        ledger.request(engine.UseAdapter(name, weight))
    ledger.event(engine.AdaptersLoaded((WARM,), "warm"))
    ledger.event(engine.AdaptersLoaded((WARM, DUST), "dust"))
    ledger.event(engine.AdaptersLoaded((WARM, DUST), "bad", "no such file"))

    def asked() -> list[tuple[str, float]]:
        requests = ledger.replay()
        assert isinstance(requests[0], engine.LoadModel)
        return [(r.adapter, r.weight) for r in requests if isinstance(r, engine.UseAdapter)]

    assert asked() == [("warm", 0.8), ("dust", 1.0), ("late", 0.3)]
    ledger.event(engine.AdaptersLoaded(()))  # the new process has loaded the model …
    ledger.event(engine.AdaptersLoaded((WARM,), "warm"))
    assert asked() == [("warm", 0.8), ("dust", 1.0), ("late", 0.3)]  # … and died again
