"""A task's turn: what is asked for, and what it came to."""

from __future__ import annotations

from ctypes import pointer

from . import _abi, _values, _words
from ._library import call, lib
from .records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypedDict

    from ._words import TurnEnd
    from .records import Usage

    class CompletionDetails(TypedDict, total=False):
        """What may be said of a turn besides its output."""

        end: TurnEnd  # "done" if it is not said
        usage: Usage | None  # None: nobody knows
        reason: str | None  # a code
        detail: str | None  # a sentence for people
        output_summary: str | None
        actions_taken: list[Any] | None
        errors: Any  # what JSON can hold


class TurnRequest(Record):
    """A task that is to be worked now."""

    __slots__ = ()
    task: str | None  # None: the batch's preamble; `prompt` is all there is
    batch: str
    description: str
    context: Any
    prompt: str  # all of it as one text for a model
    attempt: int  # above 1: an earlier turn of the task broke or was interrupted, and may have changed files
    session: int
    turn: int
    position: int
    limit: float  # how long the turn may take


class AgentTurn(TurnRequest):
    """What an `Agent` is to work. `progress` and `interrupted` are of use until `turn` has returned."""

    __slots__ = ("_running",)

    def _begin(self, running: Any) -> None:
        self._running = running

    def _end(self) -> None:
        self._running = None

    def progress(self, line: str) -> None:
        """Tells something on the way; it becomes an event. From any thread that `turn` waits for."""
        if self._running is not None:
            call("cobatch_turn_progress", self._running, _values.text(line))

    @property
    def interrupted(self) -> bool:
        """Whether the turn ought to return soon."""
        return self._running is None or bool(lib.cobatch_turn_interrupted(self._running))


class Completion(Record):
    """What a turn came to.

    `end`: "done", "error" (the task failed; final), "denied" (so was a tool that it needed; final), "broke" and
    "timed_out" (tried again), or "stopped" (not the task's doing; charged with nothing).
    """

    __slots__ = ()
    output: str | None
    end: TurnEnd
    usage: Usage | None
    reason: str | None  # a code
    detail: str | None  # a sentence for people
    output_summary: str | None
    actions_taken: Any  # a list
    errors: Any

    def __init__(
        self,
        output: str | None = None,
        *,
        end: TurnEnd = "done",
        usage: Usage | None = None,
        reason: str | None = None,
        detail: str | None = None,
        output_summary: str | None = None,
        actions_taken: list[Any] | None = None,
        errors: Any = None,
    ) -> None:
        self._values = (
            output,
            _words.TURN_ENDS.number(end),
            usage,
            reason,
            detail,
            output_summary,
            _values.json_text(actions_taken),
            _values.json_text(errors),
        )


def completion_struct(completion: Completion) -> Any:
    """As the library takes it."""
    output, end, usage, *texts = completion._values
    reason, detail, output_summary, actions_taken, errors = map(_values.text, texts)
    struct = _abi.cobatch_completion(
        end=end,
        output=_values.text(output),
        reason=reason,
        detail=detail,
        output_summary=output_summary,
        actions_taken=actions_taken,
        errors=errors,
    )
    if usage is not None:
        struct.usage = pointer(_usage_struct(usage))
    return struct


def _usage_struct(usage: Usage) -> Any:
    models, incomplete, source, requests, inherited_read = usage._values
    entries = [
        _abi.cobatch_model_tokens(
            model=_values.text(model), tokens=_abi.cobatch_tokens(**dict(zip(tokens._fields, tokens._values)))
        )
        for model, tokens in models
    ]
    array = (_abi.cobatch_model_tokens * len(entries))(*entries)
    return _abi.cobatch_usage(
        source=source,
        incomplete=incomplete,
        models=array,
        model_count=len(array),
        has_requests=requests is not None,
        requests=requests or 0,
        has_inherited_read=inherited_read is not None,
        inherited_read=inherited_read or 0,
    )
