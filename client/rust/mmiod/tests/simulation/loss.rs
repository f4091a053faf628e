// SPDX-License-Identifier: MIT
//! What becomes of accesses when their window is lost.

use crate::rig::{refused, signal_of, Rig};
use mmiod::{guard, Client, ErrorKind, Want};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const SIGBUS: i32 = 7;

#[test]
fn an_access_to_a_lost_window_says_gone() {
    let rig = Rig::new();
    let (_client, lease, map) = rig.mapped("file");

    map.write::<u32>(0, 1).unwrap();
    rig.lose_file();
    for _ in 0..3 {
        refused(map.read::<u32>(0), ErrorKind::Gone);
        refused(map.write::<u64>(0, 1), ErrorKind::Gone);
        refused(map.update::<u8>(0, 1, 1), ErrorKind::Gone);
        refused(map.ring::<u16>(0, 1), ErrorKind::Gone);
        refused(map.wait::<u32>(0, 1, 1, Duration::MAX), ErrorKind::Gone);
        refused(map.read_many(0, &mut [0u32; 4]), ErrorKind::Gone);
        refused(map.write_many(0, &[0u32; 4]), ErrorKind::Gone);
        refused(map.read_block(0, &mut [0; 16]), ErrorKind::Gone);
        refused(map.write_block(0, &[0; 16]), ErrorKind::Gone);
        refused(map.fill_block(0, 0, 16), ErrorKind::Gone);
        refused(lease.read::<u32>(0), ErrorKind::Gone);
        assert!(lease.map().unwrap_err().is_gone());
    }
}

#[test]
fn a_guarded_body_is_left_and_its_panics_pass() {
    let rig = Rig::new();
    let (_client, _lease, map) = rig.mapped("file");
    let register = map.register::<u32>(0).unwrap();
    let steps = AtomicU32::new(0);

    // Nothing in these bodies has to be dropped.
    assert_eq!(unsafe { guard(|| register.load() + 1) }, Ok(1));
    rig.lose_file();
    let left = unsafe {
        guard(|| {
            steps.store(1, Ordering::SeqCst);
            register.store(1);
            steps.store(2, Ordering::SeqCst);
        })
    };
    refused(left, ErrorKind::Gone);
    assert_eq!(steps.load(Ordering::SeqCst), 1);
    // The inner one is left, and the outer one goes on.
    let inner = unsafe { guard(|| register.read().is_err()) };
    assert_eq!(inner, Ok(true));
    let panic = catch_unwind(AssertUnwindSafe(|| unsafe { guard(|| panic!("so")) }));
    assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"so"));
}

#[test]
fn an_unguarded_access_to_a_lost_window_kills() {
    let rig = Rig::new();
    let output = rig.child("loss::child_that_is_killed", &[]);

    assert_eq!(signal_of(&output), Some(SIGBUS), "{output:?}");
}

#[test]
#[ignore = "the test above runs it"]
fn child_that_is_killed() {
    let client = Client::connect().unwrap();
    let map = client.lease(Want::new("file").write()).unwrap().map().unwrap();
    let backing = std::env::var_os("MMIOD_TEST_BACKING").unwrap();

    map.write::<u32>(0, 1).unwrap();
    std::fs::OpenOptions::new().write(true).open(backing).unwrap().set_len(0).unwrap();
    refused(map.read::<u32>(0), ErrorKind::Gone);
    map.register::<u32>(0).unwrap().load();
}
