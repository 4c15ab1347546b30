"""Blocks are elaborated here."""

from myhdl_cleanup import forget_hardware

__all__ = ["forget_hardware"]
