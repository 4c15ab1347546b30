"""Targets whose registers and memory are mapped into this process."""
