"""server: limits on the cost of one client for the others."""

import ast
import threading
import time
from pathlib import Path

import pytest
from hostile_client import TOKEN, Raw, servers, tcp
from link_work import multiply

from myvta import driver
from myvta.driver import BusyError, TargetError, open_target
from myvta.driver.transport.frame import Frame, encode
from myvta.driver.transport.limits import Limits, RateLimiter
from myvta.isa.link_protocol import MessageKind


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(TOKEN + b"\n")
    return path


@pytest.fixture
def serve():
    with servers() as start:
        yield start


@pytest.mark.slow
def test_slow_and_silent_clients_are_closed(serve):
    server = serve(limits=Limits(handshake=0.5, frame=0.3, idle=0.6))
    silent, slow = Raw(server), Raw(server)
    slow.socket.sendall(b"\x7e\x01")
    started = time.monotonic()
    assert slow.hung_up(3) and silent.hung_up(3)
    assert time.monotonic() - started < 2
    owner = open_target(tcp(server, "&timeout=1"))
    with open_target(tcp(server, "&queue=5")) as target:
        multiply(target, 2)
    with pytest.raises(TargetError, match="closed the connection|gone"):
        owner.read_register(0)


@pytest.mark.slow
def test_client_sending_single_bytes_is_disconnected(serve):
    server = serve(limits=Limits(handshake=30, frame=0.4))
    client = Raw(server)
    line = encode(Frame(MessageKind.WRITE_MEMORY, 1, 0x3000, 400, bytes(400)))

    def drip():
        for byte in line:
            client.socket.sendall(bytes([byte]))
            time.sleep(0.02)

    with pytest.raises(ConnectionError):
        drip()
    with open_target(tcp(server)) as target:
        multiply(target, 5)


@pytest.mark.slow
def test_bad_frames_requests_and_connections_are_limited(serve):
    server = serve(limits=Limits(connections=3, bad_frames=2, free_frames=5))
    client = Raw(server)
    client.socket.sendall(b"\x7ex\x7ey\x7ez\x7e")
    assert client.hung_up(2)
    client = Raw(server)
    client.send(*[Frame(MessageKind.IDENTIFY, k) for k in range(6)])
    assert len(client.frames(6)) < 6
    many = [Raw(server) for _ in range(8)]
    time.sleep(0.3)
    assert server.clients <= 3
    assert sum(item.hung_up(0.5) for item in many) >= 5
    for item in many:
        item.socket.close()


@pytest.mark.parametrize("token", [None, TOKEN])
def test_silent_connections_do_not_block_other_clients(serve, token_file, token):
    server = serve(limits=Limits(connections=4, handshake=60), token=token)
    options = f"&token={token_file}" if token else ""
    with open_target(tcp(server, options)) as owner:
        silent = [Raw(server) for _ in range(12)]
        with pytest.raises(BusyError, match="another client owns the device"):
            open_target(tcp(server, options))  # a clear answer, and not a closed door
        multiply(owner, 7)
        waiting = threading.Thread(target=lambda: open_target(
            tcp(server, options + "&queue=60")).close())
        waiting.start()
        time.sleep(0.3)
        silent += [Raw(server) for _ in range(12)]
        multiply(owner, 8)  # owners and waiting clients are not disconnected for them
    waiting.join(10)
    assert not waiting.is_alive()
    for item in silent:
        item.socket.close()


def test_full_server_closes_further_connections(serve):
    server = serve(limits=Limits(connections=2))
    with open_target(tcp(server)):
        line = Raw(server)
        line.send(Frame(MessageKind.IDENTIFY, 0), Frame(MessageKind.CLAIM, 1, 60_000))
        time.sleep(0.3)
        assert Raw(server).hung_up(2)
        line.socket.close()


@pytest.mark.slow
def test_flood_of_connections_is_served_in_turn(serve):
    server = serve(limits=Limits(per_second=40))
    started = time.monotonic()
    for _ in range(60):
        Raw(server).socket.close()
    with open_target(tcp(server)) as target:
        multiply(target, 6)
    assert time.monotonic() - started > 0.5  # the first 40 at once, the others 40 a second


@pytest.mark.parametrize("module", [
    "transport/frame", "transport/limits", "serve/ownership", "serve/responder", "serve/server",
    "serve/client_session",
])
def test_nothing_from_the_wire_is_run_unpickled_or_opened(module):
    """What a server is made of calls nothing that could do so."""
    tree = ast.parse((Path(driver.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0] for node in ast.walk(tree) for name in (
            [it.name for it in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }
    called = {
        getattr(node.func, "id", getattr(node.func, "attr", "")) for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert imported and called
    assert not imported & {"pickle", "marshal", "shelve", "importlib", "subprocess", "os"}
    assert not imported & {"pathlib", "shutil", "ctypes", "json"}
    assert not called & {"eval", "exec", "compile", "open", "__import__", "loads", "load"}


def test_rate_limiter_keeps_its_rate():
    time_is = [0.0]
    rate = RateLimiter(10, lambda: time_is[0])
    assert [rate.take() for _ in range(9)] == [0.0] * 9
    waits = [rate.take() for _ in range(3)]
    assert waits == pytest.approx([0.1, 0.2, 0.3])
    time_is[0] = 0.5
    assert rate.take() == 0.0  # five came back, three were owed
    time_is[0] = 100
    assert [rate.take() for _ in range(10)] == [0.0] * 9 + [pytest.approx(0.1)]
