"""window_reads: every row that is read reaches its bank."""

from random import Random

from rtl_bench import clock_and_reset, record
from window_bench import CONFIGS

from myvta.rtl.compute.window_reads import RowRead, bank_port
from myvta.rtl.load.scratchpad_window import WindowRead


def test_rows_in_different_banks_are_read_together():
    config, random = CONFIGS["1x32x32"], Random(3)
    clock, reset = clock_and_reset()
    rows, read = [RowRead(config) for _ in range(4)], WindowRead(config)

    def drive(cycle):
        banks = random.sample(range(4), 4)
        for row, bank in zip(rows, banks, strict=True):
            row.valid.next = random.random() < 0.7
            row.index.next = 4 * random.randrange(config.depth(2) // 4) + bank

    watched = {f"row{n}": row for n, row in enumerate(rows)}
    watched |= {f"bank{n}": port for n, port in enumerate(read.banks)}
    blocks = [bank_port(rows, port, number=n) for n, port in enumerate(read.banks)]
    for cycle in record(blocks, clock, reset, watched, drive, cycles=100):
        wanted = {}
        for n in range(4):
            if cycle[f"row{n}.valid"]:
                word, bank = divmod(cycle[f"row{n}.index"], 4)
                wanted[bank] = word
        for bank in range(4):
            assert cycle[f"bank{bank}.enable"] == (bank in wanted)
            if bank in wanted:
                assert cycle[f"bank{bank}.address"] == wanted[bank]
