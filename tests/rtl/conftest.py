"""Blocks are elaborated here, and the whole core is a backend."""

from device_fixtures import device, targets
from myhdl_cleanup import forget_hardware

__all__ = ["device", "forget_hardware", "targets"]
