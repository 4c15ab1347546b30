"""Accepted programs run on simulators too."""

from device_fixtures import device, targets

__all__ = ["device", "targets"]
