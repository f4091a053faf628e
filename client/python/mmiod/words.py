# SPDX-License-Identifier: MIT
"""The words of the library as enumerations, which mmiod has under its own name."""

from __future__ import annotations

import enum
from typing import Optional, Union

_FOREVER = 0xFFFFFFFF


class Rights(enum.IntFlag):
    """What a lease lets its holder do."""

    READ = 1
    WRITE = 2


class MemoryType(enum.IntEnum):
    """What caches do with a window."""

    DEFAULT = 0
    UC = 1
    WC = 2
    WB = 3
    WT = 4
    WP = 5
    UC_MINUS = 6


class Share(enum.IntEnum):
    """How a lease bears others on the same bytes."""

    DEFAULT = 0
    EXCLUSIVE = 1
    READ = 2
    WRITE = 3
    GUEST = 4


class State(enum.IntEnum):
    """State of a window, and of a region. REVOKED is final."""

    OK = 0
    SUSPENDED = 1
    REVOKED = 2
    ENDING = 3
    STALE = 4


class Memory(enum.IntEnum):
    """What kind of memory stands behind a lease."""

    REGION = 0
    PAGES = 1
    KMALLOC = 2
    VMALLOC = 3
    DMA = 4


class Zone(enum.IntEnum):
    """Where kernel memory may lie."""

    ANY = 0
    DMA32 = 1
    DMA = 2


class IrqKind(enum.IntEnum):
    """How a device signals an interrupt."""

    DEFAULT = 0
    INTX = 1
    MSI = 2
    MSIX = 3


class IrqFlags(enum.IntFlag):
    """What holds of an interrupt. SILENT: its messages cannot come, because the device does not master the bus."""

    ONESHOT = 1
    MASKED = 2
    STORM = 256
    EVENTFD = 512
    SILENT = 1024


class DeviceRights(enum.IntFlag):
    """What may be done with a device as a whole. Those that need another have it in themselves."""

    INTERRUPTS = 1
    CONFIG = 2
    CONFIG_WRITE = 2 | 4
    CONFIG_VENDOR = 2 | 8
    BUS_MASTER = 16
    RESET = 32
    RESET_OTHERS = 32 | 64
    POWER = 128
    DMA = 256
    DMA_TRUSTED = 256 | 512


class Power(enum.IntEnum):
    """Power states. D3HOT: asleep; answers to its configuration space and to a reset."""

    D0 = 0
    D3HOT = 3


def member_of(kind: type[enum.IntEnum], value: Union[int, str]) -> int:
    """A member, or its name in any case: share="guest", cache="wc"."""
    if not isinstance(value, str):
        return int(value)
    try:
        return int(kind[value.upper().replace("-", "_")])
    except KeyError:
        names = ", ".join(member.name.lower() for member in kind)
        raise ValueError(f'"{value}" is none of {names}') from None


def milliseconds_of(seconds: Optional[float]) -> int:
    """None and what is longer than 49 days mean for ever."""
    if seconds is None:
        return _FOREVER
    if seconds < 0:
        raise ValueError(f"a time of {seconds} seconds")
    return min(int(seconds * 1000), _FOREVER)


def device_rights_of(rights: Union[int, str]) -> int:
    """A set of DeviceRights, or their names with commas between: "config,reset"."""
    if not isinstance(rights, str):
        return int(rights)
    found = 0
    for word in rights.split(","):
        try:
            found |= DeviceRights[word.strip().upper().replace("-", "_")]
        except KeyError:
            names = ", ".join(name.lower().replace("_", "-") for name in DeviceRights.__members__)
            raise ValueError(f'"{word}" is none of {names}') from None
    return int(found)
