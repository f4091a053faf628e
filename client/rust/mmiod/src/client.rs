// SPDX-License-Identifier: MIT
//! The client: a connection to the daemon, and what is asked of it.

use crate::connection::Connection;
use crate::error::{errno, text_in, text_of, Error, ErrorKind, Result};
use crate::event::Event;
use crate::interrupt::{poll_readable, Interrupt, InterruptOptions};
use crate::lease::Lease;
use crate::want::{c_string, milliseconds, Allocation, CWant, Want};
use crate::words::{MemoryType, Rights, State};
use mmiod_sys as sys;
use std::mem::{size_of, zeroed};
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

/// The daemon, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Its version.
    pub version: String,
    /// It says so itself: what administrators should know; may be empty.
    pub warning: String,
    /// Memory files instead of devices stand behind its regions.
    pub simulated: bool,
    /// Regions that are configured.
    pub regions: u32,
    /// Connections.
    pub clients: u32,
    /// Leases that are held.
    pub leases: u32,
    /// Whom it takes the caller for.
    pub uid: u32,
    /// The caller may revoke.
    pub admin: bool,
}

/// A region that policy lets the caller see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// By which it is asked for.
    pub name: String,
    /// "0000:00:04.0", "range" or "simulation".
    pub device: String,
    /// Bytes.
    pub length: u64,
    /// Of a register access, in bytes, as declared; 0: any.
    pub width: u32,
    /// The caller's.
    pub rights: Rights,
    /// That it has unless another is asked for.
    pub memory_type: MemoryType,
    /// Whether it is there.
    pub state: State,
}

/// What asking for a lease would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether policy allows it.
    pub allowed: bool,
    /// The grant that decides, or comes nearest; may be empty.
    pub grant: String,
    /// The decision as a sentence.
    pub text: String,
    /// What would be allowed; may be empty.
    pub instead: String,
}

/// A connection to the daemon. Its event descriptor is what [`AsFd`] borrows: readable when
/// [`Client::next_event`] has something to do.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// use mmiod::{Client, EventKind, Want};
///
/// let client = Client::connect()?;
/// let lease = client.lease(Want::new("camera").write())?;
/// while let Some(event) = client.next_event()? {
///     if event.kind == EventKind::RevokeAsked && event.lease == lease.id() {
///         println!("given back: {}", event.text);
///         return lease.release();
///     }
/// }
/// # Ok(()) }
/// ```
pub struct Client {
    connection: Arc<Connection>,
}

fn connect(path: *const std::os::raw::c_char) -> Result<Client> {
    let mut made = ptr::null_mut();
    let result = unsafe { sys::mmiod_client_connect(path, &mut made) };

    if result < 0 {
        let error = Error::of(result, unsafe { text_of(sys::mmiod_client_error(ptr::null())) });
        return Err(match error.kind() {
            ErrorKind::NotFound => error.with_kind(ErrorKind::NoDaemon),
            _ => error,
        });
    }
    // Made when it is asked for first, which as_fd() cannot fail at.
    let events = unsafe { sys::mmiod_client_event_fd(made) };
    if events < 0 {
        let error = Error::of(events, unsafe { text_of(sys::mmiod_client_error(made)) });
        unsafe { sys::mmiod_client_free(made) };
        return Err(error);
    }
    Ok(Client { connection: Connection::new(made) })
}

impl Client {
    /// Connect to the daemon of MMIOD_SOCKET of the environment, or to the usual one.
    pub fn connect() -> Result<Self> {
        connect(ptr::null())
    }

    /// Connect to the daemon of that socket.
    pub fn connect_to(socket: &str) -> Result<Self> {
        connect(c_string(socket)?.as_ptr())
    }

    fn call(&self, call: impl FnOnce(*mut sys::mmiod_client) -> c_int) -> Result<c_int> {
        let locked = self.connection.lock();

        locked.check(call(locked.client()))
    }

    /// One lease: a target to be read, or a [`Want`].
    pub fn lease(&self, want: impl Into<Want>) -> Result<Lease> {
        let mut leases = self.lease_flagged(&[want.into()], 0)?;

        leases.pop().ok_or_else(|| Error::invalid("nothing was granted"))
    }

    /// All of them, at most 16, or none.
    pub fn lease_all(&self, wants: &[Want]) -> Result<Vec<Lease>> {
        self.lease_flagged(wants, sys::MMIOD_LEASE_ALL)
    }

