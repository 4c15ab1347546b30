"""A u-dma-buf made of plain files."""

import pytest

from myvta.driver.mmio import udmabuf


@pytest.fixture
def buffers(tmp_path, monkeypatch):
    """Make udmabuf0 of 64 KiB at 0x1000000 out of plain files; return its folder in sysfs."""
    folder = tmp_path / "u-dma-buf" / "udmabuf0"
    folder.mkdir(parents=True)
    (folder / "phys_addr").write_text("0x0000000001000000\n")
    (folder / "size").write_text("65536\n")
    (tmp_path / "udmabuf0").write_bytes(bytes(65536))
    monkeypatch.setattr(udmabuf, "SYSFS", tmp_path / "u-dma-buf")
    monkeypatch.setattr(udmabuf, "DEVICES", tmp_path)
    return folder
