"""The device in plain Python integers, one step and one lane at a time.

Written from vta_isa.md sections 0, 0.1 and 4 and device.md without a look at the model: slow, and
so simple that it can be checked by reading.  It runs a stream in program order, ignoring tokens,
and ends at FINISH.
"""

from myvta.isa.fields import uop_layout
from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store
from myvta.isa.opcodes import AluOpcode, MemoryType


def wrap(value, bits=32):
    """Low bits of an integer, read as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Stopped(Exception):
    """An index or parameter error (rule D14); ``args[0]`` is the ErrorCode's name."""


class ScalarDevice:
    """Memories as lists of integers.

    Parameters
    ----------
    config : Config
    memory : bytearray
        Device memory from address 0 on; stores change it.
    """

    def __init__(self, config, memory):
        self.config = config
        self.memory = memory
        lanes = config.batch * config.block_out
        self.uop = [wrap(0xA5A5A5A5) & 0xFFFFFFFF] * config.depth(MemoryType.UOP)
        self.inp = self.tiles(
            config.depth(MemoryType.INP), config.batch * config.block_in, config.inp_width)
        self.wgt = self.tiles(
            config.depth(MemoryType.WGT), config.block_out * config.block_in, config.wgt_width)
        self.lut = self.tiles(4, 256, 16)
        self.acc = self.tiles(config.depth(MemoryType.ACC), lanes, 32)

    @staticmethod
    def tiles(depth, lanes, width):
        """Lanes of each tile, whose bytes are all 0xA5 (power-up)."""
        word = int.from_bytes(b"\xa5" * (lanes * width // 8), "little")
        tile = [wrap(word >> (width * lane), width) for lane in range(lanes)]
        return [list(tile) for _ in range(depth)]

    def run(self, stream):
        """Execute a stream up to its FINISH."""
        for instruction in stream:
            if isinstance(instruction, Load):
                self.load(instruction)
            elif isinstance(instruction, Store) and instruction.memory_type != MemoryType.OUT:
                self.forward(instruction)
            elif isinstance(instruction, Store):
                self.store(instruction)
            elif isinstance(instruction, Dwc):
                self.dwc(instruction)
            elif isinstance(instruction, Gemm):
                self.gemm(instruction)
            elif isinstance(instruction, Alu):
                self.alu(instruction)
            elif isinstance(instruction, Finish):
                return

    # -- section 4.1 -----------------------------------------------------------------------------
    def load(self, it):
        config = self.config
        pad, lanes, dram_width = {
            MemoryType.UOP: (self.uop, 1, 32),
            MemoryType.WGT: (self.wgt, config.block_out * config.block_in, config.wgt_width),
            MemoryType.INP: (self.inp, config.batch * config.block_in, config.inp_width),
            MemoryType.ACC: (self.acc, config.batch * config.block_out, 32),
            MemoryType.ACC_8BIT: (self.acc, config.batch * config.block_out, 8),
            MemoryType.LUT: (self.lut, 256, 16),
            MemoryType.WGT_4BIT: (self.wgt, config.block_out * config.block_in, 4),
        }[it.memory_type]
        if it.x_size == 0:
            return
        element = lanes * dram_width // 8
        zero = 0 if it.memory_type == MemoryType.UOP else [0] * lanes
        width = it.x_pad_0 + it.x_size + it.x_pad_1
        sram, dram = it.sram_base, it.dram_base * element

        def write(tile):
            nonlocal sram
            pad[sram] = tile if isinstance(tile, int) else list(tile)
            sram += 1

        for _ in range(width * it.y_pad_0):
            write(zero)
        for _ in range(it.y_size):
            for _ in range(it.x_pad_0):
                write(zero)
            for x in range(it.x_size):
                at = dram + x * element
                word = int.from_bytes(self.memory[at : at + element], "little")
                if it.memory_type == MemoryType.UOP:
                    write(word)
                else:
                    write([wrap(word >> (dram_width * lane), dram_width) for lane in range(lanes)])
            for _ in range(it.x_pad_1):
                write(zero)
            dram += it.x_stride * element
        for _ in range(width * it.y_pad_1):
            write(zero)

    # -- section 4.2 -----------------------------------------------------------------------------
    def store(self, it):
        width = self.config.out_width
        element = self.config.batch * self.config.block_out * width // 8
        for y in range(it.y_size):
            for x in range(it.x_size):
                word = 0
                for lane, value in enumerate(self.acc[it.sram_base + y * it.x_size + x]):
                    word |= (value & ((1 << width) - 1)) << (width * lane)
                at = (it.dram_base + y * it.x_stride + x) * element
                self.memory[at : at + element] = word.to_bytes(element, "little")

    def forward(self, it):
        width, block = self.config.out_width, self.config.block_in
        for y in range(it.y_size):
            for x in range(it.x_size):
                tile = [wrap(value, width) for value in
                        self.acc[it.sram_base + y * it.x_size + x]]
                place = it.dram_base + y * it.x_stride + x
                if it.memory_type == MemoryType.INP:
                    self.inp[place] = tile
                else:
                    row = place % block * block
                    self.wgt[place // block][row : row + block] = tile

    # -- sections 4.3 and 4.4 --------------------------------------------------------------------
    def steps(self, it):
        fields = uop_layout(self.config)
        wgt_out = getattr(it, "wgt_factor_out", 0)
        wgt_in = getattr(it, "wgt_factor_in", 0)
        for i in range(it.iter_out):
            for j in range(it.iter_in):
                for k in range(it.uop_bgn, it.uop_end):
                    uop = fields.unpack(self.uop[k])
                    yield (
                        uop["dst"] + i * it.dst_factor_out + j * it.dst_factor_in,
                        uop["src"] + i * it.src_factor_out + j * it.src_factor_in,
                        uop["wgt"] + i * wgt_out + j * wgt_in,
                    )

    def gemm(self, it):
        config = self.config
        for a, x, w in self.steps(it):
            if a >= len(self.acc):
                raise Stopped("STEP_INDEX")
            if not it.reset and (x >= len(self.inp) or w >= len(self.wgt)):
                raise Stopped("STEP_INDEX")
            for b in range(config.batch):
                for o in range(config.block_out):
                    lane = b * config.block_out + o
                    if it.reset:
                        self.acc[a][lane] = 0
                        continue
                    dot = sum(
                        self.inp[x][b * config.block_in + c] * self.wgt[w][o * config.block_in + c]
                        for c in range(config.block_in)
                    )
                    before = 0 if it.overwrite else self.acc[a][lane]
                    self.acc[a][lane] = wrap(before + dot)

    def dwc(self, it):
        config = self.config
        paired = config.batch * config.block_in * config.block_out >= 256
        taps = config.block_in // 2 if paired else config.block_in
        across = {2: 2, 4: 2, 8: 4, 16: 4, 32: 8}[taps]  # columns of the largest window
        rows, columns = it.window // across + 1, it.window % across + 1
        for a, x, w in self.steps(it):
            last = x + (rows - 1) * it.row_pitch + columns - 1
            if a >= len(self.acc):
                raise Stopped("STEP_INDEX")
            if not it.reset and (last >= len(self.inp) or w >= len(self.wgt)):
                raise Stopped("STEP_INDEX")
            for b in range(config.batch):
                for lane in range(config.block_out):
                    total = 0
                    for r in range(rows):
                        for c in range(columns):
                            tile = self.inp[x + r * it.row_pitch + c]
                            row = lane * config.block_in + r * across + c
                            if paired:
                                even = b * config.block_in + lane // 2 * 2
                                total += tile[even] * self.wgt[w][row]
                                total += tile[even + 1] * self.wgt[w][row + taps]
                            else:
                                total += tile[b * config.block_in + lane] * self.wgt[w][row]
                    place = b * config.block_out + lane
                    before = 0 if it.overwrite or it.reset else self.acc[a][place]
                    self.acc[a][place] = wrap(before + (0 if it.reset else total))

    def red(self, it, tile):
        """Each batch row of a tile reduced, in all its lanes."""
        block = self.config.block_out
        rows = [tile[start : start + block] for start in range(0, len(tile), block)]
        values = [(wrap(sum(row)), max(row), min(row))[it.imm] for row in rows]
        return [value for value in values for _ in range(block)]

    def alu(self, it):
        for d, s, _ in self.steps(it):
            rqt = it.alu_opcode == AluOpcode.RQT
            if d >= len(self.acc):
                raise Stopped("STEP_INDEX")
            if rqt and s + 2 >= len(self.acc):
                raise Stopped("STEP_INDEX")
            if not it.use_imm and s >= len(self.acc):
                raise Stopped("STEP_INDEX")
            if rqt:
                bias, multiplier, shift = (list(self.acc[s + n]) for n in range(3))
                for m, n in zip(multiplier, shift, strict=True):
                    if not 0 <= n <= 31 or (m < 0 and not it.imm >> 10 & 1):
                        raise Stopped("RQT_PARAMETER")
                self.acc[d] = [
                    requantize(*values, it.imm, self.config.out_width)
                    for values in zip(self.acc[d], bias, multiplier, shift, strict=True)
                ]
                if it.imm >> 11 & 1:
                    table = self.lut[it.imm >> 12 & 3]
                    self.acc[d] = [table[value & 255] for value in self.acc[d]]
            elif it.alu_opcode == AluOpcode.RED:
                self.acc[d] = self.red(it, self.acc[s])
            else:
                second = [it.imm] * len(self.acc[d]) if it.use_imm else list(self.acc[s])
                self.acc[d] = [
                    operate(it.alu_opcode, p, q)
                    for p, q in zip(self.acc[d], second, strict=True)
                ]


def operate(opcode, p, q):
    """One lane of section 4.4 with rules D2 and D3 of device.md."""
    if opcode == AluOpcode.MIN:
        return min(p, q)
    if opcode == AluOpcode.MAX:
        return max(p, q)
    if opcode == AluOpcode.ADD:
        return wrap(p + q)
    if opcode == AluOpcode.MUL:
        return wrap(p * q)
    if q >= 0:
        return p >> min(q, 31)
    return 0 if -q >= 32 else wrap(p << -q)


def requantize(acc, bias, multiplier, shift, imm, out_width):
    """One lane of section 0.1 in unbounded integers."""
    zero_point = wrap(imm, 8)
    relu, away, bypass = imm >> 8 & 1, imm >> 9 & 1, imm >> 10 & 1
    p = wrap(acc + bias)
    q = p if bypass else (p * multiplier + (1 << 30)) // (1 << 31)
    if shift == 0:
        r = q
    elif away:
        magnitude = (abs(q) + (1 << (shift - 1))) // (1 << shift)
        r = magnitude if q >= 0 else -magnitude
    else:
        r = (q + (1 << (shift - 1))) // (1 << shift)
    low = zero_point if relu else -(1 << (out_width - 1))
    return min(max(r + zero_point, low), (1 << (out_width - 1)) - 1)
