"""Programs as verbs take them: bundles and assembly are told apart by content and name."""

from __future__ import annotations

from pathlib import Path

import pytest
from assembly_texts import PRODUCT, product_arrays
from driver_programs import network

from myvta.cli.files import write_arrays
from myvta.cli.input_errors import InputError
from myvta.cli.program_files import is_bundle, load_assembly, require_no_config
from myvta.driver.errors import AssemblyMemoryError
from myvta.driver.program.bundle import write_bundle


def test_a_zip_archive_and_the_suffix_vta_are_bundles(tmp_path: Path) -> None:
    text, named, archive = tmp_path / "a.s", tmp_path / "b.vta", tmp_path / "c.bin"
    text.write_text(PRODUCT)
    named.write_bytes(b"")
    write_bundle(network(), tmp_path / "net.vta").rename(archive)
    assert [is_bundle(file) for file in (text, named, archive)] == [False, True, True]


def test_buffers_without_arrays_are_zeros_only_if_asked_for(tmp_path: Path) -> None:
    file, data = tmp_path / "a.s", tmp_path / "m.npz"
    file.write_text(PRODUCT)
    write_arrays(data, product_arrays())
    assert load_assembly(file, None, None, zeros=True).inputs["image"].max() == 0
    assert load_assembly(file, None, data).inputs["image"].max() > 0
    with pytest.raises(AssemblyMemoryError, match="no array for buffer 'image'"):
        load_assembly(file, None, None)


def test_a_bundle_takes_no_configuration() -> None:
    require_no_config(Path("net.vta"), None)
    with pytest.raises(InputError, match=r"net\.vta is a bundle, compiled for one configuration"):
        require_no_config(Path("net.vta"), "default")
