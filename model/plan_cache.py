"""A bounded cache of plans: instructions of one kernel differ in tokens and data, not in steps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["PlanCache"]

Plan = TypeVar("Plan")


class PlanCache(Generic[Plan]):
    """Least recently used plans up to a total size.

    A plan depends on its key alone (step fields and micro-op words), so no entry is ever
    invalidated.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._total = 0
        self._plans: OrderedDict[Hashable, tuple[Plan, int]] = OrderedDict()

    def get(self, key: Hashable) -> Plan | None:
        """Return a plan and mark it as used, or None."""
        entry = self._plans.get(key)
        if entry is None:
            return None
        self._plans.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, plan: Plan, size: int) -> None:
        """Store a plan unless it alone exceeds the limit, evicting the oldest ones."""
        if size > self._limit or key in self._plans:
            return
        self._plans[key] = (plan, size)
        self._total += size
        while self._total > self._limit:
            _, (_, freed) = self._plans.popitem(last=False)
            self._total -= freed
