"""The words for the constants of the header: COBATCH_TASK_IN_PROGRESS is "in_progress"."""

from __future__ import annotations

from . import _abi
from .errors import BadValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Priority = Literal["default", "low", "medium", "high"]
    TaskState = Literal["queued", "in_progress", "done", "error", "cancelled"]
    BatchState = Literal["open", "sealed", "running", "ending", "finished", "held"]
    TurnEnd = Literal["running", "done", "error", "denied", "broke", "timed_out", "interrupted", "stopped", "cancelled"]
    SessionEnd = Literal[
        "live",
        "finished",
        "full",
        "not_started",
        "stopped",
        "agent_lost",
        "crashed",
        "cancelled",
        "blocked",
        "budget",
        "usage_unknown",
    ]
    RunningWay = Literal["default", "one_session", "fork", "separate"]
    ErrorRule = Literal["default", "continue", "stop"]
    UsageSource = Literal["reported", "difference", "transcript", "scripted", "told"]
    SaidBy = Literal["by_agent", "by_nobody", "by_cobatch"]
    EventKind = Literal[
        "session_started",
        "turn_started",
        "turn_ended",
        "session_ended",
        "changed",
        "progress",
        "waiting",
        "trouble",
        "recovered",
        "dropped",
        "agent_known",
        "tool",
        "notice",
        "paused",
        "resumed",
    ]
    Marker = Literal["absent", "ours", "foreign"]
    Outcome = Literal[
        "stored",
        "duplicate",
        "sealed",
        "unchanged",
        "started",
        "already_running",
        "nothing_to_do",
        "cancelled",
        "marker_removed",
        "end_requested",
        "queued_again",
    ]
    Answer = Literal["yes", "no", "unknown"]


class Words:
    """The words of one enumeration, which the header tells by the beginning of their names."""

    def __init__(self, what: str, prefix: str, names: tuple[str, ...] = ()) -> None:
        self._what = what
        self._prefix = prefix
        self._words: dict[int, str] = {
            value: name[len(prefix) :].lower()
            for name, value in vars(_abi).items()
            if name.startswith(prefix) and (not names or name[len(prefix) :].lower() in names)
        }

    def word(self, number: int) -> str:
        """A later library may have numbers that this package has no word for."""
        return self._words.get(number, f"unknown_{number}")

    def number(self, word: str | None) -> int:
        """0 for None: whatever the default is."""
        if word is None:
            return 0
        for number, own in self._words.items():
            if own == word:
                return number
        raise BadValue("bad_value", f"{self._what} is {word!r}; it can be {', '.join(self._words.values())}")


PRIORITIES = Words("priority", "COBATCH_PRIORITY_")
TASK_STATES = Words("state", "COBATCH_TASK_")
BATCH_STATES = Words("state", "COBATCH_BATCH_")
TURN_ENDS = Words("end", "COBATCH_TURN_")
SESSION_ENDS = Words("end", "COBATCH_SESSION_")
RUNNING_WAYS = Words("way", "COBATCH_WAY_")
ERROR_RULES = Words("on_error", "COBATCH_ON_ERROR_")
USAGE_SOURCES = Words("source", "COBATCH_USAGE_")
SAID_BY = Words("said_by", "COBATCH_SAID_")
EVENT_KINDS = Words("kind", "COBATCH_EVENT_")
MARKERS = Words("marker", "COBATCH_MARKER_", ("absent", "ours", "foreign"))
OUTCOMES = Words(
    "outcome",
    "COBATCH_",
    (
        "stored",
        "duplicate",
        "sealed",
        "unchanged",
        "started",
        "already_running",
        "nothing_to_do",
        "cancelled",
        "marker_removed",
        "end_requested",
        "queued_again",
    ),
)
ANSWERS = Words("answer", "COBATCH_ANSWER_")
