// SPDX-License-Identifier: MIT
//! Leases, what they are of, and how they end.

use crate::rig::{refused, Rig};
use mmiod::{make_view, Allocation, Client, ErrorKind, Memory, MemoryType, Rights, Share, State};
use mmiod::{ViewKind, ViewPart, Want};
use std::io;
use std::os::unix::io::AsRawFd;
use std::time::Duration;

#[test]
fn a_lease_says_what_it_is() {
    let rig = Rig::new();
    let client = rig.client();
    let lease = client.lease(Want::new("regs+0x10/0x20").write()).unwrap();

    assert_eq!((lease.offset(), lease.length(), lease.width()), (0x10, 0x20, 4));
    assert_eq!((lease.rights(), lease.share()), (Rights::READ_WRITE, Share::Exclusive));
    assert_eq!((lease.memory(), lease.memory_type()), (Memory::Region, MemoryType::Uncached));
    assert_eq!((lease.state(), lease.time(), lease.renews()), (Ok(State::Ok), None, false));
    assert!(!lease.mappable() && lease.as_raw_fd() >= 0);
    assert!(refused(lease.map(), ErrorKind::Invalid).contains("whole pages"));
    refused(lease.users(), ErrorKind::Unsupported);
    assert!(format!("{lease:?}").contains("length: 32"));
}

#[test]
fn a_lease_is_given_back_once() {
    let rig = Rig::new();
    let client = rig.client();
    let lease = client.lease(Want::new("regs").write()).unwrap();
    let id = lease.id();

    assert_eq!(client.status().unwrap().leases, 1);
    lease.release().unwrap(); // a second time does not compile: it has moved
    assert_eq!(client.status().unwrap().leases, 0);
    refused(client.release(id), ErrorKind::NotFound);
    let lease = client.lease(Want::new("regs").write()).unwrap();
    client.release(lease.id()).unwrap();
    assert_eq!(client.status().unwrap().leases, 0);
    refused(lease.release(), ErrorKind::NotFound);
}

#[test]
fn what_is_refused_says_why() {
    let rig = Rig::new();
    let (client, other) = (rig.client(), rig.client());
    let _held = client.lease(Want::new("regs").write()).unwrap();

    assert!(refused(client.lease("secret"), ErrorKind::Denied).contains("no grant lets user"));
    refused(client.lease("nothing"), ErrorKind::NotFound);
    assert!(refused(other.lease(Want::new("regs").write()), ErrorKind::Busy).contains("regs"));
    for target in ["", "+1", "regs\0", "regs:7"] {
        refused(client.lease(target), ErrorKind::Invalid);
    }
    refused(Client::connect_to("/nowhere/at/all"), ErrorKind::NoDaemon);
    refused(Client::connect_to("a\0b"), ErrorKind::Invalid);
    let error = io::Error::from(client.lease("secret").unwrap_err());
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("no grant"));
}

#[test]
fn a_want_says_the_rest() {
    let rig = Rig::new();
    let client = rig.client();
    let part = Want::new("shm+0x1000/0x2000").share(Share::Read);
    let lease = client.lease(part.clone().offset(0x1000).memory_type(MemoryType::Uncached));
    let lease = lease.unwrap();

    assert_eq!((lease.offset(), lease.length()), (0x2000, 0x1000));
    assert_eq!((lease.share(), lease.memory_type()), (Share::Read, MemoryType::Uncached));
    assert_eq!(client.lease(part.clone().length(8)).unwrap().length(), 8);
    for offset in [0x2000, u64::MAX] {
        refused(client.lease(part.clone().offset(offset)), ErrorKind::Invalid);
    }
    refused(client.lease(Want::new("regs").on_end(0, 0, 4)), ErrorKind::Invalid); // not to write
    let made_safe = Want::new("regs").write().time(Duration::from_secs(1)).on_end(0x14, 0x600d, 4);
    let lease = client.lease(made_safe).unwrap();
    assert_eq!(lease.time(), Some(Duration::from_secs(1)));
    lease.release().unwrap();
    assert_eq!(client.lease("regs").unwrap().read::<u32>(0x14), Ok(0x600d));
}

