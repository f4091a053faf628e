// SPDX-License-Identifier: MIT
//! Leases: windows, and what is known of them. The library's object is owned here, and touched
//! under its connection's lock only.

use crate::connection::Connection;
use crate::error::{errno, Error, Result};
use crate::mapping::{MapMode, Mapping, Register};
use crate::want::c_string;
use crate::words::{Memory, MemoryType, Rights, Share, State};
use mmiod_sys as sys;
use std::mem::{size_of, ManuallyDrop};
use std::os::raw::{c_char, c_int};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

/// A window that the daemon granted.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// # let client = mmiod::Client::connect()?;
/// let lease = client.lease("fpga-status")?;
/// // By the kernel, one bus access of exactly this width; no mapping is needed.
/// let version: u32 = lease.read(0x0)?;
/// # Ok(()) }
/// ```
pub struct Lease {
    raw: NonNull<sys::mmiod_lease>,
    connection: Arc<Connection>,
}

// The library's object belongs to no thread, and the connection's lock lets one at a time reach it.
unsafe impl Send for Lease {}
unsafe impl Sync for Lease {}

impl Lease {
    /// Takes over what the library made.
    pub(crate) fn new(raw: *mut sys::mmiod_lease, connection: Arc<Connection>) -> Self {
        Self { raw: NonNull::new(raw).expect("the library grants leases"), connection }
    }

    fn get<T>(&self, get: unsafe extern "C" fn(*const sys::mmiod_lease) -> T) -> T {
        let _locked = self.connection.lock();

        unsafe { get(self.raw.as_ptr()) }
    }

    fn call(&self, call: impl FnOnce(*mut sys::mmiod_lease) -> c_int) -> Result<c_int> {
        let locked = self.connection.lock();

        locked.check(call(self.raw.as_ptr()))
    }

    /// By which events and lists name it.
    pub fn id(&self) -> u64 {
        self.get(sys::mmiod_lease_id)
    }

    /// From the start of the region; `u64::MAX`: it has several [`extents`](Self::extents).
    pub fn offset(&self) -> u64 {
        self.get(sys::mmiod_lease_offset)
    }

    /// Where it lies: offset from the start of the region and length of each of its extents, in
    /// the order of its bytes. The daemon is asked if there are several.
    pub fn extents(&self) -> Result<Vec<(u64, u64)>> {
        let count =
            self.call(|lease| unsafe { sys::mmiod_lease_extents(lease, std::ptr::null_mut(), 0) })?;
        let mut extents =
            vec![sys::mmiod_lease_extent { offset: 0, length: 0 }; count.unsigned_abs() as usize];

        self.call(|lease| unsafe {
            sys::mmiod_lease_extents(lease, extents.as_mut_ptr(), extents.len())
        })?;
        Ok(extents.iter().map(|extent| (extent.offset, extent.length)).collect())
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        self.get(sys::mmiod_lease_length)
    }

    /// What may be done with it.
    pub fn rights(&self) -> Rights {
        Rights(self.get(sys::mmiod_lease_rights))
    }

    /// What caches do with it.
    pub fn memory_type(&self) -> MemoryType {
        MemoryType::of(self.get(sys::mmiod_lease_memtype))
    }

    /// Whom it bears beside it.
    pub fn share(&self) -> Share {
        Share::of(self.get(sys::mmiod_lease_share))
    }

    /// What stands behind it.
    pub fn memory(&self) -> Memory {
        Memory::of(self.get(sys::mmiod_lease_memory))
    }

    /// Of a register access, in bytes, as the region declares it; 0: any.
    pub fn width(&self) -> u32 {
        self.get(sys::mmiod_lease_width)
    }

    /// Its limit.
    pub fn time(&self) -> Option<Duration> {
        match self.get(sys::mmiod_lease_time_ms) {
            0 => None,
            ms => Some(Duration::from_millis(ms.into())),
        }
    }

    /// Whether the client renews it, as long as the program takes events.
    pub fn renews(&self) -> bool {
        self.get(sys::mmiod_lease_renews) != 0
    }

    /// `false`: it does not own whole pages, and is read and written, but not mapped.
    pub fn mappable(&self) -> bool {
        self.get(sys::mmiod_lease_mappable) != 0
    }

    /// As the kernel has it.
    pub fn state(&self) -> Result<State> {
        let mut state = 0;

        self.call(|lease| unsafe { sys::mmiod_lease_state(lease, &mut state) })?;
        Ok(State::of(state))
    }

    /// How many others have the window beside this object; not in simulation.
    pub fn users(&self) -> Result<u32> {
        self.call(|lease| unsafe { sys::mmiod_lease_users(lease) }).map(|count| count as u32)
    }

    /// By which [`adopt`] knows the file again.
    pub fn identity(&self) -> Result<String> {
        let mut text = [0 as c_char; 64];

        self.call(|lease| unsafe {
            sys::mmiod_lease_identity(lease, text.as_mut_ptr(), text.len())
        })?;
        Ok(crate::error::text_in(&text))
    }

    /// Map the whole window, with the lease's rights.
    pub fn map(&self) -> Result<Mapping> {
        self.map_range(0, self.length(), MapMode::OnFault)
    }

