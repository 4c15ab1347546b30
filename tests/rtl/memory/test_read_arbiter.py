"""read_arbiter: every cycle against a round-robin turn kept by the test."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import ReadClient
from myvta.rtl.memory.read_arbiter import read_arbiter
from myvta.rtl.memory.window_check import BurstRequest


def bench():
    clock, reset = clock_and_reset()
    clients = [ReadClient(NAMED["default"]) for _ in range(3)]
    request = BurstRequest()
    return clock, reset, clients, request, read_arbiter(clock, reset, *clients, request)


@pytest.mark.parametrize("asking, taking", [(0.9, 0.9), (0.5, 0.5), (0.15, 1.0), (1.0, 0.2)])
def test_round_robin_order(asking, taking):
    random = Random(int(asking * 10))
    clock, reset, clients, request, block = bench()
    turn, served = 0, []

    def on_edge(cycle):
        nonlocal turn
        asks = [owner for owner in (turn, (turn + 1) % 3, (turn + 2) % 3)
                if clients[owner].request_valid]
        assert bool(request.valid) == bool(asks)
        if asks:
            owner = asks[0]
            assert request.owner == owner
            assert request.address == clients[owner].request_address
            assert request.beats == clients[owner].request_beats
            assert [bool(client.request_ready) for client in clients] == [
                bool(request.ready) and number == owner for number in range(3)
            ]
            if request.ready:
                served.append(owner)
                turn = (owner + 1) % 3
        for client in clients:
            if not client.request_valid or client.request_ready:
                client.request_valid.next = random.random() < asking
                client.request_address.next = random.getrandbits(33)
                client.request_beats.next = random.randrange(1, 17)
        request.ready.next = random.random() < taking
        return cycle == 600

    simulate([block], clock, reset, on_edge, limit=601)
    assert min(served.count(owner) for owner in range(3)) > 20
    if asking == 1:
        assert all(after == (before + 1) % 3 for before, after in pairwise(served))


@pytest.mark.parametrize("alone", range(3))
def test_single_client_is_served_every_cycle(alone):
    clock, reset, clients, request, block = bench()

    def on_edge(cycle):
        clients[alone].request_valid.next = request.ready.next = True
        assert cycle == 0 or (request.valid and request.owner == alone)
        assert cycle == 0 or clients[alone].request_ready
        return cycle == 9

    simulate([block], clock, reset, on_edge, limit=10)
