"""long_operands, parameter_tiles: operands of MUL and RQT when they are due, parameters kept."""

from random import Random

from rtl_bench import clock_and_reset, randomize, record
from step_bench import unpack

from myvta.isa.config import NAMED
from myvta.rtl.compute.long_operands import LongOperands, long_operands, parameter_tiles
from myvta.rtl.compute.rqt_parameters import ParameterRead
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import word

CONFIG = NAMED["1x4x4"]
LANES, TILE_BITS = CONFIG.lanes, 32 * CONFIG.lanes


def test_operands_are_the_banks_answers_to_early_and_late_reads():
    random = Random(1)
    clock, reset = clock_and_reset()
    even, odd = word(TILE_BITS), word(TILE_BITS)
    s3, s4, operands = Step(CONFIG), Step(CONFIG), LongOperands(TILE_BITS)

    def drive(cycle):
        randomize(random, even, odd, s3.long, s3.pair, s3.early, s3.dst, s3.src)
        s4.dst.next, s4.src.next = s3.dst, s3.src

    rows = record(
        [long_operands(clock, even, odd, s3, s4, operands)], clock, reset,
        {"even": even, "odd": odd, "s3": s3, "operands": operands}, drive, cycles=400,
    )

    def read(row, operand):
        return row["odd"] if operand % 2 else row["even"]

    steps = [(row, after) for row, after in zip(rows, rows[1:], strict=False) if row["s3.long"]]
    assert len(steps) > 100
    for in_s3, in_s4 in steps:
        assert in_s4["operands.dst"] == read(in_s3, in_s3["s3.dst"])
        assert in_s4["operands.held"] == read(in_s3, in_s3["s3.src"])
        assert in_s4["operands.src"] == read(in_s4, in_s3["s3.src"])
        assert in_s4["operands.reads_src"] == (in_s3["s3.pair"] and not in_s3["s3.early"])


def random_parameters(random):
    """Return a tile: legal shifts, or shifts of which some are just too large, or any lanes."""
    width = random.choice([5, 5, 6, 32])
    return sum(random.getrandbits(width) << (32 * lane) for lane in range(LANES))


def test_parameters_are_checked_and_kept_until_their_first_step_needs_them():
    random = Random(4)
    clock, reset = clock_and_reset()
    even, odd, s6, parameter = word(TILE_BITS), word(TILE_BITS), Step(CONFIG), ParameterRead(8)
    kept = {
        "bias": word(TILE_BITS), "multiplier": word(TILE_BITS), "shift": word(5 * LANES),
        "lost_mask": word(TILE_BITS),
    }
    arrivals = ("bias_arrives", "multiplier_arrives", "shift_arrives")

    def drive(cycle):
        even.next, odd.next = random_parameters(random), random_parameters(random)
        arriving = random.choice([None, *arrivals])
        for name in arrivals:
            getattr(parameter, name).next = name == arriving
        randomize(random, parameter.odd, s6.valid, s6.fresh)

    block = parameter_tiles(
        clock, even_data=even, odd_data=odd, parameter=parameter, s6=s6, config=CONFIG, **kept,
    )
    watched = {"even": even, "odd": odd, "s6": s6, "parameter": parameter, **kept}
    rows = record([block], clock, reset, watched, drive, cycles=500)

    def newest(kind, cycle):
        """Return the lanes that have arrived last, two cycles before ``cycle`` at the latest."""
        for row in reversed(rows[:max(cycle - 1, 0)]):
            if row[f"parameter.{kind}_arrives"]:
                return unpack(row["odd"] if row["parameter.odd"] else row["even"], 32, LANES)
        return [0] * LANES

    taken = [0] * LANES  # shifts of the step in s7
    for cycle, row in enumerate(rows):
        assert unpack(row["bias"], 32, LANES) == newest("bias", cycle)
        multiplier, shift = newest("multiplier", cycle), newest("shift", cycle)
        assert unpack(row["multiplier"], 32, LANES) == multiplier
        assert row["parameter.multiplier_bad"] == (min(multiplier) < 0)
        assert row["parameter.shift_bad"] == any(not 0 <= n < 32 for n in shift)
        for lane, amount in enumerate(taken):
            assert row["shift"] >> 5 * lane & 31 == amount
            assert row["lost_mask"] >> 32 * lane & 0xFFFF_FFFF == (1 << amount) - 1
        if row["s6.valid"] and row["s6.fresh"]:
            taken = [n % 32 for n in shift]
    assert len({row["parameter.shift_bad"] for row in rows}) == 2
