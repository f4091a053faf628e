// SPDX-License-Identifier: MIT
//! Interrupts: vectors of devices. To wait for one is to poll its file, without the connection's
//! lock, which the library needs only to look.

use crate::connection::Connection;
use crate::error::{errno, Result};
use crate::words::{IrqKind, State};
use mmiod_sys as sys;
use std::mem::ManuallyDrop;
use std::os::raw::{c_int, c_short, c_uint, c_ulong};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

const POLLIN: c_short = 1;
/// Of an interrupt: it is silenced.
const POLLMSG: c_short = 0x400;

extern "C" {
    fn poll(fds: *mut PollFd, count: c_ulong, timeout_ms: c_int) -> c_int;
}

/// Until the file is readable, silenced or hung up, the time is over, or a signal came: who asks
/// looks again.
pub(crate) fn poll_readable(fd: RawFd, left: Option<Duration>) {
    let mut one = PollFd { fd, events: POLLIN | POLLMSG, revents: 0 };
    let ms = left.map_or(-1, |left| {
        // Rounded up, or the last fraction would be spent in looking.
        c_int::try_from(left.as_micros().saturating_add(999) / 1000).unwrap_or(c_int::MAX)
    });

    unsafe { poll(&mut one, 1, ms) };
}

/// How an interrupt is leased: as the configuration says, unmasked, unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct InterruptOptions {
    pub(crate) kind: IrqKind,
    pub(crate) flags: c_uint,
}

impl Default for InterruptOptions {
    fn default() -> Self {
        Self { kind: IrqKind::Standard, flags: 0 }
    }
}

impl InterruptOptions {
    /// As the configuration says, unmasked.
    pub fn new() -> Self {
        Self::default()
    }

    /// The kind that it must be.
    pub fn kind(self, kind: IrqKind) -> Self {
        Self { kind, ..self }
    }

    /// Masked by each interrupt until it is unmasked.
    pub fn oneshot(self) -> Self {
        Self { flags: self.flags | sys::MMIOD_IRQ_ONESHOT, ..self }
    }

    /// Masked at first.
    pub fn masked(self) -> Self {
        Self { flags: self.flags | sys::MMIOD_IRQ_MASKED, ..self }
    }
}

/// A vector of a device.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// use std::time::Duration;
///
/// let client = mmiod::Client::connect()?;
/// let done = client.interrupt("fpga", 0, Default::default())?;
/// match done.wait(Some(Duration::from_secs(1)))? {
///     Some(times) => println!("it came {times} times"),
///     None => println!("it did not come"),
/// }
/// # Ok(()) }
/// ```
pub struct Interrupt {
    raw: NonNull<sys::mmiod_interrupt>,
    connection: Arc<Connection>,
}

// As of a lease.
unsafe impl Send for Interrupt {}
unsafe impl Sync for Interrupt {}

impl Interrupt {
    pub(crate) fn new(raw: *mut sys::mmiod_interrupt, connection: Arc<Connection>) -> Self {
        Self { raw: NonNull::new(raw).expect("the library grants interrupts"), connection }
    }

    fn get<T>(&self, get: unsafe extern "C" fn(*const sys::mmiod_interrupt) -> T) -> T {
        let _locked = self.connection.lock();

        unsafe { get(self.raw.as_ptr()) }
    }

    fn call(&self, call: impl FnOnce(*mut sys::mmiod_interrupt) -> c_int) -> Result<c_int> {
        let locked = self.connection.lock();

        locked.check(call(self.raw.as_ptr()))
    }

    /// Whether it came by now, and how often since this was asked last.
    fn look(&self) -> Result<Option<u64>> {
        let mut count = 0;

        match self.call(|irq| unsafe { sys::mmiod_interrupt_wait(irq, 0, &mut count) }) {
            Ok(_) => Ok(Some(count)),
            Err(error) if error.errno() == errno::ETIMEDOUT => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Wait until it came, once or more, since the last wait: how often. `None`: it did not come in
    /// time. Without a `timeout` it waits for ever. An error of the kind `Silenced`: it came too
    /// often, and does not come any more until it is unmasked. One thread at a time.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<u64>> {
        let begun = Instant::now();

        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            let came = self.look()?;

            if came.is_some() || left == Some(Duration::ZERO) {
                return Ok(came);
            }
            poll_readable(self.as_raw_fd(), left);
        }
    }

    /// Keep it from coming.
    pub fn mask(&self) -> Result<()> {
        self.call(|irq| unsafe { sys::mmiod_interrupt_mask(irq) }).map(|_| ())
    }

    /// Let it come again.
    pub fn unmask(&self) -> Result<()> {
        self.call(|irq| unsafe { sys::mmiod_interrupt_unmask(irq) }).map(|_| ())
    }

    /// Make it come without the device.
    pub fn trigger(&self) -> Result<()> {
        self.call(|irq| unsafe { sys::mmiod_interrupt_trigger(irq) }).map(|_| ())
    }

    /// Have it signal an eventfd as well; `None`: none any more.
    pub fn set_eventfd(&self, eventfd: Option<BorrowedFd<'_>>) -> Result<()> {
        let fd = eventfd.map_or(-1, |fd| fd.as_raw_fd());

        self.call(|irq| unsafe { sys::mmiod_interrupt_set_eventfd(irq, fd) }).map(|_| ())
    }

    /// How often it came since it was leased.
    pub fn count(&self) -> Result<u64> {
        let mut count = 0;

        self.call(|irq| unsafe { sys::mmiod_interrupt_count(irq, &mut count) })?;
        Ok(count)
    }

    /// The set of `sys::MMIOD_IRQ_*` that hold now.
    pub fn flags(&self) -> Result<u32> {
        let mut flags = 0;

        self.call(|irq| unsafe { sys::mmiod_interrupt_flags(irq, &mut flags) })?;
        Ok(flags)
    }

    /// As the kernel has it.
    pub fn state(&self) -> Result<State> {
        let mut state = 0;

        self.call(|irq| unsafe { sys::mmiod_interrupt_state(irq, &mut state) })?;
        Ok(State::of(state))
    }

    /// Id of its lease, by which events name it.
    pub fn id(&self) -> u64 {
        self.get(sys::mmiod_interrupt_lease)
    }

    /// How the device signals it.
    pub fn kind(&self) -> IrqKind {
        IrqKind::of(self.get(sys::mmiod_interrupt_kind))
    }

    /// From 0.
    pub fn vector(&self) -> u32 {
        self.get(sys::mmiod_interrupt_vector)
    }

    /// Give it back now, as [`Lease::release`](crate::Lease::release).
    pub fn release(self) -> Result<()> {
        self.call(|irq| unsafe { sys::mmiod_interrupt_release(irq) })?;
        let spent = ManuallyDrop::new(self);
        drop(unsafe { ptr::read(&spent.connection) });
        Ok(())
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        let _locked = self.connection.lock();

        unsafe { sys::mmiod_interrupt_free(self.raw.as_ptr()) };
    }
}

impl AsRawFd for Interrupt {
    fn as_raw_fd(&self) -> RawFd {
        self.get(sys::mmiod_interrupt_fd)
    }
}

impl AsFd for Interrupt {
    /// Its file: POLLIN when it came.
    fn as_fd(&self) -> BorrowedFd<'_> {
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupt").field("id", &self.id()).field("vector", &self.vector()).finish()
    }
}
