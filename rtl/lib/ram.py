"""Simple dual-port memory: one write port, one registered read port."""

from __future__ import annotations

from myhdl import always, block

from .bundles import word

__all__ = ["ram"]


@block
def ram(
    clock, write_enable, write_address, write_data, read_enable, read_address, read_data,
    *, width, depth,
):
    """Hold ``depth`` words of ``width`` bits; infers block RAM, so nothing is reset.

    Write: the word is stored at the rising edge that ends a cycle with ``write_enable``.

    Read, latency 1 cycle: ``read_data`` is the word at ``read_address`` after the edge that ends a
    cycle with ``read_enable``, and holds otherwise.  Reading the address that is written at the
    same edge returns the old word.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Words; the address signals may be wider, but their value must stay below ``depth``.
    """
    words = [word(width) for _ in range(depth)]

    @always(clock.posedge)
    def store_word():
        if write_enable:
            words[write_address].next = write_data

    @always(clock.posedge)
    def fetch_word():
        if read_enable:
            read_data.next = words[read_address]

    return store_word, fetch_word
