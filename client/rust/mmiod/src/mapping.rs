// SPDX-License-Identifier: MIT
//! Mapped windows. Each access is one volatile load or store of its width, inside a guard: a
//! revocation leaves it by a jump of the library's signal handler. Only functions whose frames have
//! nothing to drop stand between the access and the guard.

use crate::connection::Connection;
use crate::error::{errno, Error, ErrorKind, Result};
use mmiod_sys as sys;
use std::any::Any;
use std::marker::PhantomData;
use std::mem::size_of;
use std::os::raw::{c_int, c_uint, c_void};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

mod sealed {
    pub trait Sealed {}
}

/// What a register is: `u8`, `u16`, `u32` or `u64`.
pub trait Register:
    sealed::Sealed
    + Copy
    + Default
    + Eq
    + std::fmt::Debug
    + std::fmt::LowerHex
    + std::ops::BitAnd<Output = Self>
    + std::ops::BitOr<Output = Self>
    + std::ops::Not<Output = Self>
{
}

macro_rules! registers {
    ($($integer:ty),*) => {
        $(
            impl sealed::Sealed for $integer {}
            impl Register for $integer {}
        )*
    };
}
registers!(u8, u16, u32, u64);

/// How a window is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapMode {
    /// Pages come when they are touched.
    OnFault,
    /// All page-table entries are built now: no access faults later.
    Populate,
    /// Likewise, in entries of one page each.
    Exact,
}

impl MapMode {
    pub(crate) fn raw(self) -> c_uint {
        match self {
            Self::OnFault => 0,
            Self::Populate => sys::MMIOD_MAP_POPULATE,
            Self::Exact => sys::MMIOD_MAP_EXACT,
        }
    }
}

struct Access<T> {
    at: *mut T,
    value: T,
    mask: T,
}

unsafe extern "C" fn load<T: Register>(argument: *mut c_void) -> c_int {
    let access = argument.cast::<Access<T>>();

    (*access).value = ptr::read_volatile((*access).at);
    0
}

unsafe extern "C" fn store<T: Register>(argument: *mut c_void) -> c_int {
    let access = argument.cast::<Access<T>>();

    ptr::write_volatile((*access).at, (*access).value);
    0
}

unsafe extern "C" fn change<T: Register>(argument: *mut c_void) -> c_int {
    let access = argument.cast::<Access<T>>();
    let old = ptr::read_volatile((*access).at);

    ptr::write_volatile((*access).at, (old & !(*access).mask) | (*access).value);
    0
}

/// A fence before the store: what was stored before is seen by the device first.
unsafe extern "C" fn ring<T: Register>(argument: *mut c_void) -> c_int {
    sys::mmiod_wc_flush();
    store::<T>(argument)
}

struct Many<T> {
    at: *mut T,
    buffer: *mut T,
    count: usize,
}

unsafe extern "C" fn load_many<T: Register>(argument: *mut c_void) -> c_int {
    let many = argument.cast::<Many<T>>();
    let mut i = 0;

    while i < (*many).count {
        *(*many).buffer.add(i) = ptr::read_volatile((*many).at.add(i));
        i += 1;
    }
    0
}

unsafe extern "C" fn store_many<T: Register>(argument: *mut c_void) -> c_int {
    let many = argument.cast::<Many<T>>();
    let mut i = 0;

    while i < (*many).count {
        ptr::write_volatile((*many).at.add(i), *(*many).buffer.add(i));
        i += 1;
    }
    0
}

/// # Safety
/// `argument` is what `body` takes it for, and `body` may be left at an access.
unsafe fn run<A>(body: unsafe extern "C" fn(*mut c_void) -> c_int, argument: &mut A) -> Result<()> {
    match sys::mmiod_guard(Some(body), (argument as *mut A).cast()) {
        0 => Ok(()),
        result => Err(Error::gone(result)),
    }
}

type Panic = Box<dyn Any + Send>;

struct Call<F, R> {
    body: Option<F>,
    result: Option<std::result::Result<R, Panic>>,
}

