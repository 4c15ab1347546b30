"""Damaged and forged bundles: refused in words, or a program all the same."""

import os
import random
import re

import pytest
from bundle_files import make_program, rewrite

from myvta.driver import (
    BundleError,
    read_bundle,
)


def broken(rng, data):
    """Return a bundle's bytes with something broken: anywhere, or where zip keeps its fields."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if len(out) < 2:
            break
        at = rng.randrange(len(out))
        if rng.randrange(3) == 0:  # a header: local, central or the end's
            heads = [match.start() for match in re.finditer(rb"PK", out)]
            at = min(rng.choice(heads or [0]) + rng.randrange(46), len(out) - 1)
        kind, end = rng.randrange(8), at + rng.randrange(1, 40)
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at] = rng.choice((0, 1, 8, 12, 14, 0x7F, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del out[at:end]
        elif kind == 3:
            out[at:at] = rng.randbytes(rng.randrange(1, 8))
        elif kind == 4:
            out[at:end] = bytes(len(out[at:end]))
        elif kind == 5:
            out[at:at] = out[at:end]
        elif kind == 6:
            there = rng.randrange(len(out))
            out[at : at + 4] = out[there : there + 4]
        else:
            del out[max(at, 1) :]
    return bytes(out)


def mutate(bundle, other, seed, count):
    """Read so many broken bundles; each is refused with a BundleError or the same program."""
    rng, data, program = random.Random(seed), bundle.read_bytes(), make_program()
    outcomes = {"refused": 0, "same": 0}
    for number in range(count):
        other.write_bytes(broken(rng, data))
        try:
            same = read_bundle(other) == program
        except BundleError:
            outcomes["refused"] += 1
        else:
            assert same, f"mutation {number} of seed {seed} is read as something else"
            outcomes["same"] += 1
    return outcomes


@pytest.mark.slow
def test_mutated_files_are_refused_or_the_same(tmp_path, bundle):
    outcomes = mutate(bundle, tmp_path / "mutated.vta", 1, 1000)
    assert outcomes["refused"] > 700


@pytest.mark.soak
def test_soak_mutated_files(tmp_path, bundle):
    """MYVTA_SOAK_BUNDLES files."""
    count = int(os.environ.get("MYVTA_SOAK_BUNDLES", "50000"))
    outcomes = mutate(bundle, tmp_path / "mutated.vta", 2, count)
    print(f"{count} mutated bundles: {outcomes}")
    assert sum(outcomes.values()) == count


def changed_value(rng, value):
    """Return another JSON value in place of one: of another kind, or near it."""
    others = [None, True, -1, 0, 1, 1 << 63, 1 << 80, 0.5, "", "x", [], {}, [value], {"a": value}]
    if isinstance(value, int):
        others += [value + 1, value - 1, -value, value * 4096, value ^ 1 << rng.randrange(40)]
    if isinstance(value, str):
        others += [value + "x", value[1:], "../" + value, "\0"]
    if isinstance(value, list):
        others += [value[1:], value * 2, value[::-1]]
    return rng.choice(others)


def change_manifest(rng, document):
    """Change one value somewhere in a manifest."""
    at = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = rng.choice(keys)
        if isinstance(at[key], (dict, list)) and at[key] and rng.randrange(8):
            at = at[key]
            continue
        at[key] = changed_value(rng, at[key])
        return document


def forge(bundle, other, seed, count):
    """Read so many bundles whose manifest was changed and whose hashes are right again."""
    rng, read = random.Random(seed), 0
    for _ in range(count):
        rewrite(bundle, other, lambda document: change_manifest(rng, document))
        try:
            program = read_bundle(other)
        except BundleError:
            continue
        read += 1
        assert all(len(program.code(step)) == 16 * step.count for step in program.launches)
    return read


@pytest.mark.slow
def test_forged_manifests_are_refused_or_a_program(tmp_path, bundle):
    assert 0 < forge(bundle, tmp_path / "forged.vta", 3, 300) < 200


@pytest.mark.soak
def test_soak_forged_manifests(tmp_path, bundle):
    """MYVTA_SOAK_BUNDLES files."""
    count = int(os.environ.get("MYVTA_SOAK_BUNDLES", "50000"))
    read = forge(bundle, tmp_path / "forged.vta", 4, count)
    print(f"{count} forged manifests: {read} programs, {count - read} refused")
