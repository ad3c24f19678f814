"""What the library says of tasks, batches, turns, sessions and what they used, as it was when it was read.

Times are aware datetimes in UTC, durations seconds. None stands for what is not there or not known; it is never 0.
"""

from __future__ import annotations

import json

from . import _values, _words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Callable, Iterable, Mapping

    from typing_extensions import Self

    from ._words import (
        Answer,
        BatchState,
        ErrorRule,
        EventKind,
        Marker,
        Priority,
        RunningWay,
        SaidBy,
        SessionEnd,
        TaskState,
        TurnEnd,
        UsageSource,
    )

    Ordinal = int  # from 1


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


# How what the library gave becomes what a field shows, by the field's annotation.
_SHOWN: dict[str, Callable[[Any], Any]] = {
    "str": lambda text: text or "",
    "bool": bool,
    "Ordinal | None": lambda number: number or None,
    "float": lambda ms: ms / 1000,
    "float | None": lambda ms: ms / 1000 if ms else None,
    "datetime | None": _values.time,
    "Any": _parsed,
    "Priority": _words.PRIORITIES.word,
    "TaskState": _words.TASK_STATES.word,
    "TaskState | None": lambda number: _words.TASK_STATES.word(number) if number else None,
    "BatchState": _words.BATCH_STATES.word,
    "TurnEnd": _words.TURN_ENDS.word,
    "TurnEnd | None": lambda number: _words.TURN_ENDS.word(number) if number else None,
    "SessionEnd": _words.SESSION_ENDS.word,
    "SessionEnd | None": lambda number: _words.SESSION_ENDS.word(number) if number else None,
    "RunningWay | None": lambda number: _words.RUNNING_WAYS.word(number) if number else None,
    "ErrorRule | None": lambda number: _words.ERROR_RULES.word(number) if number else None,
    "UsageSource": _words.USAGE_SOURCES.word,
    "SaidBy": _words.SAID_BY.word,
    "EventKind": _words.EVENT_KINDS.word,
    "Marker": _words.MARKERS.word,
    "Outcome": _words.OUTCOMES.word,
    "Answer": _words.ANSWERS.word,
}


def _field(index: int, annotation: str) -> property:
    shown = _SHOWN.get(annotation)
    if shown is None:
        return property(lambda record: record._values[index])
    return property(lambda record: shown(record._values[index]))


class Record:
    """Immutable, comparable, and hashable. Its fields are its annotations.

    A record keeps what the library gave, and makes it a Python value when it is asked for: a time costs nothing until
    somebody looks at it.
    """

    __slots__ = ("_values",)
    _values: tuple[Any, ...]
    _fields: tuple[str, ...]

    def __init_subclass__(cls) -> None:
        own: dict[str, str] = cls.__annotations__
        if not own:  # a record that can do more, with the fields of its base
            return
        cls._fields = tuple(own)
        for index, (name, annotation) in enumerate(own.items()):
            setattr(cls, name, _field(index, annotation))

    @classmethod
    def _of(cls, values: Iterable[Any]) -> Self:
        """Of the fields as the library gives them, in order."""
        made = cls.__new__(cls)
        made._values = tuple(values)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and type(self) is type(other) and self._values == other._values

    def __hash__(self) -> int:
        return hash((type(self), self._values))

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name in self._fields)
        known = ", ".join(f"{name}={_short(value)}" for name, value in shown if value is not None)
        return f"{type(self).__name__}({known})"


def _short(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat(" ", "milliseconds"))
    text = repr(value)
    return text if len(text) <= 120 or isinstance(value, Record) else f"{text[:100]}...{text[-1]}"


class Tokens(Record):
    """Token counts that do not overlap; `reasoning` is the part of `output` that was reasoning, where known."""

    __slots__ = ()
    uncached_input: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int
    output: int
    reasoning: int

    def __init__(
        self,
        *,
        uncached_input: int = 0,
        cache_write_5m: int = 0,
        cache_write_1h: int = 0,
        cache_read: int = 0,
        output: int = 0,
        reasoning: int = 0,
    ) -> None:
        self._values = (uncached_input, cache_write_5m, cache_write_1h, cache_read, output, reasoning)

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens._of(mine + theirs for mine, theirs in zip(self._values, other._values))


