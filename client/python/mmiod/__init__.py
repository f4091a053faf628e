# SPDX-License-Identifier: MIT
"""Device memory for unprivileged programs: leases by the mmiod daemon, and exact-width access.

    import mmiod

    with mmiod.Client() as client:
        with client.lease("fpga-ctrl", write=True) as lease, lease.map() as regs:
            regs.write32(0x10, 1)
            regs.wait32(0x14, mask=1, value=1, timeout=0.5)

Offsets and lengths are in bytes, widths in bits, times in seconds. What the daemon refuses is an mmiod.Error, which is an
OSError with the daemon's sentence. An object of a Client may be used by any thread: calls wait for each other. After
os.fork() every call on a Client raises in the child, and mappings go on. See mmiod-python(7).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Optional, TypeVar, Union

from . import _ext, events
from ._ext import Busy, Denied, Error, Gone, NoDaemon, NotFound, Timeout, wc_flush
from .device import Device, Interrupt, Operation, inherited_operations
from .words import (
    DeviceRights,
    IrqFlags,
    IrqKind,
    Memory,
    MemoryType,
    Power,
    Rights,
    Share,
    State,
    Zone,
    device_rights_of,
    member_of,
    milliseconds_of,
)

__all__ = [
    "Answer",
    "Busy",
    "Client",
    "Denied",
    "Device",
    "DeviceRights",
    "Error",
    "Gone",
    "Interrupt",
    "IrqFlags",
    "IrqKind",
    "Lease",
    "Mapping",
    "Memory",
    "MemoryType",
    "NoDaemon",
    "NotFound",
    "Operation",
    "PAGE_SIZE",
    "Power",
    "Region",
    "Rights",
    "Share",
    "State",
    "Status",
    "Target",
    "Timeout",
    "Zone",
    "adopt",
    "events",
    "inherited",
    "inherited_operations",
    "parse_target",
    "wc_flush",
]

__version__: str = _ext.version
PAGE_SIZE: int = _ext.page_size

_WANT_DUMMY = 1
_WANT_CONNECTION = 2
_MAP_POPULATE = 1
_ALLOCATE_POWER_OF_TWO = 1
_ALLOCATE_CONTIGUOUS = 2
_ALLOCATE_NO_WAIT = 4
_ALLOCATE_ZERO = 8
_IRQ_CONNECTION = 4
_OPERATION_CONNECTION = 1

OnEnd = Sequence[tuple[int, int, int]]
_LeaseType = TypeVar("_LeaseType", bound="Lease")


class Target(NamedTuple):
    """REGION[+OFFSET][/LENGTH][:WIDTH], taken apart; 0 is what was left out."""

    region: str
    offset: int
    length: int
    width: int


class Region(NamedTuple):
    """A region that policy lets the caller see."""

    name: str
    device: str
    model: str
    vendor: int
    product: int
    bar: int
    offset: int
    length: int
    phys: int
    width: int
    rights: Rights
    memory_types: frozenset[MemoryType]
    memory_type: MemoryType
    state: State
    leases: int


class Status(NamedTuple):
    """The daemon, as it describes itself, and whom it takes the caller for."""

    version: str
    simulation: bool
    daemon_pid: int
    started: int
    regions: int
    clients: int
    leases: int
    uid: int
    admin: bool
    inspect: bool
    warning: str


class Answer(NamedTuple):
    """What asking for a lease would come to now, and which rule decides."""

    allowed: bool
    grant: str
    file: str
    line: int
    text: str
    instead: str
    error: int


def parse_target(text: str) -> Target:
    """Take a target apart. ValueError says what is wrong with it."""
    return Target(*_ext.parse_target(text))


def _want(
    target: str,
    offset: int,
    length: int,
    write: bool,
    share: Union[Share, str],
    cache: Union[MemoryType, str],
    time_limit: float,
    on_end: OnEnd,
    dummy: bool,
    with_connection: bool,
) -> tuple[object, ...]:
    parsed = parse_target(target)
    return (
        parsed.region,
        parsed.offset + offset,
        length or max(parsed.length - offset, 0),
        int(Rights.READ | Rights.WRITE if write else Rights.READ),
        member_of(MemoryType, cache),
        parsed.width // 8,
        member_of(Share, share),
        (_WANT_DUMMY if dummy else 0) | (_WANT_CONNECTION if with_connection else 0),
        milliseconds_of(time_limit),
        [(parsed.offset + offset + at, value, width) for at, value, width in on_end],
    )


class Mapping(_ext.Mapping):
    """A mapped window, made by Lease.map().

    read8 to read64, write8 to write64: one load or store of exactly that width. IndexError: beyond the end; ValueError:
    misaligned, or another width than the region declares; TypeError: read-only. update32(offset, mask, value) changes some
    bits, by one load and one store. wait32(offset, mask, value, timeout=None) looks until the bits are as wanted, without the
    interpreter's lock, and returns what it read last, or raises Timeout.

    These are guarded: a revoked window raises Gone. That costs a system call an access; where Gone need not be told, set
    `guard = False`, and a revocation then kills the process unless the lease was taken with dummy=True.

    The mapping is a buffer: memoryview, numpy.frombuffer(regs, "<u4"). Through a buffer nothing can be guarded: take the lease
    with dummy=True, and reads of a revoked window give ones. Index such a view; a slice is a memcpy(), which may access a
    register twice.
    """

    __slots__ = ()

    def registers(self, format: str = "I") -> memoryview:
        """The mapping as an array of registers: "B", "H", "I" or "Q". An index is one load or store."""
        return memoryview(self).cast(format)  # type: ignore[arg-type]

    def __enter__(self) -> Mapping:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<mmiod.Mapping, closed>" if self.closed else f"<mmiod.Mapping of {len(self):#x} bytes>"


class Lease(_ext.Lease):
    """A window of device memory, got by Client.lease(), Client.allocate(), adopt() or inherited().

    As a context manager it is given back at the end. close() only closes this process's file: the lease lives on as long as
    a copy of it or a mapping does.
    """

    __slots__ = ()

    @property
    def rights(self) -> Rights:
        """What may be done with it."""
        return Rights(self._rights)

    @property
    def memory_type(self) -> MemoryType:
        """What caches do with it."""
        return MemoryType(self._memtype)

    @property
    def share(self) -> Share:
        """How it bears others on the same bytes."""
        return Share(self._share)

    @property
    def memory(self) -> Memory:
        """What kind of memory stands behind it."""
        return Memory(self._memory)

    @property
    def state(self) -> State:
        """As the kernel says now."""
        return State(self._state())

    def map(self, offset: int = 0, length: int = 0, *, populate: bool = False, guard: bool = True) -> Mapping:
        """Map the window, or @length bytes at @offset, which is a multiple of the page size.

        populate: build all page tables now, so that no access faults. The mapping outlives the lease object.
        """
        return Mapping(self, offset, length, _MAP_POPULATE if populate else 0, guard)

    def read(self, offset: int, width: int = 0, count: int = 1) -> list[int]:
        """@count elements of @width bits (0: the declared width, else 32), by the kernel, one bus access each.

        This needs no mapping, reaches windows that own no whole page, and raises Gone when the window was revoked.
        """
        return self._read(offset, width or self.width or 32, count)

    def write(self, offset: int, values: Union[int, Sequence[int]], width: int = 0) -> None:
        """Likewise: one value, or several in a row."""
        self._write(offset, width or self.width or 32, [values] if isinstance(values, int) else values)

    def __enter__(self: _LeaseType) -> _LeaseType:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self.closed:
            return
        try:
            self.release()
        except (Error, ValueError):
            self.close()

    def __repr__(self) -> str:
        if self.closed:
            return "<mmiod.Lease, given back>"
        return f"<mmiod.Lease {self.id}: {self.offset:#x}+{self.length:#x}, {self.rights!r}>"


def adopt(fd: int, identity: Optional[str] = None) -> Lease:
    """A lease object of a window's file that this process was given; see mmiod_window_adopt(3).

    To release and to renew is for whoever took the lease. OSError with ESTALE: it is another file than @identity names.
    """
    return Lease._adopt(fd, identity)


def inherited(target: Optional[str] = None) -> list[Lease]:
    """The windows that the environment names and that are there, of the region of @target if it is given.

    NotFound: there is none of that target. An Error with ESTALE: the only ones are other files by now. This is how a script finds its windows under `mmioctl hold … -- python3 script.py`.
    """
    found: list[Lease] = []
    while True:
        try:
            found.append(Lease._inherited(target, len(found)))
        except Error as error:
            if found or (target is None and isinstance(error, NotFound)):
                return found
            raise


class Client(_ext.Client):
    """A connection to the daemon.

    socket: its path; None: $MMIOD_SOCKET, else /run/mmiod/mmiod.sock. wait: how many seconds requests for leases wait for what
    others hold; None: for ever. Leases and mappings outlive it, except leases taken with_connection. When the daemon is
    restarted, the next call connects again.
    """

    __slots__ = ()

    def __new__(cls, socket: Optional[str] = None, *, wait: Optional[float] = 0.0) -> Client:
        self = super().__new__(cls, socket)
        if wait != 0.0:
            self.set_wait(milliseconds_of(wait))
        return self

    def lease(
        self,
        target: str,
        *,
        write: bool = False,
        offset: int = 0,
        length: int = 0,
        share: Union[Share, str] = Share.DEFAULT,
        cache: Union[MemoryType, str] = MemoryType.DEFAULT,
        time_limit: float = 0.0,
        on_end: OnEnd = (),
        dummy: bool = False,
        with_connection: bool = False,
    ) -> Lease:
        """Ask for a lease on a target, REGION[+OFFSET][/LENGTH][:WIDTH]; @offset counts from it.

        on_end: register writes (offset from the target, value, width in bits) that the daemon does when the lease ends,
        whatever ends it. dummy: after a revocation a page of ones instead of SIGBUS. time_limit: at most so many seconds; it is
        renewed as long as events are taken.
        """
        want = _want(target, offset, length, write, share, cache, time_limit, on_end, dummy, with_connection)
        return Lease(self, *want)

    def allocate(
        self,
        memory: Union[Memory, str],
        length: int,
        *,
        zone: Union[Zone, str] = Zone.ANY,
        align: int = 0,
        low: int = 0,
        high: int = 0,
        node: Optional[int] = None,
        device: Optional[str] = None,
        write: bool = True,
        contiguous: bool = False,
        power_of_two: bool = False,
        zero: bool = False,
        no_wait: bool = False,
        time_limit: float = 0.0,
        max_extents: int = 1,
    ) -> Lease:
        """Allocate memory: kernel memory ("pages", "kmalloc", "vmalloc", "dma"), or blocks of the pool of that name.

        device: for "dma", a region of the device. max_extents: of a pool, how many extents it may lie in where no one is
        large enough, 0 for any number; Lease.extents() then says where. The others are as in mmiod_allocate(3).
        """
        names = [member.name.lower() for member in Memory if member != Memory.REGION]
        pool = memory if isinstance(memory, str) and memory.lower() not in names else None
        return Lease._allocate(
            self,
            int(Memory.REGION) if pool else member_of(Memory, memory),
            length,
            region=pool or device,
            align=align,
            low=low,
            high=high,
            node=0 if node is None else node + 1,
            zone=member_of(Zone, zone),
            rights=int(Rights.READ | Rights.WRITE if write else Rights.READ),
            flags=(_ALLOCATE_POWER_OF_TWO if power_of_two else 0)
            | (_ALLOCATE_CONTIGUOUS if contiguous else 0)
            | (_ALLOCATE_NO_WAIT if no_wait else 0)
            | (_ALLOCATE_ZERO if zero else 0),
            lease_ms=milliseconds_of(time_limit),
            max_extents=max_extents,
        )

    def interrupt(
        self,
        device: str,
        vector: int = 0,
        *,
        kind: Union[IrqKind, str] = IrqKind.DEFAULT,
        oneshot: bool = False,
        masked: bool = False,
        with_connection: bool = False,
    ) -> Interrupt:
        """Ask for a vector of a device, which [device NAME] of the configuration names.

        kind: the one that it has to be. oneshot: each interrupt masks it until unmask(), as INTx does by itself. masked: it
        starts so.
        """
        flags = (IrqFlags.ONESHOT if oneshot else 0) | (IrqFlags.MASKED if masked else 0)
        return Interrupt(
            self, device, member_of(IrqKind, kind), vector, int(flags) | (_IRQ_CONNECTION if with_connection else 0)
        )

    def operate(
        self, device: str, rights: Union[DeviceRights, str] = DeviceRights.CONFIG, *, with_connection: bool = False
    ) -> Operation:
        """Ask for the right to operate a device: its configuration space, reset, power, bus mastering.

        rights: a set, or words such as "config-write,reset"; one grant must give them all. With CONFIG alone others may have
        the same; else a device has one operator.
        """
        return Operation(
            self, device, device_rights_of(rights), _OPERATION_CONNECTION if with_connection else 0
        )

    def devices(self) -> list[Device]:  # type: ignore[override]
        """The devices that policy lets the caller lease something of."""
        return [Device.of(row) for row in super().devices()]

    def regions(self) -> list[Region]:  # type: ignore[override]
        """The regions that policy lets the caller see."""
        return [
            Region(  # type: ignore[call-arg]
                *row[:10],
                Rights(row[10]),
                frozenset(kind for kind in MemoryType if row[11] >> kind & 1),
                MemoryType(row[12]),
                State(row[13]),
                row[14],
            )
            for row in super().regions()
        ]

    def status(self) -> Status:  # type: ignore[override]
        """The daemon, as it describes itself."""
        said = super().status()
        simulation = said.pop("backend") == 2
        return Status(simulation=simulation, **said)

    def explain(  # type: ignore[override]
        self,
        target: str,
        *,
        write: bool = False,
        share: Union[Share, str] = Share.DEFAULT,
        cache: Union[MemoryType, str] = MemoryType.DEFAULT,
    ) -> Answer:
        """What asking for that lease would come to now, and which rule decides. Nothing is taken."""
        parsed = parse_target(target)
        rights = Rights.READ | Rights.WRITE if write else Rights.READ
        said = super().explain(
            parsed.region,
            parsed.offset,
            parsed.length,
            int(rights),
            member_of(MemoryType, cache),
            member_of(Share, share),
            int(Memory.REGION),
        )
        return Answer(**said)

    def revoke(self, lease: int, deadline: float = 0.0) -> None:
        """Take a lease from its holder, after asking for it @deadline seconds; for administrators."""
        super().revoke(lease, milliseconds_of(deadline))

    def next_event(self) -> Optional[events.Event]:  # type: ignore[override]
        """The next event, without blocking; None: there is none. fileno() is readable when there is something to do."""
        said = super().next_event()
        return events.make(said) if said else None

    def events(self) -> Iterator[events.Event]:
        """The events that there are now."""
        while (event := self.next_event()) is not None:
            yield event

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
