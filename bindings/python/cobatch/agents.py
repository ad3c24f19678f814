"""Agents: what works the tasks of a session.

`claude`, `command` and `scripted` are Cobatch's own. One of yours is a subclass of `Agent`:

    class Writer(cobatch.Agent):
        name = "writer"

        def turn(self, request):
            return f"Did: {request.description}"

    ws.run(Writer())
"""

from __future__ import annotations

import os
from ctypes import byref

from . import _abi, _values
from ._handles import Handle
from ._library import call, lib
from .records import Record
from .turns import AgentTurn, Completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Awaitable, Iterable, Union

    AnyAgent = Union["Agent", "OwnAgent"]


class AgentStart(Record):
    """What an agent is told when it is started."""

    __slots__ = ()
    batch: str
    session: int
    process: int  # the how-manieth start in this session, from 1
    working_directory: str


class Agent:
    """An agent of yours: set `name`, by which batches name it, and write `turn`. An object serves one run at a time.

    `start`, `turn` and `stop` are called in the thread that runs the session, one at a time. They may use the workspace
    that runs them, but not run or close it. An exception in them is contained: it is logged with its traceback, the
    turn has broken with the traceback as its detail, and the task is tried again after a stop and a new start.
    SystemExit and KeyboardInterrupt give the task back, end the run, and come out of it.
    """

    name = "python"

    def start(self, how: AgentStart) -> None:
        """A session begins. If this fails, no task is charged with anything."""

    def turn(self, request: AgentTurn) -> str | Completion | Awaitable[str | Completion]:
        """Works one task: returns its output, or a Completion to say more. Until it returns nothing else is begun.

        May be an `async def`: it runs on the loop that called `run_async` or started the engine, and is cancelled where
        `interrupt` is called.
        """
        raise NotImplementedError(f"{type(self).__name__} has no turn(self, request)")

    def interrupt(self) -> None:
        """Called in another thread while `turn` runs, or is just about to, and ought to return soon: its time is over,
        its task was cancelled, or the run is to stop. `request.interrupted` says the same to a turn that looks."""

    def stop(self) -> None:
        """The session is over. Called once for each start that succeeded."""


class OwnAgent:
    """One of Cobatch's own agents; see `claude`, `command` and `scripted`."""

    def __init__(self, function: str, *arguments: Any) -> None:
        agent = _abi.HANDLE()
        call(function, *arguments, byref(agent))
        self._handle = Handle("agent", agent, lib.cobatch_agent_free)
        self._handle.freed_with(self)

    def _in_use(self) -> Handle:
        return self._handle


def claude(
    *,
    allowed_tools: Iterable[str] | None = None,
    program: str | None = None,
    model: str | None = None,
    permission_mode: str | None = None,
    extra_arguments: Iterable[str] = (),
) -> OwnAgent:
    """Claude Code, headless: one process a session, one message a task. Batches name it "claude".

    Without `allowed_tools`: Read, Glob, Grep, Edit and Write. `program` is looked up in PATH when a session begins.
    """
    options = _abi.cobatch_claude_options(
        program=_values.text(program), model=_values.text(model), permission_mode=_values.text(permission_mode)
    )
    if allowed_tools is not None:
        tools = _values.texts(allowed_tools)
        options.allowed_tools, options.allowed_tool_count = tools, len(tools)
    arguments = _values.texts(extra_arguments)
    options.extra_arguments, options.extra_argument_count = arguments, len(arguments)
    return OwnAgent("cobatch_agent_claude", byref(options))


def command(argv: Iterable[str | os.PathLike[str]], name: str | None = None) -> OwnAgent:
    """A program that speaks the line protocol of the README, started once a session without a shell.

    A program without a slash is looked up in PATH. `name` is how batches name the agent; None: "command".
    """
    arguments = _values.texts(os.fspath(argument) for argument in argv)
    return OwnAgent("cobatch_agent_command", _values.text(name), arguments, len(arguments))


def scripted(script: str | os.PathLike[str] | None = None) -> OwnAgent:
    """Plays a JSON file of answers, delays and failures, for demos and tests. Batches name it "scripted".

    No model is asked, and every figure is marked as scripted. None: every task is done at once, with no usage.
    """
    return OwnAgent("cobatch_agent_scripted", _values.path(script))
