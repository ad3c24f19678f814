"""What the methods of a workspace answer, where that is more than one record."""

from __future__ import annotations

from .records import (
    Account,
    Batch,
    LiveEngine,
    Lock,
    Record,
    Result,
    Savings,
    Session,
    Task,
    Warning,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._words import Outcome


class Assigned(Record):
    """Tasks that were stored. Outcome: "stored", or "duplicate" if all were there already, with equal content."""

    __slots__ = ()
    outcome: Outcome
    batch: Batch
    tasks: tuple[Task, ...]
    warnings: tuple[Warning, ...]

    @property
    def task(self) -> Task:
        """The first one."""
        return self.tasks[0]


class Sealed(Record):
    """A batch that is complete. Outcome: "sealed", or "unchanged" if it was so already."""

    __slots__ = ()
    outcome: Outcome
    batch: Batch
    warnings: tuple[Warning, ...]


class Executed(Record):
    """What will run. Outcome: "started", "already_running" (nothing was changed) or "nothing_to_do"."""

    __slots__ = ()
    outcome: Outcome
    batches: tuple[Batch, ...]  # those that will run, then open ones that were left
    session: Session | None  # that lives now
    warnings: tuple[Warning, ...]


class Cancelled(Record):
    """A task that will not run. Outcome: "cancelled", or "unchanged" if it was so already."""

    __slots__ = ()
    outcome: Outcome
    task: Task


class Reset(Record):
    """A task that runs again. Outcome: "queued_again", or "unchanged" if it was queued already."""

    __slots__ = ()
    outcome: Outcome
    task: Task


class Retried(Record):
    """A batch whose failed and cancelled tasks run again. Outcome: "queued_again", or "nothing_to_do"."""

    __slots__ = ()
    outcome: Outcome
    batch: Batch


class TaskStatus(Record):
    """A task, and its result if it has one."""

    __slots__ = ()
    task: Task
    result: Result | None


class BatchStatus(Record):
    """A batch, and the session that works it now."""

    __slots__ = ()
    batch: Batch
    session: Session | None
    warnings: tuple[Warning, ...]


class Overview(Record):
    """The workspace at a glance."""

    __slots__ = ()
    batches: tuple[Batch, ...]  # those that have not finished, at most 1,000, in the order in which they would run
    session: Session | None  # that lives now
    lock: Lock
    engines: tuple[LiveEngine, ...]
    warnings: tuple[Warning, ...]


class LockStatus(Record):
    """Who holds the lock, and the session that lives now."""

    __slots__ = ()
    lock: Lock
    session: Session | None


class Unlocked(Record):
    """Outcome: "marker_removed", or "end_requested" if a live session was asked to end."""

    __slots__ = ()
    outcome: Outcome


class SavingsReport(Record):
    """What a batch really used, and what that compares to."""

    __slots__ = ()
    batch: Batch
    accounts: tuple[Account, ...]  # the batch's, its preamble's if it was sent, one a task in order of first turn
    savings: Savings
    warnings: tuple[Warning, ...]  # of the prices: models without one, or that may cost more
