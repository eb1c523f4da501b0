"""What the store's tests run in it."""

from adengine.errors import StoreUnavailable
from adengine.store import keys
from adengine.store.client import Script, Store

ADD = Script("-- KEYS[1] a counter, ARGV[1] the step; returns the sum\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])")
KEYS = [keys.stream(bucket) for bucket in range(0, keys.BUCKETS, 5)]
"""Keys in many hash slots."""


def served(store: Store, key: str) -> bool:
    """Whether the store counts on `key` now."""
    try:
        store.run(ADD, [key], [1])
    except StoreUnavailable:
        return False
    return True