unsafe extern "C" fn call<F: FnOnce() -> R, R>(argument: *mut c_void) -> c_int {
    let call = argument.cast::<Call<F, R>>();
    let body = (*call).body.take();

    // A panic does not pass through C, so it is carried past it.
    if let Some(body) = body {
        (*call).result = Some(catch_unwind(AssertUnwindSafe(body)));
    }
    0
}

/// Run `body` so that a window that is revoked makes this answer an error instead of killing the
/// process: for many accesses by [`RegisterRef::load`] and [`RegisterRef::store`] at the price of
/// one guard. It may be called within another. What `body` changed before it was left counts only
/// if it was changed by a volatile or atomic store.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// # let client = mmiod::Client::connect()?;
/// # let regs = client.lease("fpga-ctrl")?.map()?;
/// let fifo = regs.register::<u32>(0x20)?;
/// let sum = unsafe {
///     mmiod::guard(|| {
///         let mut sum = 0u32;
///         for _ in 0..256 {
///             sum = sum.wrapping_add(fifo.load());
///         }
///         sum
///     })
/// }?;
/// # Ok(()) }
/// ```
///
/// # Safety
///
/// A revocation leaves `body` in its middle, at an access, by a jump: nothing is dropped. While
/// `body` accesses a window, neither it nor what it captured by value nor anything that calls it
/// within the guard may hold what has to be dropped: no lock, no box, no scope of threads.
pub unsafe fn guard<R>(body: impl FnOnce() -> R) -> Result<R> {
    let mut argument = Call { body: Some(body), result: None };

    unsafe fn run_call<F: FnOnce() -> R, R>(argument: &mut Call<F, R>) -> Result<()> {
        run(call::<F, R>, argument)
    }
    run_call(&mut argument)?;
    match argument.result {
        Some(Ok(result)) => Ok(result),
        Some(Err(panic)) => resume_unwind(panic),
        None => Err(Error::gone(-errno::ENODEV)),
    }
}

/// A mapped window. It lives on when its lease is dropped, and the lease with it.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// use mmiod::{Client, ErrorKind, Want};
///
/// let client = Client::connect()?;
/// let regs = client.lease(Want::new("fpga-ctrl").write())?.map()?;
/// regs.update::<u32>(0x10, 0x70, 0x50)?;
/// match regs.read::<u32>(0x14) {
///     Ok(status) => println!("{status:#x}"),
///     Err(error) if error.kind() == ErrorKind::Gone => println!("somebody took it"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
///
/// It belongs to one thread at a time:
///
/// ```compile_fail,E0277
/// fn shared(_: impl Sync) {}
/// fn check(regs: mmiod::Mapping) {
///     shared(regs);
/// }
/// ```
pub struct Mapping {
    raw: NonNull<sys::mmiod_mapping>,
    address: *mut u8,
    length: usize,
    width: u32,
    writable: bool,
    connection: Arc<Connection>,
}

// An address is the same for every thread. Two that accessed it at once would race, as Rust has it.
unsafe impl Send for Mapping {}

const SPINS: u32 = 1000; // of a wait, before it sleeps between looks
const LOOK: Duration = Duration::from_micros(20); // how long it sleeps then

