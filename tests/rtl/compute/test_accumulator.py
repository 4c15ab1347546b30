"""accumulator: tiles written by steps and loads, read from the banks and as OUT."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record
from step_bench import pack, unpack

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.compute.accumulator import AccumulatorRead, AccumulatorWrite, accumulator
from myvta.rtl.compute.accumulator_fill import TileFill, column_count
from myvta.rtl.lib.bundles import OperandRead

TILES = 8  # few, so that reads and writes meet


class Contents:
    """The data of each port, and the tiles as lists of lanes."""

    def __init__(self, config):
        self.config = config
        self.tiles = [[0] * config.lanes for _ in range(TILES)]
        self.shown = {"even": self.tiles[0], "odd": self.tiles[0], "out": self.tiles[0]}

    def edge(self, row):
        """Take the reads of a cycle, then its write: a read gives the old tile."""
        for bank, name in enumerate(("even", "odd")):
            if row[f"{name}.enable"]:
                self.shown[name] = list(self.tiles[2 * row[f"{name}.address"] + bank])
        if row["out.enable"]:
            self.shown["out"] = list(self.tiles[row["out.address"]])
        lanes = self.config.lanes
        if row["result.valid"]:
            self.tiles[row["result.index"]] = unpack(row["result.tile"], 32, lanes)
            return
        size = lanes // column_count(self.config)
        new = unpack(row["fill.data"], 32, lanes)
        for column in range(column_count(self.config)):
            if row["fill.columns"] >> column & 1:
                part = slice(column * size, (column + 1) * size)
                self.tiles[row["fill.index"]][part] = new[part]

    def check(self, row):
        for name in ("even", "odd"):
            assert row[f"{name}.data"] == pack(self.shown[name], 32), name
        assert row["out.data"] == pack(self.shown["out"], self.config.out_width)


@pytest.mark.parametrize("name, log_bus", [("1x4x4", 6), ("1x4x4", 8), ("1x4x4_int4", 6)])
def test_ports_read_the_tiles_written_before(name, log_bus):
    config, random = NAMED[name].replace(log_bus_width=log_bus), Random(1)
    clock, reset = clock_and_reset()
    even, odd = AccumulatorRead(config), AccumulatorRead(config)
    result, fill = AccumulatorWrite(config), TileFill(config)
    out = OperandRead(config.log_acc_depth, 8 * config.tile_bytes(MemoryType.OUT))

    def drive(cycle):
        randomize(random, result.tile, fill.data, even.enable, odd.enable, out.enable)
        for port in (even, odd):
            port.address.next = random.randrange(TILES // 2)
        for signal in (result.index, fill.index, out.address):
            signal.next = random.randrange(TILES)
        writer = random.choice([None, "step", "load"])  # never both: compute_issue's work
        result.valid.next = writer == "step"
        fill.columns.next = random.randrange(fill.columns.max) if writer == "load" else 0

    block = accumulator(
        clock, reset, even=even, odd=odd, result=result, fill=fill, out=out, config=config,
    )
    watched = {"even": even, "odd": odd, "result": result, "fill": fill, "out": out}
    rows = record([block], clock, reset, watched, drive, cycles=500)
    contents = Contents(config)
    for row in rows:
        contents.check(row)
        contents.edge(row)
