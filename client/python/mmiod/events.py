# SPDX-License-Identifier: MIT
"""What the daemon tells the holder of a lease."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """An event that this version does not know by name: pass it over."""

    lease: int
    deadline: float
    """Seconds that are left, of RevokeAsked and Expiring; else 0."""
    text: str
    """Who and why; may be empty."""


class RevokeAsked(Event):
    """Give the lease back before its deadline, or it is taken."""


class Revoked(Event):
    """The lease has been taken."""


class Suspended(Event):
    """Its device is being reset or sleeps."""


class Resumed(Event):
    """It is as it was before it was suspended."""


class Gone(Event):
    """Its device was removed: the lease is over."""


class Expiring(Event):
    """The lease's time is nearly over, and it was not renewed."""


class Storm(Event):
    """The interrupt came too often, and is silenced until it is unmasked."""


_KINDS: dict[int, type[Event]] = {
    1: RevokeAsked,
    2: Revoked,
    3: Suspended,
    4: Resumed,
    5: Gone,
    6: Expiring,
    7: Storm,
}


def make(said: tuple[int, int, int, str]) -> Event:
    """Of what the library tells: type, lease, milliseconds, text."""
    kind, lease, deadline_ms, text = said
    return _KINDS.get(kind, Event)(lease, deadline_ms / 1000, text)