impl Mapping {
    /// # Safety
    /// `raw` is a mapping that is nobody else's; the rest is of its lease.
    pub(crate) unsafe fn new(
        raw: *mut sys::mmiod_mapping,
        connection: Arc<Connection>,
        width: u32,
        writable: bool,
    ) -> Self {
        Self {
            raw: NonNull::new(raw).expect("the library maps"),
            address: sys::mmiod_mapping_address(raw).cast(),
            length: sys::mmiod_mapping_length(raw),
            width,
            writable,
            connection,
        }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Never: nothing is not mapped.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// That every access must have, in bytes, as the region declares it; 0: any.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Whether it may be written.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// The first byte, for what is not said here. Only volatile accesses are right, and no
    /// reference is; a revoked window raises SIGBUS.
    pub fn as_ptr(&self) -> *mut u8 {
        self.address
    }

    /// Build all page-table entries now. Not after its lease was dropped.
    pub fn populate(&self) -> Result<()> {
        let locked = self.connection.lock();

        match unsafe { sys::mmiod_mapping_populate(self.raw.as_ptr()) } {
            result if result == -errno::EBADF => {
                Err(Error::of(result, "the lease of the mapping was dropped")
                    .with_kind(ErrorKind::Other))
            }
            result => locked.check(result).map(|_| ()),
        }
    }

    fn place<T: Register>(&self, offset: u64, count: usize) -> Result<*mut T> {
        let width = size_of::<T>();
        let refuse = |kind, sentence| Err(Error::new(kind, errno::EINVAL, sentence));
        let fits = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.length.checked_sub(offset))
            .map_or(false, |room| count <= room / width);

        if !fits {
            let length = self.length;
            return refuse(
                ErrorKind::OutOfRange,
                format!(
                    "offset {offset:#x}: the mapping has {length:#x} bytes, and this wants {count} \
                     times {width}"
                ),
            );
        }
        if offset % width as u64 != 0 {
            return refuse(
                ErrorKind::Misaligned,
                format!("offset {offset:#x} is not a multiple of {width} bytes"),
            );
        }
        if width > size_of::<usize>() {
            return refuse(
                ErrorKind::WrongWidth,
                "a 32-bit program would make two accesses of 64 bits: use Lease::read()".into(),
            );
        }
        if self.width != 0 && self.width as usize != width {
            let (asked, declared) = (8 * width, 8 * self.width);
            return refuse(
                ErrorKind::WrongWidth,
                format!("an access of {asked} bits: the registers here are {declared} bits wide"),
            );
        }
        // Within the mapping, as was looked at above.
        Ok(unsafe { self.address.add(offset as usize) }.cast())
    }

    fn check_writable(&self) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        Err(Error::new(ErrorKind::ReadOnly, errno::EBADF, "the mapping is read-only"))
    }

    fn check_bits<T: Register>(mask: T, value: T) -> Result<()> {
        if value & !mask == T::default() {
            return Ok(());
        }
        Err(Error::invalid(format!("value {value:#x} has bits outside of mask {mask:#x}")))
    }

    /// A register whose place is checked once.
    pub fn register<T: Register>(&self, offset: u64) -> Result<RegisterRef<'_, T>> {
        let at = self.place(offset, 1)?;

        Ok(RegisterRef { at, writable: self.writable, of: PhantomData })
    }

    /// The register at `offset`.
    pub fn read<T: Register>(&self, offset: u64) -> Result<T> {
        self.register(offset)?.read()
    }

    /// Write the register at `offset`.
    pub fn write<T: Register>(&self, offset: u64, value: T) -> Result<()> {
        self.register(offset)?.write(value)
    }

    /// Change the bits of `mask`, by one load and one store.
    pub fn update<T: Register>(&self, offset: u64, mask: T, value: T) -> Result<()> {
        self.register(offset)?.update(mask, value)
    }

    /// A fence, then the store: the device sees first what this thread stored before.
    pub fn ring<T: Register>(&self, offset: u64, value: T) -> Result<()> {
        let mut access = Access { at: self.place(offset, 1)?, value, mask: value };

        self.check_writable()?;
        unsafe { run(ring::<T>, &mut access) }
    }

    /// Look until the bits of `mask` are as in `value`; answers what was read last. It looks once
    /// at least.
    pub fn wait<T: Register>(
        &self,
        offset: u64,
        mask: T,
        value: T,
        timeout: Duration,
    ) -> Result<T> {
        let (register, begun) = (self.register::<T>(offset)?, Instant::now());

        Self::check_bits(mask, value)?;
        for looks in 0u32.. {
            let found = register.read()?;

            if found & mask == value {
                return Ok(found);
            }
            if begun.elapsed() >= timeout {
                let sentence = format!(
                    "the register at {offset:#x} did not become as it was waited for: it is \
                     {found:#x}"
                );
                return Err(Error::of(-errno::ETIMEDOUT, sentence));
            }
            if looks >= SPINS {
                sleep(LOOK);
            }
        }
        unreachable!("it sleeps longer than anybody waits")
    }

    /// Registers from `offset` on, in rising order, one access each.
    pub fn read_many<T: Register>(&self, offset: u64, buffer: &mut [T]) -> Result<()> {
        let mut many = Many {
            at: self.place(offset, buffer.len())?,
            buffer: buffer.as_mut_ptr(),
            count: buffer.len(),
        };

        unsafe { run(load_many::<T>, &mut many) }
    }

    /// Write registers likewise.
    pub fn write_many<T: Register>(&self, offset: u64, buffer: &[T]) -> Result<()> {
        let mut many = Many {
            at: self.place(offset, buffer.len())?,
            buffer: buffer.as_ptr() as *mut T, // it is only read
            count: buffer.len(),
        };

        self.check_writable()?;
        unsafe { run(store_many::<T>, &mut many) }
    }

    fn check_block(result: c_int, offset: u64, length: usize) -> Result<()> {
        match -result {
            0 => Ok(()),
            errno::EINVAL => Err(Error::new(
                ErrorKind::OutOfRange,
                errno::EINVAL,
                format!(
                    "{length:#x} bytes at offset {offset:#x} leave the mapping, or are no multiple \
                     of the registers' width"
                ),
            )),
            errno::EBADF => Err(Error::of(result, "the mapping is read-only")),
            _ => Err(Error::gone(result)),
        }
    }

    /// Copy bytes out of it, as the window demands: see mmiod_mapping(3).
    pub fn read_block(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let (to, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        let result = unsafe { sys::mmiod_mapping_read(self.raw.as_ptr(), offset, to, length) };

        Self::check_block(result, offset, length)
    }

    /// Copy bytes into it likewise.
    pub fn write_block(&self, offset: u64, buffer: &[u8]) -> Result<()> {
        let (from, length) = (buffer.as_ptr().cast(), buffer.len());
        let result = unsafe { sys::mmiod_mapping_write(self.raw.as_ptr(), offset, from, length) };

        Self::check_block(result, offset, length)
    }

    /// Write `length` bytes over likewise.
    pub fn fill_block(&self, offset: u64, value: u8, length: usize) -> Result<()> {
        let result = unsafe { sys::mmiod_mapping_fill(self.raw.as_ptr(), offset, value, length) };

        Self::check_block(result, offset, length)
    }
}

