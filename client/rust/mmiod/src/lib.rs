// SPDX-License-Identifier: MIT
//! Device memory for unprivileged programs: leases on parts of a device's memory, registers in
//! exactly their width, interrupts, and the daemon's events.
//!
//! ```no_run
//! use mmiod::{Client, Want};
//! use std::time::Duration;
//!
//! fn main() -> mmiod::Result<()> {
//!     let client = Client::connect()?;
//!     let lease = client.lease(Want::new("fpga-ctrl").write().on_end(0x10, 0, 4))?;
//!     let regs = lease.map()?;
//!
//!     regs.write::<u32>(0x10, 1)?;
//!     regs.wait::<u32>(0x14, 1, 1, Duration::from_millis(500))?;
//!     println!("{:#x}", regs.read::<u32>(0x18)?);
//!     lease.release()
//! }
//! ```
//!
//! It links libmmiod, whose manual libmmiod(3) has the whole; offsets and widths are in bytes.
//!
//! # Ends
//!
//! Dropping a [`Lease`] closes the window's file, and dropping a [`Mapping`] unmaps it: a lease
//! lasts as long as its file, a copy of that, or a mapping does. [`Lease::release`] ends it at
//! once, whoever still has it. In simulation, where files cannot be watched, a lease ends by that,
//! or with its client.
//!
//! # A window that is taken
//!
//! A window may be revoked at any moment. Accesses are guarded: they answer an error of
//! [`ErrorKind::Gone`], and the program lives on. That costs a system call an access; blocks, many
//! registers at once and [`guard`] pay it once. There are no slices of a window: what a device
//! changes is nothing that a reference may point to.
//!
//! # Threads
//!
//! A [`Client`], its leases and its interrupts may be shared by threads; their calls wait for each
//! other, but none waits while another waits for an interrupt or for what somebody holds. A
//! [`Mapping`] belongs to one thread at a time, and a window may be mapped more than once. After a
//! fork every call on a client fails in the child, and mappings go on.
#![warn(missing_docs)]

mod client;
mod connection;
mod error;
mod event;
mod interrupt;
mod lease;
mod mapping;
mod view;
mod want;
mod words;

pub use client::{Client, Decision, Pending, Region, Status};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventKind};
pub use interrupt::{Interrupt, InterruptOptions};
pub use lease::{adopt, all_inherited, inherited, Lease};
pub use mapping::{guard, MapMode, Mapping, Register, RegisterRef};
pub use mmiod_sys as sys;
pub use view::{make_view, ViewKind, ViewPart};
pub use want::{Allocation, Want};
pub use words::{IrqKind, Memory, MemoryType, Rights, Share, State, Zone};
