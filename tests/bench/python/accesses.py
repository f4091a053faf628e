# SPDX-License-Identifier: MIT
"""Reads of a register from Python, beside each other: mmiod's, and those that people know.

Usage: accesses.py TARGET, with a daemon. All are measured in turn, round after round, so that a busy machine spoils all of them
alike; of each the best round counts, less what an empty loop takes. In simulation the register is ordinary memory, so that what differs
is the way to it; lease.read(), which the kernel does on a device, is there done by the library. numpy's is left out, by name, where it is
not installed.
"""

import ctypes
import struct
import sys
import timeit

import mmiod

ROUNDS = 15
ACCESSES = 20000


def ways(guarded, unguarded, lease):
    """Name, statement, what it knows, and whether it is one access of four bytes by construction."""
    words = unguarded.registers("I")
    array = (ctypes.c_uint32 * (len(unguarded) // 4)).from_buffer(unguarded)
    view = memoryview(unguarded)
    yield "an empty loop", "pass", {}, None
    yield "read32(), unguarded", "read(0x10)", {"read": unguarded.read32}, True
    yield "read32()", "read(0x10)", {"read": guarded.read32}, True
    yield "lease.read(), mediated", "read(0x10)", {"read": lease.read}, True
    yield "memoryview.cast('I')[i]", "words[4]", {"words": words}, True
    yield "ctypes array[i]", "array[4]", {"array": array}, True
    yield "struct.unpack_from()", "unpack('<I', view, 16)[0]", {"unpack": struct.unpack_from, "view": view}, False
    yield "int.from_bytes(view[a:b])", "int.from_bytes(view[16:20], 'little')", {"view": view}, False
    try:
        import numpy
    except ImportError:
        print("# skipped: numpy, as python3-numpy is not installed")
        return
    yield "numpy array[i]", "array[4]", {"array": numpy.frombuffer(unguarded, "<u4")}, True


def measure(timers):
    best = [float("inf")] * len(timers)
    for _ in range(ROUNDS):
        for i, timer in enumerate(timers):
            best[i] = min(best[i], timer.timeit(ACCESSES) / ACCESSES * 1e9)
    return best


def main():
    with mmiod.Client() as client, client.lease(sys.argv[1], write=True) as lease:
        guarded, unguarded = lease.map(), lease.map(guard=False)
        rows = list(ways(guarded, unguarded, lease))
        times = measure([timeit.Timer(statement, globals=known) for _, statement, known, _ in rows])
        empty, unit = times[0], times[1] - times[0]
        print(f"{'a read of 32 bits':<28} {'ns':>8} {'ratio':>7}  one access by construction")
        for (name, _, _, one), time in list(zip(rows, times))[1:]:
            print(f"{name:<28} {time - empty:8.0f} {(time - empty) / unit:7.2f}  {'yes' if one else 'no'}")


main()
