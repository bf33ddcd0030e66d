"""A recipe says all that a take was made of."""

from __future__ import annotations

from daw_bridge.take_record import TakeRecord
from daw_bridge.take_timeline import TakeChange
from gui.recipe import as_text, recipe


def test_what_was_followed_beside_the_words_is_told() -> None:
    words = (("warm pads", 1.0),)
    record = TakeRecord(
        4,
        changes=(
            TakeChange(0, words),
            TakeChange(100, words, negative="drums", melody="001"),
            TakeChange(250, words, style="1 2 3"),
        ),
    )
    told = as_text(recipe(record, None))
    assert "Prompt: warm pads\n" in told
    assert "from 2.0 s: warm pads — away from: drums — following a melody\n" in told
    assert "from 5.0 s: warm pads — in a clip's style\n" in told
