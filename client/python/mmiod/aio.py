# SPDX-License-Identifier: MIT
"""mmiod for asyncio: leases that are waited for, interrupts and events, without blocking the loop.

    async with mmiod.aio.Client() as client:
        lease = await client.lease("fpga-ctrl", write=True, wait=None)
        async for event in client.events():
            ...

    with client.sync.interrupt("fpga") as irq:
        async for count in mmiod.aio.interrupts(irq):
            ...
"""

from __future__ import annotations

import asyncio
import errno
import select
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Optional, Protocol, Union

import mmiod
from mmiod import _ext
from mmiod.events import Event
from mmiod.words import milliseconds_of


class _File(Protocol):
    def fileno(self) -> int:
        ...


async def _readable(file: _File) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    fd = file.fileno()
    loop.add_reader(fd, wake)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def _come(interrupt: mmiod.Interrupt) -> int:
    # A loop looks for what is readable, and no more; this is when the interrupt came or a storm silenced it.
    with select.epoll() as ready:
        ready.register(interrupt, select.EPOLLIN | select.EPOLLMSG)
        while not (count := interrupt.read()):
            await _readable(ready)
    return count


async def wait(interrupt: mmiod.Interrupt, timeout: Optional[float] = None) -> int:
    """As Interrupt.wait(): how often it came, or its errors. One task at a time."""
    if count := interrupt.read():
        return count
    try:
        return await asyncio.wait_for(_come(interrupt), timeout)
    except asyncio.TimeoutError:
        sentence = f"vector {interrupt.vector} did not come within {timeout} s"
    raise mmiod.Timeout(errno.ETIMEDOUT, sentence)


def _unmask(interrupt: mmiod.Interrupt) -> None:
    try:
        interrupt.unmask()
    except mmiod.Error as error:
        if error.errno != errno.EOPNOTSUPP:  # simulation has no mask
            raise


async def interrupts(interrupt: mmiod.Interrupt, timeout: Optional[float] = None) -> AsyncIterator[int]:
    """How often it came, each time that it has, until an error of wait(). What masks itself is unmasked before the next."""
    masks = interrupt.masks_itself
    while True:
        yield await wait(interrupt, timeout)
        if masks:
            _unmask(interrupt)


class Client:
    """A connection, for one loop. `sync` is the mmiod.Client, whose short calls serve here as well."""

    def __init__(self, socket: Optional[str] = None) -> None:
        self.sync = mmiod.Client(socket)

    def close(self) -> None:
        """Close the connection. Leases and mappings live on."""
        self.sync.close()

    async def lease(
        self,
        target: str,
        *,
        wait: Optional[float] = 0.0,
        write: bool = False,
        offset: int = 0,
        length: int = 0,
        share: Union[mmiod.Share, str] = mmiod.Share.DEFAULT,
        cache: Union[mmiod.MemoryType, str] = mmiod.MemoryType.DEFAULT,
        time_limit: float = 0.0,
        on_end: mmiod.OnEnd = (),
        dummy: bool = False,
        with_connection: bool = False,
    ) -> mmiod.Lease:
        """As mmiod.Client.lease(), waiting @wait seconds (None: for ever) for what others hold.

        A task that is cancelled waits no more, and what was granted meanwhile is given back.
        """
        want = mmiod._want(
            target, offset, length, write, share, cache, time_limit, on_end, dummy, with_connection
        )
        waiting = _ext.Wait(milliseconds_of(wait), self.sync, *want)
        try:
            while (lease := waiting.finish(mmiod.Lease)) is None:
                await _readable(waiting)
        finally:
            waiting.cancel()
        return lease

    async def events(self) -> AsyncIterator[Event]:
        """The events, one by one, for ever. Leases are renewed as long as somebody takes them."""
        while True:
            for event in self.sync.events():
                yield event
            await _readable(self.sync)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
