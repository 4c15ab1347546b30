"""Fuzzed streams: a typed error or the model's result, no byte outside the window, then all well.

Three kinds in turn: one instruction with changed operands in a program that runs in sequence (must
equal the model in every register and byte); bits changed anywhere, instructions lost, repeated or
replaced; all random.  The last two may race, so of them only a typed end is asked.
"""

from random import Random

import pytest
from device_programs import BASE
from device_run import open_model, outcome_of
from robust_runs import CONFIG, EXTENDED, Job, rounds, small_job, soak_count

from myvta.driver.run.launch import launch
from myvta.isa.fields import layout
from myvta.isa.instructions import Alu, Dwc, Gemm, decode
from myvta.isa.opcodes import ErrorCode, MemoryType, Opcode
from myvta.isa.register_map import Reg, Status

pytestmark = [
    pytest.mark.verilator,
    pytest.mark.timeout(400),  # the first test builds
    pytest.mark.filterwarnings("ignore::myvta.model.model_errors.UnwrittenReadWarning"),
]
LIMIT = 20_000  # cycles: loops of random length
_FIXED = ("opcode", "memory_type", "pop_prev", "pop_next", "push_prev", "push_next")


def change_operands(words, dice, config):
    """Flip bits of operands of one instruction: it stays in its module, with its tokens."""
    while True:
        index = dice.randrange(len(words) - 1)
        fields = layout(Opcode(words[index] & 7), config)
        free = [field for name, field in fields.items() if name not in _FIXED]
        word = words[index]
        for _ in range(dice.choice([1, 1, 2, 4])):
            field = dice.choice(free)
            word ^= 1 << dice.randrange(field.lo, field.hi)
        item = decode(word, config)
        loops = 1
        if isinstance(item, Alu | Dwc | Gemm):
            loops = item.iter_out * item.iter_in * max(item.uop_end - item.uop_bgn, 0)
        if loops < LIMIT // 20 and word != words[index]:
            return [*words[:index], word, *words[index + 1 :]]


def change_anything(words, dice, config):
    """Flip bits, lose, repeat, swap or replace instructions."""
    words = list(words)
    for _ in range(dice.choice([1, 1, 2, 3, 8])):
        at = dice.randrange(len(words))
        kind = dice.randrange(6)
        if kind <= 1:
            words[at] ^= 1 << dice.randrange(128)
        elif kind == 2 and len(words) > 1:
            del words[at]
        elif kind == 3:
            words.insert(at, dice.choice(words))
        elif kind == 4:
            other = dice.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = dice.getrandbits(128)
    return words


def random_words(words, dice, config):
    """Random bits; half the time with opcodes that exist and small numbers in most fields."""
    found = []
    for _ in range(dice.randrange(1, 40)):
        word = dice.getrandbits(128)
        if dice.random() < 0.5:
            opcode = Opcode(dice.choice([0, 0, 0, 1, 2, 4, 4, 3] + [5, 5] * config.depthwise))
            word = word & ~7 | opcode
            for name, field in layout(opcode, config).items():
                if name not in ("opcode", "memory_type") and dice.random() < 0.85:
                    keep = (1 << dice.choice([0, 1, 3, 5])) - 1
                    mask = (1 << field.hi) - (1 << field.lo)
                    word = word & ~mask | (word & mask & keep << field.lo)
        found.append(word)
    return found


def expected_of(job, config):
    """Return outcome and ERROR_ADDRESS of the model; None where the contract leaves it open."""
    model = open_model(config, strict=True)
    model.write_memory(BASE, job.image)
    launch_quietly(model, job)
    fault, pads = model.last_fault, model.device.pads
    if fault is not None and isinstance(fault.instruction, Alu | Dwc | Gemm):
        if fault.code == ErrorCode.RQT_PARAMETER:
            return None  # it may be of a tile that nothing has written
        used = slice(fault.instruction.uop_bgn, fault.instruction.uop_end)
        pads.note_read(MemoryType.UOP, used, "the instruction at fault")
    if model.device.pads.reports:
        return None
    return outcome_of(model), model.read_register(Reg.ERROR_ADDRESS)


def launch_quietly(model, job):
    """Launch; an error end is an outcome."""
    try:
        launch(model, job.address, job.count, bases=job.bases)
    except OSError as error:
        if not hasattr(error, "code"):
            raise


def fuzz(count, config=CONFIG):
    """Run streams; return how many had which end, and how many equalled the model."""
    jobs = [Job.of(small_job(seed, config=config)) for seed in range(40, 56)]
    ends = dict.fromkeys(ErrorCode, 0)
    compared = 0
    for rig, number in rounds(count, config=config):
        dice, base = Random(number), jobs[number % len(jobs)]
        change = (change_operands, change_anything, random_words)[number % 3]
        job = base.with_words(change(base.words(), dice, config))
        rig.start(job, watchdog=LIMIT)
        status, (code, index, address) = rig.wait(), rig.error()
        case = f"run {number}: {change.__name__} of job {number % len(jobs)}, {rig.target.options}"
        ends[code] += 1
        assert bool(status & Status.ERROR) == (code != ErrorCode.NONE), case
        assert not status & Status.DRAINING and code not in (ErrorCode.BUS, ErrorCode.RESET), case
        assert index < job.count or (code, index) == (ErrorCode.NO_FINISH, job.count), case
        assert (address != 0) <= (code == ErrorCode.WINDOW), case
        if change is change_operands and (found := expected_of(job, config)):
            want, burst = found
            assert (status, (code, index)) == (want.status, want.error), case
            assert address == burst & -rig.target.config.bus_bytes, case
            if code == ErrorCode.NONE:
                assert not (text := rig.differs(want)), f"{case}: {text}"
            compared += 1
        rig.check_golden(case)
    return ends, compared


def test_fuzzed_streams_equal_the_model():
    ends, compared = fuzz(630)
    assert compared > 100
    assert all(ends[code] for code in (
        ErrorCode.NONE, ErrorCode.OPCODE, ErrorCode.DEPENDENCY, ErrorCode.SRAM_RANGE,
        ErrorCode.STEP_INDEX, ErrorCode.WINDOW, ErrorCode.DEADLOCK, ErrorCode.NO_FINISH,
    ))


@pytest.mark.slow
def test_fuzzed_streams_with_every_extension_equal_the_model():
    ends, compared = fuzz(630, EXTENDED)
    assert compared > 60  # where the model does not leave the outcome open
    assert ends[ErrorCode.NONE] and ends[ErrorCode.SRAM_RANGE] and ends[ErrorCode.STEP_INDEX]


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("config", [CONFIG, EXTENDED], ids=["lean", "extended"])
def test_fuzzed_streams_equal_the_model_soak(config):
    ends, compared = fuzz(soak_count("STREAMS", 100_000) // 2, config)
    assert compared > 0 and ends[ErrorCode.NONE]
