"""A target with something wrong: hooks change its reads and writes."""

from myvta.driver import open_target
from myvta.isa.register_map import Reg

__all__ = ["HookedTarget"]


class HookedTarget:
    """A target whose accesses pass through hooks.

    Parameters
    ----------
    url : str
    hooks : callable
        ``read(register, value)``, ``write(register, value) -> (register, value)``,
        ``load(address, data)`` and ``place(address)`` of memory writes.
    """

    def __init__(self, url, **hooks):
        self.inner = open_target(url)
        self.config, self.window = self.inner.config, self.inner.window
        self.hooks = hooks

    def read_register(self, offset):
        value = self.inner.read_register(offset)
        return self.hooks.get("read", lambda offset, value: value)(Reg(offset), value)

    def write_register(self, offset, value):
        offset, value = self.hooks.get("write", lambda *it: it)(Reg(offset), value)
        self.inner.write_register(offset, value)

    def read_memory(self, address, size):
        data = self.inner.read_memory(address, size)
        return self.hooks.get("load", lambda address, data: data)(address, data)

    def write_memory(self, address, data):
        address = self.hooks.get("place", lambda address: address)(address)
        self.inner.write_memory(address, data)

    def close(self):
        self.inner.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
