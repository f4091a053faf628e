// SPDX-License-Identifier: MIT
//! What a client and its leases share. The library wants objects of one client used by one thread
//! at a time: all of its functions that touch them are called while the connection is locked.
//! Leases outlive their client, which is then NULL, as it is for those that never had one.

use crate::error::{text_of, Error, Result};
use mmiod_sys as sys;
use std::os::raw::c_int;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) struct Connection {
    client: Mutex<Owned>,
}

struct Owned(*mut sys::mmiod_client);

// The library's objects belong to no thread, and the lock lets one at a time reach them.
unsafe impl Send for Owned {}

pub(crate) struct Locked<'a>(MutexGuard<'a, Owned>);

impl Connection {
    pub(crate) fn new(client: *mut sys::mmiod_client) -> Arc<Self> {
        Arc::new(Self { client: Mutex::new(Owned(client)) })
    }

    /// Of what has no client.
    pub(crate) fn none() -> Arc<Self> {
        Self::new(ptr::null_mut())
    }

    /// A panic elsewhere leaves nothing half done in the library.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked(self.client.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Locked<'_> {
    pub(crate) fn client(&self) -> *mut sys::mmiod_client {
        self.0 .0
    }

    /// The result of a call that was made under this lock, or its error.
    pub(crate) fn check(&self, result: c_int) -> Result<c_int> {
        if result >= 0 {
            return Ok(result);
        }
        // NULL is for what has no client, and speaks of this thread's last call.
        Err(Error::of(result, unsafe { text_of(sys::mmiod_client_error(self.client())) }))
    }

    /// Its leases go on without it.
    pub(crate) fn close(&mut self) {
        let client = std::mem::replace(&mut self.0 .0, ptr::null_mut());

        unsafe { sys::mmiod_client_free(client) };
    }
}
