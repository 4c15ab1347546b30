"""validate_report: texts, JSON and JUnit XML of results."""

import json
from xml.etree import ElementTree

from myvta.driver.validate.validate_report import (
    Instruction,
    LayerResult,
    Mismatch,
    ValidationReport,
)

WRONG = Mismatch("y", (0, 3), 5, -1, 0x40, 2, Instruction(7, "store 1"), Instruction(6, "gemm"), 90)
RESULTS = (
    LayerResult("alone", "conv1", cycles=10, bytes=64),
    LayerResult("alone", "fc\x01", mismatch=WRONG),
    LayerResult("chained", "conv1", error="it hangs"),
)


def test_mismatch_is_described_from_element_to_cycle():
    assert str(WRONG).splitlines() == [
        "y[0, 3]: expected 5, got -1 (byte 0x40; 2 bytes differ)",
        "stored by instruction 7: store 1", "computed by instruction 6: gemm",
        "in memory at cycle 90",
    ]
    assert str(Mismatch("", None, 1, 2, 0, 1)).startswith("memory: expected 1, got 2")


def test_a_report_passes_only_when_every_layer_does_and_there_is_one():
    assert not ValidationReport("p", "1x4x4", "").passed
    assert ValidationReport("p", "1x4x4", "", RESULTS[:1]).passed
    assert not ValidationReport("p", "1x4x4", "", RESULTS).passed


def test_json_holds_every_result():
    values = json.loads(json.dumps(ValidationReport("p", "1x4x4", "tcp://x", RESULTS).to_json()))
    assert [row["passed"] for row in values["results"]] == [True, False, False]
    assert values["results"][1]["mismatch"]["store"] == {"index": 7, "text": "store 1"}


def test_junit_has_a_suite_for_each_mode_and_no_forbidden_characters():
    root = ElementTree.fromstring(ValidationReport("p", "1x4x4", "t", RESULTS).to_junit())
    assert [(suite.get("name"), suite.get("failures"), suite.get("errors")) for suite in root] == [
        ("alone", "1", "0"), ("chained", "0", "1"),
    ]
    failed = root.find(".//testcase[@name='fc?']/failure")
    assert failed.get("message").startswith("y[0, 3]: expected 5")
    assert root.find(".//error").get("message") == "it hangs"
