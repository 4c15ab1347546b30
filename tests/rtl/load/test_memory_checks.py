"""memory_checks: footprints of random LOADs and STOREs against products of Python's integers."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Load, Store, encode
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import ENTRY_BITS, bit, word
from myvta.rtl.load.memory_checks import CHECK_CYCLES, memory_checks

INP, UOP, OUT = MemoryType.INP, MemoryType.UOP, MemoryType.OUT


def leaves(config, instruction):
    """Does it touch an element past the last one?"""
    rows = instruction.y_pad_0 + instruction.y_size + instruction.y_pad_1
    columns = instruction.x_pad_0 + instruction.x_size + instruction.x_pad_1
    footprint = rows * columns if instruction.x_size else 0
    depth = config.depth(MemoryType(instruction.memory_type))
    return footprint > 0 and instruction.sram_base + footprint > depth


def random_instruction(random, config):
    kind = random.choice(config.memory_types)
    depth = config.depth(kind)
    sizes = {"sram_base": random.choice((random.randrange(depth), random.getrandbits(16))),
             "dram_base": random.getrandbits(32), "x_stride": random.getrandbits(16)}
    if random.random() < 0.1:
        sizes |= {"x_size": random.getrandbits(16), "y_size": random.getrandbits(16)}
    else:
        sizes |= {"x_size": random.randrange(20), "y_size": random.randrange(20)}
    if kind == OUT:
        return Store(**sizes)
    pads = {name: random.choice((0, random.randrange(16)))
            for name in ("y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1")}
    return Load(memory_type=kind, **sizes, **pads)


def answers(config, instructions, hold=CHECK_CYCLES + 2, stores=False):
    """Show each instruction for ``hold`` cycles; return the answers once they must be right."""
    clock, reset = clock_and_reset()
    entry, out_of_range = word(ENTRY_BITS), bit()
    block = memory_checks(clock, entry, out_of_range, config=config, stores=stores)
    seen = []

    def on_edge(cycle):
        number, age = divmod(cycle - 1, hold)  # of the instruction that shows
        if age >= CHECK_CYCLES and number >= 0:
            seen.append((number, bool(out_of_range)))
        if (cycle % hold) == 0 and cycle // hold < len(instructions):
            entry.next = cycle << 128 | encode(instructions[cycle // hold], config)
        return number == len(instructions)

    simulate([block], clock, reset, on_edge, limit=hold * len(instructions) + 9)
    return seen


@pytest.mark.parametrize("name", ["default", "1x4x4", "1x4x4_int4"])
def test_random_footprints(name):
    config, random = NAMED[name], Random(name)
    instructions = [random_instruction(random, config) for _ in range(250)]
    expected = [leaves(config, instruction) for instruction in instructions]
    assert 25 < sum(expected) < 225
    seen = answers(config, instructions)
    assert len(seen) == 2 * len(instructions)
    for number, out_of_range in seen:
        assert out_of_range == expected[number], instructions[number]


@pytest.mark.parametrize("name", ["default", "1x4x4", "1x4x4_int4"])
@pytest.mark.parametrize("stores", [False, True])
def test_footprints_about_as_large_as_the_scratchpad(name, stores):
    config, random = NAMED[name], Random(name)
    instructions = []
    for _ in range(150):
        kind = OUT if stores else random.choice((INP, UOP))
        rows = 1 << random.randrange(17)
        columns = max(1, config.depth(kind) // rows + random.randrange(-1, 2))
        sizes = {"y_size": min(rows + random.randrange(-1, 2), 65535), "x_size": columns}
        instructions.append(Store(**sizes) if stores else Load(memory_type=kind, **sizes))
    expected = [leaves(config, instruction) for instruction in instructions]
    assert 20 < sum(expected) < 130
    seen = answers(config, instructions, CHECK_CYCLES + 1, stores)
    assert seen == list(enumerate(expected))


CONFIG = NAMED["1x4x4"]
LAST = CONFIG.depth(INP) - 1


@pytest.mark.parametrize("instruction, expected", [
    (Load(memory_type=INP, sram_base=LAST, x_size=1), False),
    (Load(memory_type=INP, sram_base=LAST, x_size=1, x_pad_1=1), True),
    (Load(memory_type=INP, sram_base=LAST, x_size=1, x_pad_0=1), True),
    (Load(memory_type=INP, sram_base=LAST, x_size=1, y_pad_0=1), True),
    (Load(memory_type=INP, sram_base=LAST, x_size=1, y_pad_1=1), True),
    (Load(memory_type=INP, sram_base=LAST, x_size=1, y_size=0, y_pad_1=1), False),
    (Load(memory_type=INP, sram_base=LAST + 1, x_size=1), True),
    (Load(memory_type=INP, sram_base=65535, x_size=0, x_pad_0=5, y_pad_0=5), False),
    (Load(memory_type=INP, sram_base=65535, x_size=9, x_pad_0=5, y_size=0), False),
    (Load(memory_type=INP, x_size=65535, y_size=65535, y_pad_0=15, x_pad_1=15), True),
    (Load(memory_type=UOP, sram_base=1, x_size=CONFIG.depth(UOP)), True),
    (Store(x_size=16, y_size=CONFIG.depth(OUT) // 16), False),
    (Store(x_size=16, y_size=CONFIG.depth(OUT) // 16, sram_base=1), True),
    (Store(x_size=32768, y_size=2), True),
    (Store(x_size=4096, y_size=4096), True),
    (Load(memory_type=UOP, x_size=32768, y_size=32768), True),
])
def test_the_last_element_is_inside(instruction, expected):
    harmless = Load(memory_type=INP, x_size=1)
    harmful = Load(memory_type=INP, x_size=1, sram_base=65535)
    seen = answers(CONFIG, [harmful if not expected else harmless, instruction], CHECK_CYCLES + 1)
    assert seen == [(0, not expected), (1, expected)]
