# SPDX-License-Identifier: MIT
"""What is leased of a device beside its memory: interrupts, and the right to operate it. mmiod has these names, too."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, TypeVar, Union

from . import _ext
from ._ext import Error, NotFound
from .words import DeviceRights, IrqFlags, IrqKind, Power, State, member_of

if TYPE_CHECKING:
    from . import Lease

_EXTENDED = 1 << 16
_CONNECTION = 1
_READS = 2
_InterruptType = TypeVar("_InterruptType", bound="Interrupt")
_OperationType = TypeVar("_OperationType", bound="Operation")


class Device(NamedTuple):
    """A device that policy lets the caller lease something of."""

    name: str
    address: str
    model: str
    vendor: int
    product: int
    rights: DeviceRights
    state: State
    missing: str
    interrupt: IrqKind
    vectors: int
    leases: int
    masters: bool
    quiet: bool
    sleeps: bool
    resets: int
    operator: int

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Device:
        """Of what the library tells."""
        made = cls(*row)
        return made._replace(
            rights=DeviceRights(made.rights), state=State(made.state), interrupt=IrqKind(made.interrupt)
        )


class Interrupt(_ext.Interrupt):
    """A vector of a device, got by Client.interrupt(). It is given back at the end of a with block.

    INTx, and what was asked for with oneshot=True, is masked whenever it came: acknowledge it at the device, then unmask().
    Any thread may wait; mmiod.aio.wait() does so in an event loop.
    """

    __slots__ = ()

    @property
    def kind(self) -> IrqKind:
        """How the device signals it."""
        return IrqKind(self._kind)

    @property
    def count(self) -> int:
        """How often it came since it was leased; in simulation, how many of them were waited for."""
        return self._count()

    @property
    def flags(self) -> IrqFlags:
        """What holds now, as the kernel says; in simulation nothing."""
        return IrqFlags(self._flags())

    @property
    def state(self) -> State:
        """As the kernel says now."""
        return State(self._state())

    @property
    def masks_itself(self) -> bool:
        """Whether it has to be unmasked whenever it came."""
        return self.kind == IrqKind.INTX or IrqFlags.ONESHOT in self.flags

    def __enter__(self: _InterruptType) -> _InterruptType:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        _give_back(self)

    def __repr__(self) -> str:
        if self.closed:
            return "<mmiod.Interrupt, given back>"
        return f"<mmiod.Interrupt {self.id}: vector {self.vector}, {self.kind.name}>"


class Operation(_ext.Operation):
    """The right to operate a device, got by Client.operate() or inherited_operations().

    It is given back at the end of a with block, and bus mastering and sleep end with it. Its file is the configuration space:
    os.pread(operation.fileno(), 64, 0).
    """

    __slots__ = ()

    @property
    def rights(self) -> DeviceRights:
        """Those that were granted."""
        return DeviceRights(self._rights)

    @property
    def masters(self) -> bool:
        """Whether the device masters the bus now."""
        return self._masters()

    @property
    def power(self) -> Power:
        """Whether it is awake or asleep."""
        return Power(self._power())

    @property
    def state(self) -> State:
        """As the kernel says now."""
        return State(self._state())

    def allocate(
        self, length: int, iova: Optional[int] = None, *, device_reads: bool = False, with_connection: bool = False
    ) -> Lease:
        """Memory that the device reaches by DMA once it masters the bus, at Lease.iova. It ends with the operation at the latest.

        iova: where the device is to find it; None: wherever there is room. device_reads: the device only reads it. Busy: another
        buffer is there; Denied: it was asked for without DeviceRights.DMA.
        """
        from . import Lease

        if iova is not None and iova <= 0:
            raise ValueError(f"a device finds memory at a multiple of the page size, and not at {iova:#x}")
        flags = (_READS if device_reads else 0) | (_CONNECTION if with_connection else 0)
        return self._allocate(Lease, length, iova or 0, flags)

    def find_capability(self, id: int, after: int = 0, *, extended: bool = False) -> int:
        """Where in the configuration space a capability is: the first with this id behind the one at @after.

        extended: one of those of PCI Express from 0x100 on. NotFound: there is none.
        """
        if not 0 <= id < _EXTENDED:
            raise ValueError(f"a capability has an id from 0 to {_EXTENDED - 1:#x}, not {id:#x}")
        return self._find_capability(id | (_EXTENDED if extended else 0), after)

    def set_power(self, power: Union[Power, str], timeout: Optional[float] = None) -> None:
        """Put the device to sleep (Power.D3HOT, "d3hot"), or wake it ("d0"). All of it but this is suspended while it sleeps.

        Busy: others use it; Timeout: it was suspended for longer; an Error with EOPNOTSUPP: it cannot sleep.
        """
        self._set_power(member_of(Power, power), timeout)

    def __enter__(self: _OperationType) -> _OperationType:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        _give_back(self)

    def __repr__(self) -> str:
        if self.closed:
            return "<mmiod.Operation, given back>"
        return f"<mmiod.Operation {self.id}: {self.rights!r}>"


def _give_back(held: Union[Interrupt, Operation]) -> None:
    if held.closed:
        return
    try:
        held.release()
    except (Error, ValueError):
        held.close()


def inherited_operations(device: Optional[str] = None) -> list[Operation]:
    """The device files that the environment names and that are there, of @device if it is given.

    NotFound: there is none of that device. An Error with ESTALE: the only ones are other files by now. This is how a script
    finds its device under `mmioctl operate … -- python3 script.py`.
    """
    found: list[Operation] = []
    while True:
        try:
            found.append(Operation._inherited(device, len(found)))
        except Error as error:
            if found or (device is None and isinstance(error, NotFound)):
                return found
            raise
