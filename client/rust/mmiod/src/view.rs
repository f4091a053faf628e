// SPDX-License-Identifier: MIT
//! Views: windows in the place of a file that programs open.

use crate::error::{text_in, Error, Result};
use crate::lease::Lease;
use mmiod_sys as sys;
use std::mem::size_of;
use std::os::raw::{c_int, c_uint};
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

/// What a view looks like to the program that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ViewKind {
    /// A regular file, such as a BAR's in sysfs.
    File,
    /// /dev/mem: offsets are physical addresses.
    Phys,
    /// A UIO node: offset N pages is the beginning of part N.
    Uio,
}

impl ViewKind {
    fn raw(self) -> c_uint {
        match self {
            Self::File => sys::MMIOD_VIEW_FILE,
            Self::Phys => sys::MMIOD_VIEW_PHYS,
            Self::Uio => sys::MMIOD_VIEW_UIO,
        }
    }
}

/// Pages of a window, and where they are in the view.
#[derive(Clone, Copy, Debug)]
pub struct ViewPart<'a> {
    /// In the view, in bytes, a multiple of the page size.
    pub offset: u64,
    /// In the window likewise.
    pub start: u64,
    /// Bytes, whole pages.
    pub length: u64,
    /// The window's.
    pub file: BorrowedFd<'a>,
}

impl<'a> ViewPart<'a> {
    /// All of a lease's window.
    pub fn of(lease: &'a Lease, offset: u64) -> Self {
        Self { offset, start: 0, length: lease.length(), file: lease.as_fd() }
    }
}

/// A file that shows windows as a program expects them which opens a device's own: see
/// mmiod_view(3). It holds the leases of its parts. Simulation makes none.
pub fn make_view(
    kind: ViewKind,
    parts: &[ViewPart<'_>],
    options: Option<&sys::mmiod_view_options>,
) -> Result<OwnedFd> {
    let parts: Vec<_> = parts
        .iter()
        .map(|part| sys::mmiod_view_part {
            offset: part.offset,
            start: part.start,
            length: part.length,
            fd: part.file.as_raw_fd(),
            reserved: 0,
        })
        .collect();
    let mut sentence = [0; 256];
    let mut fd: c_int = -1;
    let result = unsafe {
        sys::mmiod_view_create_sized(
            kind.raw(),
            parts.as_ptr(),
            size_of::<sys::mmiod_view_part>(),
            parts.len(),
            options.map_or(ptr::null(), |options| options),
            size_of::<sys::mmiod_view_options>(),
            &mut fd,
            sentence.as_mut_ptr(),
            sentence.len(),
        )
    };

    if result < 0 {
        return Err(Error::of(result, text_in(&sentence)));
    }
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
