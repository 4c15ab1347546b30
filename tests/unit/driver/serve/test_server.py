"""server: many clients, one owner, and the hostile ones."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from random import Random

import pytest
from hostile_client import QUERY, TOKEN, Watched, hostile, tcp
from link_work import multiply

from myvta.driver import (
    AccessError,
    AuthenticationError,
    BusyError,
    TargetTimeout,
    UrlError,
    open_target,
)
from myvta.driver.serve.server import Server
from myvta.driver.transport.tcp_target import read_token, split_address
from myvta.isa.register_map import Reg, Status


def eight_clients(server, options, seconds, token, frames):
    """Seven clients work through the queue while the eighth attacks; return its frames."""
    failures, rounds, until = [], [0] * 7, time.monotonic() + seconds
    attacking = threading.Event()
    attacking.set()

    def client(number):
        try:
            while attacking.is_set() or time.monotonic() < until or not rounds[number]:
                with open_target(tcp(server, options + "&queue=60&timeout=20")) as target:
                    multiply(target, 100 * number + rounds[number])
                rounds[number] += 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(7)]
    for thread in threads:
        thread.start()
    sent = hostile(server, token, Random(1), frames)
    attacking.clear()
    for thread in threads:
        thread.join(120)
    assert not failures, failures
    assert all(rounds), rounds
    return sent


@pytest.mark.slow
@pytest.mark.parametrize("token", [None, TOKEN])
def test_eight_clients_work_beside_a_hostile_one(serve, token_file, token):
    server = serve(token=token)
    options = f"&token={token_file}" if token else ""
    files = len(os.listdir("/proc/self/fd"))
    sent = eight_clients(server, options, 0, token, 1500)
    assert sent >= 1500
    deadline = time.monotonic() + 10
    while server.clients and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.clients == 0
    assert len(os.listdir("/proc/self/fd")) <= files


@pytest.mark.verilator
def test_eight_clients_share_the_rtl(serve):
    server = serve("verilator://" + QUERY)
    assert eight_clients(server, "", 0, None, 120) >= 120


@pytest.mark.soak
def test_hostile_frames_leave_no_connection_or_file_open(serve, token_file):
    server = serve(token=TOKEN)
    files = len(os.listdir("/proc/self/fd"))
    assert eight_clients(server, f"&token={token_file}", 0, TOKEN, 100_000) >= 100_000
    deadline = time.monotonic() + 10
    while server.clients and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.clients == 0 and len(os.listdir("/proc/self/fd")) <= files


def test_another_client_is_told_busy_or_queues(serve):
    server = serve()
    first = open_target(tcp(server))
    started = time.monotonic()
    with pytest.raises(BusyError, match=r"another client owns the device, 1 wait"):
        open_target(tcp(server))
    with pytest.raises(BusyError, match="another client owns"):
        open_target(tcp(server, "&queue=0.3"))
    assert 0.3 < time.monotonic() - started < 3
    threading.Timer(0.3, first.close).start()
    with open_target(tcp(server, "&queue=20")) as second:
        multiply(second, 3)


def test_disappeared_client_leaves_an_idle_device(serve):
    class Endless(Watched):
        """A device whose launch ends only by RESET."""

        status, resets = 0, 0

        def read_register(self, offset):
            return self.status if offset == Reg.CONTROL else self.inner.read_register(offset)

        def write_register(self, offset, value):
            if offset == Reg.CONTROL and value:
                self.status = Status.LAUNCH
            elif offset == Reg.RESET:
                self.status, self.resets = Status.FINISH | Status.ERROR, self.resets + 1
            else:
                self.inner.write_register(offset, value)

    devices = []
    server = serve(wrap=lambda t: devices.append(Endless(t)) or devices[0])
    client = open_target(tcp(server))
    client.write_register(Reg.CONTROL, 1)
    assert client.read_register(Reg.CONTROL) == Status.LAUNCH
    client.link.close()  # no word of farewell
    with open_target(tcp(server, "&queue=10")) as target:
        assert not target.read_register(Reg.CONTROL) & Status.LAUNCH
    assert devices[0].resets == 1


def test_invalid_addresses_ports_and_token_files_are_refused(serve, tmp_path):
    with open_target("model://" + QUERY) as target:
        with pytest.raises(UrlError, match=r"lets the network in: give a token file"):
            Server(target, ("0.0.0.0", 0))
        taken = pytest.raises(BusyError, match="name another port")
        with Server(target, ("0.0.0.0", 0), token=TOKEN) as server, taken:
            Server(target, ("127.0.0.1", server.address[1]))
    with pytest.raises(AccessError, match="no connection to .*; start `myvta serve` there"):
        open_target(f"tcp://127.0.0.1:{server.address[1]}")
    with pytest.raises(AccessError, match="cannot read the token file .*No such file"):
        read_token(str(tmp_path / "none"))
    (tmp_path / "short").write_bytes(b"1234\n")
    with pytest.raises(AccessError, match=r"has 4 bytes, at least 16 are needed"):
        read_token(str(tmp_path / "short"))
    for url, text in [
        ("tcp://host:99999", "an address is HOST:PORT"), ("tcp://", "an address is HOST:PORT"),
        ("tcp://h?queue=-1", "queue must be seconds"), ("tcp://h?tokn=x", "no option 'tokn'"),
    ]:
        with pytest.raises(UrlError, match=text):
            open_target(url)
    assert split_address("[::1]:80") == ("::1", 80) and split_address("board") == ("board", 7310)
    server = serve()
    with pytest.raises(AuthenticationError, match="asks for no token"):
        open_target(tcp(server, f"&token={_long(tmp_path)}"))


def _long(folder):
    (folder / "long").write_bytes(TOKEN)
    return folder / "long"


def test_silent_server_ends_in_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(TargetTimeout, match="waited 0.3 s for the device to identify itself"):
            open_target(f"tcp://127.0.0.1:{listener.getsockname()[1]}?timeout=0.3")
        assert time.monotonic() - started < 2


@pytest.mark.slow
def test_serve_command_runs_until_terminated(token_file):
    process = subprocess.Popen(
        [sys.executable, "-m", "myvta.cli.main", "serve", "--target", "model://" + QUERY,
         "--listen", "127.0.0.1:0", "--token", str(token_file), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        port = json.loads(process.stdout.readline())["port"]
        with open_target(f"tcp://127.0.0.1:{port}?config=1x4x4&token={token_file}") as target:
            multiply(target, 9)
    finally:
        process.terminate()
        _, messages = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "owns the device" in messages
