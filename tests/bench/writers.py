"""Runs writers as processes of their own, so that the interpreter's lock is not what is measured."""

import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import Any

START_SECONDS = 60
Steps = Callable[..., Iterator[None]]


def rate(writers: int, seconds: float, steps: Steps, *arguments: Any) -> float:
    """Steps a second of all writers together, over `seconds` after every one of them is warm."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.bench.append"])
    ready, answers = context.Barrier(writers), context.SimpleQueue()
    processes = [
        context.Process(target=_write, args=(ready, answers, seconds, steps, *arguments), daemon=True)
        for _ in range(writers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(START_SECONDS + seconds * 2)
    failed = [process.exitcode for process in processes if process.exitcode != 0]
    for process in processes:
        process.kill()
    if failed:
        raise RuntimeError(f"writers ended with {failed}")
    return sum(answers.get() for _ in processes)


def _write(ready: Any, answers: Any, seconds: float, steps: Steps, *arguments: Any) -> None:
    stepping = steps(*arguments)
    for _ in range(20):
        next(stepping)
    ready.wait(START_SECONDS)
    started = time.perf_counter()
    done = 0
    while time.perf_counter() - started < seconds:
        next(stepping)
        done += 1
    answers.put(done / (time.perf_counter() - started))
