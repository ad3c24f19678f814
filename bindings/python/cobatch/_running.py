"""What a run or an engine is started with: options, and its agents' handles."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from ctypes import byref

from . import _abi, _values
from .agents import Agent, OwnAgent

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    import os
    from typing import Any, Callable, Iterable, Iterator, TypedDict

    from ._hosting import Host
    from .agents import AnyAgent
    from .records import Budget

    class RunOptions(TypedDict, total=False):
        """Of `run`, `run_async` and `engine`. Durations are seconds."""

        max_tasks_per_session: int | None  # None: 10
        working_directory: str | os.PathLike[str] | None  # of the agents; None: the project folder
        turn_limit: float | None  # None: 30 minutes
        session_limit: float | None  # None: 4 hours; no turn is begun after it
        stop_grace: float | None  # None: 10 s; for the running turn when a stop is asked for
        linger: float | None  # None: 5 s; for batches sealed by their very first task
        allow_checks: bool  # checks are run, with the rights of this process; else tasks that have one fail
        check_limit: float | None  # None: 10 minutes
        quiet_after: float | None  # of silence in a turn, a notice. None: 5 minutes, 0: never
        limit_wait: float | None  # None: 30 s; first wait for a limit of the provider that does not say when it is over
        prices: str | os.PathLike[str] | None  # a file of prices, as LiteLLM's; None: no budget in dollars can be kept
        day_budget: Budget | None  # for each day (UTC), over all batches of the workspace
        wait_for_lock_file: bool  # `run` waits for a lock file that Cobatch did not write, too
        idle_limit: float | None  # of silence after a message that closes the task, its turn ends with that; None: never


def _options(
    batch: str | None,
    max_tasks_per_session: int | None = None,
    working_directory: str | os.PathLike[str] | None = None,
    turn_limit: float | None = None,
    session_limit: float | None = None,
    stop_grace: float | None = None,
    linger: float | None = None,
    allow_checks: bool = False,
    check_limit: float | None = None,
    quiet_after: float | None = None,
    limit_wait: float | None = None,
    prices: str | os.PathLike[str] | None = None,
    day_budget: Budget | None = None,
    idle_limit: float | None = None,
    wait_for_lock_file: bool = False,
) -> Any:
    return _abi.cobatch_run_options(
        batch=_values.text(batch),
        max_tasks_per_session=max_tasks_per_session or 0,
        working_directory=_values.path(working_directory),
        turn_limit_ms=_values.milliseconds(turn_limit),
        session_limit_ms=_values.milliseconds(session_limit),
        stop_grace_ms=_values.milliseconds_or_none(stop_grace),
        linger_ms=_values.milliseconds_or_none(linger),
        allow_checks=allow_checks,
        check_limit_ms=_values.milliseconds(check_limit),
        quiet_after_ms=_values.milliseconds_or_none(quiet_after),
        limit_wait_ms=_values.milliseconds(limit_wait),
        prices=_values.path(prices),
        day_budget=_values.budget(day_budget),
        idle_limit_ms=_values.milliseconds(idle_limit),
        wait_for_lock_file=wait_for_lock_file,
    )


class Running:
    """The agents of one run or engine, and the options that it is started with.

    `loop` runs what is `async def` in the agents. A SystemExit or KeyboardInterrupt of one of them stops the run or the
    engine, and `raise_escaped` raises it there.
    """

    def __init__(
        self,
        agents: AnyAgent | Iterable[AnyAgent],
        batch: str | None,
        loop: asyncio.AbstractEventLoop | None,
        options: RunOptions,
    ) -> None:
        self._struct = _options(batch, **options)
        self._stop: Callable[[], object] | None = None
        self._escaped: BaseException | None = None
        given = [agents] if isinstance(agents, (Agent, OwnAgent)) else agents
        self._agents = [self._taken(agent, loop) for agent in given]

    def _taken(self, agent: AnyAgent, loop: asyncio.AbstractEventLoop | None) -> Host | OwnAgent:
        if isinstance(agent, OwnAgent):
            return agent
        if not isinstance(agent, Agent):
            raise TypeError(f"an agent is needed here, not {agent!r}")
        from ._hosting import Host  # costs as much as all the rest, and few need it

        return Host(agent, loop, self._escape)

    @property
    def _hosts(self) -> list[Host]:
        return [agent for agent in self._agents if not isinstance(agent, OwnAgent)]

    @property
    def is_async(self) -> bool:
        return any(host.is_async for host in self._hosts)

    @contextmanager
    def struct(self) -> Iterator[Any]:
        """For the call that starts the run; after it the library keeps of the agents what it needs."""
        with ExitStack() as stack:
            pointers = [stack.enter_context(agent._in_use()) for agent in self._agents]
            self._struct.agents = (_abi.HANDLE * len(pointers))(*pointers)
            self._struct.agent_count = len(pointers)
            yield byref(self._struct)

    def stops_with(self, stop: Callable[[], object]) -> None:
        """`stop` is called when something escapes from an agent, and now if that has happened already."""
        self._stop = stop
        if self._escaped:
            stop()

    def _escape(self, stop: BaseException) -> None:
        self._escaped = self._escaped or stop
        if self._stop:
            self._stop()

    def raise_escaped(self) -> None:
        if self._escaped:
            raise self._escaped

    def abandon(self) -> None:
        """No coroutine of an agent is to be waited for any more."""
        for host in self._hosts:
            host.abandon()
