"""row_requests: bursts of random walks against beats counted one by one; rate and limits."""

from collections import deque
from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import ReadClient, bit
from myvta.rtl.memory.row_requests import MAX_BURSTS, RowWalk, row_requests

SPACE = 1 << 32


def walk(base=0x1000, log_bytes=4, dram_base=0, y_size=1, x_size=1, x_stride=0):
    return {
        "base": base, "log_bytes": log_bytes, "dram_base": dram_base, "y_size": y_size,
        "x_size": x_size, "x_stride": x_stride,
    }


def bursts(fields, beat):
    """(address, beats, last) of a walk: beats of each row, parted at blocks of 16."""
    out = []
    for row in range(fields["y_size"] if fields["x_size"] else 0):
        element = 1 << fields["log_bytes"]
        first = fields["base"] + (fields["dram_base"] + row * fields["x_stride"]) * element
        end = first + fields["x_size"] * element
        begins = True
        for at in range(first // beat, (end - 1) // beat + 1):
            if begins or at % 16 == 0:
                out.append([at * beat % SPACE + SPACE * (at * beat >= SPACE), 0, False])
            out[-1][1] += 1
            begins = False
    if out:
        out[-1][2] = True
    return [tuple(burst) for burst in out]


class Bench:
    """Gives walks one after the other and takes and answers their requests, with pauses."""

    def __init__(self, walks, *, log_bus=6, seed=0, give=1.0, take=1.0, answer=1.0, **options):
        self.walks, self.count, self.random = deque(walks), len(walks), Random(seed)
        self.give, self.take, self.answer = give, take, answer
        config = NAMED["default"].replace(log_bus_width=log_bus)
        self.clock, self.reset = clock_and_reset()
        self.walk, self.client = RowWalk(), ReadClient(config)
        self.done, self.last = bit(), bit()
        self.block = row_requests(
            self.clock, self.reset, self.walk, self.client, self.done, self.last, config=config,
            **options,
        )
        self.started, self.readied = [], []  # cycles: a walk was taken, the next may be
        self.asked, self.bursts = [], []  # cycle and burst of each request
        self.shown = []  # cycles in which a request showed first
        self.outstanding = self.most_outstanding = 0
        self.held = None

    def run(self, until=None, limit=20000):
        def on_edge(cycle):
            self.watch(cycle)
            self.drive()
            if until is not None:
                return until(cycle)
            return len(self.readied) == self.count

        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def watch(self, cycle):
        walk, client = self.walk, self.client
        if walk.ready and len(self.readied) < len(self.started):
            self.readied.append(cycle)
        if walk.valid and walk.ready:
            self.started.append(cycle)
        self.outstanding -= bool(self.done)
        if client.request_valid:
            burst = int(client.request_address), int(client.request_beats), bool(self.last)
            assert self.held in (None, burst), "a request holds until it is taken"
            if self.held is None:
                self.shown.append(cycle)
            self.held = None if client.request_ready else burst
            if client.request_ready:
                self.asked.append(cycle)
                self.bursts.append(burst)
                self.outstanding += 1
                self.most_outstanding = max(self.most_outstanding, self.outstanding)
        else:
            assert self.held is None

    def drive(self):
        walk, random = self.walk, self.random
        if not walk.valid or walk.ready:
            walk.valid.next = go = bool(self.walks) and random.random() < self.give
            fields = self.walks.popleft() if go else dict.fromkeys(vars(walk), 1)
            for name, value in fields.items():
                if name not in ("valid", "ready"):
                    getattr(walk, name).next = value
        self.client.request_ready.next = random.random() < self.take
        # a request of this cycle may be answered in the next one
        self.done.next = self.outstanding > 0 and random.random() < self.answer


def random_walk(random):
    log_bytes = random.randrange(1, 11)
    return walk(
        base=random.getrandbits(20) << log_bytes, log_bytes=log_bytes,
        dram_base=random.choice((random.getrandbits(12), random.getrandbits(32))),
        y_size=random.choice((0, 1, 1, 2, 3, 9)),
        x_size=random.choice((0, 1, 2, 5, random.randrange(1 + (2000 >> log_bytes)))),
        x_stride=random.choice((random.randrange(40), random.getrandbits(16))),
    )


@pytest.mark.parametrize("log_bus", [6, 7, 8])
@pytest.mark.parametrize("give, take, answer", [(1, 1, 1), (0.3, 0.6, 0.9), (1, 0.9, 0.3)])
def test_random_walks_request_every_beat_once(log_bus, give, take, answer):
    random = Random(log_bus)
    walks = [random_walk(random) for _ in range(40)]
    bench = Bench(walks, log_bus=log_bus, give=give, take=take, answer=answer, max_bursts=5)
    bench.run()
    assert bench.bursts == [burst for one in walks for burst in bursts(one, 1 << log_bus - 3)]
    assert bench.most_outstanding <= 5
    assert len(bench.bursts) > 100


def test_first_request_after_five_cycles_then_one_per_cycle():
    walks = [walk(base=0x1008, y_size=5, x_size=100, x_stride=3), walk(dram_base=7)]
    bench = Bench(walks)
    bench.run()
    count = len(bursts(walks[0], 8))
    first, second = bench.started
    assert bench.asked[:count] == list(range(first + 5, first + 5 + count))
    assert bench.readied[0] == bench.asked[count - 1] + 2 == second
    assert bench.asked[count:] == [second + 5]


@pytest.mark.parametrize("fields", [{"y_size": 0, "x_size": 9}, {"y_size": 9, "x_size": 0}])
def test_empty_walk_takes_three_cycles(fields):
    bench = Bench([walk(**fields), walk()])
    bench.run()
    assert bench.readied[0] == bench.started[0] + 3
    assert len(bench.bursts) == 1


@pytest.mark.parametrize("limit", [None, 3])
def test_unanswered_bursts_are_limited(limit):
    options = {} if limit is None else {"max_bursts": limit}
    bench = Bench([walk(y_size=100, x_stride=7)], answer=0.0, **options)
    bench.run(until=lambda cycle: cycle == 150)
    assert len(bench.bursts) == (limit or MAX_BURSTS)


@pytest.mark.parametrize("fields, addresses", [
    (walk(base=SPACE - 256, x_size=16), [SPACE - 256, SPACE - 128]),
    (walk(base=SPACE - 128, x_size=16), [SPACE - 128, SPACE]),
    (walk(base=SPACE - 16, y_size=3, x_stride=1), [SPACE - 16, SPACE, SPACE + 16]),
    (walk(base=0, dram_base=1 << 28), [SPACE]),
    (walk(base=16, dram_base=(1 << 32) - 1, y_size=2, x_stride=65535),
     [SPACE, SPACE + 65535 * 16]),
    (walk(base=0, log_bytes=10, dram_base=(1 << 22) - 1, x_size=1, x_stride=65535, y_size=2),
     [SPACE - 1024 + 128 * k for k in range(8)]
     + [SPACE + 65534 * 1024 + 128 * k for k in range(8)]),
])
def test_an_address_past_the_address_space_stays_past_it(fields, addresses):
    bench = Bench([fields])
    bench.run()
    assert [address for address, _, _ in bench.bursts] == addresses


def test_request_last_is_optional():
    clock, reset = clock_and_reset()
    rows, client, done = RowWalk(), ReadClient(NAMED["default"]), bit()
    for name, value in walk(y_size=2, x_stride=9).items():
        setattr(rows, name, Signal(modbv(value)[len(getattr(rows, name)):]))
    block = row_requests(clock, reset, rows, client, done, None, config=NAMED["default"])
    asked = []

    def on_edge(cycle):
        rows.valid.next, client.request_ready.next = cycle == 0, True
        if client.request_valid:
            asked.append(int(client.request_address))
        return cycle == 20

    simulate([block], clock, reset, on_edge, limit=21)
    assert asked == [0x1000, 0x1000 + 9 * 16]
