# SPDX-License-Identifier: MIT
"""The MMIO classes of python-periphery and of PYNQ, over windows of mmiod.

A script changes its import and the base: a target ("fpga-ctrl+0x100") in the place of a physical address.

    from mmiod.compat import MMIO               # was: from periphery import MMIO
    from mmiod.compat import PynqMMIO as MMIO   # was: from pynq import MMIO
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional, Union

import mmiod


class _Window:
    """A lease and its mapping. @length 0: as much as the target says. @write None: if policy lets the caller."""

    def __init__(self, base: str, length: int = 0, write: Optional[bool] = None) -> None:
        self.base = base
        self._client = mmiod.Client()
        try:
            self._lease = self._take(length, write)
            try:
                self._regs = self._lease.map()
            except BaseException:
                self._lease.release()
                raise
        except BaseException:
            self._client.close()
            raise

    def _take(self, length: int, write: Optional[bool]) -> mmiod.Lease:
        try:
            return self._client.lease(self.base, length=length, write=write is not False)
        except mmiod.Denied:
            if write:
                raise
        return self._client.lease(self.base, length=length)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._regs)

    def close(self) -> None:
        """Unmap the window and give the lease back."""
        self._regs.close()
        if not self._lease.closed:
            self._lease.release()
        self._client.close()


class MMIO(_Window):
    """As periphery.MMIO(physaddr, size)."""

    def __init__(self, base: str, size: int = 0) -> None:
        super().__init__(base, size)
        self.read8, self.read16 = self._regs.read8, self._regs.read16
        self.read32, self.read64 = self._regs.read32, self._regs.read64
        self.write8, self.write16 = self._regs.write8, self._regs.write16
        self.write32, self.write64 = self._regs.write32, self._regs.write64

    def read(self, offset: int, length: int) -> bytes:
        """@length bytes, in accesses of the declared width."""
        return self._regs.read_block(offset, length)

    def write(self, offset: int, data: Union[bytes, bytearray, list[int]]) -> None:
        """Likewise."""
        self._regs.write_block(offset, bytes(data))

    def close(self) -> None:
        """Unmap the window and give the lease back."""
        for name in [name for name in vars(self) if name.startswith(("read", "write"))]:
            delattr(self, name)
        super().close()

    def __enter__(self) -> MMIO:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class PynqMMIO(_Window):
    """As pynq.MMIO(base_addr, length): 32-bit registers."""

    def __init__(self, base: str, length: int = 0) -> None:
        super().__init__(base, length)
        self.length = self.size

    @property
    def array(self) -> Any:
        """The registers as an array of numpy's. Not guarded; close() raises BufferError while it is in use."""
        import numpy

        return numpy.frombuffer(self._regs, dtype="<u4")  # type: ignore[call-overload]

    def read(self, offset: int = 0, length: int = 4, word_order: str = "little") -> int:
        """An integer of 4 or 8 bytes; 8 are two reads, the lower address first."""
        if word_order not in ("little", "big"):
            raise ValueError(f'word_order "{word_order}": it is "little" or "big"')
        if length not in (4, 8):
            raise ValueError(f"length {length}: it is 4 or 8 bytes")
        words = [self._regs.read32(offset + at) for at in range(0, length, 4)]
        if word_order == "little":
            words.reverse()
        value = 0
        for word in words:
            value = value << 32 | word
        return value

    def write(self, offset: int, data: Union[int, bytes]) -> None:
        """An integer into one register, or bytes into as many as they fill."""
        if isinstance(data, int):
            self._regs.write32(offset, data)
            return
        if len(data) % 4:
            raise ValueError(f"{len(data)} bytes are no whole registers of 4")
        for at in range(0, len(data), 4):
            self._regs.write32(offset + at, int.from_bytes(data[at : at + 4], "little"))
