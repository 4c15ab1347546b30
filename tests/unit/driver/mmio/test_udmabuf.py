"""u-dma-buf: a buffer of plain files, handed over with each access, and its refusals."""

import pytest
from register_file import register_file

from myvta.driver import AccessError, TargetError, WindowError, open_target
from myvta.driver.mmio.udmabuf import DmaBuffer


def test_every_access_synchronizes_the_buffer(tmp_path, buffers):
    path = register_file(tmp_path / "mem")
    with open_target(f"devmem://?device={path}&regs=0&buffer=udmabuf0&config=1x4x4") as target:
        assert target.window == (0x100_0000, 0x10000)
        target.write_memory(0x100_0102, b"abc")
        told = {item.name: item.read_text() for item in buffers.iterdir()}
        assert (told["sync_offset"], told["sync_size"]) == ("258", "3")
        assert (told["sync_direction"], told["sync_for_device"]) == ("0", "1")
        (buffers / "sync_for_cpu").write_text("-")
        assert target.read_memory(0x100_0100, 8) == b"\0\0abc\0\0\0"
        assert (buffers / "sync_for_cpu").read_text() == "1"
        with pytest.raises(WindowError, match="outside the memory 0x1000000..0x100ffff"):
            target.read_memory(0x100_FFFF, 2)
    assert (tmp_path / "udmabuf0").read_bytes()[0x102:0x105] == b"abc"


def test_size_and_address_come_from_sysfs(buffers):
    buffer = DmaBuffer("udmabuf0")
    assert (buffer.base, buffer.size) == (0x100_0000, 65536)
    assert (buffers / "sync_direction").read_text() == "0"  # bidirectional
    buffer.close()


def test_an_empty_access_synchronizes_nothing(buffers):
    buffer = DmaBuffer("udmabuf0")
    buffer.write(0, memoryview(b""))
    assert buffer.read(8, 0) == b""
    assert not (buffers / "sync_for_cpu").exists()
    assert not (buffers / "sync_for_device").exists()
    buffer.close()


@pytest.mark.parametrize("name", ["../udmabuf0", "", "a b"])
def test_a_name_with_other_characters_is_refused(buffers, name):
    with pytest.raises(ValueError, match="a buffer is a name such as udmabuf0, not"):
        DmaBuffer(name)


def test_a_missing_buffer_and_damaged_sysfs_files_are_refused(buffers):
    with pytest.raises(AccessError, match=r"there is no .*udmabuf7: load u-dma-buf with `sudo"):
        DmaBuffer("udmabuf7")
    (buffers / "size").write_text("many\n")
    with pytest.raises(AccessError, match="cannot read .*udmabuf0/size: invalid literal"):
        DmaBuffer("udmabuf0")
    (buffers / "phys_addr").unlink()
    with pytest.raises(AccessError, match="cannot read .*udmabuf0/phys_addr: .*No such file"):
        DmaBuffer("udmabuf0")


def test_failed_synchronization_is_an_error(buffers):
    buffer = DmaBuffer("udmabuf0")
    (buffers / "sync_offset").mkdir()
    with pytest.raises(TargetError, match="sync_offset: Is a directory; caches are not kept right"):
        buffer.read(0, 4)
    buffer.close()
