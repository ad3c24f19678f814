"""Handles of the library: freed once, not while a call uses them, and never in a forked child."""

from __future__ import annotations

import os
import threading
import weakref

from .errors import Closed, Forked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Handle:
    """`with handle as pointer:` goes around every call.

    `close` frees the pointer at once, or when the last call that uses it has come back: a call in another thread never
    sees freed memory. `alone`: what may be used by one thread at a time.
    """

    def __init__(self, what: str, pointer: Any, free: Callable[[Any], object], alone: bool = False) -> None:
        self._what = what
        self._pointer = pointer
        self._free = free
        self._process = os.getpid()
        self._count = threading.Lock()
        self._alone = threading.RLock() if alone else None
        self._users = 0
        self.closed = False

    def freed_with(self, owner: object) -> None:
        """Closes the handle when its owner is collected, and at the end of the interpreter."""
        weakref.finalize(owner, self.close)

    def __enter__(self) -> Any:
        if os.getpid() != self._process:
            raise Forked(
                "forked",
                f"this {self._what} belongs to the parent process, which goes on undisturbed. Fork before you open a "
                "workspace, or start a new program and open it there",
            )
        with self._count:
            if self.closed:
                raise Closed("closed", f"this {self._what} is closed")
            self._users += 1
        if self._alone:
            self._alone.acquire()
        return self._pointer

    def __exit__(self, *_: object) -> None:
        if self._alone:
            self._alone.release()
        with self._count:
            self._users -= 1
            last = self.closed and self._users == 0
        if last:
            self._free(self._pointer)

    def close(self) -> None:
        """To close it twice is fine."""
        if os.getpid() != self._process:
            return
        with self._count:
            idle = not self.closed and self._users == 0
            self.closed = True
        if idle:
            self._free(self._pointer)
