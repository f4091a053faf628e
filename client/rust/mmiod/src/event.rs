// SPDX-License-Identifier: MIT
//! What the daemon tells the holder of a lease.

use crate::error::text_in;
use crate::words::words;
use mmiod_sys as sys;
use std::os::raw::c_uint;
use std::time::Duration;

words! {
    /// What happened to a lease.
    EventKind {
        /// Somebody wants it: give it back before the time that is left is over.
        RevokeAsked = sys::MMIOD_EVENT_REVOKE_ASKED,
        /// It has been taken.
        Revoked = sys::MMIOD_EVENT_REVOKED,
        /// Its device is being reset or sleeps.
        Suspended = sys::MMIOD_EVENT_SUSPENDED,
        /// Its device is back.
        Resumed = sys::MMIOD_EVENT_RESUMED,
        /// Its device was removed; the lease is over.
        Gone = sys::MMIOD_EVENT_GONE,
        /// Its time is nearly over, and it was not renewed.
        Expiring = sys::MMIOD_EVENT_EXPIRING,
        /// The interrupt came too often, and is silenced until it is unmasked.
        Storm = sys::MMIOD_EVENT_STORM,
    }
}

/// An event of [`Client::next_event`](crate::Client::next_event).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Id of the lease.
    pub lease: u64,
    /// How long it is still held, of RevokeAsked and Expiring.
    pub left: Duration,
    /// Who and why; may be empty.
    pub text: String,
}

impl Event {
    pub(crate) fn of(event: &sys::mmiod_event) -> Self {
        Self {
            kind: EventKind::of(event.type_),
            lease: event.lease,
            left: Duration::from_millis(event.deadline_ms.into()),
            text: text_in(&event.text),
        }
    }
}
