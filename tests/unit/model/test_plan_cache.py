"""Least recently used plans up to a total size."""

from myvta.model.plan_cache import PlanCache


def test_least_recently_used_plan_is_evicted():
    cache = PlanCache(10)
    cache.put("a", 1, 4)
    cache.put("b", 2, 4)
    assert cache.get("a") == 1  # used: b is the oldest now
    cache.put("c", 3, 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_a_plan_above_the_limit_is_not_kept_and_drops_none():
    cache = PlanCache(10)
    cache.put("a", 1, 10)
    cache.put("b", 2, 11)
    assert (cache.get("a"), cache.get("b")) == (1, None)


def test_a_known_key_keeps_its_plan():
    cache = PlanCache(10)
    cache.put("a", 1, 6)
    cache.put("a", 2, 6)
    cache.put("b", 3, 4)  # 10 together: the second put of a has not been counted
    assert (cache.get("a"), cache.get("b")) == (1, 3)
