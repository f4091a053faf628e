// SPDX-License-Identifier: MIT
//! What the daemon tells, and requests that wait in its queue.

use crate::rig::{refused, Rig};
use mmiod::{ErrorKind, EventKind, Want};
use std::os::unix::io::{AsFd, AsRawFd};
use std::thread::yield_now;
use std::time::Duration;

#[test]
fn an_event_tells_who_took_a_lease() {
    let rig = Rig::new();
    let (client, admin) = (rig.client(), rig.client());
    let lease = client.lease(Want::new("regs").write()).unwrap();

    assert_eq!(client.next_event(), Ok(None));
    assert!(client.as_fd().as_raw_fd() >= 0);
    admin.revoke(lease.id(), Duration::ZERO).unwrap();
    let event = loop {
        match client.next_event().unwrap() {
            Some(event) => break event,
            None => yield_now(),
        }
    };
    assert_eq!((event.kind, event.lease), (EventKind::Revoked, lease.id()));
    assert!(event.text.contains("revoked by user"), "{event:?}");
    assert_eq!(client.next_event(), Ok(None));
    refused(admin.revoke(u64::MAX, Duration::ZERO), ErrorKind::NotFound);
}

#[test]
fn a_request_waits_without_blocking() {
    let rig = Rig::new();
    let (holder, client) = (rig.client(), rig.client());
    let held = holder.lease(Want::new("regs").write()).unwrap();
    let mut request = client.request(Want::new("regs").write(), None).unwrap();

    assert!(request.try_get().unwrap().is_none());
    assert_eq!(client.status().unwrap().leases, 1); // other calls go on
    held.release().unwrap();
    let lease = loop {
        match request.try_get().unwrap() {
            Some(lease) => break lease,
            None => yield_now(),
        }
    };
    assert_eq!(lease.length(), 4096);
    refused(request.try_get(), ErrorKind::Invalid);
    assert_eq!(request.as_raw_fd(), -1);
}

#[test]
fn a_request_that_comes_to_nothing_says_so() {
    let rig = Rig::new();
    let (holder, client) = (rig.client(), rig.client());
    let held = holder.lease(Want::new("regs").write()).unwrap();
    let wanted = Want::new("regs").write();
    let soon = Some(Duration::from_millis(10));

    refused(client.lease_waiting(wanted.clone(), soon), ErrorKind::TimedOut);
    refused(client.lease_waiting("secret", None), ErrorKind::Denied);
    refused(client.request("+", None), ErrorKind::Invalid);
    drop(client.request(wanted.clone(), None).unwrap());
    held.release().unwrap();
    holder.lease(wanted.clone()).unwrap(); // nobody is before it
    let orphan = client.request(wanted, None).unwrap();
    drop(client);
    assert!(refused(orphan.wait(), ErrorKind::Other).contains("the client was freed"));
}