    /// Map `length` bytes from `offset` on, a multiple of the page size.
    pub fn map_range(&self, offset: u64, length: u64, mode: MapMode) -> Result<Mapping> {
        let length = usize::try_from(length)
            .map_err(|_| Error::invalid(format!("{length:#x} bytes are more than fit")))?;
        let writable = self.rights().contains(Rights::WRITE);
        let width = self.width();
        let mut made = ptr::null_mut();

        self.call(|lease| unsafe {
            sys::mmiod_lease_map_range(lease, offset, length, mode.raw(), &mut made)
        })?;
        Ok(unsafe { Mapping::new(made, Arc::clone(&self.connection), width, writable) })
    }

    /// One register, by the kernel: one bus access of exactly that width.
    pub fn read<T: Register>(&self, offset: u64) -> Result<T> {
        let mut value = [T::default()];

        self.read_many(offset, &mut value)?;
        Ok(value[0])
    }

    /// Write one register likewise.
    pub fn write<T: Register>(&self, offset: u64, value: T) -> Result<()> {
        self.write_many(offset, &[value])
    }

    /// Registers in rising order, one bus access each.
    pub fn read_many<T: Register>(&self, offset: u64, buffer: &mut [T]) -> Result<()> {
        let (width, count) = (size_of::<T>() as u32, buffer.len());
        let buffer = buffer.as_mut_ptr().cast();

        self.call(|lease| unsafe { sys::mmiod_lease_read(lease, offset, width, count, buffer) })?;
        Ok(())
    }

    /// Write registers likewise.
    pub fn write_many<T: Register>(&self, offset: u64, buffer: &[T]) -> Result<()> {
        let (width, count) = (size_of::<T>() as u32, buffer.len());
        let buffer = buffer.as_ptr().cast();

        self.call(|lease| unsafe { sys::mmiod_lease_write(lease, offset, width, count, buffer) })?;
        Ok(())
    }

    /// Copy bytes out of the window, by the kernel. Not where the region declares a width.
    pub fn copy_from(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let (to, length) = (buffer.as_mut_ptr().cast(), buffer.len());

        self.call(|lease| unsafe { sys::mmiod_lease_copy_from(lease, offset, to, length) })?;
        Ok(())
    }

    /// Copy bytes into the window likewise.
    pub fn copy_to(&self, offset: u64, buffer: &[u8]) -> Result<()> {
        let (from, length) = (buffer.as_ptr().cast(), buffer.len());

        self.call(|lease| unsafe { sys::mmiod_lease_copy_to(lease, offset, from, length) })?;
        Ok(())
    }

    /// Give it back now: whoever still has its file or a mapping loses it. If that fails, because
    /// the client is gone, say, its file is closed as by dropping it.
    pub fn release(self) -> Result<()> {
        self.call(|lease| unsafe { sys::mmiod_lease_release(lease) })?;
        // The library has freed its object; what is left here is the share in the connection.
        let spent = ManuallyDrop::new(self);
        drop(unsafe { ptr::read(&spent.connection) });
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _locked = self.connection.lock();

        unsafe { sys::mmiod_lease_free(self.raw.as_ptr()) };
    }
}

impl AsRawFd for Lease {
    fn as_raw_fd(&self) -> RawFd {
        self.get(sys::mmiod_lease_fd)
    }
}

impl AsFd for Lease {
    /// The window's file: may be passed on, and polled (POLLHUP: revoked).
    fn as_fd(&self) -> BorrowedFd<'_> {
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id())
            .field("offset", &self.offset())
            .field("length", &self.length())
            .finish()
    }
}

fn take(call: impl FnOnce(*mut *mut sys::mmiod_lease) -> c_int) -> Result<Lease> {
    let connection = Connection::none();
    let mut made = ptr::null_mut();

    connection.lock().check(call(&mut made))?;
    Ok(Lease::new(made, connection))
}

/// A lease of a window's file that this process was given; `file` stays the caller's. It has no
/// client: to release it is for whoever took it.
///
/// `identity`: as of [`Lease::identity`]; `None`: whichever window of the module it is.
pub fn adopt(file: impl AsFd, identity: Option<&str>) -> Result<Lease> {
    let identity = identity.map(c_string).transpose()?;
    let text = identity.as_ref().map_or(ptr::null(), |text| text.as_ptr());
    let fd = file.as_fd().as_raw_fd();

    take(|made| unsafe { sys::mmiod_window_adopt(fd, text, made) })
}

/// The window number `index` that the environment names, as under `mmioctl hold`, of `target`'s if
/// one is given.
pub fn inherited(target: Option<&str>, index: usize) -> Result<Lease> {
    let target = target.map(c_string).transpose()?;
    let text = target.as_ref().map_or(ptr::null(), |text| text.as_ptr());

    take(|made| unsafe { sys::mmiod_inherited(text, index, made) })
}

/// All of them; empty if there are none.
pub fn all_inherited() -> Result<Vec<Lease>> {
    (0..unsafe { sys::mmiod_inherited_count() }).map(|index| inherited(None, index)).collect()
}

impl Error {
    /// Whether the lease ended: [`ErrorKind::Gone`](crate::ErrorKind::Gone).
    pub fn is_gone(&self) -> bool {
        self.errno() == errno::ENODEV
    }
}
