"""Findings as text, and which of them are warnings."""

from myvta.isa.check.findings import Finding, FindingKind


def test_text_names_kind_position_instruction_and_fix():
    finding = Finding(FindingKind.RACE, 7, "store cols=1", "they touch OUT[0]", "set push_next", 3)
    assert str(finding) == (
        "data race at instruction 7 (store cols=1): they touch OUT[0]; set push_next"
    )
    alone = Finding(FindingKind.FINISH, 0, "", "the stream has no FINISH", "end it with finish")
    assert str(alone) == (
        "missing FINISH at instruction 0: the stream has no FINISH; end it with finish"
    )


def test_findings_that_change_no_result_here_are_the_only_warnings():
    warnings = {kind for kind in FindingKind if Finding(kind, 0, "", "", "").warning}
    assert warnings == {FindingKind.TOKENS, FindingKind.UNREACHABLE, FindingKind.PORTABLE}
