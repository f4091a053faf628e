# SPDX-License-Identifier: MIT
"""The Python module over a daemon in simulation, which each class starts for itself.

A class is run by its name from python.bats. MMIOD_BUILD is the build that is tested.
"""

import asyncio
import errno
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import mmiod
import mmiod.aio
import mmiod.compat

BUILD = os.environ["MMIOD_BUILD"]

CONFIG = """
[region regs]
size = 4K
width = 32
[region shm]
size = 64K
cache = wc uc
[region rom]
size = 8K
[region file]
size = 8K
backing = {directory}/backing
[region vram]
size = 1M
pool = yes
[region secret]
size = 4K
[grant us]
region = regs shm file vram
user = {uid}
access = rw
[grant readers]
region = rom
user = {uid}
access = r
share = shared-read
[grant memory]
memory = pages
user = {uid}
[grant others]
region = secret
user = 54399
[admin us]
user = {uid}
"""

DEVICES = """
[region bar]
device = pci:0000:01:00.0
bar = 0
size = 4K
[device card]
device = pci:0000:01:00.0
interrupts = msix
vectors = 4
dma-engine = no
[device line]
interrupts = intx
dma-engine = no
[device private]
interrupts = auto
[device engine]
dma = iommu
[grant engine]
device = engine
bus-master = yes
dma = iommu
user = {uid}
[grant card]
region = bar
device = card line
interrupts = yes
config = standard
bus-master = yes
reset = yes
power = yes
access = rw
share = shared-write
user = {uid}
"""


