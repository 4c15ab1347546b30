"""Extensions of the ISA as rows: key, letter, bit and purpose of each, once.

Configuration, legality, registers, documentation and the command line read these rows.  An
extension is an attribute of :class:`~.config.Config`; without it a device refuses its encodings
with EXTENSION.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXTENSIONS", "EXTENSION_NAMES", "Extension"]


@dataclass(frozen=True, kw_only=True)
class Extension:
    """One extension.

    Attributes
    ----------
    name : str
        Attribute of a configuration; its key in ``vta_config.json`` is ``MYVTA_`` and the name in
        capitals.
    letter : str
        In the canonical name of a configuration.
    bit : int
        Position in FEATURES.
    purpose : str
        What it is for.
    encoding : str
        Its fields and codes in the instructions.
    needs : tuple of str
        Other extensions without which it has no use.
    cost : str
        Cells of a 7-series FPGA that it adds on the geometry of ``default``, from
        ``benchmarks/synthesis.py --blocks`` (docs/area.md); "" where that has not been measured.
    """

    name: str
    letter: str
    bit: int
    purpose: str
    encoding: str
    needs: tuple[str, ...] = ()
    cost: str = ""


EXTENSIONS: tuple[Extension, ...] = (
    Extension(
        name="overwrite", letter="o", bit=0, encoding="GEMM bit 63",
        purpose="the first product of a sum replaces the accumulator: no reset pass",
    ),
    Extension(
        name="requantize", letter="q", bit=1, encoding="ALU opcode 7 (RQT)",
        purpose="bias, multiplier, rounding shift, zero point and clamp in one step",
    ),
    Extension(
        name="lookup", letter="l", bit=2, encoding="RQT imm[13:11], LOAD type 6 (LUT)",
        purpose="any function of an 8-bit value behind RQT, from a table, in the same step",
        needs=("requantize",),
        cost="360 LUT, 690 FF, 4 RAMB36",
    ),
    Extension(
        name="reduce", letter="r", bit=3, encoding="ALU opcode 6 (RED)",
        purpose="sum, maximum or minimum across the lanes of a tile: Softmax, LayerNorm, ArgMax",
        cost="880 LUT, 490 FF",
    ),
    Extension(
        name="depthwise", letter="d", bit=4, encoding="opcode 5 (DWC)",
        purpose="the array as a window: several taps of a depthwise convolution per step",
        cost="2,120 LUT, 1,110 FF",
    ),
    Extension(
        name="forward", letter="f", bit=5, encoding="STORE types 1 (WGT) and 2 (INP)",
        purpose="results copied on chip into the operand buffers, without memory traffic",
        cost="330 LUT, 270 FF, 1 DSP48E1",
    ),
    Extension(
        name="weights4", letter="w", bit=6, encoding="LOAD type 7 (WGT_4BIT)",
        purpose="4-bit weights in memory for an 8-bit array: half the traffic of weights",
        cost="240 LUT, 50 FF",
    ),
)
"""Every extension, in the order of FEATURES."""

EXTENSION_NAMES = tuple(extension.name for extension in EXTENSIONS)
