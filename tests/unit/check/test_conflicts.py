"""Accesses of one engine against those of another, worked by hand."""

from myvta.isa.check.conflicts import Access, Pending
from myvta.isa.check.memory_map import Rows

TILES = 8  # indices 0 .. 7 are tiles, 8 and up pages of memory


def access(position, reads=(), writes=(), rows=None):
    return Access(position, sum(1 << i for i in reads), sum(1 << i for i in writes), rows)


def test_two_reads_do_not_conflict():
    assert access(0, reads=[1]).conflict(access(1, reads=[1]), TILES) is None


def test_a_write_conflicts_with_a_read_and_with_a_write():
    assert access(0, writes=[1, 2]).conflict(access(1, reads=[2, 3]), TILES) == 1 << 2
    assert access(0, reads=[2, 3]).conflict(access(1, writes=[1, 3]), TILES) == 1 << 3
    assert access(0, writes=[1]).conflict(access(1, writes=[1]), TILES) == 1 << 1


def test_pages_conflict_only_where_rows_share_bytes():
    store = access(0, writes=[9], rows=Rows(100, 4, 8, 2))  # bytes 100..103, 108..111
    between = access(1, reads=[9], rows=Rows(104, 4, 0, 1))
    upon = access(1, reads=[9], rows=Rows(110, 4, 0, 1))
    assert store.conflict(between, TILES) is None
    assert store.conflict(upon, TILES) == (110, 112)


def test_pending_forgets_completed_accesses():
    window = Pending()
    for position in range(4):
        window.add(access(position, writes=[position]))
    assert window.meets(access(9, reads=[0]))
    window.forget(1)
    assert not window.meets(access(9, reads=[0, 1]))
    assert window.meets(access(9, reads=[2]))
    window.add(access(5, reads=[6]))
    assert not window.meets(access(9, reads=[6]))
    assert window.meets(access(9, writes=[6]))
    assert [pending.position for pending in window.latest_first()] == [5, 3, 2]
    window.forget(2)
    assert not window.meets(access(9, reads=[2]))
    assert [pending.position for pending in window.latest_first()] == [5, 3]
    window.forget(5)
    assert list(window.latest_first()) == []
