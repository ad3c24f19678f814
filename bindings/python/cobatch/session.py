"""A session that the program drives itself, with its own means in place of an agent."""

from __future__ import annotations

from ctypes import byref, c_int64

from . import _abi, _values
from ._handles import Handle
from ._library import call, lib
from ._replies import listed, record
from .records import Session, Task
from .turns import Completion, TurnRequest, completion_struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Iterator

    from typing_extensions import Self, Unpack

    from .records import Usage
    from .turns import CompletionDetails


class HostTurn(TurnRequest):
    """A task that you have been given; say what it came to before you ask for the next one."""

    __slots__ = ("_session",)

    def _belongs_to(self, session: HostSession) -> Self:
        self._session = session
        return self

    def complete(self, output: str | Completion | None = None, **details: Unpack[CompletionDetails]) -> Task:
        """Stores what the turn came to: a Completion, or what one is made of. The task as it is now: one that was
        cancelled meanwhile stays so, and what it cost is kept. The same again is fine.

        Raises AlreadyCompleted (something else stands), StaleSession, TooLarge, BadValue.
        """
        completion = output if isinstance(output, Completion) else Completion(output, **details)
        return self._session._complete(self.turn, completion)

    def fail(self, detail: str, *, reason: str | None = None, errors: Any = None, usage: Usage | None = None) -> Task:
        """The task failed, for good; `detail` is a sentence for people."""
        return self.complete(end="error", detail=detail, reason=reason, errors=errors, usage=usage)

    def extend(self, seconds: float) -> datetime:
        """Gives the turn that much time from now; the time at which it ends then.

        Raises TaskEnded (the task was cancelled: give up), StaleSession (somebody ended the session).
        """
        return self._session._extend(self.turn, seconds)


class HostSession:
    """See `Workspace.session`.

        with ws.session() as session:
            for turn in session:
                turn.complete(my_model(turn.prompt))

    Leaving the block ends the session; a turn that was not completed is given back, and its task queued again. While
    the session lives this process holds the lock. A turn that is neither completed nor extended within its limit is
    settled as timed out and the session ends: what comes after that raises StaleSession, which says so.

    To be used by one thread at a time.
    """

    def __init__(self, workspace: Any, options: Any) -> None:
        session = _abi.HANDLE()
        self._begun = call("cobatch_session_begin", workspace, byref(options), byref(session))
        self._handle = Handle("session", session, lib.cobatch_session_free, alone=True)
        self._handle.freed_with(self)

    @property
    def info(self) -> Session | None:
        """The session as it stands; None if there was no batch to take."""
        if not self._begun:
            return None
        info = _abi.cobatch_session_info()
        with self._handle as session:
            call("cobatch_session_read", session, byref(info))
            return record(Session, info)

    def next(self) -> HostTurn | None:
        """The next task; None: there is none, or the session is full (the batch goes on in a new one).

        Raises TaskInProgress (complete the running turn first), StaleSession.
        """
        if not self._begun:
            return None
        request = _abi.cobatch_turn_request()
        with self._handle as session:
            if not call("cobatch_session_next", session, byref(request)):
                return None
            return record(HostTurn, request)._belongs_to(self)

    def __iter__(self) -> Iterator[HostTurn]:
        turn = self.next()
        while turn:
            yield turn
            turn = self.next()

    def end(self) -> None:
        """Lets the lock go. To end it twice is fine."""
        if not self._begun or self._handle.closed:
            return
        try:
            with self._handle as session:
                call("cobatch_session_end", session)
        finally:
            self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _complete(self, turn: int, completion: Completion) -> Task:
        struct = completion_struct(completion)
        with self._handle as session:
            return next(listed(Task, "cobatch_session_complete", session, turn, byref(struct)))

    def _extend(self, turn: int, seconds: float) -> datetime:
        deadline = c_int64()
        with self._handle as session:
            call("cobatch_session_extend", session, turn, _values.milliseconds(seconds), byref(deadline))
        until = _values.time(deadline.value)
        assert until
        return until