class Rig(unittest.TestCase):
    config = CONFIG

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="mmiod-python-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory])
        with open(self.path("conf"), "w", encoding="utf-8") as file:
            file.write(self.config.format(directory=self.directory, uid=os.getuid()))
        os.environ["MMIOD_SOCKET"] = self.path("sock")
        self.start_daemon()
        self.client = mmiod.Client()
        self.addCleanup(self.client.close)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start_daemon(self):
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(
                [f"{BUILD}/mmiod", "--simulate", self.path("conf"), "--socket", self.path("sock")], stderr=log
            )
        self.addCleanup(self.stop_daemon)
        while True:
            try:
                mmiod.Client().close()
                return
            except mmiod.NoDaemon:
                self.assertIsNone(self.daemon.poll(), "the daemon does not start")
                time.sleep(0.02)

    def stop_daemon(self):
        if self.daemon.poll() is None:
            self.daemon.terminate()
            self.assertEqual(self.daemon.wait(), 0)

    def restart_daemon(self):
        """After which the client has lost all that it had in simulation."""
        self.stop_daemon()
        self.start_daemon()
        self.client.status()

    def ctl(self, *arguments):
        return subprocess.run(
            [f"{BUILD}/mmioctl", *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    def regs(self, target="regs", **how):
        lease = self.client.lease(target, write=True, **how)
        return lease, lease.map()


class Access(Rig):
    def test_a_register_is_read_and_written_in_exactly_its_width(self):
        lease, regs = self.regs("shm")
        for width, value in ((8, 0xAB), (16, 0xABCD), (32, 0xABCDEF01), (64, 0xABCDEF0123456789)):
            getattr(regs, f"write{width}")(0x10, value)
            self.assertEqual(getattr(regs, f"read{width}")(0x10), value)
            self.assertEqual(lease.read(0x10, width), [value])
            with self.assertRaises(OverflowError):
                getattr(regs, f"write{width}")(0x10, 1 << width)
            with self.assertRaises(OverflowError):
                getattr(regs, f"write{width}")(0x10, -1)
        regs.write64(0x20, 0)
        regs.write8(0x21, 0xFF)
        self.assertEqual(regs.read64(0x20), 0xFF00)

    def test_what_is_beyond_the_end_is_an_index_error(self):
        _, regs = self.regs()
        self.assertEqual(len(regs), 4096)
        for offset in (4096, 4094, -4, 1 << 64, 1 << 200, -(1 << 70)):
            with self.assertRaises(IndexError, msg=offset):
                regs.read32(offset)
            with self.assertRaises(IndexError, msg=offset):
                regs.write32(offset, 0)
        with self.assertRaises(TypeError):
            regs.read32("0")
        with self.assertRaises(TypeError):
            regs.write32(0)

    def test_what_is_misaligned_or_of_another_width_is_a_value_error(self):
        _, regs = self.regs()
        for call in (lambda: regs.read32(2), lambda: regs.write32(1, 0), lambda: regs.read8(0), lambda: regs.read64(0)):
            with self.assertRaises(ValueError):
                call()

    def test_a_window_that_is_read_only_is_not_written(self):
        lease = self.client.lease("rom")
        self.assertEqual(lease.rights, mmiod.Rights.READ)
        with lease.map() as regs:
            self.assertTrue(regs.readonly)
            for call in (
                lambda: regs.write32(0, 1),
                lambda: regs.update32(0, mask=1, value=1),
                lambda: regs.write_block(0, b"xxxx"),
            ):
                with self.assertRaises(TypeError):
                    call()
            self.assertTrue(memoryview(regs).readonly)
        with self.assertRaises(mmiod.Error):
            lease.write(0, 1)

    def test_update_changes_only_the_bits_of_the_mask(self):
        _, regs = self.regs()
        regs.write32(0, 0xF0F0)
        regs.update32(0, mask=0xFF, value=0x3C)
        self.assertEqual(regs.read32(0), 0xF03C)
        with self.assertRaises(ValueError):
            regs.update32(0, mask=1, value=2)

    def test_a_wait_ends_when_the_bits_are_as_wanted(self):
        _, regs = self.regs()
        other = threading.Thread(target=lambda: (time.sleep(0.05), regs.write32(4, 0x80000001)))
        other.start()
        self.assertEqual(regs.wait32(4, mask=1, value=1, timeout=600), 0x80000001)
        other.join()

    def test_a_wait_that_is_over_is_a_timeout(self):
        _, regs = self.regs()
        with self.assertRaises(TimeoutError) as caught:
            regs.wait32(4, mask=1, value=1, timeout=0.05)
        self.assertIsInstance(caught.exception, mmiod.Timeout)
        with self.assertRaises(mmiod.Timeout):
            regs.wait32(4, mask=1, value=1, timeout=-1)

    def test_a_signal_breaks_a_wait_off(self):
        class Alarm(Exception):
            pass

        def handler(*_):
            raise Alarm

        _, regs = self.regs()
        old = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with self.assertRaises(Alarm):
            regs.wait32(4, mask=1, value=1)

    def test_blocks_go_in_and_out(self):
        _, regs = self.regs("shm")
        regs.write_block(3, b"hello")
        self.assertEqual(regs.read_block(2, 7), b"\0hello\0")
        with self.assertRaises(IndexError):
            regs.read_block(0xFFFF, 2)
        with self.assertRaises(ValueError):
            regs.read_block(0, -1)
        _, narrow = self.regs()
        with self.assertRaises(IndexError):
            narrow.write_block(0, b"123")

    def test_mediated_access_needs_no_mapping(self):
        lease = self.client.lease("regs+0x10/8", write=True)
        self.assertFalse(lease.mappable)
        lease.write(0, [1, 2])
        self.assertEqual(lease.read(0, count=2), [1, 2])
        for call in (
            lambda: lease.read(8),
            lambda: lease.read(2),
            lambda: lease.read(0, 8),
            lambda: lease.map(),
            lambda: lease.fill(0, 8, 1),
        ):
            with self.assertRaises(mmiod.Error):
                call()
        for call in (lambda: lease.read(0, 12), lambda: lease.read(0, count=-1)):
            with self.assertRaises(ValueError):
                call()
        plain = self.client.lease("shm+0x100/0x10", write=True)
        plain.copy_to(0, b"0123456789abcdef")
        plain.fill(4, 4, 0x2E)
        self.assertEqual(plain.copy_from(2, 8), b"23....89")


class Buffers(Rig):
    def test_a_view_indexes_registers(self):
        _, regs = self.regs()
        view = regs.registers("I")
        view[4] = 7
        self.assertEqual(regs.read32(0x10), 7)
        self.assertEqual(len(view), 1024)

    def test_a_mapping_whose_buffer_is_in_use_does_not_close(self):
        _, regs = self.regs()
        view = memoryview(regs)
        with self.assertRaises(BufferError):
            regs.close()
        view.release()
        regs.close()
        self.assertTrue(regs.closed)
        regs.close()
        for call in (lambda: regs.read32(0), lambda: memoryview(regs), lambda: regs.read_block(0, 4)):
            with self.assertRaises(ValueError):
                call()

    def test_a_view_keeps_the_mapping(self):
        lease, regs = self.regs()
        view = regs.registers()
        lease.close()
        del lease, regs
        gc.collect()
        view[0] = 1
        self.assertEqual(view[0], 1)


class Numpy(Rig):
    def test_numpy_sees_the_registers(self):
        import numpy

        _, regs = self.regs()
        array = numpy.frombuffer(regs, "<u4")
        array[4] = 0x12345678
        self.assertEqual(regs.read32(0x10), 0x12345678)
        self.assertEqual(array.shape, (1024,))
        with self.assertRaises(BufferError):
            regs.close()

    def test_pynqs_array_is_one_of_numpy(self):
        window = mmiod.compat.PynqMMIO("regs")
        window.array[2] = 9
        self.assertEqual(window.read(8), 9)
        gc.collect()
        window.close()


class Loss(Rig):
    def lost(self):
        """A mapping whose memory has gone, as a revoked one's: the file behind it is cut short."""
        lease, regs = self.regs("file")
        regs.write32(0, 1)
        os.truncate(self.path("backing"), 0)
        return lease, regs

    def test_a_guarded_access_raises_gone(self):
        _, regs = self.lost()
        for call in (
            lambda: regs.read32(0),
            lambda: regs.write32(0, 1),
            lambda: regs.update32(0, mask=1, value=1),
            lambda: regs.wait32(0, mask=1, value=1, timeout=600),
            lambda: regs.read_block(0, 16),
            lambda: regs.write_block(0, b"1234"),
        ):
            with self.assertRaises(mmiod.Gone):
                call()

    def test_mediated_access_raises_gone(self):
        lease, _ = self.lost()
        with self.assertRaises(mmiod.Gone):
            lease.read(0)

    def test_an_unguarded_access_kills(self):
        _, regs = self.lost()
        regs.guard = False
        pid = os.fork()
        if not pid:
            regs.read32(0)
            os._exit(0)
        self.assertEqual(os.WTERMSIG(os.waitpid(pid, 0)[1]), signal.SIGBUS)

    def test_events_tell_who_took_a_lease(self):
        lease = self.client.lease("regs", write=True)
        self.client.revoke(lease.id)
        while not (told := list(self.client.events())):
            time.sleep(0.01)
        self.assertIsInstance(told[0], mmiod.events.Revoked)
        self.assertEqual(told[0].lease, lease.id)
        self.assertIn("revoked by user", told[0].text)
        self.assertIsNone(self.client.next_event())


def open_things():
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return len(os.listdir("/proc/self/fd")), sum(1 for _ in maps)


class Leases(Rig):
    def test_a_lease_is_given_back_at_the_end_of_its_block(self):
        with self.client.lease("regs", write=True) as lease:
            self.assertEqual((lease.offset, lease.length, lease.width), (0, 4096, 32))
            self.assertEqual(lease.share, mmiod.Share.EXCLUSIVE)
            self.assertEqual(lease.state, mmiod.State.OK)
            self.assertEqual(self.client.status().leases, 1)
        self.assertTrue(lease.closed)
        self.assertEqual(self.client.status().leases, 0)
        for call in (lambda: lease.id, lambda: lease.read(0), lease.release, lease.fileno, lease.map, lambda: lease.state):
            with self.assertRaises(ValueError):
                call()
        lease.close()

    def test_what_is_refused_says_why(self):
        with self.assertRaises(mmiod.Denied) as caught:
            self.client.lease("secret")
        self.assertIsInstance(caught.exception, PermissionError)
        self.assertIn("no grant lets user", caught.exception.strerror)
        with self.assertRaises(FileNotFoundError):
            self.client.lease("nothing")
        with self.client.lease("regs", write=True), self.assertRaises(mmiod.Busy) as caught:
            self.client.lease("regs", write=True)
        self.assertIsInstance(caught.exception, BlockingIOError)
        with self.assertRaises(mmiod.NoDaemon):
            mmiod.Client(self.path("nothing"))

    def test_arguments_that_make_no_sense_are_value_errors(self):
        for how in (
            {"share": "nobody"},
            {"cache": "hot"},
            {"time_limit": -1},
            {"on_end": [(0, 0, 32)] * 9},
        ):
            with self.assertRaises(ValueError, msg=how):
                self.client.lease("regs", write=True, **how)
        with self.assertRaises(ValueError):
            self.client.lease("+1")
        with self.assertRaises(TypeError):
            self.client.lease("regs", write=True, on_end=[1])

    def test_a_target_and_the_arguments_say_where(self):
        lease = self.client.lease("shm+0x1000/0x2000", offset=0x1000, share="read")
        self.assertEqual((lease.offset, lease.length), (0x2000, 0x1000))
        self.assertEqual(mmiod.parse_target("shm+1K/2:8"), ("shm", 1024, 2, 8))

    def test_what_is_closed_is_parked_until_it_is_leased_again_or_somebody_else_wants_it(self):
        self.client.set_parking(3600000)
        first = self.client.lease("shm", write=True)
        number = first.id
        first.close()
        self.assertIn(" parked", self.ctl("leases", "-o", "REGION,STATE"))
        again = self.client.lease("shm", write=True)
        self.assertEqual(again.id, number)
        self.assertNotIn(" parked", self.ctl("leases", "-o", "REGION,STATE"))
        again.close()
        with mmiod.Client().lease("shm", write=True) as other:
            self.assertNotEqual(other.id, number)
            with self.assertRaises(mmiod.Busy):
                self.client.lease("shm", write=True)
        self.assertIsNone(self.client.next_event())
        with self.assertRaises(mmiod.Error):
            self.client.set_parking(3600001)

    def test_what_is_to_be_written_at_the_end_is(self):
        with self.client.lease("regs+0x10/16", write=True, on_end=[(4, 0x600D, 32)]):
            pass
        self.assertEqual(self.ctl("read", "regs+0x14"), "0x0000600d")

    def test_memory_is_allocated(self):
        pages = self.client.allocate("pages", 65536)
        self.assertEqual((pages.memory, pages.length), (mmiod.Memory.PAGES, 65536))
        with pages.map() as memory:
            memory.write64(65528, 1)
        block = self.client.allocate("vram", 8192, align=65536)
        self.assertEqual((block.memory, block.offset % 65536), (mmiod.Memory.REGION, 0))
        with self.assertRaises(mmiod.Denied):
            self.client.allocate("kmalloc", 4096)
        with self.assertRaises(mmiod.Error):
            self.client.allocate("vram", 1 << 40)
        with self.assertRaises(ValueError):
            self.client.allocate("pages", 4096, zone="warm")

    def test_memory_of_a_pool_in_pieces_is_had_in_several_extents_by_who_asks_for_them(self):
        kept = [self.client.allocate("vram", 4096, low=at, high=at + 4096) for at in range(4096, 1 << 20, 8192)]
        with self.assertRaises(mmiod.Error):
            self.client.allocate("vram", 12288)
        lease = self.client.allocate("vram", 12288, max_extents=0)
        extents = lease.extents()
        self.assertEqual((lease.offset, lease.length, len(extents)), (2**64 - 1, 12288, 3))
        self.assertEqual({(offset % 8192, length) for offset, length in extents}, {(0, 4096)})
        with lease.map() as memory:
            memory.write32(8192, 7)
            self.assertEqual(memory.read32(8192), 7)
        self.assertEqual(kept[0].extents(), [(4096, 4096)])

    def test_regions_and_policy_are_told(self):
        regions = {region.name: region for region in self.client.regions()}
        self.assertEqual(regions["secret"].rights, mmiod.Rights(0))
        self.assertEqual(regions["regs"].width, 32)
        self.assertEqual(regions["rom"].rights, mmiod.Rights.READ)
        self.assertEqual(regions["shm"].memory_types, {mmiod.MemoryType.WC, mmiod.MemoryType.UC})
        answer = self.client.explain("rom", write=True)
        self.assertFalse(answer.allowed)
        self.assertEqual(answer.grant, "readers")
        self.assertTrue(self.client.explain("rom").allowed)

    def test_a_lease_outlives_its_client(self):
        client = mmiod.Client()
        lease = client.lease("rom")
        client.close()
        with self.assertRaises(ValueError):
            client.status()
        self.assertEqual(lease.read(0), [0])
        with self.assertRaises(mmiod.Error):
            lease.release()
        lease.close()

    def test_a_wait_for_a_lease_ends_when_it_is_free_and_other_threads_are_not_held_up(self):
        held = self.client.lease("regs", write=True)
        got = []

        def wait():
            with mmiod.Client(wait=None) as client, client.lease("regs", write=True) as lease:
                got.append(lease.id)

        other = threading.Thread(target=wait)
        other.start()
        for _ in range(20):
            self.client.status()
        self.assertEqual(got, [])
        held.release()
        other.join()
        self.assertEqual(len(got), 1)

    def test_threads_share_a_client(self):
        failed = []

        def work():
            try:
                for _ in range(100):
                    with self.client.lease("rom") as lease:
                        lease.read(0)
                    list(self.client.events())
            except Exception as error:  # whatever it is, the test is to fail
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])

    def test_after_a_fork_calls_raise_and_mappings_go_on(self):
        _, regs = self.regs()
        pid = os.fork()
        if not pid:
            status = 1
            try:
                regs.write32(0, 7)
                self.client.status()
            except mmiod.Error:
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(regs.read32(0), 7)
        self.client.status()

    def test_objects_come_and_go_without_a_leak(self):
        def once():
            with mmiod.Client() as client, client.lease("regs", write=True) as lease:
                with lease.map() as regs:
                    regs.registers()[0] = 1
                    with self.assertRaises(IndexError):
                        regs.read32(1 << 40)

        once()
        gc.collect()
        before = open_things()
        for _ in range(50):
            once()
        gc.collect()
        after = open_things()
        self.assertEqual(after[0], before[0])
        self.assertLess(after[1], before[1] + 20)


