"""A device that goes away in the middle of a run: one clear error with advice, in bounded time."""

import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest
from link_board import answering, pseudo_terminal
from link_work import multiply
from mapped_board import PAGE, board_process

from myvta.driver import StreamBuilder, TargetError, TargetTimeout, open_target
from myvta.driver.run.launch import launch
from myvta.isa.opcodes import MemoryType
from myvta.isa.register_map import Reg

QUERY = "config=1x4x4&mem=0x3000:32K"
SECONDS = 5.0


def long_run(target):
    """Launch a program of minutes on simulated RTL; return the error and its seconds."""
    base = target.window[0]
    builder = StreamBuilder(target.config)
    for _ in range(100):
        builder.gemm([(0, 0, 0)], iter_out=16383, iter_in=16383, reset=True)
    stream = builder.finish()
    target.write_memory(base, stream.uops)
    target.write_memory(base + 64, stream.code)
    started = time.monotonic()
    with pytest.raises(TargetError) as caught:
        launch(target, base + 64, len(stream), bases={MemoryType.UOP: base}, timeout=2)
    assert time.monotonic() - started < SECONDS
    return caught.value


class Falling:
    """A target that loses its power when it is launched."""

    def __init__(self, inner):
        self.inner, self.on = inner, True

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def write_register(self, offset, value):
        self.on &= offset != Reg.CONTROL
        self.inner.write_register(offset, value)


@pytest.mark.slow
def test_power_cut_on_a_serial_line_is_reported():
    with open_target(f"model://?{QUERY}") as inner:
        board = Falling(inner)
        work = answering(board)
        terminal = pseudo_terminal(lambda data: work(data) if board.on else b"")
        with terminal as path, open_target(
            f"uart://{path}?config=1x4x4&timeout=0.4"
        ) as target:
            target.write_memory(0x3000, StreamBuilder(target.config).finish().code)
            started = time.monotonic()
            with pytest.raises(TargetTimeout, match="waited 0.4 s for the answer.*is it powered"):
                launch(target, 0x3000, 1)
            assert time.monotonic() - started < SECONDS
            board.on, work = True, answering(inner)  # on again, and it knows no session
            multiply(target)


@pytest.mark.verilator
def test_power_cut_of_a_served_device_is_reported():
    process = subprocess.Popen(
        [sys.executable, "-m", "myvta.cli.main", "serve", "--target", f"verilator://?{QUERY}",
         "--listen", "127.0.0.1:0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    try:
        port = int(re.search(rb'"port": (\d+)', process.stdout.readline())[1])
        with open_target(f"tcp://127.0.0.1:{port}?config=1x4x4&timeout=2") as target:
            timer = threading.Timer(0.5, process.kill)
            timer.start()
            error = long_run(target)
            timer.join()
        assert re.search("is gone|has closed the connection", str(error))
        assert "does `myvta serve` still run there" in str(error)
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.verilator
@pytest.mark.parametrize("reads", [0, 0xFFFF_FFFF, None])
def test_power_cut_of_a_mapped_device_is_reported(tmp_path, reads):
    """The bus answers with zeros, with ones, or with its last value."""
    with ExitStack() as board:
        path, _ = board.enter_context(
            board_process(tmp_path, "verilator://?config=1x4x4&mem=0x10000:64K", 0)
        )

        def cut():
            board.close()  # its registers keep their values
            if reads is not None:
                with path.open("r+b") as file:
                    file.write(reads.to_bytes(4, "little") * (PAGE // 4))

        with open_target(
            f"devmem://?device={path}&regs=0&mem=0x10000:64K&config=1x4x4"
        ) as target:
            timer = threading.Timer(0.5, cut)
            timer.start()
            error = long_run(target)
            timer.join()
    assert "load the design again" in str(error)
    assert isinstance(error, TargetTimeout) == (reads is None)
