"""ownership: first come, first served; a client that gives up leaves the queue."""

import threading
import time

from myvta.driver.serve.ownership import Ownership


def test_first_client_owns_and_the_second_gets_its_queue_position():
    ownership = Ownership()
    assert ownership.claim("a", 0, lambda: True) == 0
    assert ownership.claim("b", 0, lambda: True) == 1
    assert ownership.owns("a") and not ownership.owns("b")
    assert ownership.claim("a", 0, lambda: True) == 0  # once more is harmless


def test_a_waiting_client_gets_the_device_when_the_owner_releases_it():
    ownership = Ownership()
    ownership.claim("a", 0, lambda: True)
    threading.Timer(0.05, ownership.release, ["a"]).start()
    started = time.monotonic()
    assert ownership.claim("b", 20, lambda: True) == 0
    assert time.monotonic() - started < 5
    assert ownership.owns("b")


def test_vanished_client_leaves_the_queue():
    ownership = Ownership()
    ownership.claim("a", 0, lambda: True)
    assert ownership.claim("b", 20, lambda: False) == 1
    ownership.release("a")
    assert ownership.claim("c", 0, lambda: True) == 0


def test_releasing_without_owning_changes_nothing():
    ownership = Ownership()
    ownership.claim("a", 0, lambda: True)
    ownership.release("b")
    assert ownership.owns("a")
