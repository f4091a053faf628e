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


class _Mediated:
    """What a mapping has, of a window that owns no whole page and cannot be mapped: the kernel does each access."""

    def __init__(self, lease: mmiod.Lease) -> None:
        self._lease = lease

    def __len__(self) -> int:
        return self._lease.length

    def _check(self, offset: int, size: int, width: int) -> None:
        if not 0 <= offset <= len(self) - size:
            raise IndexError(f"offset {offset}: the window has {len(self)} bytes, and an access {size}")
        if offset % (width // 8):
            raise ValueError(f"offset {offset} is not a multiple of {width // 8} bytes")
        if self._lease.width not in (0, width):
            raise ValueError(f"an access of {width} bits: the registers here are {self._lease.width} bits wide")

    def _read(self, offset: int, width: int) -> int:
        self._check(offset, width // 8, width)
        return self._lease.read(offset, width)[0]

    def _write(self, offset: int, value: int, width: int) -> None:
        self._check(offset, width // 8, width)
        if not self._lease.rights & mmiod.Rights.WRITE:
            raise TypeError("the window is read-only")
        if value < 0 or value >> width:
            raise OverflowError(f"value {value} does not fit {width} bits")
        self._lease.write(offset, value, width)

    def read8(self, offset: int) -> int:
        return self._read(offset, 8)

    def read16(self, offset: int) -> int:
        return self._read(offset, 16)

    def read32(self, offset: int) -> int:
        return self._read(offset, 32)

    def read64(self, offset: int) -> int:
        return self._read(offset, 64)

    def write8(self, offset: int, value: int) -> None:
        self._write(offset, value, 8)

    def write16(self, offset: int, value: int) -> None:
        self._write(offset, value, 16)

    def write32(self, offset: int, value: int) -> None:
        self._write(offset, value, 32)

    def write64(self, offset: int, value: int) -> None:
        self._write(offset, value, 64)

    def read_block(self, offset: int, length: int) -> bytes:
        width = self._lease.width or 8
        self._check(offset, length, width)
        values = self._lease.read(offset, width, -(-length * 8 // width))
        return b"".join(value.to_bytes(width // 8, "little") for value in values)[:length]

    def write_block(self, offset: int, data: bytes) -> None:
        size = (self._lease.width or 8) // 8
        self._check(offset, len(data), size * 8)
        if len(data) % size:
            raise ValueError(f"{len(data)} bytes are no whole registers of {size}")
        for at in range(0, len(data), size):
            self._write(offset + at, int.from_bytes(data[at : at + size], "little"), size * 8)

    def close(self) -> None:
        pass


class _Window:
    """A lease and what reaches it. @length 0: as much as the target says. @write None: if policy lets the caller."""

    def __init__(self, base: str, length: int = 0, write: Optional[bool] = None) -> None:
        self.base = base
        self._client = mmiod.Client()
        try:
            self._lease = self._take(length, write)
            try:
                self._regs: Union[mmiod.Mapping, _Mediated] = (
                    self._lease.map() if self._lease.mappable else _Mediated(self._lease)
                )
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

        if isinstance(self._regs, _Mediated):
            raise BufferError(f"a window of {self.size} bytes has no whole page that could be an array's")
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
