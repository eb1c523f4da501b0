"""What is drawn for many pages at once is given once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from adengine.randomness import AT_ONCE, Draws

SIZE = 10


def test_no_two_draws_are_the_same_whoever_takes_them() -> None:
    draws = Draws(SIZE)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: draws.take(), range(20 * AT_ONCE)))
    assert {len(one) for one in found} == {SIZE}
    assert len(set(found)) == len(found)


def test_a_forked_child_draws_others_than_its_parent() -> None:
    draws = Draws(SIZE)
    draws.take()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, b"".join([draws.take() for _ in range(AT_ONCE)]))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, SIZE * AT_ONCE)
    os.close(reading), os.close(writing)
    ours = {draws.take() for _ in range(AT_ONCE)}
    assert ours.isdisjoint(theirs[at : at + SIZE] for at in range(0, len(theirs), SIZE))