class Usage(Record):
    """What a turn used, model by model. To say it of a turn of yours:

    Usage("claude-sonnet", uncached_input=12, cache_read=45_000, output=1_500)
    Usage(models={"small": Tokens(output=10), "large": Tokens(output=900)})
    """

    __slots__ = ()
    models: tuple[tuple[str | None, Tokens], ...]  # the provider's name for a model, and its tokens
    incomplete: bool  # at least this much was used
    source: UsageSource
    requests: int | None  # to the model, without those of subagents
    inherited_read: int | None  # the part of the cache reads that was there before the turn

    def __init__(
        self,
        model: str | None = None,
        *,
        models: Mapping[str | None, Tokens] | None = None,
        incomplete: bool = False,
        source: UsageSource = "reported",
        requests: int | None = None,
        inherited_read: int | None = None,
        **tokens: int,
    ) -> None:
        if models is None:
            models = {model: Tokens(**tokens)}
        elif tokens or model is not None:
            raise TypeError("give either `models`, or one model and its tokens")
        number = _words.USAGE_SOURCES.number(source)
        self._values = (tuple(models.items()), incomplete, number, requests, inherited_read)

    @property
    def total(self) -> Tokens:
        """The sum over the models."""
        return sum((tokens for _, tokens in self.models), Tokens())


class Budget(Record):
    """What a batch may use, looked at before each turn: the turn that reaches it is the last one. 0 is no limit.

    Budget(usd="2.50", tokens=3_000_000, time=3600)

    `usd` has at most 9 decimals, and is exact; `time` is seconds that turns have run. Tokens are those that the model
    has read or written, cache reads included. After a turn whose usage nobody reported no other is begun while dollars
    or tokens are limited, unless `allow_unknown` is true.
    """

    __slots__ = ()
    nano_dollars: int  # 10^-9 dollars
    tokens: int
    time: float
    allow_unknown: bool

    def __init__(
        self, *, usd: Decimal | str | float = 0, tokens: int = 0, time: float = 0, allow_unknown: bool = False
    ) -> None:
        self._values = (_values.nano(usd), tokens, _values.milliseconds(time), allow_unknown)

    @property
    def usd(self) -> Decimal:
        return _values.dollars(self.nano_dollars)


class Changes(Record):
    """What a turn changed in the agent's folder, as its git repository shows it; ignored files are not seen."""

    __slots__ = ()
    files: tuple[str, ...]  # changed, made or removed; paths from the top of the repository
    commits: tuple[str, ...]  # made by the turn, oldest first
    incomplete: bool  # there was more than is listed


class Warning(Record):
    """What a call was done in spite of: `code` never changes ("late_task"), `message` says what to do."""

    __slots__ = ()
    code: str
    message: str


class Batch(Record):
    """Tasks that run in one session, in order."""

    __slots__ = ()
    id: str
    state: BatchState
    priority: Priority  # the highest of its tasks
    agent: str | None  # None: the default of whoever runs it
    model: str | None  # None: the agent's own choice
    way: RunningWay | None  # None: not said, as "one_session"
    on_error: ErrorRule | None  # None: not said, as "continue"
    budget: Budget | None
    preamble: bool  # it has one
    round: int  # from 1
    queued: int  # tasks in each state
    in_progress: int
    done: int
    error: int
    cancelled: int
    hold_reason: str | None
    fruitless_sessions: int  # in a row, that settled no turn
    created_at: datetime | None
    last_assign_at: datetime | None
    sealed_at: datetime | None
    held_until: datetime | None


class Task(Record):
    """One thing to do."""

    __slots__ = ()
    id: str
    batch: str
    state: TaskState
    position: int  # in its batch, from 1
    description: str
    context: Any
    priority: Priority
    duplicate: bool  # in the answer to an assign: it was there already, with equal content
    max_attempts: int
    attempts: int
    interruptions: int
    assigned_by: str | None
    needs: tuple[str, ...]  # see TaskDetails
    check: tuple[str, ...]
    model: str | None
    tools: tuple[str, ...]
    limit: float | None  # of each turn; None: as whoever runs it says
    reason: str | None  # of a cancelled one: "need_failed", "batch_stopped"; None: somebody cancelled it
    round: int
    session: Ordinal | None  # of its latest turn
    turn: Ordinal | None
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


class Result(Record):
    """What a task came to."""

    __slots__ = ()
    task: str
    batch: str
    state: TaskState  # "done" or "error"
    end: TurnEnd  # of the turn that settled it
    said_by: SaidBy
    reason: str | None  # a code that never changes
    detail: str | None  # a sentence for people
    output: str | None
    output_summary: str | None
    actions_taken: Any
    errors: Any
    position: int
    session: int
    turn: int
    loaded_context: bool  # the turn's conversation began with it
    completed_at: datetime | None
    duration: float
    usage: Usage | None  # of the turn that settled it; None: nobody knows
    preamble_usage: Usage | None  # of the preamble if it was sent right before; it is not part of `usage`
    changes: Changes | None  # None: not known


