"""Tasks on their way into a workspace."""

from __future__ import annotations

import os
from . import _abi, _values, _words
from .records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, TypedDict

    from typing_extensions import Self, Unpack

    from ._words import ErrorRule, Priority, RunningWay
    from .answers import Assigned
    from .records import Budget, Ordinal
    from .workspace import Workspace

    class TaskDetails(TypedDict, total=False):
        """What may be said of a task besides its id and description."""

        context: Any  # whatever JSON can hold, at most 1 MiB; the agent gets it with the description
        priority: Priority  # orders batches, not the tasks inside one
        max_attempts: Ordinal | None  # None: 2. With 1 the task runs at most once: interrupted, it ends as an error
        assigned_by: str | None  # for the record
        # Ids of tasks of the batch that stand before it and are to be done first; if one of them ends in error or is
        # cancelled, this one is cancelled, too.
        needs: Iterable[str]
        # A program and its arguments, run without a shell after the agent says that the task is done, which it is only
        # if the program exits with 0. Engines run no check unless they were told that they may.
        check: Iterable[str]
        model: str | None  # None: the batch's
        tools: Iterable[str]  # the only ones it may use, of those that the engine allows; none: all of these
        limit: float | None  # seconds for each of its turns; None: as whoever runs it says

    class BatchDetails(TypedDict, total=False):
        """What may be said of a batch. What is left out stays as the batch has it."""

        agent: str | None  # names the one that runs it; None: the default of whoever runs it
        # "one_session": one conversation, a task after another. "fork": the preamble is loaded once, and each task goes
        # on from there and sees nothing of the others. "separate": each task in a conversation of its own.
        way: RunningWay | None
        on_error: ErrorRule | None  # "stop": when a task ends in error, all that are still queued are cancelled
        budget: Budget | None  # may be given anew at any time
        preamble: str | None  # context that all tasks share, sent once before the first one
        context_files: Iterable[str | os.PathLike[str]]  # paths below the agent's folder; they follow the preamble

    class AssignDetails(TaskDetails, BatchDetails, total=False):
        """What may be said of a task and, with it, of its batch."""


class TaskSpec(Record):
    """A task to be assigned. Its id has 1 to 128 bytes without control characters, its description at most 256 KiB."""

    __slots__ = ()
    id: str
    description: str
    context: Any
    priority: Priority
    max_attempts: Ordinal | None
    assigned_by: str | None
    needs: tuple[str, ...]
    check: tuple[str, ...]
    model: str | None
    tools: tuple[str, ...]
    limit: float | None

    def __init__(
        self,
        id: str,
        description: str,
        *,
        context: Any = None,
        priority: Priority = "default",
        max_attempts: int | None = None,
        assigned_by: str | None = None,
        needs: Iterable[str] = (),
        check: Iterable[str] = (),
        model: str | None = None,
        tools: Iterable[str] = (),
        limit: float | None = None,
    ) -> None:
        self._values = (
            id,
            description,
            _values.json_text(context),
            _words.PRIORITIES.number(priority),
            max_attempts or 0,
            assigned_by,
            _values.sequence(needs),
            _values.sequence(check),
            model,
            _values.sequence(tools),
            _values.milliseconds(limit),
        )


def task_structs(tasks: Iterable[TaskSpec]) -> Any:
    """An array, as the library takes it."""
    made = [_task_struct(task) for task in tasks]
    return (_abi.cobatch_task_spec * len(made))(*made)


def _task_struct(task: TaskSpec) -> Any:
    id, description, context, priority, max_attempts, assigned_by, needs, check, model, tools, limit = task._values
    return _abi.cobatch_task_spec(
        id=_values.text(id),
        description=_values.text(description),
        context=_values.text(context),
        priority=priority,
        max_attempts=max_attempts,
        assigned_by=_values.text(assigned_by),
        needs=_values.text_list(needs),
        check=_values.text_list(check),
        model=_values.text(model),
        tools=_values.text_list(tools),
        limit_ms=limit,
    )


# Of what may be said with a task: that which is for its batch.
_OF_BATCH = ("agent", "way", "on_error", "budget", "preamble", "context_files")


def split(details: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of a task, and what of its batch."""
    of_batch = {name: value for name, value in details.items() if name in _OF_BATCH}
    return {name: value for name, value in details.items() if name not in of_batch}, of_batch


def options_struct(
    batch: str | None,
    keep_open: bool,
    *,
    model: str | None = None,
    agent: str | None = None,
    way: RunningWay | None = None,
    on_error: ErrorRule | None = None,
    budget: Budget | None = None,
    preamble: str | None = None,
    context_files: Iterable[str | os.PathLike[str]] = (),
) -> Any:
    """What is said of a batch, as the library takes it."""
    return _abi.cobatch_assign_options(
        flags=_abi.COBATCH_ASSIGN_KEEP_OPEN if keep_open else 0,
        batch=_values.text(batch),
        agent=_values.text(agent),
        way=_words.RUNNING_WAYS.number(way),
        on_error=_words.ERROR_RULES.number(on_error),
        model=_values.text(model),
        preamble=_values.text(preamble),
        context_files=_values.text_list(os.fspath(path) for path in _values.sequence(context_files)),
        budget=_values.budget(budget),
    )


class NewBatch:
    """See `Workspace.batch`."""

    def __init__(self, workspace: Workspace, id: str | None, options: Any) -> None:
        self._workspace = workspace
        self._id = id
        self._options = options
        self._tasks: list[TaskSpec] = []
        self.assigned: Assigned | None = None  # once it is stored

    @property
    def id(self) -> str:
        """Known once the batch is stored, or from the beginning if it was given."""
        if self._id is None:
            raise ValueError("this batch gets its id where its block ends; to know it before, give one to batch()")
        return self._id

    def assign(self, task_id: str, description: str, **details: Unpack[TaskDetails]) -> None:
        """Adds a task, which runs after those before it. Nothing is stored before the block ends."""
        if self.assigned:
            raise ValueError(f"batch {self.id!r} is stored; a late task goes with Workspace.assign(batch={self.id!r})")
        self._tasks.append(TaskSpec(task_id, description, **details))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.assigned = self._workspace._assign_batch(self._tasks, self._options)
            self._id = self.assigned.batch.id
