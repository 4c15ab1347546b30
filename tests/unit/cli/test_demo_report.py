"""The demo's report: its keys, its words, and the folder it is written to."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest

from myvta.cli.demo_report import Report, check_writable
from myvta.cli.input_errors import InputError

RTL = Report(
    float_accuracy=1.0, int8_accuracy=359 / 360, rtl_accuracy=31 / 32, rtl_images=32,
    rtl_mismatches=0, model_images=360, model_mismatches=0, tensors=11, cycles_per_image=8213.25,
    mac_utilization=0.21508, simulated_cycles_per_second=1234567.8, wall_seconds=12.3456,
    backend="verilator", config="default",
)
MODEL = dataclasses.replace(
    RTL, rtl_accuracy=None, rtl_images=0, rtl_mismatches=None, cycles_per_image=None,
    mac_utilization=None, simulated_cycles_per_second=None, backend="model",
)


def test_json_has_the_promised_keys():
    values = json.loads(RTL.to_json())
    assert values["float_accuracy"] == 1.0
    assert values["int8_accuracy"] == 0.997222
    assert (values["rtl_images"], values["rtl_mismatches"]) == (32, 0)
    assert values["cycles_per_image"] == 8213.2
    assert values["mac_utilization"] == 0.21508
    assert values["simulated_cycles_per_second"] == 1234568
    assert values["wall_seconds"] == 12.35
    assert values["backend"] == "verilator"


def test_json_is_null_where_the_model_has_no_figure():
    values = json.loads(MODEL.to_json())
    unknown = {name for name, value in values.items() if value is None}
    assert unknown == {"rtl_accuracy", "rtl_mismatches", "cycles_per_image", "mac_utilization",
                       "simulated_cycles_per_second"}
    assert values["backend"] == "model"
    assert values["rtl_images"] == 0


def test_rows_of_the_rtl_have_its_figures():
    rows = dict(RTL.rows())
    assert rows["RTL accuracy"] == "96.88%  of 32 images, RTL under verilator"
    assert rows["bit for bit"] == "RTL = model = reference in all 11 tensors of every image"
    assert rows["cycles per image"] == "8,213"
    assert rows["MAC utilization"] == "21.5%"
    assert rows["simulated cycles/s"] == "1,234,568"


def test_rows_of_the_model_mark_missing_figures():
    rows = dict(MODEL.rows())
    assert "RTL accuracy" not in rows
    assert rows["bit for bit"] == "model = reference in all 11 tensors of every image"
    assert rows["cycles per image"] == "- (model counts no cycles)"


@pytest.mark.parametrize(("model", "rtl", "total"), [(0, 3, 3), (2, 0, 2), (1, 1, 2)])
def test_differences_are_counted_and_reported(model, rtl, total):
    report = dataclasses.replace(RTL, model_mismatches=model, rtl_mismatches=rtl)
    assert report.mismatches == total
    assert dict(report.rows())["bit for bit"] == (
        f"DIFFERENT: {model} of 360 images on the model, {rtl} of 32 on the RTL"
    )


def test_check_writable_creates_no_file(tmp_path):
    check_writable(tmp_path / "new" / "folder")
    assert not list(tmp_path.iterdir())


def test_check_writable_refuses_a_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as refused:
        check_writable(tmp_path / "file" / "demo")
    assert str(refused.value) == (
        f"cannot write to {tmp_path}/file/demo: {tmp_path}/file is not a folder"
    )


def test_check_writable_refuses_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match=f"no permission in {tmp_path}; give --output FOLDER"):
        check_writable(tmp_path / "demo")
