"""Planted bugs of GEMM and ALU: loops, indices, arithmetic, hazards."""

from __future__ import annotations

from planted import Planted

__all__ = ["TABLE"]

TABLE = (
    # -- gemm ------------------------------------------------------------------------------------
    Planted(
        "inputs multiplied as unsigned", "gemm", "compute/mac_array.py",
        "inp[inp_hi:inp_lo].signed() * wgt", "inp[inp_hi:inp_lo] * wgt", "rtl/compute/mac_array",
    ),
    Planted(
        "weight tile transposed", "gemm", "compute/mac_array.py",
        "wgt_lo=(o * block_in + c) * wgt_bits", "wgt_lo=(c * block_in + o) * wgt_bits",
        "rtl/compute/mac_array",
    ),
    Planted(
        "fourth product of a sum lost", "gemm", "compute/lane_sum.py",
        "total.next = a + b + c + d", "total.next = a + b + c", "rtl/compute/lane_sum",
    ),
    Planted(
        "a lane is the low one in every chain", "gemm", "compute/mac_array.py",
        "else lanes[::-1]", "else lanes", "rtl/compute/mac_array",
    ),
    Planted(
        "inputs of a chain are not delayed", "gemm", "compute/mac_array.py",
        "stages=at % CHAIN", "stages=0", "rtl/compute/mac_array",
    ),
    Planted(
        "weights of a chain are delayed from the second on", "gemm", "compute/pair_chain.py",
        "stages=k, enable=enable", "stages=max(k - 1, 0), enable=enable", "rtl/compute/pair_chain",
    ),
    Planted(
        "a chain's offset leaves the high sum odd", "gemm", "compute/pair_chain.py",
        "upper.next[0] = odd", "upper.next[0] = not odd", "rtl/compute/pair_chain",
    ),
    Planted(
        "parity of a chain without its last product", "gemm", "compute/pair_chain.py",
        "(operands[third] and high_bits[2]) != (operands[fourth] and high_bits[3])",
        "operands[third] and high_bits[2]", "rtl/compute/pair_chain",
    ),
    Planted(
        "lowest bit of the high sum inverted", "gemm", "compute/pair_chain.py",
        "even.next = not odd", "even.next = odd", "rtl/compute/pair_chain",
    ),
    Planted(
        "packed weights of several rows do not borrow", "gemm", "compute/pair_chain.py",
        "borrow.next = -1", "borrow.next = 0", "rtl/compute/pair_chain",
    ),
    Planted(
        "inner loop goes on from where it ended", "gemm", "compute/sequencer.py",
        "inner.dst.next = outer_next.dst", "inner.dst.next = inner_next.dst",
        "rtl/compute/sequencer",
    ),
    Planted(
        "inner loop one short from its second run on", "gemm", "compute/sequencer.py",
        "in_left.next = state.iter_in", "in_left.next = state.iter_in - 1", "rtl/compute/sequencer",
    ),
    Planted(
        "an index past the end wraps", "gemm", "compute/address_generator.py",
        "dst_sum.next = fields[dst_hi:dst_lo] + base.dst",
        "dst_sum.next = fields[dst_hi:dst_lo] + base.dst[acc:]", "rtl/compute/address_generator",
    ),
    Planted(
        "destination one past the end allowed", "gemm", "compute/address_generator.py",
        "sums.dst >= acc_depth", "sums.dst > acc_depth", "rtl/compute/address_generator",
    ),
    Planted(
        "reset step checks its weight index", "gemm", "compute/address_generator.py",
        "wgt_past.next = sums.multiplies and sums.wgt >= wgt_depth",
        "wgt_past.next = checked.gemm and sums.wgt >= wgt_depth",
        "device/gemm::test_reset_does_not_check_inp_and_wgt_indices",
    ),
    Planted(
        "overwrite accumulates", "gemm", "compute/bank_needs.py",
        "checked.valid and checked.gemm and not checked.overwrite and not checked.clear",
        "checked.valid and checked.gemm and not checked.clear", "rtl/compute/bank_needs",
    ),
    Planted(
        "reset adds the product", "gemm", "compute/execute.py",
        "if finished.mac and not finished.clear:", "if finished.mac:",
        "rtl/compute/step_pipeline::test_random_steps_are_written_in_sequential_order",
    ),
    Planted(
        "result of an empty slot forwarded", "gemm", "compute/accumulate.py",
        "four.valid and four.dst == reader.dst", "four.dst == reader.dst",
        "rtl/compute/accumulate",
    ),
    Planted(
        "an older of two results in flight taken", "gemm", "compute/accumulate.py",
        "accumulates and matches[1] and not matches[0]", "accumulates and matches[1]",
        "rtl/compute/accumulate",
    ),
    Planted(
        "the result four steps before not taken in flight", "gemm", "compute/accumulate.py",
        "sources.fourth.next = accumulates and matches == 4",
        "sources.fourth.next = accumulates and matches == 8", "rtl/compute/accumulate",
    ),
    Planted(
        "a step behind an empty slot chained", "gemm", "compute/bank_needs.py",
        "follows.next = waiting.valid and waiting.dst == checked.dst",
        "follows.next = waiting.dst == checked.dst", "rtl/compute/bank_needs",
    ),
    Planted(
        "tiles read a cycle early", "gemm", "compute/stages.py",
        "return self.tiles - 1", "return self.tiles - 2", "rtl/compute/stages",
    ),
    # -- alu -------------------------------------------------------------------------------------
    Planted(
        "shifts right by 32 to 63 are shifts by 0 to 31", "alu", "compute/alu_lane.py",
        "if q_tile[end:hi] != 0:", "if q_tile[end:hi + 1] != 0:", "rtl/compute/alu_lane",
    ),
    Planted(
        "shifts left by more than 32 leave something", "alu", "compute/alu_lane.py",
        "inside.next = q_tile[end:hi] == ones and q_tile[hi:lo] != 0",
        "inside.next = q_tile[hi:lo] != 0", "rtl/compute/alu_lane",
    ),
    Planted(
        "a shift left by 32 is one by 0", "alu", "compute/alu_lane.py",
        "q_tile[end:hi] == ones and q_tile[hi:lo] != 0", "q_tile[end:hi] == ones",
        "rtl/compute/alu_lane",
    ),
    Planted(
        "MIN and MAX compare as unsigned", "alu", "compute/alu_lane.py",
        "left.next = concat(p_tile[sign], p_tile[hi:lo], operation.operand_subtracts)",
        "left.next = concat(False, p_tile[hi:lo], operation.operand_subtracts)",
        "rtl/compute/alu_lane",
    ),
    Planted(
        "immediate not sign-extended", "alu", "compute/operands.py",
        "wide.next = imm.signed()", "wide.next = imm", "rtl/compute/operands",
    ),
    Planted(
        "a late operand taken from the other bank", "alu", "compute/operands.py",
        "                elif aligned.late:\n                    q.next = even",
        "                elif aligned.late:\n                    q.next = odd",
        "rtl/compute/operands",
    ),
    Planted(
        "a cross product of MUL taken twice", "alu", "compute/multiply_lane.py",
        "p_low[2], m_high[2]", "p_high[1], m_low[1]", "rtl/compute/multiply_lane",
    ),
    Planted(
        "low part of an operand taken as signed", "alu", "compute/multiply_lane.py",
        "signed_word(_LOW_BITS + 1)", "signed_word(_LOW_BITS)", "rtl/compute/multiply_lane",
    ),
    Planted(
        "a sum carries one place too far", "alu", "compute/multiply_lane.py",
        "total[bits:_LOW_BITS].signed()", "total[bits:_LOW_BITS + 1].signed()",
        "rtl/compute/multiply_lane",
    ),
    Planted(
        "rounding comes with the next step's product", "alu", "compute/multiply_lane.py",
        "half_of(clock, adding, half)", "half_of(clock, rounds, half)", "rtl/compute/multiply_lane",
    ),
    Planted(
        "RQT rounds its product at half the place", "alu", "compute/multiply_lane.py",
        "_HALF = 1 << 30", "_HALF = 1 << 29", "rtl/compute/multiply_lane",
    ),
    Planted(
        "half away from zero forgets what was shifted out", "alu", "compute/requantize_lane.py",
        "not shifted[sign] or any_lost", "not shifted[sign]", "rtl/compute/requantize_lane",
    ),
    Planted(
        "a lost bit of the second octet forgotten", "alu", "compute/requantize_lane.py",
        "lost.octets[1] and lost.octet[1]", "lost.octets == 2 and lost.octet[1]",
        "rtl/compute/requantize_lane",
    ),
    Planted(
        "RQT shifts the low half of its product", "alu", "compute/shift_lane.py",
        "value.next = product[63:31]", "value.next = product[62:30]", "rtl/compute/shift_lane",
    ),
    Planted(
        "RQT's result counted as that of another operation too", "alu", "compute/shift_lane.py",
        "if rounded.alu and not elsewhere:", "if rounded.alu:", "rtl/compute/shift_lane",
    ),
    Planted(
        "RQT clamps only what is far above", "alu", "compute/requantize_lane.py",
        "elif above or (not below and not value[near_end]):", "elif above:",
        "rtl/compute/requantize_lane",
    ),
    Planted(
        "RELU lets small negative values through", "alu", "compute/requantize_lane.py",
        "raised.next = rounded.imm[RqtFlag.RELU] and shifted[sign]",
        "raised.next = rounded.imm[RqtFlag.RELU] and shifted[sign] and not shifted[20]",
        "rtl/compute/requantize_lane",
    ),
    Planted(
        "RQT keeps parameters that a step has overwritten", "alu", "compute/rqt_parameters.py",
        "(kept or shift_arrives) and not parameter_hit and not (moves",
        "(kept or shift_arrives) and not (parameter_hit and waiting.gemm) and not (moves",
        "rtl/compute/rqt_parameters::test_parameters_written_within_an_instruction_are_current",
    ),
    Planted(
        "RQT keeps parameters from instruction to instruction", "alu", "compute/rqt_parameters.py",
        "not (moves and waiting.last)", "not (moves and waiting.last and waiting.gemm)",
        "rtl/compute/rqt_parameters::test_parameters_written_between_instructions_are_current",
    ),
    Planted(
        "third parameter tile past the end allowed", "alu", "compute/address_generator.py",
        "sums.src >= acc_depth or sums.src[acc:1] == last_row", "sums.src >= acc_depth",
        "rtl/compute/step_pipeline::test_an_index_past_a_scratchpad_is_a_fault",
    ),
    Planted(
        "shift amount 32 allowed", "alu", "compute/parameter_tiles.py",
        "shift_past.next = tile[hi:low] != 0", "shift_past.next = tile[hi:low + 1] != 0",
        "rtl/compute/step_pipeline::test_rqt_parameters_out_of_range_are_a_fault",
    ),
    Planted(
        "new parameters reach the steps before them", "alu", "compute/parameter_tiles.py",
        "if is_multiplier[2]:\n            multiplier.next = third",
        "if is_multiplier[0]:\n            multiplier.next = tile", "rtl/compute/parameter_tiles",
    ),
    Planted(
        "an operation reads its source while it is written", "alu", "compute/hazards.py",
        "            or (checked.pair and flying.dst == checked.src)\n", "", "rtl/compute/hazards",
    ),
    Planted(
        "RQT reads its shift while it is written", "alu", "compute/hazards.py",
        "or (row_after and (checked.src[0] or not flying.dst[0]))",
        "or (row_after and checked.src[0])", "rtl/compute/hazards",
    ),
    Planted(
        "RQT reads its multiplier while it is written", "alu", "compute/hazards.py",
        "flying.before == checked.src[acc_bits:1]",
        "flying.before == checked.src[acc_bits:1] and False", "rtl/compute/hazards",
    ),
    Planted(
        "an operand read while the step before reads the bank", "alu", "compute/schedule.py",
        "needs.busy.next = next_gemm.reads | needs.second", "needs.busy.next = next_gemm.reads",
        "rtl/compute/schedule",
    ),
    Planted(
        "a late operand read while a GEMM reads the bank", "alu", "compute/schedule.py",
        " and (needs.second & next_gemm.reads) == 0", "", "rtl/compute/schedule",
    ),
    Planted(
        "steps with an immediate read ACC[src]", "alu", "compute/bank_needs.py",
        "if checked.pair and apart:", "if apart:", "rtl/compute/bank_needs",
    ),
)
