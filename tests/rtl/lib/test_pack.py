"""pack: fields joined to a word and split again, against shifts made in Python."""

from random import Random

from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.bundles import bit, word
from myvta.rtl.lib.pack import bits_of, join, split, take

WIDTHS = (3, 0, 16, 1, 32, 0)  # 0: a bool


def fields():
    return [word(width) if width else bit() for width in WIDTHS]


def test_split_inverts_join():
    random = Random(4)
    clock, reset = clock_and_reset()
    given, shown, middle = fields(), fields(), word(bits_of(fields()))
    part = word(5)
    blocks = [join(given, middle), split(middle, shown), take(middle, part, lo=2)]

    def on_edge(cycle):
        expected = at = 0
        for field, width in zip(given, WIDTHS, strict=True):
            expected |= int(field) << at
            at += width or 1
        assert middle == expected
        assert [int(field) for field in shown] == [int(field) for field in given]
        assert part == expected >> 2 & 31
        for field, width in zip(given, WIDTHS, strict=True):
            field.next = random.getrandbits(width) if width else random.random() < 0.5
        return cycle == 50

    simulate(blocks, clock, reset, on_edge, limit=60)


def test_bits_are_those_of_all_fields():
    assert bits_of(fields()) == 54
