"""Blocks are elaborated here."""

from myhdl_cleanup import find_support, forget_hardware

__all__ = ["find_support", "forget_hardware"]
