"""A third-party target: it uses only the public names of ``myvta.driver``.

Its device is the model's; its scheme has a window, a clock and advice of its own.
"""

from __future__ import annotations

from myvta.driver import Advice, BaseTarget, OpenRequest, TargetScheme
from myvta.model.device import Device

__all__ = ["CLOCK_HZ", "OWN_WINDOW", "SCHEME", "ThirdPartyTarget"]

OWN_WINDOW = (0x10_0000, 0x8000)
CLOCK_HZ = 12_000_000


class ThirdPartyTarget(BaseTarget):
    """The four accesses, and the end."""

    clock_hz = CLOCK_HZ

    def __init__(self, request: OpenRequest):
        super().__init__(request.config, request.window or OWN_WINDOW)
        base, size = self.window
        self._device = Device(request.config, memory_base=base, memory_size=size)
        self.open_window()

    def _read_register(self, offset: int) -> int:
        return self._device.read_register(offset)

    def _write_register(self, offset: int, value: int) -> None:
        self._device.write_register(offset, value)

    def _read_memory(self, offset: int, size: int) -> bytes:
        return self._device.memory.read(self.window[0] + offset, size)

    def _write_memory(self, offset: int, data: memoryview) -> None:
        self._device.memory.write(self.window[0] + offset, data)

    def _release(self) -> None:
        del self._device


def _open(request: OpenRequest) -> ThirdPartyTarget:
    if request.options:
        raise ValueError(f"no option {min(request.options)!r}")
    return ThirdPartyTarget(request)


SCHEME = TargetScheme(_open, Advice(no_answer="plug it in"))
