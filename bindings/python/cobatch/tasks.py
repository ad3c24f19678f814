"""Tasks on their way into a workspace."""

from __future__ import annotations

from . import _abi, _values, _words
from .records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, TypedDict

    from typing_extensions import Self, Unpack

    from ._words import Priority
    from .answers import Assigned
    from .records import Ordinal
    from .workspace import Workspace

    class TaskDetails(TypedDict, total=False):
        """What may be said of a task besides its id and description."""

        context: Any  # whatever JSON can hold, at most 1 MiB; the agent gets it with the description
        priority: Priority  # orders batches, not the tasks inside one
        max_attempts: Ordinal | None  # None: 2. With 1 the task runs at most once: interrupted, it ends as an error
        assigned_by: str | None  # for the record


class TaskSpec(Record):
    """A task to be assigned. Its id has 1 to 128 bytes without control characters, its description at most 256 KiB."""

    __slots__ = ()
    id: str
    description: str
    context: Any
    priority: Priority
    max_attempts: Ordinal | None
    assigned_by: str | None

    def __init__(
        self,
        id: str,
        description: str,
        *,
        context: Any = None,
        priority: Priority = "default",
        max_attempts: int | None = None,
        assigned_by: str | None = None,
    ) -> None:
        number = _words.PRIORITIES.number(priority)
        self._values = (id, description, _values.json_text(context), number, max_attempts or 0, assigned_by)


def task_structs(tasks: Iterable[TaskSpec]) -> Any:
    """An array, as the library takes it."""
    made = [_task_struct(task) for task in tasks]
    return (_abi.cobatch_task_spec * len(made))(*made)


def _task_struct(task: TaskSpec) -> Any:
    id, description, context, priority, max_attempts, assigned_by = task._values
    return _abi.cobatch_task_spec(
        id=_values.text(id),
        description=_values.text(description),
        context=_values.text(context),
        priority=priority,
        max_attempts=max_attempts,
        assigned_by=_values.text(assigned_by),
    )


class NewBatch:
    """See `Workspace.batch`."""

    def __init__(self, workspace: Workspace, id: str | None, agent: str | None) -> None:
        self._workspace = workspace
        self._id = id
        self._agent = agent
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
            self.assigned = self._workspace.assign_batch(self._tasks, batch=self._id, agent=self._agent)
            self._id = self.assigned.batch.id
