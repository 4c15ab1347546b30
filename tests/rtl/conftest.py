"""Blocks are elaborated here, and the whole core is a backend."""

from device_fixtures import device, targets
from myhdl_cleanup import find_support, forget_hardware

__all__ = ["device", "find_support", "forget_hardware", "targets"]
