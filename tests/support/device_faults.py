"""Malformed instructions for random programs: one fault each, detected at every position."""

from functools import partial

from device_programs import ACC, ACC_8BIT, INP, OUT, UOP, WGT

from myvta.isa.instructions import Alu, Dwc, Gemm, Load, Store, Undefined


def faults(config):
    """Return makers of malformed instructions by name; they take a loaded micro-op's index."""
    depth = {kind: config.depth(kind) for kind in (UOP, WGT, INP, ACC)}
    far = 0xFFFF_FFF0

    def steps(cls, factor, kind, **fields):
        return lambda uop: cls(uop_bgn=uop, uop_end=uop + 1, iter_in=3,
                               **{factor: depth[kind] - 1}, **fields)

    return {
        "opcode": lambda uop: Undefined(6),
        **({} if config.depthwise else {"dwc": lambda uop: Dwc(uop_bgn=uop, uop_end=uop + 1)}),
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
    }


def _load_range(kind, depth, uop):
    return Load(memory_type=kind, sram_base=depth - 1, x_size=2)


def _load_far(kind, far, uop):
    return Load(memory_type=kind, dram_base=far, x_size=1)
