"""parameter_tiles: parameters of RQT checked as they arrive, kept until the next ones."""

from random import Random

from rtl_bench import clock_and_reset, randomize, record
from step_bench import unpack

from myvta.isa.config import NAMED
from myvta.rtl.compute.parameter_tiles import parameter_tiles
from myvta.rtl.compute.rqt_parameters import ParameterRead
from myvta.rtl.lib.bundles import word

CONFIG = NAMED["1x4x4"]
LANES, TILE_BITS = CONFIG.lanes, 32 * CONFIG.lanes
CHECK, KEEP = 2, 4  # cycles from a tile's arrival to its check and to its use


def random_parameters(random):
    """Return a tile: legal shifts, or shifts of which some are just too large, or any lanes."""
    width = random.choice([5, 5, 6, 32])
    return sum(random.getrandbits(width) << (32 * lane) for lane in range(LANES))


def test_parameters_are_checked_and_kept_until_the_next_ones():
    random = Random(4)
    clock, reset = clock_and_reset()
    even, odd, parameter = word(TILE_BITS), word(TILE_BITS), ParameterRead(8)
    kept = {
        "bias": word(TILE_BITS), "multiplier": word(TILE_BITS), "shift": word(5 * LANES),
    }
    arrivals = ("bias_arrives", "multiplier_arrives", "shift_arrives")

    def drive(cycle):
        even.next, odd.next = random_parameters(random), random_parameters(random)
        arriving = random.choice([None, *arrivals])
        for name in arrivals:
            getattr(parameter, name).next = name == arriving
        randomize(random, parameter.odd)

    block = parameter_tiles(
        clock, even_data=even, odd_data=odd, parameter=parameter, config=CONFIG, **kept,
    )
    watched = {"even": even, "odd": odd, "parameter": parameter, **kept}
    rows = record([block], clock, reset, watched, drive, cycles=500)

    def newest(kind, cycle):
        """Return the lanes that have arrived last, in ``cycle`` or before."""
        for row in reversed(rows[:max(cycle + 1, 0)]):
            if row[f"parameter.{kind}_arrives"]:
                return unpack(row["odd"] if row["parameter.odd"] else row["even"], 32, LANES)
        return [0] * LANES

    for cycle, row in enumerate(rows):
        for kind in ("bias", "multiplier"):
            assert unpack(row[kind], 32, LANES) == newest(kind, cycle - KEEP)
        for lane, amount in enumerate(newest("shift", cycle - KEEP)):
            assert row["shift"] >> 5 * lane & 31 == amount % 32
        assert row["parameter.multiplier_bad"] == (min(newest("multiplier", cycle - CHECK)) < 0)
        shifts = newest("shift", cycle - CHECK)
        assert row["parameter.shift_bad"] == any(not 0 <= n < 32 for n in shifts)
    assert len({row["parameter.shift_bad"] for row in rows}) == 2
