"""What can go wrong: one class a code, all of them `Error`.

A class has its code's name: `TaskExists` has the code "task_exists". A code that a later library has and this package
does not know is raised as `Error` itself.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Error(Exception):
    """A failure: `code` to branch on, which never changes, and `message` for a person.

    The message says what happened, what was kept, and what to do next.
    """

    _classes: dict[str, type[Error]] = {}

    def __init_subclass__(cls) -> None:
        Error._classes[re.sub(r"\B([A-Z])", r"_\1", cls.__name__).lower()] = cls

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message)

    @staticmethod
    def of(code: str, message: str) -> Error:
        """The error of that code, of its own class."""
        return Error._classes.get(code, Error)(code, message)


# The request could not be understood. Nothing was stored.


class BadJson(Error, ValueError):
    """Text that should be JSON is not."""


class NotAnObject(Error, ValueError):
    """A JSON request is something else than an object."""


class WrongType(Error, TypeError):
    """A field of a JSON request has the wrong type."""


class MissingField(Error, ValueError):
    """A JSON request lacks a field."""


class UnknownTool(Error, ValueError):
    """A JSON request names a tool that is not there."""


class UnknownAction(Error, ValueError):
    """A JSON request names an action that is not there."""


class TooLarge(Error, ValueError):
    """A text or a batch is larger than the limits in the README."""


class BadEncoding(Error, ValueError):
    """Text is not UTF-8, or cannot be."""


class BadId(Error, ValueError):
    """An id is empty, longer than 128 bytes, or has a control character."""


class BadValue(Error, ValueError):
    """A value is out of its range."""


class DuplicateInBatch(Error, ValueError):
    """Two tasks of one batch have the same id."""


# The request was understood and refused. Nothing was changed.


class TaskExists(Error):
    """The id is taken by a task with other content."""


class TaskNotFound(Error, LookupError):
    """There is no such task."""


class BatchNotFound(Error, LookupError):
    """There is no such batch."""


class EmptyBatch(Error):
    """The batch has no task to run."""


class TaskInProgress(Error):
    """A turn runs: complete it first."""


class TaskEnded(Error):
    """The task has ended already."""


class TaskQueued(Error):
    """The task has not begun yet."""


class AlreadyCompleted(Error):
    """The turn was completed otherwise; that stands."""


class StaleSession(Error):
    """The session has ended; the message says why, and what became of the task."""


class AgentConflict(Error):
    """The batch names another agent."""


class ForeignMarker(Error):
    """A lock file is there that Cobatch did not write."""


class SessionLive(Error):
    """Another session runs."""


class NoMarker(Error):
    """There is no lock file."""


class NoUsage(Error):
    """No turn of the batch has reported its tokens."""


class BatchConflict(Error):
    """What is said of the batch contradicts what was said before, or it runs already."""


class NeedUnknown(Error):
    """A task needs one that does not stand before it in the same batch."""


class UnpricedModel(Error):
    """There is a budget in dollars, and nobody knows the model's price."""


# An agent could not be run, or broke.


class AgentUnknown(Error):
    """There is no agent of that name."""


class AgentMissing(Error):
    """The agent's program is not there."""


class AgentFailed(Error):
    """The agent could not be started."""


class KeeperMissing(Error):
    """The keeper, `cobatch-keeper`, is not there."""


# Storage and system.


class StorageFault(Error):
    """The database failed."""


class DiskFull(Error, OSError):
    """There is no space left."""


class NotWritable(Error, PermissionError):
    """The folder or a file in it cannot be written."""


class CannotLock(Error):
    """The file system cannot lock: open the workspace with `state`."""


class UnsafeFile(Error):
    """A file of the store is a link."""


class WorkspaceReplaced(Error):
    """The folder is no longer the one that was opened: open it anew."""


class StoreNewer(Error):
    """Another version has made the database; it is left as it is."""


class StoreDamaged(Error):
    """The database is damaged."""


class IoError(Error, OSError):
    """A file could not be read or written."""


class OutcomeUnknown(Error):
    """It may or may not have been done; to repeat the call is safe."""


# The call itself.


class TimedOut(Error, TimeoutError):
    """The time given was over; what was waited for goes on."""


class Interrupted(Error):
    """`Workspace.interrupt` ended the call."""


class PortInUse(Error, OSError):
    """The server's port is taken."""


class Internal(Error):
    """Something that should not happen."""


class NoMemory(Error, MemoryError):
    """There is not enough memory."""


class StructSize(Error):
    """The library does not know a struct of this package; it is of another version."""


class Forked(Error):
    """The parent process made the object, or had a workspace open when it forked: start a new program instead."""


class Busy(Error):
    """A server had too much to do; of `cobatch serve` alone."""


class Closed(Error, ValueError):
    """The object was closed; of this package alone."""
