"""Programs run on the model and on simulators of the RTL."""

from device_fixtures import device, targets

__all__ = ["device", "targets"]
