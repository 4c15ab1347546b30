"""Random programs whose result no legal schedule changes: instructions, hazards, fewest tokens.

A *sketch* is a kind of instruction and some numbers; :class:`RandomProgram` turns sketches into
instructions that are legal at their position: every index inside an arena of each scratchpad that
was loaded before, every address inside a pool of bytes that loads and stores share, RQT parameters
in range.  Sketches may be dropped or changed at will and the program stays legal, so shrinking
needs no thought.  At the end every arena is stored, ACC in full width.
"""

import numpy as np
from device_access import Micro, Touched, accesses, conflict
from device_faults import faults
from device_programs import (
    ACC,
    ACC_8BIT,
    BASE,
    INP,
    LUT,
    OUT,
    POINTERS,
    SIZE,
    UOP,
    WGT,
    WGT_4BIT,
    Program,
)
from device_rqt import parameter_range, parameter_triples, with_parameters
from device_sketches import spread
from device_tokens import chain, order

from myvta.isa.alu_operations import RQT_LOOKUP_BITS
from myvta.isa.geometry import SCRATCHPADS
from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store, Uop
from myvta.isa.legality import forwards_to_weights
from myvta.isa.opcodes import AluOpcode, ErrorCode, Reduction, RqtFlag
from myvta.isa.register_map import BASE_REGISTERS
from myvta.model.device import Device
from myvta.model.model_errors import DeviceFault

POOL = 0x1000  # bytes that LOADs read and STOREs write
_EDGES = (0, 1, -1, 8, 31, 32, -31, -32, -33, 127, -128, 32767, -32768)


