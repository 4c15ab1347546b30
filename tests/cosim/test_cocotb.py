"""A party that is not us: cocotbext-axi's memory and master around the Verilog, in Icarus."""

import json
import os
from pathlib import Path

import pytest
from device_programs import BASE, SIZE, Program
from device_run import open_model, run_on
from robust_runs import small_job
from smoke_program import smoke

from myvta.cosim.ports import ports
from myvta.isa.config import named
from myvta.isa.instructions import Finish, Undefined
from myvta.isa.register_map import BASE_REGISTERS, COUNTERS, Reg, Status
from myvta.rtl.convert import convert

pytestmark = [pytest.mark.icarus, pytest.mark.timeout(600)]
_SUPPORT = Path(__file__).parents[1] / "support"


def wrapper(bus_width):
    """Return a top without ports: the core's inputs are registers that cocotb sets."""
    lines, pins = [], []
    for port in ports(bus_width):
        size = f"[{port.width - 1}:0] " if port.width > 1 else ""
        lines.append(f"{'wire' if port.driven else 'reg'} {size}{port.name};")
        pins.append(f".{port.name}({port.name})")
    lines += [  # the core has no IDs: there is one, and answers come in order
        "wire m_axi_awid = 0, m_axi_arid = 0;", "reg m_axi_bid, m_axi_rid;",
        "always @(posedge clock) if (m_axi_bvalid === 1 && m_axi_bid !== 0) $fatal;",
        "always @(posedge clock) if (m_axi_rvalid === 1 && m_axi_rid !== 0) $fatal;",
    ]
    return "\n".join(["module cocotb_top;", *lines, f"myvta_core core({', '.join(pins)});",
                      "endmodule", ""])


def put_job(folder, config, programs, seed, pause):
    """Write memory images, register accesses and the model's results for each program."""
    rows = []
    window = [(Reg.WINDOW_BASE, BASE), (Reg.WINDOW_LIMIT, BASE + SIZE - 1)]
    for number, program in enumerate(programs):
        image, address, count, bases = program.launchable()
        expected = run_on(open_model(config), program)
        (folder / f"{number}.image").write_bytes(image)
        (folder / f"{number}.after").write_bytes(expected.memory)
        reads = [(Reg.CONTROL, expected.status), (Reg.ERROR_CODE, expected.error[0]),
                 (Reg.ERROR_INDEX, expected.error[1])]
        if not expected.error[0]:
            reads += [(counter, expected.counters[counter.name]) for counter in COUNTERS]
        rows.append({
            "image": f"{number}.image", "after": f"{number}.after", "reads": reads,
            "writes": [*window, (Reg.INSN_BASE, address), (Reg.INSN_COUNT, count),
                       *((BASE_REGISTERS[kind], pointer) for kind, pointer in bases.items()),
                       (Reg.CONTROL, Status.LAUNCH)],
        })
    job = {"base": BASE, "size": SIZE, "seed": seed, "pause": pause, "programs": rows}
    (folder / "job.json").write_text(json.dumps(job))


@pytest.mark.parametrize(("pause", "log_bus"), [
    pytest.param(40, 6, marks=pytest.mark.slow),
    pytest.param(0, 6, marks=pytest.mark.configurations),
    pytest.param(70, 7, marks=pytest.mark.configurations),
])
def test_programs_run_with_cocotb_memory_and_master(pause, log_bus, tmp_path):
    config = named("1x4x4").replace(log_bus_width=log_bus)
    broken = Program(config, raw=True)
    broken.add(Finish(pop_prev=1), Undefined(7))
    put_job(tmp_path, config, [smoke(config), broken, small_job(12)], 3, pause)
    convert(config, tmp_path)
    (tmp_path / "cocotb_top.v").write_text(wrapper(config.bus_width))
    from cocotb_tools import runner  # imports all of cocotb

    icarus = runner.get_runner("icarus")
    icarus.build(
        sources=[tmp_path / "myvta_core.v", tmp_path / "cocotb_top.v"],
        hdl_toplevel="cocotb_top", build_dir=tmp_path / "build", timescale=("1ns", "1ps"),
        always=True, log_file=tmp_path / "build.log",
    )
    path = os.pathsep.join(filter(None, [str(_SUPPORT), os.environ.get("PYTHONPATH", "")]))
    results = icarus.test(
        hdl_toplevel="cocotb_top", test_module="cocotb_core", build_dir=tmp_path / "build",
        test_dir=tmp_path, results_xml=str(tmp_path / "results.xml"),
        extra_env={"MYVTA_JOB": str(tmp_path), "PYTHONPATH": path},
        log_file=tmp_path / "test.log",
    )
    ran, failed = runner.get_results(results)
    assert (ran, failed) == (1, 0), (tmp_path / "test.log").read_text()[-3000:]
