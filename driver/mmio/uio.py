"""``uio:///dev/uio0``: registers and interrupt through Linux UIO, memory from u-dma-buf."""

from __future__ import annotations

import errno
import os
import select
from pathlib import Path

from ...isa.config import Config
from ...isa.register_map import Reg
from ..errors import AccessError, TargetError
from ..target.schemes import Advice, OpenRequest, TargetScheme
from .mapped import NO_DEVICE, REGISTER_BYTES, MappedTarget, Memory, Region, open_device
from .udmabuf import DmaBuffer

__all__ = ["SCHEME", "UioTarget", "open_uio"]

SYSFS = Path("/sys/class/uio")
_COUNT_BYTES = 4
_ENABLE = (1).to_bytes(_COUNT_BYTES, "little")


class UioTarget(MappedTarget):
    """A mapped device with an interrupt.

    Parameters
    ----------
    line : int
        Descriptor of the UIO device; closed with the target.
    """

    def __init__(
        self, registers: Region, memory: Memory, config: Config, clock_hz: int, line: int
    ):
        super().__init__(registers, memory, config, clock_hz)
        self._line = line
        self.write_register(Reg.INTERRUPT_ENABLE, 1)

    def wait_interrupt(self, seconds: float) -> bool:
        """Wait for the end of a launch for at most ``seconds``; True when the interrupt came.

        The line is a level: one that was raised before the call is seen too.
        """
        self._check_open()
        try:
            os.write(self._line, _ENABLE)  # the kernel masks the interrupt after each event
            if not select.select([self._line], [], [], max(seconds, 0))[0]:
                return False
            os.read(self._line, _COUNT_BYTES)
        except OSError as error:
            raise TargetError(f"waiting for the interrupt: {error.strerror}") from None
        self.write_register(Reg.INTERRUPT_STATUS, 1)
        return True

    def _release(self) -> None:
        self._write_register(Reg.INTERRUPT_ENABLE, 0)
        os.close(self._line)
        super()._release()


def open_uio(request: OpenRequest) -> UioTarget:
    """Open ``uio:///dev/uio0``.

    Options: ``buffer=`` name of the u-dma-buf (udmabuf0), ``clock=`` of the device in Hz.
    """
    rest, location = dict(request.options), request.location
    name, clock = rest.pop("buffer", "udmabuf0"), rest.pop("clock", "0")
    if rest:
        raise ValueError(f"no option {min(rest)!r}; known: buffer, clock")
    if request.window:
        raise ValueError("the memory is the u-dma-buf's: name it with buffer=, not mem=")
    if not clock.isdecimal():
        raise ValueError(f"clock must be a number, not {clock!r}")
    if not location:
        raise ValueError("name the device: uio:///dev/uio0")
    folder = SYSFS / Path(location).name / "maps" / "map0"
    try:
        room = int((folder / "size").read_text().strip(), 0)
    except (OSError, ValueError) as error:
        raise AccessError(
            f"{location} describes no registers ({error}): is it a UIO device with a `reg` "
            "in the device tree?"
        ) from None
    if room < REGISTER_BYTES:
        raise AccessError(f"{location} maps {room} bytes of registers, {REGISTER_BYTES} are needed")
    line = open_device(location)
    memory: DmaBuffer | None = None
    registers: Region | None = None
    try:
        registers = Region(line, 0, REGISTER_BYTES, f"the registers of {location}")
        memory = DmaBuffer(name)
        return UioTarget(registers, memory, request.config, int(clock), line)
    except BaseException:
        os.close(line)
        for item in (registers, memory):
            if item is not None:
                item.close()
        raise


SCHEME = TargetScheme(open_uio, Advice(
    {
        errno.EACCES: "you may not use the device: run it with sudo, or add a udev rule",
        errno.ENOENT: "no such device: is it in the device tree, is uio_pdrv_genirq there?",
    },
    no_device=NO_DEVICE,
))
"""The scheme ``uio://``."""
