"""Prints one line for each step, and waits for conditions with a time limit."""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Failure(Exception):
    """A failed step. The message says what failed and on which object; `remedy` says what to do."""

    def __init__(self, what: str, remedy: str = ""):
        super().__init__(what)
        self.remedy = remedy


def say(text: str = "", end: str = "\n"):
    # A closed terminal or pipe must not prevent the removal.
    with contextlib.suppress(OSError):
        print(text, end=end, flush=True)


class Step:
    """One step of the test. It prints its name, its result and its duration when it ends."""

    def __init__(self, name: str, limit: float):
        self.name, self.limit, self.result = name, limit, ""

    def __enter__(self):
        self.begin = time.monotonic()
        self.show("")
        return self

    def __exit__(self, kind, *_):
        result = "failed" if kind else self.result
        say(f"{self.start_of_line()}{self.name:<16} {self.seconds():7.1f} s  {result}".rstrip())

    def seconds(self) -> float:
        """The time since the step began."""
        return time.monotonic() - self.begin

    def show(self, progress: str):
        """Replaces the current line of a terminal. Files and pipes contain only the final line."""
        if sys.stdout.isatty():
            say(f"{self.start_of_line()}{self.name:<16} … {progress}", end="")

    def start_of_line(self) -> str:
        return "\r\033[K" if sys.stdout.isatty() else ""

    def wait(self, poll: Callable[[], T | None], missing: Callable[[], str], remedy: str = "") -> T:
        """Returns the first result of `poll` that is not None. After the time limit, fails with the text of `missing`."""
        end, pause = time.monotonic() + self.limit, 0.2
        while (result := poll()) is None:
            if time.monotonic() > end:
                raise Failure(f"{missing()} (waited {self.limit:g} s)", remedy)
            self.show(f"{self.seconds():.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 5)
        return result
