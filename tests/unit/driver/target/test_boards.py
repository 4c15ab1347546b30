"""boards: addresses that a device and Linux can share."""

from myvta.driver.mmio.mapped import REGISTER_BYTES
from myvta.driver.target.boards import BOARDS, DEFAULT_BOARD
from myvta.isa.opcodes import WINDOW_GRANULE


def test_the_default_board_is_in_the_table():
    assert DEFAULT_BOARD in BOARDS
    assert [board.name for board in BOARDS.values()] == list(BOARDS)


def test_windows_are_whole_pages_at_the_end_of_each_board_s_memory():
    ends = {"pynq-z1": 512 << 20, "pynq-z2": 512 << 20, "ultra96": 2 << 30}
    for name, board in BOARDS.items():
        assert board.base % WINDOW_GRANULE == board.size % WINDOW_GRANULE == 0
        assert board.base + board.size == ends[name]
        assert board.regs % REGISTER_BYTES == 0
        assert not board.base <= board.regs < board.base + board.size
        assert board.clock_hz > 0