class Inherited(Rig):
    def hold(self, script, *targets):
        command = [f"{BUILD}/mmioctl", "hold", *targets, "--", sys.executable, "-c", script]
        run = subprocess.run(command, capture_output=True, text=True, close_fds=True)
        self.assertEqual(run.stderr, "")
        return run.stdout.strip()

    def test_a_script_finds_its_windows_under_hold(self):
        said = self.hold(
            "import mmiod\n"
            "shm, regs = mmiod.inherited()\n"
            "with regs.map() as mapped: mapped.write32(0x10, 0x600d)\n"
            "print(shm.offset, shm.length, regs.width, len(mmiod.inherited('regs')))\n",
            "shm+0x1000/0x1000",
            "regs",
        )
        self.assertEqual(said, "4096 4096 32 1")
        self.assertEqual(self.ctl("read", "regs+0x10"), "0x0000600d")

    def test_a_descriptor_that_is_another_file_by_now_is_not_taken(self):
        said = self.hold(
            "import errno, mmiod, os\n"
            "os.dup2(os.open('/dev/null', os.O_RDWR), 3)\n"
            "try: mmiod.inherited('regs')\n"
            "except mmiod.Error as error: print(errno.errorcode[error.errno])\n",
            "regs",
        )
        self.assertEqual(said, "ESTALE")

    def test_without_any_there_are_none(self):
        os.environ.pop("MMIOD_WINDOWS", None)
        self.assertEqual(mmiod.inherited(), [])
        with self.assertRaises(mmiod.NotFound):
            mmiod.inherited("regs")

    def test_a_window_is_handed_on_by_its_descriptor(self):
        lease = self.client.lease("shm/0x1000", write=True)
        other = mmiod.adopt(lease.fileno(), lease.identity())
        other.write(0, 5, width=32)
        self.assertEqual(lease.read(0), [5])
        with self.assertRaises(mmiod.Error):
            other.release()
        other.close()
        with open(self.path("log"), encoding="utf-8") as log, self.assertRaises(mmiod.Error):
            mmiod.adopt(log.fileno())


