// SPDX-License-Identifier: MIT
//! Who may be used by several threads, and that nobody is held up by another's wait.

use crate::rig::{refused, Rig};
use mmiod::{Client, ErrorKind, Interrupt, Lease, Mapping, Pending, Want};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn sent<T: Send>() {}
fn shared<T: Send + Sync>() {}

#[test]
fn what_may_be_sent_and_shared_is() {
    shared::<Client>();
    shared::<Lease>();
    shared::<Interrupt>();
    shared::<Pending>();
    shared::<mmiod::Error>();
    sent::<Mapping>(); // that it is not shared is a test of its documentation
}

#[test]
fn threads_share_a_client() {
    let rig = Rig::new();
    let client = rig.client();

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let lease = client.lease("rom").unwrap();
                    let map = lease.map().unwrap();
                    assert_eq!(lease.read::<u32>(0), Ok(0));
                    assert!(refused(client.lease("secret"), ErrorKind::Denied).contains("grant"));
                    assert!(client.next_event().unwrap().is_none());
                    // Lease and mapping know each other, and end in different threads.
                    thread::scope(|inner| {
                        inner.spawn(move || drop(map));
                        lease.release().unwrap();
                    });
                }
            });
        }
    });
    assert_eq!(client.status().unwrap().leases, 0);
}

#[test]
fn a_client_that_ends_in_one_thread_is_gone_in_the_others() {
    let rig = Rig::new();
    let leases: Vec<_> = {
        let client = rig.client();
        (0..8).map(|_| client.lease("rom").unwrap()).collect()
    };

    thread::scope(|scope| {
        for lease in leases {
            scope.spawn(move || {
                assert_eq!(lease.length(), 8192);
                refused(lease.release(), ErrorKind::Other);
            });
        }
    });
}

#[test]
fn a_wait_holds_up_no_other_thread() {
    let rig = Rig::new();
    let client = rig.client();
    let held = client.lease(Want::new("regs").write()).unwrap();
    let irq = client.interrupt("card", 0, Default::default()).unwrap();

    thread::scope(|scope| {
        let lease = scope.spawn(|| client.lease_waiting(Want::new("regs").write(), None));
        let came = scope.spawn(|| irq.wait(None));
        for _ in 0..20 {
            client.status().unwrap();
        }
        held.release().unwrap();
        irq.trigger().unwrap();
        assert_eq!(lease.join().unwrap().unwrap().length(), 4096);
        assert_eq!(came.join().unwrap(), Ok(Some(1)));
    });
}

#[test]
fn threads_that_use_a_window_are_each_told_of_its_loss() {
    let rig = Rig::new();
    let (_client, lease, _first) = rig.mapped("file");
    let working = AtomicUsize::new(0);

    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|index| {
                let map = lease.map().unwrap();
                let working = &working;
                scope.spawn(move || {
                    working.fetch_add(1, Ordering::SeqCst);
                    loop {
                        let value = map.read::<u32>(4 * index)?;
                        map.write::<u32>(4 * index, value.wrapping_add(1))?;
                    }
                })
            })
            .collect();
        while working.load(Ordering::SeqCst) < 4 {
            thread::yield_now();
        }
        rig.lose_file();
        for thread in threads {
            let ended: mmiod::Result<()> = thread.join().unwrap();
            refused(ended, ErrorKind::Gone);
        }
    });
}
