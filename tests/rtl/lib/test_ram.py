"""ram: writes, registered reads that hold, old data on collision, against a Python list."""

import random

from myhdl import Signal, Simulation, block, delay, instance, intbv

from myvta.rtl.lib.ram import ram


@block
def bench(results, seed):
    clock, write_enable, read_enable = (Signal(False) for _ in range(3))
    write_address, read_address = (Signal(intbv(0)[4:]) for _ in range(2))
    write_data, read_data = (Signal(intbv(0)[9:]) for _ in range(2))
    dut = ram(
        clock, write_enable, write_address, write_data, read_enable, read_address, read_data,
        width=9, depth=16,
    )

    @instance
    def drive():
        chance = random.Random(seed)
        words, expected = [0] * 16, 0
        for _ in range(400):
            write_enable.next = chance.random() < 0.5
            read_enable.next = chance.random() < 0.5
            write_address.next = chance.randrange(4)
            read_address.next = chance.randrange(4)
            write_data.next = chance.randrange(512)
            yield delay(1)
            if read_enable:
                expected = words[int(read_address)]
            if write_enable:
                words[int(write_address)] = int(write_data)
            clock.next = True
            yield delay(1)
            clock.next = False
            results.append((int(read_data), expected))
            yield delay(1)

    return dut, drive


def test_ram_is_a_list_with_registered_reads_that_hold():
    results = []
    Simulation(bench(results, seed=1)).run(quiet=True)
    assert len(results) == 400
    assert all(seen == expected for seen, expected in results)