class Asynchronous(Rig):
    def run_async(self, work):
        return asyncio.run(asyncio.wait_for(work, 600))

    def test_events_are_awaited(self):
        async def work():
            async with mmiod.aio.Client() as client:
                lease = await client.lease("regs", write=True)
                told = asyncio.ensure_future(client.events().__anext__())
                await asyncio.sleep(0)
                await asyncio.get_running_loop().run_in_executor(None, self.client.revoke, lease.id)
                return lease.id, await told

        lease, event = self.run_async(work())
        self.assertIsInstance(event, mmiod.events.Revoked)
        self.assertEqual(event.lease, lease)

    def test_leases_are_waited_for_while_the_loop_goes_on(self):
        async def work():
            async with mmiod.aio.Client() as client:
                held = self.client.lease("regs", write=True)
                waiting = asyncio.ensure_future(client.lease("regs", write=True, wait=None))
                for _ in range(20):
                    await asyncio.sleep(0.001)
                self.assertFalse(waiting.done())
                held.release()
                return (await waiting).length

        self.assertEqual(self.run_async(work()), 4096)

    def test_a_wait_that_is_cancelled_holds_nothing(self):
        async def work():
            async with mmiod.aio.Client() as client:
                with self.client.lease("regs", write=True):
                    with self.assertRaises(asyncio.TimeoutError):
                        await asyncio.wait_for(client.lease("regs", write=True, wait=None), 0.05)
                with self.client.lease("regs", write=True):
                    pass
                with self.assertRaises(mmiod.Denied):
                    await client.lease("secret")
                with self.client.lease("regs", write=True), self.assertRaises(mmiod.Timeout):
                    await client.lease("regs", write=True, wait=0.05)

        self.run_async(work())


