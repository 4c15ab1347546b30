"""served_target: a client cannot move, widen or lock the memory window, nor write other registers.

These clients send arbitrary requests; the device is then inspected without the server.
"""

import pytest
from hostile_client import Raw, servers, tcp
from link_work import multiply

from myvta.driver import AccessError, TargetError, open_target
from myvta.driver.serve.served_target import CLIENT_WRITES, ServedTarget
from myvta.driver.serve.server import Server
from myvta.driver.transport.frame import Frame
from myvta.isa.link_protocol import LinkStatus, MessageKind
from myvta.isa.register_map import REGISTERS, Reg

BASE, LIMIT = 0x3000, 0xAFFF  # of the served device
URL = "model://?config=1x4x4&mem=0x3000:32K"
NOT_THEIRS = [reg for reg in REGISTERS if reg not in CLIENT_WRITES]


@pytest.fixture
def served():
    """A server, and its device."""
    devices = []
    with servers() as start:
        server = start(wrap=lambda target: devices.append(target) or target)
        yield server, devices[0]


def write(client, sequence, register, value):
    frame = Frame(MessageKind.WRITE_REGISTER, sequence, register, 4, value.to_bytes(4, "little"))
    client.send(frame)
    return client.frames()[0]


def owner(server):
    client = Raw(server)
    client.send(Frame(MessageKind.IDENTIFY, 0), Frame(MessageKind.CLAIM, 1))
    assert [frame.status for frame in client.frames(2)] == [LinkStatus.OK] * 2
    return client


def window(device):
    return device.read_register(Reg.WINDOW_BASE), device.read_register(Reg.WINDOW_LIMIT)


@pytest.mark.parametrize(("register", "value"), [
    (Reg.WINDOW_BASE, 0), (Reg.WINDOW_BASE, BASE - 1), (Reg.WINDOW_BASE, LIMIT + 1),
    (Reg.WINDOW_LIMIT, 0xFFFF_FFFF), (Reg.WINDOW_LIMIT, LIMIT + 1), (Reg.WINDOW_LIMIT, BASE - 1),
])
def test_a_client_cannot_move_the_window_out_of_the_served_one(served, register, value):
    server, device = served
    client = owner(server)
    answer = write(client, 2, register, value)
    assert answer.status == LinkStatus.FAILED
    assert answer.data.decode().startswith(
        f"{register.name} must stay inside the served window 0x3000..0xafff, not {value:#x}"
    )
    assert window(device) == (BASE, LIMIT)
    client.socket.close()


def test_a_client_cannot_lock_the_window(served):
    server, device = served
    client = owner(server)
    answer = write(client, 2, Reg.WINDOW_LOCK, 1)
    assert answer.status == LinkStatus.FAILED
    assert answer.data.decode().startswith("a client may not write WINDOW_LOCK")
    assert device.read_register(Reg.WINDOW_LOCK) == 0
    client.socket.close()


def test_every_register_is_in_the_table_or_refused_without_effect(served):
    server, device = served
    client = owner(server)
    for sequence, register in enumerate([*NOT_THEIRS, 0x3C, 0x1000], 2):
        before = device.read_register(register)
        answer = write(client, sequence, register, before ^ 1)
        assert answer.status == LinkStatus.FAILED, register
        assert device.read_register(register) == before
    client.socket.close()
    assert {REGISTERS[register].access for register in CLIENT_WRITES} <= {"rw", "wo", "w1c"}


def test_narrowed_window_ends_with_its_client(served):
    server, device = served
    with open_target(tcp(server, "&mem=0x4000:28K")) as target:
        assert window(device) == (0x4000, 0xAFFF)
        multiply(target, 1)
    with open_target(tcp(server, "&queue=10")) as target:
        assert window(device) == (BASE, LIMIT)
        multiply(target, 2)


def test_refused_client_gets_the_reason_and_continues(served):
    server, _ = served
    with open_target(tcp(server)) as target:
        with pytest.raises(TargetError, match=(
            r"WRITE_REGISTER of 4 bytes at 0x74 failed: a client may not write WINDOW_LOCK; it may "
            r"write CONTROL, .*WATCHDOG$"
        )):
            target.write_register(Reg.WINDOW_LOCK, 1)
        multiply(target, 3)


def test_window_is_set_before_serving():
    with open_target(URL) as target:
        target.write_register(Reg.WINDOW_BASE, 0)
        target.write_register(Reg.WINDOW_LIMIT, 0xFFFF_FFFF)
        with Server(target, ("127.0.0.1", 0)):
            assert window(target) == (BASE, LIMIT)


def test_a_device_whose_window_is_locked_elsewhere_is_not_served():
    with open_target(URL) as target:
        target.write_register(Reg.WINDOW_LIMIT, 0xFFFF_FFFF)
        target.write_register(Reg.WINDOW_LOCK, 1)
        with pytest.raises(TargetError, match=(
            r"^the memory window reads 0x3000..0xffffffff, not 0x3000..0xafff: it is locked until "
            r"the reset wire; nothing is served$"
        )):
            Server(target, ("127.0.0.1", 0))


def test_locking_server_fixes_the_window():
    with open_target(URL) as target, Server(target, ("127.0.0.1", 0), lock=True) as server:
        assert target.read_register(Reg.WINDOW_LOCK) == 1
        target.write_register(Reg.WINDOW_LIMIT, 0xFFFF_FFFF)
        assert window(target) == (BASE, LIMIT)
        with open_target(tcp(server)) as client:
            multiply(client, 4)


def test_reads_and_memory_pass_through():
    with open_target(URL) as target:
        served = ServedTarget(target)
        assert served.window == target.window and served.config is target.config
        served.write_memory(0x3004, b"abcd")
        assert target.read_memory(0x3004, 4) == served.read_memory(0x3004, 4) == b"abcd"
        served.write_register(Reg.INSN_COUNT, 9)
        assert served.read_register(Reg.INSN_COUNT) == 9
        with pytest.raises(AccessError, match="^a client may not write register 0x3c; it may"):
            served.write_register(0x3C, 1)
