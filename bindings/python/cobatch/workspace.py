"""A workspace: a project folder with a `data/` folder in it, in which all that Cobatch knows of the project lives."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from ctypes import byref, c_int32

from . import _abi, _values, _words
from ._blocking import blocking, blocking_async, ended_at_exit, running_loop
from ._handles import Handle
from ._library import call, lib, owned
from ._log import log_line, logger
from ._replies import answer, listed, record
from ._running import Running
from .answers import (
    Assigned,
    BatchStatus,
    Cancelled,
    Executed,
    LockStatus,
    Overview,
    Reset,
    Retried,
    SavingsReport,
    Sealed,
    TaskStatus,
    Unlocked,
)
from .engine import Engine
from .errors import Closed, Error, Forked, TimedOut
from .events import Events
from .records import Batch, Result, RunReport, Session, Task, Turn
from .session import HostSession
from .tasks import NewBatch, TaskSpec, options_struct, split, task_structs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator, TypeVar

    from typing_extensions import Self, Unpack

    from ._running import RunOptions
    from ._words import BatchState, TaskState
    from .agents import AnyAgent
    from .records import Record
    from .tasks import AssignDetails, BatchDetails

    R = TypeVar("R", bound=Record)


class Workspace:
    """Opens the workspace in folder `root`, and makes its `data/` if there is none.

    `state` is a folder for store and lock if `data/` is on a file system that cannot lock. Any number of processes may
    use one workspace, and any thread this object. In a child that was forked while a workspace was open, everything
    raises Forked: fork before, or start a new program (with multiprocessing: the method "spawn").

    Besides those that a method names, every method may raise the store's errors (DiskFull, NotWritable, StorageFault,
    WorkspaceReplaced, ...) and Closed. Calls that wait (`wait`, `run`, `call`, and those of events) can be interrupted
    with Ctrl-C in the main thread, and with `interrupt` from another one.

    Raises NotWritable, DiskFull, CannotLock, UnsafeFile, StoreNewer, StoreDamaged, StorageFault, IoError; ImportError
    if the Cobatch library is not there.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] = ".",
        state: str | os.PathLike[str] | None = None,
        *,
        max_tasks_per_session: int | None = None,
    ) -> None:
        options = _values.place(root, state, max_tasks_per_session)
        workspace = _abi.HANDLE()
        call("cobatch_open", byref(options), byref(workspace))
        self._handle = Handle("workspace", workspace, lib.cobatch_close)
        self._handle.freed_with(self)
        call("cobatch_set_log", workspace, log_line, None, _abi.DESTROY())
        text = lib.cobatch_root(workspace)
        self.root: str = os.fsdecode(text.data[: text.size])

    def close(self) -> None:
        """Interrupts what waits in other threads, and brings the JSON files in `data/` up to date. Engines, sessions
        and events of the workspace stay usable. To close it twice is fine."""
        with suppress(Closed, Forked):
            self.interrupt()
        self._handle.close()

    def interrupt(self) -> None:
        """Ends the calls of this object that wait right now in other threads: they raise Interrupted. `run` stops as an
        engine does, and a second interrupt ends its grace. Calls that begin later are not affected."""
        with self._handle as workspace:
            lib.cobatch_interrupt(workspace)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<cobatch.Workspace {self.root!r}{' (closed)' if self._handle.closed else ''}>"

    # ------------------------------------------------------------------------------------------------ assigning

    def assign(
        self,
        task_id: str,
        description: str,
        *,
        batch: str | None = None,
        keep_open: bool = False,
        **details: Unpack[AssignDetails],
    ) -> Assigned:
        """Stores one task, and seals its batch unless `keep_open`. It is on the disk when this returns; nothing is run.

        Without `batch` the task gets a batch of its own. To assign a task that is there with equal content is fine. A
        task that comes after the batch was sealed joins it, or starts its next round.

        `details` of the task: `context` (what JSON can hold), `priority` ("low", "medium", "high"), `needs` (ids of
        tasks of the batch that are to be done before it), `check` (a program and its arguments: the task is done only
        if it exits with 0), `model`, `tools` (the only ones it may use), `limit` (seconds for each turn),
        `max_attempts`, `assigned_by`.

        `details` of its batch: `agent` (its name), `way` ("one_session", "fork", "separate"), `on_error` ("continue",
        "stop"), `budget` (a Budget), `preamble` (context that all tasks share), `context_files` (whose content follows
        it). What is left out stays as the batch has it. What it has cannot become another thing, and nothing can be
        added once it runs; only the budget may be given anew.

        Raises TaskExists (the id is taken by other content), NeedUnknown, AgentConflict, BatchConflict, BadId,
        BadValue, BadJson, BadEncoding, TooLarge: nothing was stored. OutcomeUnknown: repeat the call.
        """
        of_task, of_batch = split(details)
        task = task_structs([TaskSpec(task_id, description, **of_task)])
        options = options_struct(batch, keep_open, **of_batch)
        return self._ask(Assigned, "cobatch_assign_task", task, byref(options))

    def assign_batch(
        self,
        tasks: Iterable[TaskSpec],
        *,
        batch: str | None = None,
        keep_open: bool = False,
        model: str | None = None,
        **details: Unpack[BatchDetails],
    ) -> Assigned:
        """Stores a whole batch in one step, all or nothing, in the order in which its tasks will run.

        `model` is for the tasks that name none. Otherwise as `assign`; also raises DuplicateInBatch.
        """
        return self._assign_batch(tasks, options_struct(batch, keep_open, model=model, **details))

    def _assign_batch(self, tasks: Iterable[TaskSpec], options: Any) -> Assigned:
        structs = task_structs(tasks)
        return self._ask(Assigned, "cobatch_assign_batch", structs, len(structs), byref(options))

    def batch(self, id: str | None = None, *, model: str | None = None, **details: Unpack[BatchDetails]) -> NewBatch:
        """Collects the tasks of one batch:

            with ws.batch() as batch:
                batch.assign("doc_1", "Document feature A")
                batch.assign("doc_2", "Document feature B")
            ws.wait(batch.id)

        Where the block ends, the batch is assigned and sealed in one step; nothing is if the block raises. `model` and
        `details` are as of `assign_batch`.
        """
        return NewBatch(self, id, options_struct(id, keep_open=False, model=model, **details))

    def seal(self, batch: str) -> Sealed:
        """Says that an open batch is complete, so that it runs. Raises BatchNotFound, EmptyBatch."""
        return self._ask(Sealed, "cobatch_seal", _values.text(batch))

    def execute_queue(self, batch: str | None = None) -> Executed:
        """Wakes whoever runs batches here; runs nothing itself (see `run`).

        With a batch: seals it if it is open, and lets it go if it is held. Without: every sealed batch, and open ones
        that were not touched for 30 seconds. Raises BatchNotFound, EmptyBatch.
        """
        return self._ask(Executed, "cobatch_execute_queue", _values.text(batch))

    def cancel(self, task: str) -> Cancelled:
        """Cancels a task that has not ended; a turn of it that runs is ended. Raises TaskNotFound, TaskEnded."""
        return self._ask(Cancelled, "cobatch_cancel", _values.text(task))

    def reset(self, task: str) -> Reset:
        """Queues a task again that has ended, or that somebody has in progress by hand. Its result goes, what its turns
        cost stays. Raises TaskNotFound, TaskInProgress, NeedUnknown (a task that it needs is gone, or failed)."""
        return self._ask(Reset, "cobatch_reset", _values.text(task))

    def retry(self, batch: str) -> Retried:
        """Resets every task of the batch that failed or was cancelled, and seals it. Raises BatchNotFound."""
        return self._ask(Retried, "cobatch_retry", _values.text(batch))

    # -------------------------------------------------------------------------------------------------- reading

    def task(self, id: str) -> TaskStatus:
        """Raises TaskNotFound."""
        return self._ask(TaskStatus, "cobatch_find_task", _values.text(id))

    def find_batch(self, id: str) -> BatchStatus:
        """Raises BatchNotFound."""
        return self._ask(BatchStatus, "cobatch_find_batch", _values.text(id))

    def status(self) -> Overview:
        """The workspace at a glance; its cost does not grow with the number of tasks."""
        return self._ask(Overview, "cobatch_overview")

    def batches(self, *, state: BatchState | None = None) -> Iterator[Batch]:
        """In the order in which they were made. Lists are read from the store as you go on."""
        return self._list(Batch, "cobatch_list_batches", state=_words.BATCH_STATES.number(state))

    def tasks(self, *, batch: str | None = None, state: TaskState | None = None) -> Iterator[Task]:
        """In order of batch and position."""
        return self._list(Task, "cobatch_list_tasks", batch=_values.text(batch), state=_words.TASK_STATES.number(state))

    def results(self, *, batch: str | None = None, state: TaskState | None = None) -> Iterator[Result]:
        """In order of batch and position."""
        return self._list(
            Result, "cobatch_list_results", batch=_values.text(batch), state=_words.TASK_STATES.number(state)
        )

    def turns(self, *, batch: str | None = None, task: str | None = None, session: int | None = None) -> Iterator[Turn]:
        """In the order in which they began."""
        return self._list(
            Turn, "cobatch_list_turns", batch=_values.text(batch), task=_values.text(task), session=session or 0
        )

    def sessions(self, *, batch: str | None = None) -> Iterator[Session]:
        """In the order in which they began."""
        return self._list(Session, "cobatch_list_sessions", batch=_values.text(batch))

    def savings(self, batch: str, prices: str | os.PathLike[str] | None = None) -> SavingsReport:
        """What a batch really used, and what that compares to. Raises BatchNotFound, NoUsage.

        With `prices`, a file in the shape of LiteLLM's, the accounts also say what they cost at these list prices, of
        which a subscription bills none; those of preamble and tasks add up to the batch's. For the file it raises
        IoError, NotWritable, TooLarge, BadJson, BadEncoding, WrongType.
        """
        if prices is None:
            return self._ask(SavingsReport, "cobatch_savings", _values.text(batch))
        return self._ask(SavingsReport, "cobatch_savings_at_prices", _values.text(batch), _values.path(prices))

    # -------------------------------------------------------------------------------------------------- waiting

    def wait(self, batch: str, timeout: float | None = None) -> BatchStatus:
        """Waits until the round of the batch that is current now has ended, whoever runs it.

        `timeout` is seconds; None: as long as it takes. Raises TimedOut, BatchNotFound.
        """
        id, limit = _values.text(batch), _values.milliseconds(timeout, absent=-1)
        return blocking(lambda: self._ask(BatchStatus, "cobatch_wait", id, limit), self.interrupt)

    async def wait_async(self, batch: str, timeout: float | None = None) -> BatchStatus:
        """The same for a coroutine."""
        import asyncio  # costs more than all of this package's import

        try:
            return await asyncio.wait_for(self._ended(batch), timeout)
        except asyncio.TimeoutError:
            raise TimedOut(
                "timed_out", f'batch "{batch}" had not ended after {timeout} s; it goes on, wait again'
            ) from None

    async def _ended(self, batch: str) -> BatchStatus:
        with self.events() as events:
            status = self._look(BatchStatus, "cobatch_find_batch", _values.text(batch))
            round = status.batch.round
            while status.batch.round == round and status.batch.state != "finished":
                await events.wait_async()
                while events.next():  # one look at the batch for all that has happened
                    pass
                status = self._look(BatchStatus, "cobatch_find_batch", _values.text(batch))
            return status

    def events(self, resume: tuple[int, int] | None = None, *, timeout: float | None = None) -> Events:
        """Follows the workspace from now on, or from `resume`: the `position` of the last event that was dealt with,
        (0, 0) for the beginning. Iteration ends when `timeout` seconds have passed without an event."""
        session, step = resume or (0, 0)
        options = _abi.cobatch_events_options(
            flags=0 if resume is None else _abi.COBATCH_EVENTS_RESUME, resume_session=session, resume_step=step
        )
        with self._handle as workspace:
            return Events(workspace, self.interrupt, options, timeout)

    # -------------------------------------------------------------------------------------------------- running

    def run(
        self,
        agents: AnyAgent | Iterable[AnyAgent],
        batch: str | None = None,
        **options: Unpack[RunOptions],
    ) -> RunReport:
        """Runs here every sealed batch that the agents serve, one session at a time, until none is left.

        With `batch`: that one only, sealed first if it is open. The first agent serves batches that name none. If
        another process runs a session, this waits for its turn; what a crashed one left is settled first. If a lock
        file is there that Cobatch did not write, this returns at once: `lock` says what to do. That tasks failed is no
        error of the run: read the results.

        `options`, durations in seconds: `max_tasks_per_session` (10), `working_directory` of the agents (the project
        folder), `turn_limit` (30 minutes), `session_limit` (4 hours; no turn is begun after it), `stop_grace` (10 s for
        the running turn when a stop is asked for), `linger` (5 s for batches sealed by their very first task),
        `quiet_after` (5 minutes of silence in a turn, then a notice; 0: never), `limit_wait` (30 s, the first wait for
        a limit of the provider that does not say when it is over), `idle_limit` (never: of silence after a message of
        the agent that closes its task, the turn ends with that message as its answer).

        With `allow_checks` the checks of tasks are run, with the rights of this process and for `check_limit` (10
        minutes) at most; else tasks that have one fail. `prices` is a file of prices in the shape of LiteLLM's, which
        budgets in dollars need. `day_budget` is for each day (UTC), over all batches of the workspace: once it is spent
        nothing is begun any more, and this returns; an engine waits for the next day.

        Ctrl-C: no task is begun any more, the running one gets its grace, all is settled, and KeyboardInterrupt is
        raised; a second Ctrl-C ends the grace. Raises BatchNotFound, EmptyBatch, WorkspaceReplaced, StorageFault; for
        the prices IoError, NotWritable, TooLarge, BadJson, BadEncoding, WrongType. What may pass (a full disk, a
        foreign lock file) is tried again five times first.
        """
        running = Running(agents, batch, None, options)
        return blocking(lambda: self._run(running), self.interrupt)

    async def run_async(
        self,
        agents: AnyAgent | Iterable[AnyAgent],
        batch: str | None = None,
        **options: Unpack[RunOptions],
    ) -> RunReport:
        """The same for a coroutine; an `async def turn` of an agent runs on this loop. To cancel it is as Ctrl-C."""
        running = Running(agents, batch, running_loop(), options)
        return await blocking_async(lambda: self._run(running), self.interrupt)

    def _run(self, running: Running) -> RunReport:
        report = _abi.cobatch_run_report()
        with self._handle as workspace:

            def interrupt() -> None:
                lib.cobatch_interrupt(workspace)

            running.stops_with(interrupt)
            try:
                with ended_at_exit(interrupt), running.struct() as options:
                    call("cobatch_run", workspace, options, byref(report))
            finally:
                running.raise_escaped()
        return record(RunReport, report)

    def engine(
        self,
        agents: AnyAgent | Iterable[AnyAgent],
        batch: str | None = None,
        **options: Unpack[RunOptions],
    ) -> Engine:
        """Starts an engine in the background, which takes sealed batches as they come. See `run` for the arguments.

            with ws.engine(cobatch.claude()):
                ws.wait(batch.id)

        In a coroutine use `async with`; agents whose `turn` is an `async def` run on its loop.
        """
        with self._handle as workspace:
            return Engine(workspace, Running(agents, batch, running_loop(), options))

    def session(
        self,
        *,
        agent: str | None = None,
        batch: str | None = None,
        only_named: bool = False,
        max_tasks: int | None = None,
        turn_limit: float | None = None,
        session_limit: float | None = None,
    ) -> HostSession:
        """Begins a session that you drive yourself, with the next sealed batch, or with `batch`. Never waits; if there
        is no batch to take, the session has no turns.

        It takes batches that name `agent` ("callback" if it is None) and, unless `only_named`, those that name none. A
        session has at most `max_tasks` (10) turns, of `turn_limit` seconds (30 minutes) each unless you extend it; none
        is begun after `session_limit` (4 hours).

        Raises SessionLive (another session runs), ForeignMarker (a lock file is there that Cobatch did not write).
        """
        options = _abi.cobatch_session_options(
            agent=_values.text(agent),
            batch=_values.text(batch),
            only_named=only_named,
            max_tasks=max_tasks or 0,
            turn_limit_ms=_values.milliseconds(turn_limit),
            session_limit_ms=_values.milliseconds(session_limit),
        )
        with self._handle as workspace:
            return HostSession(workspace, options)

    # -------------------------------------------------------------------------------------------------- the lock

    def lock(self) -> LockStatus:
        """Who holds the lock. Nobody ever needs to remove the lock file by hand. Raises CannotLock."""
        return self._ask(LockStatus, "cobatch_lock_status")

    def unlock(self, *, force: bool = False) -> Unlocked:
        """Removes a lock file that nobody stands behind. With `force`, a live session is asked to end: its turn is
        cancelled, its other tasks stay queued. It never lets two sessions run at once. Raises SessionLive, NoMarker."""
        return self._ask(Unlocked, "cobatch_unlock", _abi.COBATCH_UNLOCK_FORCE if force else 0)

    # ---------------------------------------------------------------------------------------------------- JSON

    def call(self, action: str, **params: Any) -> dict[str, Any]:
        """One action of the guide, as over HTTP: `ws.call("batch_status", batch_id="docs")`; see `supported_actions`.

        Raises the error whose code the reply has.
        """
        request = {"tool_name": "claude_assistant", "action": action, "params": params}
        reply, kind = self._call(_values.json_text(request))
        answered: dict[str, Any] = json.loads(reply)
        if kind != _abi.COBATCH_CALL_DONE:
            raise Error.of(answered["code"], answered["message"])
        return answered

    def call_json(self, request: str) -> str:
        """One request as JSON text, and its reply; one that was refused is a reply too."""
        return self._call(request)[0]

    def _call(self, request: str | None) -> tuple[str, int]:
        return blocking(lambda: self._call_blocking(request), self.interrupt)

    def _call_blocking(self, request: str | None) -> tuple[str, int]:
        reply, kind = _abi.cobatch_owned_text(), c_int32()
        with self._handle as workspace:
            call("cobatch_call", workspace, _values.text(request), byref(reply), byref(kind))
        return owned(reply), kind.value

    # --------------------------------------------------------------------------------------------------- asking

    def _ask(self, kind: type[R], function: str, *arguments: Any) -> R:
        """What the library warns of goes to the log too."""
        answered = self._look(kind, function, *arguments)
        for warning in getattr(answered, "warnings", ()):
            logger().warning("%s (%s)", warning.message, warning.code)
        return answered

    def _look(self, kind: type[R], function: str, *arguments: Any) -> R:
        with self._handle as workspace:
            return answer(kind, function, workspace, *arguments)

    def _list(self, kind: type[R], function: str, **filter: Any) -> Iterator[R]:
        with self._handle as workspace:
            return listed(kind, function, workspace, byref(_abi.cobatch_filter(**filter)))


def open(root: str | os.PathLike[str] = ".", state: str | os.PathLike[str] | None = None) -> Workspace:
    """Opens the workspace in folder `root`: `with cobatch.open() as ws:`. See Workspace."""
    return Workspace(root, state)