class Interrupts(Rig):
    config = CONFIG + DEVICES

    def test_an_interrupt_is_waited_for_and_tells_how_often_it_came(self):
        with self.client.interrupt("card", 2) as irq:
            self.assertEqual((irq.vector, irq.vectors, irq.kind), (2, 4, mmiod.IrqKind.MSIX))
            self.assertEqual((irq.state, irq.flags, irq.count), (mmiod.State.OK, mmiod.IrqFlags(0), 0))
            self.assertEqual(irq.read(), 0)
            irq.trigger()
            irq.trigger()
            self.assertEqual(irq.wait(), 2)
            irq.trigger()
            self.assertEqual(irq.read(), 1)
            self.assertEqual((irq.read(), irq.count), (0, 3))
        self.assertTrue(irq.closed)
        for call in (irq.wait, irq.read, irq.mask, irq.trigger, irq.fileno, irq.release, lambda: irq.id, lambda: irq.count):
            with self.assertRaises(ValueError):
                call()
        irq.close()

    def test_a_wait_that_is_over_is_a_timeout(self):
        irq = self.client.interrupt("card")
        for timeout in (0, 0.02, -1):
            with self.assertRaises(mmiod.Timeout):
                irq.wait(timeout)
        with self.assertRaises(TypeError):
            irq.wait("soon")

    def test_a_thread_that_waits_holds_nobody_up_and_its_file_is_not_closed(self):
        irq = self.client.interrupt("card")
        got = []
        other = threading.Thread(target=lambda: got.append(irq.wait()))
        other.start()
        while True:  # until it waits
            try:
                irq.release()
            except mmiod.Busy:
                break
            irq = self.client.interrupt("card")
        with self.assertRaises(mmiod.Busy):
            irq.close()
        for _ in range(20):
            self.client.status()
        self.assertEqual(got, [])
        irq.trigger()
        other.join()
        self.assertEqual(got, [1])
        irq.release()

    def test_a_signal_breaks_a_wait_off(self):
        class Alarm(Exception):
            pass

        def handler(*_):
            raise Alarm

        irq = self.client.interrupt("card")
        old = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with self.assertRaises(Alarm):
            irq.wait()
        irq.release()

    def test_what_is_refused_says_why(self):
        with self.client.interrupt("card", 1, kind="msix"):
            with self.assertRaises(mmiod.Busy) as caught:
                self.client.interrupt("card", 1)
            self.assertIn("is held by", caught.exception.strerror)
        for error, call in (
            (mmiod.Denied, lambda: self.client.interrupt("private")),
            (mmiod.NotFound, lambda: self.client.interrupt("nothing")),
            (mmiod.Error, lambda: self.client.interrupt("card", 4)),
            (mmiod.Error, lambda: self.client.interrupt("card", kind="intx")),
            (ValueError, lambda: self.client.interrupt("card", kind="msi-z")),
            (OverflowError, lambda: self.client.interrupt("card", 1 << 32)),
            (OverflowError, lambda: self.client.interrupt("card", -1)),
            (TypeError, lambda: self.client.interrupt("card", "one")),
        ):
            with self.assertRaises(error):
                call()

    def test_a_wait_for_a_vector_ends_when_it_is_free(self):
        held = self.client.interrupt("card", 3)
        got = []

        def wait():
            with mmiod.Client(wait=None) as client, client.interrupt("card", 3) as irq:
                got.append(irq.vector)

        other = threading.Thread(target=wait)
        other.start()
        held.release()
        other.join()
        self.assertEqual(got, [3])

    def test_simulation_says_what_it_has_not(self):
        irq = self.client.interrupt("card", masked=True)
        other = os.eventfd(0)
        self.addCleanup(os.close, other)
        for call in (irq.mask, irq.unmask, lambda: irq.set_eventfd(other), lambda: irq.set_eventfd(None)):
            with self.assertRaises(mmiod.Error) as caught:
                call()
            self.assertEqual(caught.exception.errno, errno.EOPNOTSUPP)
        with self.assertRaises(TypeError):
            irq.set_eventfd("3")
        # Its own file is one.
        irq.trigger()
        self.assertEqual(os.eventfd_read(irq.fileno()), 1)

    def test_an_interrupt_that_is_lost_is_gone(self):
        irq = self.client.interrupt("card")
        self.restart_daemon()
        for call in (irq.wait, irq.read, irq.trigger, lambda: irq.count):
            with self.assertRaises(mmiod.Gone):
                call()
        self.assertEqual(irq.state, mmiod.State.REVOKED)

    def test_events_tell_who_took_a_vector(self):
        irq = self.client.interrupt("card")
        self.client.revoke(irq.id)
        while not (told := list(self.client.events())):
            time.sleep(0.01)
        self.assertIsInstance(told[0], mmiod.events.Revoked)
        self.assertEqual(told[0].lease, irq.id)
        self.assertIsInstance(mmiod.events.make((7, 1, 0, "")), mmiod.events.Storm)

    def test_an_event_loop_waits_for_interrupts(self):
        async def work():
            with self.client.interrupt("card") as irq:
                with self.assertRaises(mmiod.Timeout):
                    await mmiod.aio.wait(irq, 0.02)
                with self.assertRaises(mmiod.Timeout):
                    await mmiod.aio.wait(irq, 0)
                irq.trigger()
                self.assertEqual(await mmiod.aio.wait(irq, 0), 1)
                waiting = asyncio.ensure_future(mmiod.aio.wait(irq))
                for _ in range(20):
                    await asyncio.sleep(0.001)
                self.assertFalse(waiting.done())
                irq.trigger()
                self.assertEqual(await waiting, 1)

        asyncio.run(asyncio.wait_for(work(), 600))

    def test_interrupts_come_one_after_the_other_and_end_when_they_are_gone(self):
        async def work():
            times = 0
            with self.client.interrupt("line") as irq:
                self.assertTrue(irq.masks_itself)
                irq.trigger()
                async for count in mmiod.aio.interrupts(irq):
                    self.assertEqual(count, 1)
                    times += 1
                    if times == 3:
                        self.restart_daemon()
                    else:
                        irq.trigger()

        with self.assertRaises(mmiod.Gone):
            asyncio.run(asyncio.wait_for(work(), 600))


