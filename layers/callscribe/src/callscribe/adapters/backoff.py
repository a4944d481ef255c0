"""Tries again what AWS left out of an answer that is otherwise a success; botocore retries whole requests only."""

import random
from collections.abc import Iterator
from time import sleep

TRIES = 8

FIRST_PAUSE_SECONDS = 0.05
"""The longest first pause. Each further pause may be twice as long, so that all pauses together take 6.4 s at most."""


def tries() -> Iterator[int]:
    """Count tries from 1, and sleep before each further try: exponentially longer, and of random length.

    AWS asks for growing pauses after a throttled part of a batch (DynamoDB docs, BatchGetItem). They are random,
    because workers that were throttled together must not come back together.
    """
    longest = FIRST_PAUSE_SECONDS
    for number in range(1, TRIES + 1):
        if number > 1:
            sleep(random.uniform(longest / 2, longest))  # noqa: S311 (nobody gains by guessing it)
            longest *= 2
        yield number
