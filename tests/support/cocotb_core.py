"""Runs inside the simulator: cocotbext-axi's memory and master around the core, with pauses.

``MYVTA_JOB`` names a folder with ``job.json`` (written by test_cocotb.py) and memory images.
"""

import json
import os
from pathlib import Path
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

RESET_CYCLES = 4
POLL_CYCLES = 50
LIMIT = 400  # looks at CONTROL


def pauses(seed, percent):
    """Yield whether a channel rests in a cycle: in runs of random length."""
    dice = Random(seed)
    while True:
        rests = dice.randrange(100) < percent
        for _ in range(dice.choice([1, 1, 2, 5, 20])):
            yield rests


def channels(memory, host):
    """Return the ten channels of both parties."""
    return [
        side for party in (memory, host) for side in (
            party.write_if.aw_channel, party.write_if.w_channel, party.write_if.b_channel,
            party.read_if.ar_channel, party.read_if.r_channel,
        )
    ]


@cocotb.test()
async def programs_end_as_the_model_says(dut):
    """Each program: registers, launch, counters, and every byte of memory."""
    folder = Path(os.environ["MYVTA_JOB"])
    job = json.loads((folder / "job.json").read_text())
    cocotb.start_soon(Clock(dut.clock, 10, "ns").start())
    memory = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clock, dut.reset,
                    size=job["base"] + job["size"])
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clock, dut.reset)
    for number, channel in enumerate(channels(memory, host)):
        channel.set_pause_generator(pauses(100 * job["seed"] + number, job["pause"]))
    dut.reset.value = 1
    await ClockCycles(dut.clock, RESET_CYCLES)
    dut.reset.value = 0
    for program in job["programs"]:
        memory.write(job["base"], (folder / program["image"]).read_bytes())
        for offset, value in program["writes"]:
            await host.write_dword(offset, value)
        for _ in range(LIMIT):
            if not await host.read_dword(0) & 1:
                break
            await ClockCycles(dut.clock, POLL_CYCLES)
        for offset, value in program["reads"]:
            found = await host.read_dword(offset)
            assert found == value, f"{program['image']}: register {offset:#x} is {found:#x}"
        expected = (folder / program["after"]).read_bytes()
        found = bytes(memory.read(job["base"], job["size"]))
        wrong = [at for at in range(job["size"]) if found[at] != expected[at]]
        assert not wrong, f"{program['image']}: {len(wrong)} bytes differ from {wrong[0]:#x} on"