class Operations(Rig):
    config = CONFIG + DEVICES

    def test_the_configuration_space_is_read_and_written_in_exactly_its_width(self):
        with self.client.operate("card", "config-write") as card:
            self.assertEqual(card.config_read32(0), card.config_read16(2) << 16 | card.config_read16(0))
            self.assertEqual(os.pread(card.fileno(), 4, 0), card.config_read32(0).to_bytes(4, "little"))
            card.config_write8(0x3C, 0x0B)
            self.assertEqual(card.config_read8(0x3C), 0x0B)
            card.config_write32(0x3C, 0x0100000C)
            card.config_write16(0x3E, 0x0102)
            self.assertEqual(card.config_read32(0x3C), 0x0102000C)
            for error, call in (
                (mmiod.Error, lambda: card.config_read32(2)),
                (mmiod.Error, lambda: card.config_read8(4096)),
                (OverflowError, lambda: card.config_write8(0x3C, 256)),
                (OverflowError, lambda: card.config_write32(0x3C, 1 << 32)),
                (OverflowError, lambda: card.config_read8(-1)),
                (OverflowError, lambda: card.config_read8(1 << 40)),
                (TypeError, lambda: card.config_read8("0")),
                (TypeError, lambda: card.config_write8(0)),
            ):
                with self.assertRaises(error):
                    call()
        for call in (lambda: card.config_read8(0), lambda: card.id, lambda: card.rights, card.reset, card.fileno, card.release):
            with self.assertRaises(ValueError):
                call()
        card.close()

    def test_capabilities_are_found(self):
        with self.client.operate("card") as card:
            self.assertEqual(card.rights, mmiod.DeviceRights.CONFIG)
            self.assertEqual(card.config_read8(card.find_capability(0x11)), 0x11)
            for call in (lambda: card.find_capability(0x7F), lambda: card.find_capability(1, extended=True)):
                with self.assertRaises(mmiod.NotFound):
                    call()
            with self.assertRaises(ValueError):
                card.find_capability(1 << 16)

    def test_a_reset_zeroes_the_registers_and_holders_are_told(self):
        lease = self.client.lease("bar", write=True)
        lease.write(0x10, 5)
        with self.client.operate("card", mmiod.DeviceRights.RESET | mmiod.DeviceRights.CONFIG) as card:
            self.assertGreater(card.reset(timeout=600), 0)
            self.assertEqual(card.state, mmiod.State.OK)
        self.assertEqual(lease.read(0x10), [0])
        told = []
        while len(told) < 2:
            told += [event for event in self.client.events() if event.lease == lease.id]
            time.sleep(0.01)
        self.assertEqual([type(event) for event in told], [mmiod.events.Suspended, mmiod.events.Resumed])

    def test_a_device_sleeps_and_masters_the_bus(self):
        with self.client.operate("card", "config-write,power,bus-master") as card:
            self.assertEqual((card.power, card.masters), (mmiod.Power.D0, False))
            card.set_master(True)
            self.assertTrue(card.masters)
            card.set_master(False, timeout=1)
            self.assertFalse(card.masters)
            card.set_power("d3hot")
            self.assertEqual((card.power, card.state), (mmiod.Power.D3HOT, mmiod.State.SUSPENDED))
            card.set_power(mmiod.Power.D0, 1)
            self.assertEqual(card.power, mmiod.Power.D0)
            with self.assertRaises(ValueError):
                card.set_power("off")

    def test_memory_for_a_device_has_an_address_of_the_device(self):
        with self.client.operate("engine", "bus-master,dma") as engine:
            memory = engine.allocate(5000)
            self.assertEqual((memory.length, memory.memory), (8192, mmiod.Memory.DMA))
            self.assertGreater(memory.iova, 0)
            memory.copy_to(0, b"for the device")
            self.assertEqual(memory.copy_from(0, 14), b"for the device")
            with engine.allocate(4096, 0x7000000, device_reads=True) as fixed:
                self.assertEqual(fixed.iova, 0x7000000)
                with self.assertRaises(mmiod.Busy) as caught:
                    engine.allocate(4096, 0x7000000)
                self.assertIn("are taken", caught.exception.strerror)
            for error, call in (
                (ValueError, lambda: engine.allocate(4096, 0)),
                (ValueError, lambda: engine.allocate(4096, -4096)),
                (mmiod.Error, lambda: engine.allocate(0)),
                (mmiod.Error, lambda: engine.allocate(4096, 4097)),
                (TypeError, lambda: engine.allocate("4096")),
                (TypeError, lambda: engine._allocate(int, 4096, 0, 0)),
            ):
                with self.assertRaises(error):
                    call()
            self.assertIsNone(self.client.allocate("pages", 4096).iova)
            memory.release()
            with self.assertRaises(ValueError):
                memory.iova
        with self.assertRaises(ValueError):
            engine.allocate(4096)
        with self.client.operate("engine", "bus-master") as engine:
            with self.assertRaises(mmiod.Denied):
                engine.allocate(4096)

    def test_what_is_refused_says_why(self):
        with self.client.operate("card", "config") as card:
            for call in (card.reset, lambda: card.set_master(True), lambda: card.set_power("d0")):
                with self.assertRaises(mmiod.Denied):
                    call()
        with self.client.operate("card", "reset"):
            with self.assertRaises(mmiod.Busy) as caught:
                self.client.operate("card", "reset")
            self.assertIn("is operated by", caught.exception.strerror)
        for error, call in (
            (mmiod.Denied, lambda: self.client.operate("private")),
            (mmiod.Denied, lambda: self.client.operate("card", "reset-others")),
            (mmiod.NotFound, lambda: self.client.operate("nothing")),
            (mmiod.Error, lambda: self.client.operate("card", 0)),
            (ValueError, lambda: self.client.operate("card", "everything")),
            (ValueError, lambda: self.client.operate("card", "")),
        ):
            with self.assertRaises(error):
                call()

    def test_an_operation_that_is_lost_is_gone(self):
        card = self.client.operate("card", "config,reset")
        self.restart_daemon()
        for call in (lambda: card.config_read32(0), card.reset, lambda: card.power):
            with self.assertRaises(mmiod.Gone):
                call()
        self.assertEqual(card.state, mmiod.State.REVOKED)

    def test_devices_are_told(self):
        devices = {device.name: device for device in self.client.devices()}
        card = devices["card"]
        self.assertEqual((card.vectors, card.interrupt), (4, mmiod.IrqKind.MSIX))
        self.assertIn(mmiod.DeviceRights.RESET, card.rights)
        self.assertNotIn(mmiod.DeviceRights.RESET_OTHERS, card.rights)
        self.assertEqual(devices["private"].rights, mmiod.DeviceRights(0))
        with self.client.operate("card", "reset") as operation:
            [operator] = [device.operator for device in self.client.devices() if device.name == "card"]
            self.assertEqual(operator, operation.id)

    def test_a_script_finds_its_device_under_operate(self):
        script = (
            "import mmiod\n"
            "[card] = mmiod.inherited_operations()\n"
            "print(card.find_capability(0x11) > 0, len(mmiod.inherited_operations('card')))\n"
            "try: mmiod.inherited_operations('line')\n"
            "except mmiod.NotFound: print('none')\n"
        )
        command = [f"{BUILD}/mmioctl", "operate", "card", "--config", "read", "--", sys.executable, "-c", script]
        run = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((run.stdout.split(), run.stderr), (["True", "1", "none"], ""))
        os.environ.pop("MMIOD_DEVICES", None)
        self.assertEqual(mmiod.inherited_operations(), [])

    def test_objects_come_and_go_without_a_leak(self):
        def once():
            with self.client.interrupt("card") as irq:
                irq.trigger()
            with self.client.operate("card") as card, self.assertRaises(mmiod.Error):
                card.config_read32(1)

        once()
        gc.collect()
        before = open_things()
        for _ in range(50):
            once()
        gc.collect()
        self.assertEqual(open_things()[0], before[0])