impl Drop for Mapping {
    /// Its lease, if there still is one, knows it.
    fn drop(&mut self) {
        let _locked = self.connection.lock();

        unsafe { sys::mmiod_mapping_free(self.raw.as_ptr()) };
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping")
            .field("length", &self.length)
            .field("width", &self.width)
            .field("writable", &self.writable)
            .finish()
    }
}

/// A register of a mapping, whose place was checked when it was made.
#[derive(Clone, Copy, Debug)]
pub struct RegisterRef<'a, T> {
    at: *mut T,
    writable: bool,
    of: PhantomData<&'a Mapping>,
}

impl<T: Register> RegisterRef<'_, T> {
    fn check_writable(&self) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        Err(Error::new(ErrorKind::ReadOnly, errno::EBADF, "the mapping is read-only"))
    }

    /// One load.
    pub fn read(&self) -> Result<T> {
        let mut access = Access { at: self.at, value: T::default(), mask: T::default() };

        unsafe { run(load::<T>, &mut access) }?;
        Ok(access.value)
    }

    /// One store.
    pub fn write(&self, value: T) -> Result<()> {
        let mut access = Access { at: self.at, value, mask: value };

        self.check_writable()?;
        unsafe { run(store::<T>, &mut access) }
    }

    /// Change the bits of `mask`, by one load and one store.
    pub fn update(&self, mask: T, value: T) -> Result<()> {
        let mut access = Access { at: self.at, value, mask };

        Mapping::check_bits(mask, value)?;
        self.check_writable()?;
        unsafe { run(change::<T>, &mut access) }
    }

    /// One load, not guarded by itself: if the window is revoked, it kills the process, unless it
    /// is within [`guard`], or the lease was asked for with [`Want::dummy`](crate::Want::dummy).
    pub fn load(&self) -> T {
        // Within the mapping, which is there as long as this is; what it reads is any value.
        unsafe { ptr::read_volatile(self.at) }
    }

    /// One store likewise.
    ///
    /// # Panics
    /// If the mapping is read-only.
    pub fn store(&self, value: T) {
        assert!(self.writable, "the mapping is read-only");
        unsafe { ptr::write_volatile(self.at, value) }
    }
}
