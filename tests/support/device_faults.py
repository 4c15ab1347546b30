"""Malformed instructions for random programs: one fault each, detected at every position."""

from functools import partial

from device_programs import ACC, ACC_8BIT, INP, LUT, OUT, UOP, WGT, WGT_4BIT

from myvta.isa.instructions import Alu, Dwc, Gemm, Load, Store, Undefined
from myvta.isa.legality import forwards_to_weights
from myvta.isa.opcodes import AluOpcode, RqtFlag


def faults(config):
    """Return makers of malformed instructions by name; they take a loaded micro-op's index."""
    depth = {kind: config.depth(kind) for kind in (UOP, WGT, INP, ACC)}
    far = 0xFFFF_FFF0

    def steps(cls, factor, kind, **fields):
        return lambda uop: cls(uop_bgn=uop, uop_end=uop + 1, iter_in=3,
                               **{factor: depth[kind] - 1}, **fields)

    return {
        "opcode": lambda uop: Undefined(6),
        **_dwc_faults(config, depth),
        **({} if config.lookup else {
            "lut": lambda uop: Load(memory_type=6, x_size=1),
        }),
        **({} if config.weights4 else {
            "wgt4": lambda uop: Load(memory_type=7, x_size=1),
        }),
        "load OUT": lambda uop: Load(memory_type=OUT, x_size=1),
        "store ACC": lambda uop: Store(memory_type=ACC, x_size=1),
        **({} if config.forward else {
            "store INP": lambda uop: Store(memory_type=INP, x_size=1),
        }),
        "alu opcode": lambda uop: Alu(alu_opcode=5, uop_bgn=uop, uop_end=uop + 1),
        "load flag": lambda uop: Load(memory_type=WGT, x_size=1, push_prev=1),
        "store flag": lambda uop: Store(pop_next=1),
        "store padding": lambda uop: Store(x_size=1, x_pad_0=1),
        **{f"load {kind.name} range": partial(_load_range, kind, depth[kind]) for kind in depth},
        "store range": lambda uop: Store(sram_base=depth[ACC] - 1, x_size=2),
        "micro-op range": lambda uop: Gemm(uop_bgn=uop, uop_end=depth[UOP] + 1),
        "gemm dst": steps(Gemm, "dst_factor_in", ACC),
        "gemm src": steps(Gemm, "src_factor_in", INP),
        "gemm wgt": steps(Gemm, "wgt_factor_in", WGT),
        "reset dst": steps(Gemm, "dst_factor_in", ACC, reset=1),
        "alu dst": steps(Alu, "dst_factor_in", ACC, use_imm=1),
        "alu src": steps(Alu, "src_factor_in", ACC),
        **{f"load {kind.name} window": partial(_load_far, kind, far)
           for kind in (*depth, ACC_8BIT)},
        "store window": lambda uop: Store(dram_base=far, x_size=1),
        "rqt options": lambda uop: _rqt(uop, -1 << 15),
        **_forward_faults(config), **_weights4_faults(config, far),
        **_lookup_faults(config, far), **_reduce_faults(config),
    }


def _lookup_faults(config, far):
    table = {"table number": lambda uop: _rqt(uop, 1 << 12)}  # without LOOKUP
    if not config.lookup:
        return table | {"rqt table": lambda uop: _rqt(uop, 1 << RqtFlag.LOOKUP)}
    return table | {
        "load LUT range": partial(_load_range, LUT, config.depth(LUT)),
        "load LUT window": partial(_load_far, LUT, far),
    }


def _reduce_faults(config):
    if not config.reduce:
        return {"reduce": lambda uop: _red(uop)}
    return {
        "reduction": lambda uop: _red(uop, imm=3), "reduce options": lambda uop: _red(uop, imm=4),
        "reduce immediate": lambda uop: _red(uop, use_imm=1),
        "reduce src": lambda uop: _red(uop, iter_in=3, src_factor_in=config.depth(ACC) - 1),
    }


def _rqt(uop, imm):
    return Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=imm, uop_bgn=uop, uop_end=uop + 1)


def _red(uop, **fields):
    return Alu(alu_opcode=AluOpcode.RED, uop_bgn=uop, uop_end=uop + 1, **fields)


def _forward_faults(config):
    if not config.forward:
        return {}
    table = {
        "forward padding": lambda uop: Store(memory_type=INP, x_size=1, y_pad_1=1),
        "forward source": lambda uop: Store(
            memory_type=INP, sram_base=config.depth(ACC) - 1, x_size=2),
        "forward INP range": lambda uop: Store(
            memory_type=INP, dram_base=config.depth(INP) - 1, x_size=2),
        "forward flag": lambda uop: Store(memory_type=INP, push_next=1),
    }
    if not forwards_to_weights(config):
        return table | {"store WGT": lambda uop: Store(memory_type=WGT, x_size=1)}
    rows = config.depth(WGT) * config.block_out
    return table | {
        "forward WGT range": lambda uop: Store(
            memory_type=WGT, dram_base=rows - 4, x_size=2, y_size=2, x_stride=3),
    }


def _weights4_faults(config, far):
    if not config.weights4:
        return {}
    return {
        "load WGT_4BIT range": partial(_load_range, WGT_4BIT, config.depth(WGT)),
        "load WGT_4BIT window": partial(_load_far, WGT_4BIT, far),
    }


def _dwc_faults(config, depth):
    if not config.depthwise:
        return {"dwc": lambda uop: Dwc(uop_bgn=uop, uop_end=uop + 1)}

    def dwc(**fields):
        return lambda uop: Dwc(**{"uop_bgn": uop, "uop_end": uop + 1, "iter_in": 3, **fields})

    table = {
        "dwc dst": dwc(dst_factor_in=depth[ACC] - 1),
        "dwc src": dwc(src_factor_in=depth[INP] - 1),
        "dwc micro-op range": dwc(uop_end=depth[UOP] + 1),
        "dwc reset dst": dwc(reset=1, dst_factor_in=depth[ACC] - 1),
    }
    if depth[WGT] > config.taps:
        table["dwc window"] = dwc(window=config.taps)
    if not config.overwrite:
        table["dwc overwrite"] = dwc(overwrite=1)
    return table


def _load_range(kind, depth, uop):
    return Load(memory_type=kind, sram_base=depth - 1, x_size=2)


def _load_far(kind, far, uop):
    return Load(memory_type=kind, dram_base=far, x_size=1)
