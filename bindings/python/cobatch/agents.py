"""Agents: what works the tasks of a session.

`claude`, `codex`, `gemini`, `command`, `prompt` and `scripted` are Cobatch's own. One of yours is a subclass of
`Agent`:

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
from ._program import call_command
from .records import Record
from .turns import AgentTurn, Completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
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
    """One of Cobatch's own agents; see `claude`, `codex`, `gemini`, `command`, `prompt` and `scripted`."""

    def __init__(self, function: str, *arguments: Any) -> None:
        agent = _abi.HANDLE()
        call(function, *arguments, byref(agent))
        self._handle = Handle("agent", agent, lib.cobatch_agent_free)
        self._handle.freed_with(self)

    def _in_use(self) -> Handle:
        return self._handle


def claude(
    *,
    tools: Iterable[str] | None = None,
    allowed_tools: Iterable[str] = (),
    program: str | None = None,
    model: str | None = None,
    permission_mode: str | None = None,
    system_prompt: str | None = None,
    mcp_config: str | os.PathLike[str] | None = None,
    max_turns: int | None = None,
    max_usd: Decimal | str | float = 0,
    extra_arguments: Iterable[str] = (),
    grace: float | None = None,
) -> OwnAgent:
    """Claude Code, headless: one process a session, one message a task. Batches name it "claude".

    It has `tools`, as `permission_mode` ("acceptEdits") permits; None: Read, Glob, Grep, Edit and Write. And it has
    `allowed_tools`, used without asking: "Bash", a rule as "Bash(git *)", "mcp__server__tool". `system_prompt` is added
    to its own; of `mcp_config`, a file, are the only MCP servers that are used. `max_turns` are requests to the model
    for a task, `max_usd` dollars by the program's own count for each process; without them there is no limit.

    `program` is looked up in PATH when a session begins, and gets `grace` seconds (5) between SIGTERM and SIGKILL.
    """
    allowed = _values.texts(_values.sequence(allowed_tools))
    arguments = _values.texts(_values.sequence(extra_arguments))
    options = _abi.cobatch_claude_options(
        tools=_abi.cobatch_texts() if tools is None else _values.text_list(_values.sequence(tools)),
        allowed_tools=allowed,
        allowed_tool_count=len(allowed),
        program=_values.text(program),
        model=_values.text(model),
        permission_mode=_values.text(permission_mode),
        system_prompt=_values.text(system_prompt),
        mcp_config=_values.path(mcp_config),
        max_turns=max_turns or 0,
        max_nano_dollars=_values.nano(max_usd),
        extra_arguments=arguments,
        extra_argument_count=len(arguments),
        grace_ms=_values.milliseconds_or_none(grace),
    )
    return OwnAgent("cobatch_agent_claude", byref(options))


def codex(
    *,
    program: str | None = None,
    model: str | None = None,
    app_server: bool = True,
    sandbox: str | None = None,
    extra_arguments: Iterable[str] = (),
    grace: float | None = None,
) -> OwnAgent:
    """OpenAI's Codex, headless: one process a session, by its app-server. Batches name it "codex".

    A Codex without one, or with `app_server` false, is a process a task, and tells no figures of turns that failed. It
    never asks: `sandbox` says what it may do, "workspace-write" (None), "read-only" or "danger-full-access".
    `program` and `grace` are as for `claude`.
    """
    options = _abi.cobatch_codex_options(
        program=_values.text(program),
        model=_values.text(model),
        no_app_server=not app_server,
        sandbox=_values.text(sandbox),
        extra_arguments=_values.text_list(_values.sequence(extra_arguments)),
        grace_ms=_values.milliseconds_or_none(grace),
    )
    return OwnAgent("cobatch_agent_codex", byref(options))


def gemini(
    *,
    program: str | None = None,
    model: str | None = None,
    approval_mode: str | None = None,
    extra_arguments: Iterable[str] = (),
    grace: float | None = None,
) -> OwnAgent:
    """Google's Gemini CLI, headless: a process and a conversation a task. Batches name it "gemini".

    `approval_mode` says what it may do; None: "auto_edit". `program` and `grace` are as for `claude`.
    """
    options = _abi.cobatch_gemini_options(
        program=_values.text(program),
        model=_values.text(model),
        approval_mode=_values.text(approval_mode),
        extra_arguments=_values.text_list(_values.sequence(extra_arguments)),
        grace_ms=_values.milliseconds_or_none(grace),
    )
    return OwnAgent("cobatch_agent_gemini", byref(options))


def command(argv: Iterable[str | os.PathLike[str]], name: str | None = None) -> OwnAgent:
    """A program that speaks the line protocol of the README, started once a session without a shell.

    A program without a slash is looked up in PATH. `name` is how batches name the agent; None: "command".
    """
    arguments = _values.texts(os.fspath(argument) for argument in argv)
    return OwnAgent("cobatch_agent_command", _values.text(name), arguments, len(arguments))


def prompt(
    argv: Iterable[str | os.PathLike[str]], *, call: str | None = None, grace: float | None = None
) -> OwnAgent:
    """A program that gets one prompt on its standard input, with all tasks of a session, and tells by calls how each
    stands: `cobatch.prompt(["claude", "-p", "--allowedTools", "Bash,Read,Write,Edit"])`. Batches name it "prompt".

    `call` is how the prompt says to call, for a shell. None: the program `cobatch` that came with this package, by its
    path; if there is none, "cobatch call" with one that has to be in PATH. A program without a slash is looked up in
    PATH when a session begins, and gets `grace` seconds (5) between SIGTERM and SIGKILL.
    """
    options = _abi.cobatch_prompt_options(
        argv=_values.text_list(os.fspath(argument) for argument in _values.sequence(argv)),
        call=_values.text(call_command() if call is None else call),
        grace_ms=_values.milliseconds_or_none(grace),
    )
    return OwnAgent("cobatch_agent_prompt", byref(options))


def scripted(script: str | os.PathLike[str] | None = None) -> OwnAgent:
    """Plays a JSON file of answers, delays and failures, for demos and tests. Batches name it "scripted".

    No model is asked, and every figure is marked as scripted. None: every task is done at once, with no usage.
    """
    return OwnAgent("cobatch_agent_scripted", _values.path(script))
