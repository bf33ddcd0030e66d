"""The tree as rows: nobody is lost, and a chain stays a column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daw_bridge.take_record import TakeRecord
from gui.take_order import Row, arranged, flat

FRAMES = 100


def take(number: int, parent: int | None = None, at: int = FRAMES) -> TakeRecord:
    return TakeRecord(number, frames=FRAMES, parent=parent, at=at if parent else None)


def rows(*records: TakeRecord) -> list[Row]:
    return arranged({record.take: record for record in records})


def test_trees_come_newest_first_and_a_chain_stays_in_its_lane() -> None:
    found = rows(take(1), take(2, 1), take(3, 2), take(4))
    assert [(row.take, row.lane, row.came) for row in found] == [
        (4, 0, None), (1, 0, None), (2, 0, 0), (3, 0, 0),
    ]  # fmt: skip
    assert [row.goes_on for row in found] == [False, True, True, False]


def test_branches_stand_a_lane_further_in_and_the_end_comes_last() -> None:
    found = rows(take(1), take(2, 1), take(3, 1, 50), take(4, 3, 20), take(5, 1, 70))
    assert [(row.take, row.lane, row.came, row.passing) for row in found] == [
        (1, 0, None, ()), (3, 1, 0, (0,)), (4, 2, 1, (0,)), (5, 1, 0, (0,)), (2, 0, 0, ()),
    ]  # fmt: skip


def test_a_parent_that_is_gone_makes_a_first_take() -> None:
    assert rows(take(7, 3)) == [Row(7)]


def test_a_search_is_flat() -> None:
    assert [row.take for row in flat([take(1), take(3), take(2, 1)])] == [3, 2, 1]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, FRAMES)), max_size=60))
def test_every_take_is_there_once_even_in_a_damaged_folder(parents: list[tuple[int, int]]) -> None:
    records = {n: take(n, p or None, at) for n, (p, at) in enumerate(parents, start=1)}
    found = arranged(records)
    assert sorted(row.take for row in found) == sorted(records)


def test_a_chain_of_a_thousand_is_no_deeper_than_one() -> None:
    chain = [take(1), *(take(n, n - 1) for n in range(2, 1001))]
    assert {row.lane for row in rows(*chain)} == {0}