    fn lease_flagged(&self, wants: &[Want], flags: u32) -> Result<Vec<Lease>> {
        let wants = wants.iter().map(CWant::new).collect::<Result<Vec<_>>>()?;
        let values: Vec<_> = wants.iter().map(|want| want.value).collect();
        let mut made = vec![ptr::null_mut(); values.len()];

        self.call(|client| unsafe {
            sys::mmiod_client_lease_many_sized(
                client,
                values.as_ptr(),
                size_of::<sys::mmiod_want>(),
                values.len(),
                flags,
                made.as_mut_ptr(),
                ptr::null_mut(),
            )
        })?;
        Ok(made
            .into_iter()
            .filter(|one| !one.is_null())
            .map(|one| Lease::new(one, Arc::clone(&self.connection)))
            .collect())
    }

    /// Ask for a lease, and have the request stand in the daemon's queue for up to `wait` (`None`:
    /// for ever) while the program does other things.
    pub fn request(&self, want: impl Into<Want>, wait: Option<Duration>) -> Result<Pending> {
        let want = CWant::new(&want.into())?;
        let mut made = ptr::null_mut();

        self.call(|client| unsafe {
            sys::mmiod_wait_start_sized(
                client,
                &want.value,
                size_of::<sys::mmiod_want>(),
                1,
                0,
                milliseconds(wait),
                &mut made,
            )
        })?;
        Ok(Pending { raw: NonNull::new(made), connection: Arc::clone(&self.connection) })
    }

    /// One lease, for which it waits up to `wait`. Other threads may use the client meanwhile.
    pub fn lease_waiting(&self, want: impl Into<Want>, wait: Option<Duration>) -> Result<Lease> {
        self.request(want, wait)?.wait()
    }

    /// A lease of memory that the daemon finds.
    pub fn allocate(&self, allocation: &Allocation) -> Result<Lease> {
        let region = allocation.region_string()?;
        let value = allocation.c_value(region.as_ref());
        let mut made = ptr::null_mut();

        self.call(|client| unsafe {
            sys::mmiod_client_allocate_many_sized(
                client,
                &value,
                size_of::<sys::mmiod_allocation>(),
                1,
                0,
                &mut made,
                ptr::null_mut(),
            )
        })?;
        Ok(Lease::new(made, Arc::clone(&self.connection)))
    }

    /// Lease vector `vector` of a device, as the configuration names it.
    pub fn interrupt(
        &self,
        device: &str,
        vector: u32,
        options: InterruptOptions,
    ) -> Result<Interrupt> {
        let device = c_string(device)?;
        let (kind, flags) = (options.kind.raw(), options.flags);
        let mut made = ptr::null_mut();

        self.call(|client| unsafe {
            sys::mmiod_client_interrupt(client, device.as_ptr(), kind, vector, flags, &mut made)
        })?;
        Ok(Interrupt::new(made, Arc::clone(&self.connection)))
    }

    /// Take an event if there is one. An error of [`ErrorKind::NoDaemon`], once: the daemon went
    /// away; the next request connects again.
    pub fn next_event(&self) -> Result<Option<Event>> {
        let mut event: sys::mmiod_event = unsafe { zeroed() };
        let size = size_of::<sys::mmiod_event>();
        let count = self.call(|client| unsafe {
            sys::mmiod_client_next_event_sized(client, &mut event, size)
        })?;

        Ok((count > 0).then(|| Event::of(&event)))
    }

    /// Give a lease back by its number, by force: what another process of the same user got, say.
    pub fn release(&self, lease: u64) -> Result<()> {
        self.call(|client| unsafe { sys::mmiod_client_release(client, lease) }).map(|_| ())
    }

    /// Administrators: take a lease. With time to `ask`, its holder is asked before.
    pub fn revoke(&self, lease: u64, ask: Duration) -> Result<()> {
        let ask = milliseconds(Some(ask));

        self.call(|client| unsafe { sys::mmiod_client_revoke(client, lease, ask) }).map(|_| ())
    }

    /// How the daemon is.
    pub fn status(&self) -> Result<Status> {
        let mut status: sys::mmiod_status = unsafe { zeroed() };
        let size = size_of::<sys::mmiod_status>();

        self.call(|client| unsafe { sys::mmiod_client_status_sized(client, &mut status, size) })?;
        Ok(Status {
            version: text_in(&status.version),
            warning: text_in(&status.warning),
            simulated: status.backend == sys::MMIOD_BACKEND_SIMULATION,
            regions: status.regions,
            clients: status.clients,
            leases: status.leases,
            uid: status.uid,
            admin: status.admin != 0,
        })
    }