class Turn(Record):
    """One attempt at a task, in one session."""

    __slots__ = ()
    task: str | None  # None: the turn of the batch's preamble, which belongs to no task
    batch: str
    session: int
    turn: int
    position: int
    end: TurnEnd
    attempt: int  # of its task, from 1
    reason: str | None
    detail: str | None
    recovered: bool  # settled after its orchestrator died, from what the agent had written
    process: int  # which agent process of the session, and which turn of that one; from 1
    process_turn: int
    loaded_context: bool  # its conversation began with it: nothing was there from earlier turns
    conversation: str | None  # the agent's own id of it
    started_at: datetime | None
    ended_at: datetime | None
    usage: Usage | None  # None: nobody knows
    changes: Changes | None  # None: not known


class Session(Record):
    """One agent at work on one batch, from lock to unlock."""

    __slots__ = ()
    session: int
    batch: str
    agent: str
    end: SessionEnd
    end_detail: str | None
    end_requested: bool  # somebody asked for its end (unlock with force)
    round: int
    owner_pid: int  # of the orchestrator
    turns_settled: int  # that came to something
    started_at: datetime | None
    ended_at: datetime | None
    agent_version: str | None  # as the agent says of itself
    agent_model: str | None
    agent_billing: str | None  # which credential pays
    paused_until: datetime | None  # it rests until then: a limit of the agent's provider
    pause_reason: str | None  # a sentence for people


class LiveEngine(Record):
    """An engine that is alive, in this process or another."""

    __slots__ = ()
    description: str  # "pid 123: claude"


class Lock(Record):
    """Who holds the lock."""

    __slots__ = ()
    held: bool  # by an orchestrator or the keeper of an agent
    orchestrator_lost: bool  # it has died; the keeper lets the running turn finish
    marker: Marker  # data/execute_queue.lock
    marker_content: str | None
    advice: str  # what this means and what to do


class Account(Record):
    """What some turns used together: those of one task, those of the preamble, or all of a batch."""

    __slots__ = ()
    task: str | None  # None: the whole batch, or its preamble
    position: int
    turns: int  # all attempts
    preamble_turns: int  # the part of them that was the preamble's, which belong to no task
    wasted_turns: int  # that ended and settled nothing
    turns_without_usage: int  # that ended, and nobody knows what they used
    used: Tokens
    waste: Tokens  # the part of it in wasted turns
    incomplete: bool  # a turn still runs, or nobody knows all that it used: the sums are a lower bound
    scripted: bool  # some figures were played by the scripted agent
    told: bool  # some figures are what somebody said; nobody measured them
    models: tuple[tuple[str | None, Tokens], ...]  # what `used` is made of
    nano_dollars: int | None  # what it cost at list prices; None: nobody knows. If it is incomplete, at least that
    cost_at_least: bool  # by the prices it may be more; a warning of the reply says why

    @property
    def usd(self) -> Decimal | None:
        """The same in dollars, exactly."""
        return None if self.nano_dollars is None else _values.dollars(self.nano_dollars)


class Savings(Record):
    """What a batch compares to, in tokens: `guide_...` as the guide counts, against a session a task.

    saved = without - with; it is negative if the batch was dearer. None is what cannot be said.
    """

    __slots__ = ()
    guide_without: int | None
    guide_with: int | None
    guide_saved: int | None
    guide_saved_permille: int | None  # tenths of a percent of guide_without
    processed: int | None  # tokens read and written, all tasks
    cache_read: int | None  # the part of it that was read from the cache


class Event(Record):
    """Something that happened in the workspace."""

    __slots__ = ()
    kind: EventKind
    session: Ordinal | None
    turn: Ordinal | None
    batch: str | None
    task: str | None
    task_state: TaskState | None  # of turns: as it is now
    turn_end: TurnEnd | None  # with "turn_ended"
    session_end: SessionEnd | None  # with "session_ended"
    agent: str | None
    text: str | None  # untrusted
    at: datetime | None  # when it happened; None where nobody wrote it down
    count: Ordinal | None  # with "dropped"
    usage: Usage | None  # with "turn_ended"; None: nobody knows
    resume_session: int
    resume_step: int

    @property
    def position(self) -> tuple[int, int]:
        """Where to go on after this event: `Workspace.events(resume=position)`."""
        return self.resume_session, self.resume_step


class RunReport(Record):
    """What a run or an engine has done."""

    __slots__ = ()
    sessions: int
    turns: int
    tasks_done: int  # in turns of this run
    tasks_failed: int  # the same: they ended in error or were cancelled
    tasks_left: int  # that have not ended, of the batches that were to run
    tasks_held: int  # the part of them in held batches, which wait for a person, or for some time
    why_left: str | None  # a sentence; None if none is left, or nobody knows


class Finding(Record):
    """A line of the doctor's checklist, answered: "yes" if it is as it should be."""

    __slots__ = ()
    check: str  # what was looked at: a code that never changes ("lock_file"); it may come several times
    answer: Answer  # "unknown": it cannot be told, or not yet
    message: str  # what is there and what it means; may hold a client's text (untrusted)
    fix: str | None  # a command to copy to a POSIX shell
