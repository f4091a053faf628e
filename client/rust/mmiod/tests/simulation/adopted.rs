// SPDX-License-Identifier: MIT
//! Windows that somebody else leased, and whose files this process has.

use crate::rig::{mmioctl, refused, Rig};
use mmiod::{adopt, all_inherited, inherited, ErrorKind, Want};
use std::fs::File;

#[test]
fn a_window_is_handed_on_by_its_descriptor() {
    let rig = Rig::new();
    let client = rig.client();
    let lease = client.lease(Want::new("shm/0x1000").write()).unwrap();
    let identity = lease.identity().unwrap();
    let other = adopt(&lease, Some(&identity)).unwrap();
    let null = File::open("/dev/null").unwrap();

    other.write::<u32>(0, 5).unwrap();
    assert_eq!(lease.read::<u32>(0), Ok(5));
    refused(other.release(), ErrorKind::Other); // ENOTCONN
    refused(adopt(&lease, Some("no identity")), ErrorKind::Invalid);
    refused(adopt(&lease, Some("\0")), ErrorKind::Invalid);
    assert_eq!(adopt(&null, Some(&identity)).unwrap_err().errno(), 116); // ESTALE
    refused(adopt(&null, None), ErrorKind::Invalid);
}

#[test]
fn where_none_was_inherited_there_is_none() {
    assert_eq!(all_inherited().unwrap().len(), 0);
    refused(inherited(None, 0), ErrorKind::NotFound);
    refused(inherited(Some("regs"), 0), ErrorKind::NotFound);
    refused(inherited(Some("+"), 0), ErrorKind::Invalid);
}

#[test]
fn the_windows_of_a_holder_are_found() {
    let rig = Rig::new();
    let hold = mmioctl();
    let before = [hold.as_str(), "hold", "shm+0x1000/0x1000", "regs", "--"];
    let output = rig.child("adopted::child_of_a_holder", &before);

    assert!(output.status.success(), "{output:?}");
    assert_eq!(rig.ctl(&["read", "regs+0x10"]).stdout, b"0x0000600d\n");
}

#[test]
#[ignore = "the test above runs it"]
fn child_of_a_holder() {
    let all = all_inherited().unwrap();

    assert_eq!(all.len(), 2);
    assert_eq!((all[0].offset(), all[0].length(), all[1].width()), (4096, 4096, 4));
    let regs = inherited(Some("regs"), 0).unwrap().map().unwrap();
    regs.write::<u32>(0x10, 0x600d).unwrap();
    refused(inherited(Some("rom"), 0), ErrorKind::NotFound);
}