    /// The regions that the caller may see.
    pub fn regions(&self) -> Result<Vec<Region>> {
        let mut list = ptr::null_mut();

        self.call(|client| unsafe { sys::mmiod_client_list_regions(client, &mut list) })?;
        // The list is a copy, which belongs to no client.
        let regions = unsafe {
            (0..sys::mmiod_region_list_count(list))
                .map(|index| region_of(sys::mmiod_region_list_get(list, index)))
                .collect()
        };
        unsafe { sys::mmiod_region_list_free(list) };
        Ok(regions)
    }

    /// What [`Client::lease`] would come to now, and which rule decides. Nothing is taken.
    pub fn explain(&self, want: impl Into<Want>) -> Result<Decision> {
        let want = CWant::new(&want.into())?;
        let mut question: sys::mmiod_policy_question = unsafe { zeroed() };
        let mut answer: sys::mmiod_policy_answer = unsafe { zeroed() };

        question.region = want.value.region;
        question.offset = want.value.offset;
        question.length = want.value.length;
        question.rights = want.value.rights;
        question.cache = want.value.cache;
        question.share = want.value.share;
        self.call(|client| unsafe {
            sys::mmiod_client_explain_sized(
                client,
                &question,
                size_of::<sys::mmiod_policy_question>(),
                &mut answer,
                size_of::<sys::mmiod_policy_answer>(),
            )
        })?;
        Ok(Decision {
            allowed: answer.allowed != 0,
            grant: text_in(&answer.grant),
            text: text_in(&answer.text),
            instead: text_in(&answer.instead),
        })
    }
}

/// # Safety
/// `region` is of a list that is there.
unsafe fn region_of(region: *const sys::mmiod_region) -> Region {
    Region {
        name: text_of(sys::mmiod_region_name(region)),
        device: text_of(sys::mmiod_region_device(region)),
        length: sys::mmiod_region_length(region),
        width: sys::mmiod_region_width(region),
        rights: Rights(sys::mmiod_region_rights(region)),
        memory_type: MemoryType::of(sys::mmiod_region_memtype(region)),
        state: State::of(sys::mmiod_region_state(region)),
    }
}

impl Drop for Client {
    /// Its leases and mappings go on, but for those that end with the connection.
    fn drop(&mut self) {
        self.connection.lock().close();
    }
}

impl AsRawFd for Client {
    fn as_raw_fd(&self) -> RawFd {
        let locked = self.connection.lock();

        unsafe { sys::mmiod_client_event_fd(locked.client()) }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// A request that stands in the daemon's queue. Its file is readable when there is an answer.
/// Dropping it gives back what was granted meanwhile.
pub struct Pending {
    raw: Option<NonNull<sys::mmiod_wait>>, // None: it was answered
    connection: Arc<Connection>,
}

// As of a lease.
unsafe impl Send for Pending {}
unsafe impl Sync for Pending {}

impl Pending {
    /// The lease or the refusal, if there is one or the other by now; [`Error::kind`] `TimedOut`:
    /// nothing came free. After that it is of no more use.
    pub fn try_get(&mut self) -> Result<Option<Lease>> {
        let raw = self.raw.ok_or_else(|| Error::invalid("the request was answered before"))?;
        let mut made = ptr::null_mut();
        let locked = self.connection.lock();
        let result = unsafe { sys::mmiod_wait_finish(raw.as_ptr(), &mut made, ptr::null_mut()) };

        if result == -errno::EAGAIN {
            return Ok(None);
        }
        self.raw = None; // the library has freed it
        locked.check(result)?;
        Ok(Some(Lease::new(made, Arc::clone(&self.connection))))
    }

    /// Wait for the answer.
    pub fn wait(mut self) -> Result<Lease> {
        loop {
            if let Some(lease) = self.try_get()? {
                return Ok(lease);
            }
            poll_readable(self.as_raw_fd(), None);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(raw) = self.raw {
            let _locked = self.connection.lock();

            unsafe { sys::mmiod_wait_cancel(raw.as_ptr()) };
        }
    }
}

impl AsRawFd for Pending {
    /// -1 when it was answered.
    fn as_raw_fd(&self) -> RawFd {
        let _locked = self.connection.lock();

        self.raw.map_or(-1, |raw| unsafe { sys::mmiod_wait_fd(raw.as_ptr()) })
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("answered", &self.raw.is_none()).finish()
    }
}
