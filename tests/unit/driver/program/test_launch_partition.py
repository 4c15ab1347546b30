"""launch_partition: layers of a launch by their notes, their tokens, micro-ops and memory."""

from driver_programs import CONFIG, INP, WGT, network, program

from myvta.driver import ProgramBuilder, StreamBuilder
from myvta.driver.program.launch_partition import split, whole
from myvta.isa.instructions import Finish, Load, Store, decode_stream
from myvta.isa.opcodes import MemoryType

TILE = 4  # bytes of a tile of 1x4x4


def layer(stream, note, source, target, weight, count=4):
    """Add a layer: ``count`` tiles times one weight tile, from memory to memory."""
    stream.note(note)
    stream.load_2d(INP, 0, source // TILE, count)
    stream.load_2d(WGT, 0, weight // 16, 1)
    stream.gemm([(0, 0, 0)], reset=True, iter_in=count, dst_factor=(0, 1))
    stream.gemm([(0, 0, 0)], iter_in=count, dst_factor=(0, 1), src_factor=(0, 1))
    stream.store_2d(0, target // TILE, count)


def chain(weight, x, y, z):
    """Return two layers, x to y and y to z, in one stream."""
    stream = StreamBuilder(CONFIG, serial=True)
    layer(stream, "one", x, y, weight)
    layer(stream, "two", y, z, weight)
    return stream.finish()


def test_each_note_is_a_layer_with_the_memory_it_reads_and_writes():
    built = program(chain)
    (step,) = built.launches
    one, two = split(built, step)
    places = {name: built.tensor(name).offset for name in "xyz"}
    assert (one.name, two.name, one.whole, two.whole) == ("one", "two", "", "")
    assert one.reads == ((places["x"], places["x"] + 4 * TILE),)  # weights are constants
    assert one.writes == two.reads == ((places["y"], places["y"] + 4 * TILE),)
    assert two.writes == ((places["z"], places["z"] + 4 * TILE),)


def test_a_layer_is_its_instructions_in_order_and_a_finish():
    built = program(chain)
    (step,) = built.launches
    original = decode_stream(built.code(step), CONFIG)
    for part in split(built, step):
        *body, last = decode_stream(part.code, CONFIG)
        *indices, added = part.indices
        assert (last, added, part.count) == (Finish(), -1, len(body) + 1)
        assert indices == sorted(indices)
        assert [type(item) for item in body] == [type(original[n]) for n in indices]
        assert sum(isinstance(item, Store) for item in body) == 1


def test_micro_ops_of_an_earlier_layer_are_loaded_again():
    built = program(chain)
    (step,) = built.launches
    two = split(built, step)[1]
    first = decode_stream(two.code, CONFIG)[0]
    assert isinstance(first, Load) and first.memory_type == MemoryType.UOP
    assert step.notes[two.indices[0]] == "one"
    assert {step.notes[n] for n in two.indices[1:-1]} == {"two"}


def test_tokens_to_other_layers_are_dropped_and_those_inside_kept():
    built = program(chain)
    (step,) = built.launches
    for part in split(built, step):
        body = decode_stream(part.code, CONFIG)
        pushes = sum(item.push_prev + item.push_next for item in body[:-1])
        pops = sum(item.pop_prev + item.pop_next for item in body[:-1])
        assert pushes == pops > 0


def test_a_launch_with_one_note_or_none_stays_whole():
    built = network()
    (only,) = split(built, built.launches[0])
    assert (only.name, only.whole) == ("dense", "")
    assert only.code == built.code(built.launches[0])
    empty = program(lambda **places: StreamBuilder(CONFIG).finish())
    (only,) = split(empty, empty.launches[0])
    assert (only.name, only.indices) == ("first", (0,))


def test_whole_keeps_the_stream_and_the_name_of_the_launch():
    built = program(chain)
    (step,) = built.launches
    part = whole(built, step)
    assert (part.name, part.code, part.whole) == ("first", built.code(step), "")
    assert part.indices == tuple(range(step.count))


def test_work_without_a_note_keeps_the_launch_whole():
    def stream(weight, x, y, z):
        builder = StreamBuilder(CONFIG, serial=True)
        layer(builder, "one", x, y, weight)
        layer(builder, "two", y, z, weight)
        layer(builder, "", x, z, weight)
        return builder.finish()

    built = program(stream)
    (part,) = split(built, built.launches[0])
    assert part.whole == "some of its instructions have no annotation"


def test_layers_sharing_tiles_are_not_separated():
    def stream(weight, x, y, z):
        builder = StreamBuilder(CONFIG, serial=True)
        for note in ("one", "two"):
            builder.note(note)
            builder.gemm([(0, 0, 0)], reset=note == "one")
            if note == "one":
                builder.load_2d(INP, 0, x // TILE, 1)
                builder.load_2d(WGT, 0, weight // 16, 1)
        builder.store_2d(0, x // TILE, 1)
        return builder.finish()

    built = program(stream)
    (part,) = split(built, built.launches[0])
    assert part.name == "first" and "'two' cannot run alone" in part.whole


def test_distant_rows_are_separate_ranges():
    """Rows 8192 bytes apart are two ranges, rows 64 bytes apart are one."""
    for pitch, parts in ((8192, 2), (64, 1)):
        builder = ProgramBuilder("strided", CONFIG)
        x = builder.tensor("x", (1, 4 * 4096), INP).offset
        y = builder.tensor("y", (1, 4), INP).offset
        stream = StreamBuilder(CONFIG, serial=True)
        stream.load_2d(INP, 0, x // TILE, 1, 2, pitch // TILE)
        stream.gemm([(0, 0, 0)], reset=True)
        stream.store_2d(0, y // TILE, 1)
        builder.launch("l", stream.finish(), ["x"], ["y"])
        built = builder.build(["x"], ["y"])
        (part,) = split(built, built.launches[0])
        rows = ((x, x + TILE), (x + pitch, x + pitch + TILE))
        assert part.reads == (rows if parts == 2 else ((x, x + pitch + TILE),))
