"""Reads records out of the structs and replies of the library."""

from __future__ import annotations

import re
from ctypes import POINTER, byref, c_char
from functools import partial

from . import _abi
from ._library import call, lib
from ._values import string, string_list
from .records import (
    Account,
    Batch,
    Budget,
    Changes,
    Finding,
    LiveEngine,
    Lock,
    Result,
    Savings,
    Session,
    Task,
    Tokens,
    Turn,
    Usage,
    Warning,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, TypeVar

    from .records import Record

    R = TypeVar("R", bound=Record)


# The struct of a record, and the function that gives the next one of a reply.
_SOURCES: dict[type[Record], tuple[Any, str]] = {
    Batch: (_abi.cobatch_batch_info, "cobatch_reply_next_batch"),
    Task: (_abi.cobatch_task_info, "cobatch_reply_next_task"),
    Result: (_abi.cobatch_result_info, "cobatch_reply_next_result"),
    Turn: (_abi.cobatch_turn_info, "cobatch_reply_next_turn"),
    Session: (_abi.cobatch_session_info, "cobatch_reply_next_session"),
    Warning: (_abi.cobatch_warning_info, "cobatch_reply_next_warning"),
    LiveEngine: (_abi.cobatch_engine_info, "cobatch_reply_next_engine"),
    Account: (_abi.cobatch_account_info, "cobatch_reply_next_account"),
    Lock: (_abi.cobatch_lock_info, "cobatch_reply_lock"),
    Savings: (_abi.cobatch_savings_info, "cobatch_reply_savings"),
    Finding: (_abi.cobatch_finding_info, "cobatch_reply_next_finding"),
}
_KINDS = {kind.__name__: kind for kind in _SOURCES}


# ------------------------------------------------------------------------------------------------ one struct


def _models(struct: Any) -> tuple[tuple[str | None, Tokens], ...]:
    return tuple((string(one.model), record(Tokens, one.tokens)) for one in struct.models[: struct.model_count])


def _usage(pointer: Any) -> Usage | None:
    if not pointer:
        return None
    usage = pointer[0]
    requests = usage.requests if usage.has_requests else None
    inherited_read = usage.inherited_read if usage.has_inherited_read else None
    return Usage._of((_models(usage), usage.incomplete, usage.source, requests, inherited_read))


def _budget(pointer: Any) -> Budget | None:
    return record(Budget, pointer[0]) if pointer else None


def _changes(pointer: Any) -> Changes | None:
    return record(Changes, pointer[0]) if pointer else None


def _tokens(struct: Any) -> Tokens:
    return record(Tokens, struct)


_TAKES: dict[type, Callable[[Any], Any]] = {
    _abi.cobatch_text: string,
    _abi.cobatch_texts: string_list,
    c_char * 512: lambda text: text.decode() or None,  # RunReport.why_left
    _abi.cobatch_tokens: _tokens,
    POINTER(_abi.cobatch_usage): _usage,
    POINTER(_abi.cobatch_budget): _budget,
    POINTER(_abi.cobatch_changes): _changes,
}


# The struct's members for the fields of a record, and how they are taken.
_members: dict[type[Record], list[tuple[str, Callable[[Any], Any] | None]]] = {}


def _look_up_members(kind: type[Record], struct: Any) -> None:
    """A duration, `limit`, is kept in `limit_ms`."""
    types = dict(struct._fields_)
    names = (name if name in types else f"{name}_ms" for name in kind._fields)
    _members[kind] = [(name, _TAKES.get(types[name])) for name in names]


def record(kind: type[R], struct: Any) -> R:
    """A copy of what the struct says; its text need not live on."""
    if kind not in _members:
        _look_up_members(kind, struct)
    return kind._of(take(getattr(struct, name)) if take else getattr(struct, name) for name, take in _members[kind])


def _savings(struct: Any) -> Savings:
    """What the struct marks as absent is None in the record."""
    known = {"guide": struct.has_guide, "processed": struct.has_processed, "cache": struct.has_processed}
    return Savings._of(getattr(struct, name) if known[name.partition("_")[0]] else None for name in Savings._fields)


def _account(struct: Any) -> Account:
    known = dict(zip(Account._fields, record(Account, struct)._values))
    known.update(models=_models(struct), nano_dollars=struct.nano_dollars if struct.has_cost else None)
    return Account._of(known.values())


# Those that are not read member by member.
_READ: dict[type, Callable[[Any], Any]] = {Savings: _savings, Account: _account}


# --------------------------------------------------------------------------------------------------- a reply


class _Reply:
    """What a call answered; freed with this object."""

    def __init__(self, function: str, *arguments: Any) -> None:
        self.handle = _abi.HANDLE()
        self._free = lib.cobatch_reply_free
        call(function, *arguments, byref(self.handle))

    def __del__(self) -> None:
        self._free(self.handle)


def _records(kind: type[R], reply: _Reply) -> Iterator[R]:
    """Those of one kind; a reply gives each once."""
    struct, function = _SOURCES[kind]
    read: Any = _READ.get(kind) or partial(record, kind)
    info = struct()
    while call(function, reply.handle, byref(info)):
        yield read(info)


def listed(kind: type[R], function: str, *arguments: Any) -> Iterator[R]:
    """The records of a list, read as one goes on."""
    return _records(kind, _Reply(function, *arguments))


def _reader(annotation: str) -> Callable[[_Reply], Any]:
    """Reads what a field of an answer is to hold: the outcome, all records of a kind, or the only one."""
    if annotation == "Outcome":
        return lambda reply: lib.cobatch_reply_outcome(reply.handle)
    kind = _KINDS[re.search(r"[A-Z]\w+", annotation)[0]]  # type: ignore[index]
    if annotation.startswith("tuple"):
        return lambda reply: tuple(_records(kind, reply))
    return lambda reply: next(_records(kind, reply), None)


# How the fields of an answer are read, in order.
_readers: dict[type[Record], list[Callable[[_Reply], Any]]] = {}


def answer(kind: type[R], function: str, *arguments: Any) -> R:
    """All that a call answered."""
    if kind not in _readers:
        _readers[kind] = [_reader(annotation) for annotation in kind.__annotations__.values()]
    reply = _Reply(function, *arguments)
    return kind._of(read(reply) for read in _readers[kind])