class Documented(unittest.TestCase):
    def test_every_public_name_has_a_docstring(self):
        import inspect

        lacking = []
        for module in (mmiod, mmiod.aio, mmiod.device, mmiod.words, mmiod.events, mmiod.compat):
            for name, value in inspect.getmembers(module):
                if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
                    continue
                if not value.__module__.startswith("mmiod"):
                    continue
                lacking += [] if value.__doc__ else [f"{module.__name__}.{name}"]
                if inspect.isclass(value):
                    lacking += [
                        f"{module.__name__}.{name}.{member}"
                        for member, method in inspect.getmembers(value)
                        if not member.startswith("_")
                        and (inspect.isroutine(method) or isinstance(method, property))
                        and not inspect.getdoc(method)
                    ]
        self.assertEqual(lacking, [])

    def test_what_is_promised_is_there(self):
        self.assertEqual([name for name in mmiod.__all__ if not hasattr(mmiod, name)], [])


class Compatible(Rig):
    def test_peripherys_calls_are_there(self):
        with mmiod.compat.MMIO("shm+0x1000", 0x1000) as window:
            self.assertEqual((window.size, window.base), (0x1000, "shm+0x1000"))
            window.write32(4, 0x31323334)
            window.write8(8, 0x35)
            window.write16(10, 0x3637)
            self.assertEqual(window.read32(4), 0x31323334)
            self.assertEqual(window.read(4, 5), b"43215")
            window.write(0, [1, 2])
            self.assertEqual(window.read16(0), 0x201)
        self.assertEqual(self.client.status().leases, 0)
        with self.assertRaises(mmiod.Denied):
            mmiod.compat.MMIO("secret")

    def test_pynqs_calls_are_there(self):
        window = mmiod.compat.PynqMMIO("regs", 0x1000)
        window.write(0, 1)
        window.write(4, b"\2\0\0\0\3\0\0\0")
        self.assertEqual((window.read(), window.read(4), window.read(8)), (1, 2, 3))
        self.assertEqual(window.read(4, 8), 3 << 32 | 2)
        self.assertEqual(window.read(4, 8, "big"), 2 << 32 | 3)
        for call in (lambda: window.read(0, 2), lambda: window.write(0, b"1"), lambda: window.read(0, 8, "odd")):
            with self.assertRaises(ValueError):
                call()
        window.close()

    def test_a_window_without_whole_pages_is_reached_all_the_same(self):
        with mmiod.compat.MMIO("shm+0x10", 0x20) as window:
            self.assertEqual(window.size, 0x20)
            window.write64(0, 0x3736353433323130)
            window.write32(8, 0x3938)
            window.write16(10, 0x4140)
            window.write8(12, 0x42)
            self.assertEqual((window.read64(0), window.read32(4)), (0x3736353433323130, 0x37363534))
            self.assertEqual((window.read16(8), window.read8(12)), (0x3938, 0x42))
            self.assertEqual(window.read(1, 12), b"12345678" + b"9@AB")
            window.write(30, b"xy")
            self.assertEqual(window.read(30, 2), b"xy")
            for offset, error in ((0x20, IndexError), (-4, IndexError), (30, IndexError), (2, ValueError)):
                with self.assertRaises(error):
                    window.read32(offset)
            with self.assertRaises(OverflowError):
                window.write8(0, 256)
        self.assertEqual(self.client.status().leases, 0)
        window = mmiod.compat.PynqMMIO("regs+0x20", 8)
        window.write(0, 7)
        self.assertEqual((window.length, window.read(), window.read(0, 8, "big")), (8, 7, 7 << 32))
        with self.assertRaises(BufferError):
            window.array
        window.close()
        with mmiod.compat.MMIO("regs", 8) as window:
            window.write(0, [1, 2, 3, 4])
            self.assertEqual((window.read(0, 4), window.read32(0)), (b"\1\2\3\4", 0x4030201))
            for call in (lambda: window.read16(0), lambda: window.write(0, [1])):
                with self.assertRaises(ValueError):
                    call()
        with mmiod.compat.MMIO("rom", 8) as window:
            self.assertEqual(window.read32(0), 0)
            with self.assertRaises(TypeError):
                window.write32(0, 1)

    def test_a_window_that_may_only_be_read_is(self):
        with mmiod.compat.MMIO("rom") as window:
            self.assertEqual(window.read32(0), 0)
            with self.assertRaises(TypeError):
                window.write32(0, 1)


if __name__ == "__main__":
    unittest.main()
