"""`myvta serve` as a process: its address, a client, the end by a signal."""

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from myvta.cli.main import cli
from myvta.driver import open_target
from myvta.isa.register_map import Reg

SERVED = "model://?config=1x4x4&mem=0:1M"


@pytest.fixture
def start():
    processes = []

    def started(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "myvta.cli.main", "serve", "--target", SERVED,
             "--listen", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        processes.append(process)
        return process, process.stdout.readline()

    yield started
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_client_works_until_a_signal_ends_the_server(start, number):
    process, line = start()
    prefix, _, port = line.strip().rpartition(":")
    assert prefix == f"serving {SERVED} on 127.0.0.1"
    with open_target(f"tcp://127.0.0.1:{port}?config=1x4x4") as target:
        base, _ = target.window
        target.write_memory(base, b"12345678")
        assert target.read_memory(base, 8) == b"12345678"
    process.send_signal(number)
    assert process.wait(20) == 0


def test_json_is_the_address(start):
    _, line = start("--json")
    facts = json.loads(line)
    assert (facts["target"], facts["host"]) == (SERVED, "127.0.0.1")
    assert facts["port"] > 0


@pytest.mark.parametrize("lock", [False, True])
def test_lock_sets_the_lock_of_the_device(start, lock):
    _, line = start(*["--lock"] * lock)
    port = line.strip().rpartition(":")[2]
    with open_target(f"tcp://127.0.0.1:{port}?config=1x4x4") as target:
        assert target.read_register(Reg.WINDOW_LOCK) == lock


@pytest.mark.parametrize(("options", "text"), [
    (["--listen", "host:port"], "an address is HOST:PORT, not 'host:port'"),
    (["--listen", "0.0.0.0:0"], "lets the network in: give a token file, or listen on 127.0.0.1"),
    (["--token", "/no/such/file"], "cannot read the token file /no/such/file"),
])
def test_addresses_and_tokens_are_refused_in_one_line(options, text):
    result = CliRunner().invoke(cli, ["serve", "--target", SERVED, *options])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ") and text in result.stderr
