"""A target that computes wrongly in one place, for tests of the diagnosis."""

from myvta.driver.errors import TargetTimeout
from myvta.isa.register_map import Reg, Status


class FaultyTarget:
    """Behaves like ``inner``, but after a launch a bit of memory is wrong, or it hangs.

    Parameters
    ----------
    inner : Target
    flips : dict of int to int
        Address to bits that are flipped after each launch.
    once : bool
        They are flipped after the first launch alone.
    fails : set of int
        Launches (from 0) that never end.
    """

    def __init__(self, inner, flips=None, fails=(), once=False):
        self.once = once
        self.inner, self.flips, self.fails = inner, flips or {}, set(fails)
        self.config, self.window = inner.config, inner.window
        self.launches = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.inner.close()

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def write_register(self, offset, value):
        starts = offset == Reg.CONTROL and value & Status.LAUNCH
        if starts and self.launches in self.fails:
            self.launches += 1
            raise TargetTimeout("waited 60 s for the launch to end")
        self.inner.write_register(offset, value)
        if starts:
            self.launches += 1
            while self.inner.read_register(Reg.CONTROL) & Status.LAUNCH:
                pass
            flips = self.flips if self.launches == 1 or not self.once else {}
            for address, bits in flips.items():
                (byte,) = self.inner.read_memory(address, 1)
                self.inner.write_memory(address, bytes([byte ^ bits]))
