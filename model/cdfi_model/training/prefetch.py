"""Batches made ahead by one worker thread, in order, so that decoding and steps overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def prefetch(make: Callable[[int], T], steps: range, depth: int) -> Iterator[Iterator[T]]:
    """``make(step)`` for every step, in order; errors come up where the item would.

    Args:
        make: Depends on its argument alone, so that the depth changes nothing but the time.
        steps: In the order wanted.
        depth: Items made ahead at most; 0 makes each when it is asked for.
    """
    if depth == 0:
        yield (make(step) for step in steps)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
    try:
        yield _ahead(pool, make, iter(steps), depth)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor, make: Callable[[int], T], steps: Iterator[int], depth: int
) -> Iterator[T]:
    waiting: deque[Future[T]] = deque()
    for step in steps:
        waiting.append(pool.submit(make, step))
        if len(waiting) > depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
