"""``model://``: the device as a Target (contract: driver/target/protocol.py)."""

from __future__ import annotations

import warnings

from ..driver.target.base_target import BaseTarget
from ..driver.target.schemes import DEFAULT_WINDOW, OpenRequest, TargetScheme
from ..isa.config import Config
from ..isa.register_map import Reg, Status
from .device import Device
from .model_errors import DeviceFault, UnwrittenReadWarning

__all__ = ["SCHEME", "ModelTarget", "open_model"]

_OPTIONS = ("order", "strict")


class ModelTarget(BaseTarget):
    """The functional device as a target with registers and memory.

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
        super().__init__(config, (base, size))
        self.device = Device(
            config, memory_base=base, memory_size=size, seed=seed, strict=strict
        )
        self.open_window()

    @property
    def last_fault(self) -> DeviceFault | None:
        """The error that ended the last launch; its text is more detailed than the registers."""
        return self.device.last_fault

    def _read_register(self, offset: int) -> int:
        return self.device.read_register(offset)

    def _write_register(self, offset: int, value: int) -> None:
        """Write a register; writing 1 to CONTROL runs a whole launch."""
        self.device.write_register(offset, value)
        if offset == Reg.CONTROL and value & Status.LAUNCH and self.device.pads.reports:
            reports = self.device.pads.reports
            warnings.warn("\n".join(reports), UnwrittenReadWarning, stacklevel=3)

    def _read_memory(self, offset: int, size: int) -> bytes:
        return self.device.memory.read(self.window[0] + offset, size)

    def _write_memory(self, offset: int, data: memoryview) -> None:
        self.device.memory.write(self.window[0] + offset, data)

    def _release(self) -> None:
        """Release nothing: the model holds no resources."""


def open_model(request: OpenRequest) -> ModelTarget:
    """Open ``model://``; no location, memory ``0x0:64M`` without ``mem=``.

    Options: ``order=SEED`` permutes legal schedules, ``strict=1`` reports never-written tiles.

    Raises
    ------
    ValueError
        An option is unknown or its value is not as above.
    """
    options = request.options
    if request.location:
        raise ValueError(f"model:// takes no location, not {request.location!r}")
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise ValueError(
            f"model:// has no option {', '.join(unknown)}; options: {', '.join(_OPTIONS)}"
        )
    order = options.get("order")
    if order is not None and not order.isdecimal():
        raise ValueError(f"order must be a seed 0, 1, 2 ..., not {order!r}")
    strict = options.get("strict", "0")
    if strict not in ("0", "1"):
        raise ValueError(f"strict must be 0 or 1, not {strict!r}")
    base, size = request.window or DEFAULT_WINDOW
    return ModelTarget(
        request.config,
        base=base,
        size=size,
        seed=None if order is None else int(order),
        strict=strict == "1",
    )


SCHEME = TargetScheme(open_model)
"""The scheme ``model://``."""
