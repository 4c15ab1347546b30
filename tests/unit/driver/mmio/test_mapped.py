"""Mapped memory and registers: aligned accesses at any alignment, and refusals."""

import errno
from random import Random

import pytest
from register_file import CONFIG, PAGE, register_file

from myvta.driver import AccessError, IdentityError, UrlError
from myvta.driver.mmio.mapped import MappedMemory, MappedTarget, Region, open_device
from myvta.isa.config import NAMED
from myvta.isa.register_map import Reg

BASE = 0x10000


def mapped_target(path, base=BASE, size=PAGE, config=CONFIG):
    """Return a target on a file: registers at 0, memory at 0x10000 of the file."""
    with open(path, "r+b") as file:
        registers = Region(file.fileno(), 0, PAGE, "the registers")
        memory = MappedMemory(Region(file.fileno(), 0x10000, size, "the memory"), base)
    return MappedTarget(registers, memory, config, 7)


def test_memory_moves_whole_at_any_alignment(tmp_path):
    path, random = tmp_path / "memory", Random(4)
    path.write_bytes(bytes(4096))
    with open(path, "r+b") as file:
        memory = MappedMemory(Region(file.fileno(), 64, 1000, "memory"), 0x40)
        mirror = bytearray(1000)
        for _ in range(400):
            at = random.randrange(1000)
            data = random.randbytes(min(random.choice((0, 1, 2, 3, 4, 5, 7, 300)), 1000 - at))
            memory.write(at, memoryview(data))
            mirror[at:at + len(data)] = data
            at = random.randrange(1000)
            size = random.randrange(1001 - at)
            assert memory.read(at, size) == mirror[at:at + size]
        memory.close()
    whole = path.read_bytes()
    assert whole[64:1064] == mirror and not any(whole[:64] + whole[1064:])


def test_region_inside_a_page_is_mapped(tmp_path):
    path = tmp_path / "device"
    path.write_bytes(bytes(range(256)) * 32)
    with open(path, "r+b") as file:
        region = Region(file.fileno(), 4096 + 5, 3, "the bytes")
    assert region.bytes.tolist() == [5, 6, 7]
    region.close()
    assert region.bytes.size == 0


def test_a_region_past_the_device_is_refused(tmp_path):
    path = tmp_path / "device"
    path.write_bytes(bytes(4096))
    with open(path, "r+b") as file, pytest.raises(
        AccessError, match="cannot map the registers, 4096 bytes at 0x2000: .* STRICT_DEVMEM"
    ):
        Region(file.fileno(), 0x2000, 4096, "the registers")


@pytest.mark.parametrize(("number", "advice"), [
    (errno.EACCES, "run as root"), (errno.EPERM, "run as root"),
    (errno.ENOENT, "is its driver loaded"), (errno.ENODEV, "is its driver loaded"),
    (errno.EBUSY, "another program may hold it"),
])
def test_error_of_an_unopenable_device_names_a_remedy(monkeypatch, number, advice):
    def refuse(*arguments):
        raise OSError(number, "refused")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(AccessError, match=f"cannot open /dev/mem: refused; {advice}"):
        open_device("/dev/mem")


def test_opening_sets_the_window_and_registers_are_words_of_the_map(tmp_path):
    path = register_file(tmp_path / "device", size=0x20000)
    target = mapped_target(path)
    assert (target.window, target.clock_hz) == ((BASE, PAGE), 7)
    assert target.read_register(Reg.IDENTITY) == int.from_bytes(b"MVTA", "little")
    target.write_register(Reg.UOP_BASE, 0x89ABCDEF)
    target.write_memory(BASE + 3, b"xyz")
    assert target.read_memory(BASE + 2, 5) == b"\0xyz\0"
    target.close()
    data = path.read_bytes()
    assert data[Reg.UOP_BASE : Reg.UOP_BASE + 4].hex() == "efcdab89"
    assert data[Reg.WINDOW_BASE : Reg.WINDOW_BASE + 4] == BASE.to_bytes(4, "little")
    assert data[0x10003:0x10006] == b"xyz"


def test_memory_of_partial_pages_is_refused_before_any_write(tmp_path):
    path = register_file(tmp_path / "device", size=0x20000)
    before = path.read_bytes()
    for base, size in ((BASE + 4, PAGE), (BASE, 100), ((1 << 32) - PAGE, 2 * PAGE)):
        with pytest.raises(UrlError, match="must be whole pages of 4096 below 2.32"):
            mapped_target(path, base, size)
    with pytest.raises(IdentityError, match="it is '1x4x4'"):
        mapped_target(path, config=NAMED["1x8x8"])
    assert path.read_bytes() == before