#[test]
fn all_are_leased_or_none() {
    let rig = Rig::new();
    let client = rig.client();
    let wanted = [Want::new("regs"), Want::new("rom"), Want::new("secret")];

    refused(client.lease_all(&wanted), ErrorKind::Denied);
    assert_eq!(client.status().unwrap().leases, 0);
    assert_eq!(client.lease_all(&wanted[..2]).unwrap().len(), 2);
}

#[test]
fn a_lease_outlives_its_client_and_a_mapping_its_lease() {
    let rig = Rig::new();
    let (client, lease, map) = rig.mapped("shm");
    let other = client.lease("rom").unwrap();

    drop(client);
    assert_eq!(other.length(), 8192);
    assert!(refused(other.release(), ErrorKind::Other).contains("its client was freed"));
    map.populate().unwrap();
    drop(lease);
    map.write::<u32>(0, 5).unwrap();
    assert_eq!(map.read::<u32>(0), Ok(5));
    assert!(refused(map.populate(), ErrorKind::Other).contains("dropped"));
}

#[test]
fn regions_and_decisions_are_told() {
    let rig = Rig::new();
    let client = rig.client();
    let regions = client.regions().unwrap();
    let named = |name| regions.iter().find(|region| region.name == name).unwrap();

    assert_eq!((named("regs").width, named("regs").length), (4, 4096));
    assert_eq!(named("regs").device, "simulation");
    assert_eq!((named("secret").rights, named("rom").rights), (Rights::NONE, Rights::READ));
    assert!(client.explain("rom").unwrap().allowed);
    let decision = client.explain(Want::new("rom").write()).unwrap();
    assert_eq!((decision.allowed, decision.grant.as_str()), (false, "readers"));
    assert!(client.status().unwrap().simulated);
}

#[test]
fn memory_is_allocated() {
    let rig = Rig::new();
    let client = rig.client();
    let pages = client.allocate(&Allocation::memory(Memory::Pages, 65536)).unwrap();
    let map = pages.map().unwrap();
    let block = client.allocate(&Allocation::pool("vram", 8192).align(65536)).unwrap();

    assert_eq!((pages.memory(), pages.length()), (Memory::Pages, 65536));
    map.write::<u64>(65528, 1).unwrap();
    assert_eq!((block.memory(), block.offset() % 65536), (Memory::Region, 0));
    refused(client.allocate(&Allocation::memory(Memory::Kmalloc, 4096)), ErrorKind::Denied);
    refused(client.allocate(&Allocation::pool("vram", 8192).align(3)), ErrorKind::Invalid);
    refused(client.allocate(&Allocation::pool("vram", 0)), ErrorKind::Invalid);
}

#[test]
fn simulation_makes_no_views() {
    let rig = Rig::new();
    let client = rig.client();
    let lease = client.lease("shm").unwrap();
    let made = make_view(ViewKind::File, &[ViewPart::of(&lease, 0)], None);

    assert!(refused(made, ErrorKind::Unsupported).contains("simulation"));
    assert!(refused(make_view(ViewKind::Uio, &[], None), ErrorKind::Invalid).contains("0 parts"));
}

#[test]
fn objects_come_and_go_without_a_leak() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mapped = || std::fs::read_to_string("/proc/self/maps").unwrap().matches("mmiod").count();
    let rig = Rig::new();
    let client = rig.client();
    let once = || {
        let lease = client.lease("shm").unwrap();
        let _maps = [lease.map().unwrap(), lease.map().unwrap()];
        drop(client.request("rom", None).unwrap());
        lease.release().unwrap();
    };

    // Other tests open and close things meanwhile, but not so many.
    once();
    let before = (open(), mapped());
    for _ in 0..200 {
        once();
    }
    assert!(open() < before.0 + 100 && mapped() < before.1 + 100);
}
