"""The static checker on files: where findings are, and how much was checked."""

from dataclasses import replace

import pytest
from driver_programs import network

from myvta.cli.check_program import check_file
from myvta.cli.input_errors import InputError
from myvta.driver.program.bundle import write_bundle
from myvta.isa.check.findings import FindingKind


def test_findings_of_a_listing_have_source_lines(tmp_path):
    path = tmp_path / "a.s"
    path.write_text(".config 1x4x4\n\n; comment\nload inp cols=0 push_next\nfinish\n")
    check = check_file(path)
    assert (check.config, check.launches, check.instructions) == ("1x4x4", 1, 2)
    (located,) = check.findings
    assert (located.finding.kind, located.finding.index, located.line) == (FindingKind.TOKENS, 0, 4)
    assert (located.launch, located.note) == ("", "")


def test_findings_of_a_bundle_have_launch_and_note(tmp_path):
    program = network()
    code = program.launches[0].code
    segments = tuple(
        replace(part, data=part.data[:-16] + bytes(16)) if part.offset == code else part
        for part in program.segments
    )
    path = write_bundle(replace(program, segments=segments), tmp_path / "net.vta")
    check = check_file(path)
    assert check.launches == 2
    assert check.instructions == sum(launch.count for launch in program.launches)
    assert {(located.launch, located.line) for located in check.findings} == {("d1", None)}


def test_micro_ops_of_a_listing_count_as_loaded_from_their_own_address(tmp_path):
    path = tmp_path / "a.s"
    path.write_text(".config 1x4x4\n.uops one\n0,0,0\nload uop dram=0 cols=1\n"
                    "gemm uops=one reset\nfinish\n")
    assert check_file(path).findings == ()


def test_another_configuration_than_the_bundle_s_is_refused(tmp_path):
    path = write_bundle(network(), tmp_path / "net.vta")
    assert check_file(path, "1x4x4").findings == ()
    with pytest.raises(InputError, match="is for configuration 1x4x4; leave --config out"):
        check_file(path, "default")
