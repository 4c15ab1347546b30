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
        "fourth product of a sum lost", "gemm", "compute/mac_array.py",
        "total.next = a + b + c + d", "total.next = a + b + c", "rtl/compute/mac_array",
    ),
    Planted(
        "paired products keep their offset", "gemm", "compute/multiply_pair.py",
        "low.next = both[spacing:] ^ half", "low.next = both[spacing:]",
        "rtl/compute/multiply_pair",
    ),
    Planted(
        "paired products borrow", "gemm", "compute/multiply_pair.py",
        "inp[inp_hi:inp_lo].signed() + half", "inp[inp_hi:inp_lo].signed()",
        "rtl/compute/multiply_pair",
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
        "dst_sum.next = uop[dst_hi:dst_lo] + offsets.dst",
        "dst_sum.next = uop[dst_hi:dst_lo] + offsets.dst[acc:]", "rtl/compute/address_generator",
    ),
    Planted(
        "destination one past the end allowed", "gemm", "compute/address_generator.py",
        "sums.dst >= acc_depth", "sums.dst > acc_depth", "rtl/compute/address_generator",
    ),
    Planted(
        "reset step checks its weight index", "gemm", "compute/address_generator.py",
        "wgt_past.next = sums.multiplies and sums.wgt >= wgt_depth",
        "wgt_past.next = s1.gemm and sums.wgt >= wgt_depth",
        "device/gemm::test_reset_does_not_check_inp_and_wgt_indices",
    ),
    Planted(
        "overwrite accumulates", "gemm", "compute/operands.py",
        "s6.gemm and (s6.overwrite or s6.clear)", "s6.gemm and s6.clear", "rtl/compute/operands",
    ),
    Planted(
        "reset adds the product", "gemm", "compute/alu_lane.py",
        "if s7.gemm and not s7.clear:", "if s7.gemm:", "rtl/compute/alu_lane",
    ),
    Planted(
        "result of an empty slot forwarded", "gemm", "compute/operands.py",
        "dst_in_s9.next = s9.valid and s9.dst == s6.dst",
        "dst_in_s9.next = s9.dst == s6.dst", "rtl/compute/operands",
    ),
    Planted(
        "the result two steps before taken for that of the last step", "gemm",
        "compute/operands.py",
        "dst.second.next = not dst_none and (dst_in_s7 or",
        "dst.second.next = not dst_none and (dst_in_s7 or dst_in_s8 or", "rtl/compute/operands",
    ),
    # -- alu -------------------------------------------------------------------------------------
    Planted(
        "shifts right by 32 to 63 are shifts by 0 to 31", "alu", "compute/alu_lane.py",
        "q_word[32:5] != 0", "q_word[32:6] != 0", "rtl/compute/alu_lane",
    ),
    Planted(
        "shifts left by more than 32 leave something", "alu", "compute/alu_lane.py",
        "outside.next = q_word[32:5] != ones", "outside.next = False", "rtl/compute/alu_lane",
    ),
    Planted(
        "MIN and MAX compare as unsigned", "alu", "compute/alu_lane.py",
        "less.next = p_order < q_order", "less.next = p_word < q_word", "rtl/compute/alu_lane",
    ),
    Planted(
        "immediate not sign-extended", "alu", "compute/alu_lane.py",
        "wide_imm.next = s7.imm.signed()", "wide_imm.next = s7.imm", "rtl/compute/alu_lane",
    ),
    Planted(
        "a cross product of MUL taken twice", "alu", "compute/multiply_lane.py",
        "low_high.next = p_low * m_high", "low_high.next = p_high * m_low",
        "rtl/compute/multiply_lane",
    ),
    Planted(
        "RQT rounds its product at half the place", "alu", "compute/multiply_lane.py",
        "_ROUND_Q31 = 1 << 14", "_ROUND_Q31 = 1 << 13", "rtl/compute/multiply_lane",
    ),
    Planted(
        "half away from zero forgets what was shifted out", "alu", "compute/requantize_lane.py",
        "not s7_quotient[34] or lost", "not s7_quotient[34]", "rtl/compute/requantize_lane",
    ),
    Planted(
        "RQT clamps only what is far above", "alu", "compute/requantize_lane.py",
        "elif above or (not below and not value[near_end]):", "elif above:",
        "rtl/compute/requantize_lane",
    ),
    Planted(
        "RELU lets small negative values through", "alu", "compute/requantize_lane.py",
        "raised.next = s7.imm[RqtFlag.RELU] and shifted[34]",
        "raised.next = s7.imm[RqtFlag.RELU] and shifted[34] and not shifted[20]",
        "rtl/compute/requantize_lane",
    ),
    Planted(
        "RQT keeps parameters that a step has overwritten", "alu", "compute/rqt_parameters.py",
        "and not parameter_hit and not (moves",
        "and not (parameter_hit and s2.gemm) and not (moves",
        "rtl/compute/rqt_parameters::test_parameters_written_within_an_instruction_are_current",
    ),
    Planted(
        "RQT keeps parameters from instruction to instruction", "alu", "compute/rqt_parameters.py",
        "not (moves and s2.last)", "not (moves and s2.last and s2.gemm)",
        "rtl/compute/rqt_parameters::test_parameters_written_between_instructions_are_current",
    ),
    Planted(
        "third parameter tile past the end allowed", "alu", "compute/address_generator.py",
        "parameters_end = acc_depth - 2", "parameters_end = acc_depth - 1",
        "rtl/compute/step_pipeline::test_an_index_past_a_scratchpad_is_a_fault",
    ),
    Planted(
        "shift amount 32 allowed", "alu", "compute/long_operands.py",
        "shift_past.next = tile[hi:low] != 0", "shift_past.next = tile[hi:low + 1] != 0",
        "rtl/compute/step_pipeline::test_rqt_parameters_out_of_range_are_a_fault",
    ),
    Planted(
        "MUL reads its source while it is written", "alu", "compute/hazards.py",
        "flying.dst == s1.dst or (s1.pair and flying.dst == s1.src)", "flying.dst == s1.dst",
        "rtl/compute/hazards",
    ),
    Planted(
        "RQT reads its shift while it is written", "alu", "compute/hazards.py",
        "or (row_after and (s1.src[0] or not flying.dst[0]))", "or (row_after and s1.src[0])",
        "rtl/compute/hazards",
    ),
    Planted(
        "RQT reads its multiplier while it is written", "alu", "compute/hazards.py",
        "flying.before == s1.src[acc_bits:1]", "flying.before == s1.src[acc_bits:1] and False",
        "rtl/compute/hazards",
    ),
    Planted(
        "two operands read from one bank at once", "alu", "compute/schedule.py",
        "short_early.next = (needs.short_src & s3.short_late) == 0", "short_early.next = True",
        "rtl/compute/schedule",
    ),
    Planted(
        "steps with an immediate read ACC[src]", "alu", "compute/bank_needs.py",
        "if s1.pair:", "if s1.pair or not s1.gemm:", "rtl/compute/bank_needs",
    ),
)