class RandomProgram(Program):
    """A program made of sketches; ``shown`` has the arenas stored at the end, by memory."""

    def __init__(self, config, shape, drawn, fault=None):
        super().__init__(config, raw=True)
        self.shape = shape
        self._rng = np.random.default_rng(shape.seed)
        self._lay_out()
        self._begin()
        for kind, numbers in drawn:
            getattr(self, "_" + kind.replace(" ", "_"))(iter(numbers))
        self._settle()
        self.shown = [self.show(kind, self._low[kind], self._tiles[kind])
                      for kind in (ACC, INP, WGT)]
        self._fault = None
        if fault:
            self._spoil(*fault)
        self.body = [*self._tokens(self.body), Finish()]

    # -- the ground ------------------------------------------------------------------------------
    def _lay_out(self):
        config, shape = self.config, self.shape
        self._tiles = dict.fromkeys((UOP, INP, ACC), shape.tiles)
        self._tiles[WGT] = max(4, shape.tiles // 2)
        # show() needs the last tiles of some memories for itself
        self._low = {
            kind: (config.depth(kind) - 2 * config.block_in - tiles) if shape.high else 0
            for kind, tiles in self._tiles.items()
        }
        self._tiles[LUT], self._low[LUT] = config.depth(LUT), 0
        self._low[INP] = self._low[ACC] = min(self._low[INP], self._low[ACC])  # one src for both
        self._pool = -(-self._free // 1024) * 1024
        self._free = self._pool + POOL
        at = self._pool - BASE
        self.image[at : at + POOL] = self._rng.integers(0, 256, POOL, np.uint8).tobytes()

        def within(kind, count):
            return self._low[kind] + self._rng.integers(0, self._tiles[kind], count)

        count = 2 * self._tiles[UOP]
        self._uop_source = self.data(UOP, [Uop(*map(int, item)) for item in zip(
            within(ACC, count), within(INP, count), within(WGT, count), strict=True)])
        lanes = config.lanes
        self._triples = self.data(ACC, parameter_triples(self._rng, lanes))
        self._small = self.data(ACC, self._rng.integers(0, 32, (30, lanes)))

    def _begin(self):
        """Load every arena: whatever the device held before, no program sees it."""
        self._micro = Micro(self)
        self._take(Load(memory_type=UOP, sram_base=self._low[UOP], dram_base=self._uop_source.tile,
                        x_size=self._tiles[UOP]))
        for kind in (INP, WGT, ACC, *(LUT,) * self.config.lookup):
            size, tiles = self.config.tile_bytes(kind), self._tiles[kind]
            columns = min(tiles, POOL // size)
            self._take(Load(
                memory_type=kind, sram_base=self._low[kind], dram_base=self._tile(kind),
                x_size=columns, y_size=tiles // columns, x_stride=0, x_pad_1=0,
                y_pad_1=-(-(tiles % columns) // columns),
            ))

    def _tile(self, kind, at=0):
        """Return the dram_base of a tile of the pool."""
        pointer = self.pointers[POINTERS[kind]]
        return (self._pool - pointer) // self.config.tile_bytes(kind) + at

    def _take(self, instruction):
        self.add(instruction)
        self._micro.execute(instruction)

    # -- sketches, one method each ---------------------------------------------------------------
    def _load(self, numbers):
        self._load_some((INP, WGT)[next(numbers) % 2], numbers)

    def _load_acc(self, numbers):
        kind = (ACC, ACC, ACC_8BIT)[next(numbers) % 3]
        self._load_some(kind, numbers)

    def _load_wgt4(self, numbers):
        self._load_some(WGT_4BIT, numbers)

    def _load_lut(self, numbers):
        self._load_some(LUT, numbers)

    def _load_uop(self, numbers):
        self._load_some(UOP, numbers)

    def _load_some(self, kind, numbers):
        arena = SCRATCHPADS[kind]
        first = next(numbers) % self._tiles[arena]
        room = self._tiles[arena] - first
        pads = [max(0, next(numbers) % 8 - 5) for _ in range(4)]
        columns, rows = next(numbers) % 7, next(numbers) % 4
        if next(numbers) % 4 == 0:
            columns *= 5  # a long row
        columns = min(columns, room)
        if kind == UOP and self._low[UOP]:
            pads = [0] * 4  # a micro-op of zeros points outside the arenas
        while (pads[2] + columns + pads[3]) * (pads[0] + rows + pads[1]) > room:
            if any(pads):
                pads = [pad // 2 for pad in pads]
            else:
                rows -= 1
        tiles = self._uop_source.count if kind == UOP else POOL // self.config.tile_bytes(kind)
        stride, at = spread(numbers, columns, rows, tiles)
        base = self._uop_source.tile + at if kind == UOP else self._tile(kind, at)
        self._take(Load(
            memory_type=kind, sram_base=self._low[arena] + first, dram_base=base, y_size=rows,
            x_size=columns, x_stride=stride, y_pad_0=pads[0], y_pad_1=pads[1], x_pad_0=pads[2],
            x_pad_1=pads[3],
        ))

    def _store(self, numbers):
        first = next(numbers) % self._tiles[ACC]
        room = self._tiles[ACC] - first
        columns = min(next(numbers) % 9, room)
        rows = min(next(numbers) % 4, room // max(1, columns))
        stride, at = spread(numbers, columns, rows, POOL // self.config.tile_bytes(OUT))
        self._take(Store(
            sram_base=self._low[ACC] + first, dram_base=self._tile(OUT, at), y_size=rows,
            x_size=columns, x_stride=stride,
        ))

    def _forward(self, numbers):
        weights = next(numbers) % 2 and forwards_to_weights(self.config)
        kind, unit = (WGT, self.config.block_out) if weights else (INP, 1)
        first, places = next(numbers) % self._tiles[ACC], self._tiles[kind] * unit
        columns = min(next(numbers) % 9, self._tiles[ACC] - first)
        rows = min(next(numbers) % 4, (self._tiles[ACC] - first) // max(1, columns))
        stride, at = spread(numbers, columns, rows, places)
        self._take(Store(
            memory_type=kind, sram_base=self._low[ACC] + first,
            dram_base=self._low[kind] * unit + at, y_size=rows, x_size=columns, x_stride=stride,
        ))

    def _idle(self, numbers):
        kind = (UOP, INP, ACC)[next(numbers) % 3]
        self._take(Store() if next(numbers) % 2 else Load(memory_type=kind))

    def _gemm(self, numbers):
        flags = next(numbers)
        fields = self._steps(numbers, {"dst": ACC, "src": INP, "wgt": WGT})
        if fields:
            self._take(Gemm(
                reset=int(flags % 6 == 0),
                overwrite=int(self.config.overwrite and flags % 5 == 0), **fields,
            ))

    def _dwc(self, numbers):
        config, number = self.config, next(numbers)
        window, pitch = number % config.taps, next(numbers) % (self._tiles[INP] // 4)
        flags = dict(reset=int(number >> 8 & 15 == 0), overwrite=number >> 12 & config.overwrite)
        rest = list(numbers)
        for code, far in ((window, pitch), (window, 1), (window % config.window[1], pitch), (0, 0)):
            rows, columns = config.window_shape(code)
            fields = self._steps(iter(rest), {"dst": ACC, "src": INP, "wgt": WGT},
                                 spare=(rows - 1) * far + columns - 1)
            if fields:
                del fields["wgt_factor_out"], fields["wgt_factor_in"]
                self._take(Dwc(row_pitch=far, window=code, **flags, **fields))
                return

    def _alu(self, numbers):
        opcode = AluOpcode(next(numbers) % 5)
        use_imm, number = next(numbers) % 2, next(numbers)
        imm = _EDGES[number % len(_EDGES)] if number % 3 else number % 80 - 40
        fields = self._steps(numbers, {"dst": ACC, "src": ACC})
        if fields:
            self._take(Alu(alu_opcode=opcode, use_imm=use_imm, imm=imm, **fields))

    def _red(self, numbers):
        reduction = Reduction(next(numbers) % len(Reduction))
        fields = self._steps(numbers, {"dst": ACC, "src": ACC})
        if fields:
            self._take(Alu(alu_opcode=AluOpcode.RED, imm=reduction, **fields))

    def _rqt(self, numbers):
        imm = next(numbers)
        if not self.config.lookup or not imm >> RqtFlag.LOOKUP & 1:
            imm %= 1 << RqtFlag.LOOKUP
        imm %= 1 << RQT_LOOKUP_BITS
        small = next(numbers) % 2
        fields = self._steps(numbers, {"dst": ACC, "src": ACC}, spare=2)
        if not fields:
            return
        item = Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=imm, **fields)
        if next(numbers) % 4:
            item = with_parameters(item, self._micro, triples=not small)
        steps = self._micro.steps(item)
        if steps:
            low, count = parameter_range(steps)
            source = self._small if small else self._triples
            self._take(Load(memory_type=ACC, sram_base=low, dram_base=source.tile,
                            x_size=min(count, source.count)))
        self._take(item)

    def _steps(self, numbers, memories, spare=0):
        """Return loop fields whose every index is inside the arenas, None if there are none."""
        count, low = self._tiles[UOP], self._low[UOP]
        begin = next(numbers) % count
        end = min(begin + next(numbers) % 6, count)
        loops = [(0, 1, 1, 2, 2, 3, 4)[next(numbers) % 7] for _ in range(2)]
        uops = self._micro.uops[low + begin : low + end]
        fields = dict(uop_bgn=low + begin, uop_end=low + end, iter_out=loops[0], iter_in=loops[1])
        for name, kind in memories.items():
            indices = [getattr(uop, name) for uop in uops]
            last = self._low[kind] + self._tiles[kind] - 1 - (spare if name == "src" else 0)
            if indices and not self._low[kind] <= min(indices) <= max(indices) <= last:
                return None
            room = last - max(indices, default=last)
            for side, trips in zip(("out", "in"), loops, strict=True):
                factor = (0, 1, 1, 2, 3, 5, 7)[next(numbers) % 7]
                if trips > 1:
                    factor = min(factor, room // (trips - 1))
                    room -= factor * (trips - 1)
                fields[f"{name}_factor_{side}"] = factor
        return fields

    # -- the end ---------------------------------------------------------------------------------
    def _settle(self):
        """Take out the RQTs that would meet a parameter out of range: they are errors."""
        while any(map(_is_rqt, self.body)):
            device = Device(self.config, memory_base=BASE, memory_size=SIZE)
            device.open_window()
            device.memory.write(BASE, bytes(self.image))
            for kind, pointer in self.pointers.items():
                device.write_register(BASE_REGISTERS[kind], pointer)
            stream = chain(self.body)
            try:
                device.run_stream([*stream, Finish()])
                return
            except DeviceFault as fault:
                if fault.code != ErrorCode.RQT_PARAMETER:
                    raise
                earlier = sum(map(_is_rqt, stream[: fault.index]))
                places = [n for n, item in enumerate(self.body) if _is_rqt(item)]
                del self.body[places[earlier]]

    def _spoil(self, name, at):
        """Insert a malformed instruction after the first loads."""
        self._fault = faults(self.config)[name](self._low[UOP])
        self.body.insert(4 + at % (len(self.body) - 3), self._fault)

    def _tokens(self, body):
        if self.shape.chained:
            return chain(body)
        micro, touched = Micro(self), []
        for item in body:
            if item is self._fault:  # its accesses do not matter: nothing is left to compare
                touched.append(Touched({}, {}))
                continue
            micro.execute(item)
            touched.append(accesses(self, item, micro))
        return order(body, lambda first, second: conflict(touched[first], touched[second]))


def _is_rqt(instruction):
    return isinstance(instruction, Alu) and instruction.alu_opcode == AluOpcode.RQT
