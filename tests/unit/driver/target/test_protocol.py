"""protocol: the names of the contract are enough to be a Target, and all are needed."""

import pytest

from myvta.driver import BaseTarget, Target, open_target
from myvta.driver.serve.served_target import ServedTarget
from myvta.driver.target.tracing import SpyTarget

NAMES = ("window", "config", "read_register", "write_register", "read_memory", "write_memory",
         "close", "__enter__", "__exit__")


def test_built_in_targets_satisfy_the_protocol():
    with open_target("model://?mem=0:4K") as model:
        for target in (model, SpyTarget(model, []), ServedTarget(model)):
            assert isinstance(target, Target) and isinstance(target, BaseTarget)


@pytest.mark.parametrize("missing", NAMES)
def test_an_object_without_one_of_the_names_is_no_target(missing):
    complete = dict.fromkeys(NAMES, lambda self: None)
    assert isinstance(type("Complete", (), complete)(), Target)
    del complete[missing]
    assert not isinstance(type("Partial", (), complete)(), Target)
