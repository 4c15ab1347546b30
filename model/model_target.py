"""``model://``: the device as a Target (contract: driver/target/open_target.py)."""

from __future__ import annotations

import warnings
from types import TracebackType

from ..isa.config import Config
from ..isa.register_map import Reg
from .device import Device
from .model_errors import Fault, UnwrittenReadWarning

__all__ = ["ModelTarget", "open_model"]

_OPTIONS = ("order", "strict")


class ModelTarget:
    """The functional device behind registers and memory.

    Parameters
    ----------
    config : Config
    base, size : int
        Memory in bytes, multiples of 4096; the device's window is opened to exactly this.
    seed : int or None
        Permute legal schedules (see :mod:`.scheduler`).
    strict : bool
        Warn (UnwrittenReadWarning) after a launch that read never-written tiles.
    """

    def __init__(
        self,
        config: Config,
        *,
        base: int,
        size: int,
        seed: int | None = None,
        strict: bool = False,
    ):
        self.device = Device(
            config, memory_base=base, memory_size=size, seed=seed, strict=strict
        )
        self.device.open_window()
        self._closed = False

    @property
    def config(self) -> Config:
        """The configuration of the device."""
        return self.device.config

    @property
    def window(self) -> tuple[int, int]:
        """First address and number of bytes of the memory."""
        return self.device.memory.base, self.device.memory.size

    @property
    def last_fault(self) -> Fault | None:
        """The error the last launch ended in; its text says more than the registers can."""
        return self.device.last_fault

    def read_register(self, offset: int) -> int:
        """Return a register; unmapped offsets read 0."""
        self._check_open()
        return self.device.read_register(offset)

    def write_register(self, offset: int, value: int) -> None:
        """Write a register; writing 1 to CONTROL runs a whole launch."""
        self._check_open()
        self.device.write_register(offset, value)
        if offset == Reg.CONTROL and value & 1 and self.device.pads.reports:
            reports = self.device.pads.reports
            warnings.warn("\n".join(reports), UnwrittenReadWarning, stacklevel=2)

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes; raises MemoryRangeError (a ValueError) outside the window."""
        self._check_open()
        return self.device.memory.read(address, size)

    def write_memory(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes; raises MemoryRangeError outside the window and then writes nothing."""
        self._check_open()
        self.device.memory.write(address, data)

    def close(self) -> None:
        """Close the target; every later use is a ValueError."""
        self._closed = True

    def __enter__(self) -> ModelTarget:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the model:// target is closed")


def open_model(
    *, location: str, config: Config, base: int, size: int, options: dict[str, str]
) -> ModelTarget:
    """Open ``model://`` (entry point of group ``myvta.targets``).

    Parameters
    ----------
    location : str
        Must be empty.
    config : Config
    base, size : int
        Memory in bytes.
    options : dict
        ``order=SEED`` permutes legal schedules, ``strict=1`` reports never-written tiles.

    Raises
    ------
    ValueError
        An option is unknown or its value is not as above.
    """
    if location:
        raise ValueError(f"model:// takes no location, not {location!r}")
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise ValueError(
            f"model:// does not know {', '.join(unknown)}; options: {', '.join(_OPTIONS)}"
        )
    order = options.get("order")
    if order is not None and not order.isdecimal():
        raise ValueError(f"order must be a seed 0, 1, 2 ..., not {order!r}")
    strict = options.get("strict", "0")
    if strict not in ("0", "1"):
        raise ValueError(f"strict must be 0 or 1, not {strict!r}")
    return ModelTarget(
        config,
        base=base,
        size=size,
        seed=None if order is None else int(order),
        strict=strict == "1",
    )
