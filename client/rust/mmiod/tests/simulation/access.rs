// SPDX-License-Identifier: MIT
//! Registers of a mapped window and through the kernel.

use crate::rig::{refused, Rig};
use mmiod::{ErrorKind, Lease, MapMode, Mapping, Register};
use std::thread;
use std::time::Duration;

fn one_width<T: Register>(lease: &Lease, map: &Mapping, value: T, as_64: u64) {
    map.write::<u64>(0x10, 0).unwrap();
    map.write(0x10, value).unwrap();
    assert_eq!(map.read::<T>(0x10).unwrap(), value);
    assert_eq!(map.read::<u64>(0x10).unwrap(), as_64);
    assert_eq!(lease.read::<T>(0x10).unwrap(), value);
    lease.write(0x20, value).unwrap();
    assert_eq!(map.read::<u64>(0x20).unwrap(), as_64);
}

#[test]
fn a_register_is_read_and_written_in_exactly_its_width() {
    let rig = Rig::new();
    let (_client, lease, map) = rig.mapped("shm");

    one_width::<u8>(&lease, &map, 0xab, 0xab);
    one_width::<u16>(&lease, &map, 0xabcd, 0xabcd);
    one_width::<u32>(&lease, &map, 0xabcdef01, 0xabcdef01);
    one_width::<u64>(&lease, &map, 0xabcdef0123456789, 0xabcdef0123456789);
    map.write::<u64>(0x30, 0).unwrap();
    map.write::<u8>(0x31, 0xff).unwrap();
    assert_eq!(map.read::<u64>(0x30).unwrap(), 0xff00);
}

#[test]
fn what_leaves_the_mapping_is_out_of_range() {
    let rig = Rig::new();
    let (_client, _lease, regs) = rig.mapped("regs");

    assert_eq!((regs.len(), regs.width(), regs.is_empty()), (4096, 4, false));
    for offset in [4096, 4094, u64::MAX, u64::MAX - 3, 1 << 63] {
        refused(regs.read::<u32>(offset), ErrorKind::OutOfRange);
        refused(regs.write::<u32>(offset, 0), ErrorKind::OutOfRange);
        refused(regs.register::<u32>(offset), ErrorKind::OutOfRange);
        refused(regs.ring::<u32>(offset, 0), ErrorKind::OutOfRange);
    }
    refused(regs.read_many(4096 - 12, &mut [0u32; 4]), ErrorKind::OutOfRange);
    refused(regs.write_many(4096 - 12, &[0u32; 4]), ErrorKind::OutOfRange);
    refused(regs.read_block(4092, &mut [0; 8]), ErrorKind::OutOfRange);
    refused(regs.read_block(0, &mut [0; 3]), ErrorKind::OutOfRange);
    regs.read_many::<u32>(4096, &mut []).unwrap();
}

#[test]
fn what_is_misaligned_or_of_another_width_is_refused() {
    let rig = Rig::new();
    let (_client, lease, regs) = rig.mapped("regs");

    assert!(refused(regs.read::<u32>(2), ErrorKind::Misaligned).contains("multiple of 4"));
    assert!(refused(regs.write::<u8>(0, 0), ErrorKind::WrongWidth).contains("32 bits wide"));
    refused(regs.read::<u64>(0), ErrorKind::WrongWidth);
    refused(regs.register::<u16>(0), ErrorKind::WrongWidth);
    refused(lease.read::<u8>(0), ErrorKind::Invalid);
    refused(lease.write::<u32>(2, 0), ErrorKind::Invalid);
    refused(lease.read::<u32>(4096), ErrorKind::Invalid);
}

#[test]
fn a_window_that_is_read_only_is_not_written() {
    let rig = Rig::new();
    let client = rig.client();
    let lease = client.lease("rom").unwrap();
    let rom = lease.map_range(4096, 4096, MapMode::Populate).unwrap();
    let register = rom.register::<u32>(0).unwrap();

    assert!(!rom.is_writable());
    assert_eq!((rom.read::<u32>(0).unwrap(), register.load()), (0, 0));
    refused(rom.write::<u32>(0, 1), ErrorKind::ReadOnly);
    refused(rom.update::<u32>(0, 1, 1), ErrorKind::ReadOnly);
    refused(rom.ring::<u32>(0, 1), ErrorKind::ReadOnly);
    refused(rom.write_many(0, &[1u32]), ErrorKind::ReadOnly);
    refused(rom.write_block(0, b"1234"), ErrorKind::ReadOnly);
    refused(rom.fill_block(0, 1, 4), ErrorKind::ReadOnly);
    refused(register.write(1), ErrorKind::ReadOnly);
    refused(lease.write::<u32>(0, 1), ErrorKind::ReadOnly);
    assert!(std::panic::catch_unwind(|| register.store(1)).is_err());
}

#[test]
fn bits_are_changed_and_waited_for() {
    let rig = Rig::new();
    let (_client, lease, regs) = rig.mapped("regs");
    let soon = Duration::from_millis(1);

    regs.write::<u32>(0, 0xf0f0).unwrap();
    regs.update::<u32>(0, 0xff, 0x3c).unwrap();
    assert_eq!(regs.read::<u32>(0).unwrap(), 0xf03c);
    refused(regs.update::<u32>(0, 1, 2), ErrorKind::Invalid);
    regs.ring::<u32>(0, 7).unwrap();
    assert_eq!(regs.read::<u32>(0).unwrap(), 7);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            lease.write::<u32>(4, 0x80000001).unwrap();
        });
        assert_eq!(regs.wait::<u32>(4, 1, 1, Duration::MAX).unwrap(), 0x80000001);
    });
    assert!(refused(regs.wait::<u32>(4, 2, 2, soon), ErrorKind::TimedOut).contains("0x80000001"));
    refused(regs.wait::<u32>(4, 2, 2, Duration::ZERO), ErrorKind::TimedOut);
    refused(regs.wait::<u32>(4, 1, 2, soon), ErrorKind::Invalid);
}

#[test]
fn many_registers_and_blocks_go_in_and_out() {
    let rig = Rig::new();
    let (client, lease, regs) = rig.mapped("regs");
    let (mut back, mut bytes) = ([0u32; 4], [0u8; 7]);

    regs.write_many(0x20, &[1u32, 2, 3, u32::MAX]).unwrap();
    regs.read_many(0x20, &mut back).unwrap();
    assert_eq!(back, [1, 2, 3, u32::MAX]);
    lease.write_many(0x30, &[4u32, 5]).unwrap();
    lease.read_many(0x2c, &mut back).unwrap();
    assert_eq!(back, [u32::MAX, 4, 5, 0]);
    refused(lease.copy_from(0, &mut bytes), ErrorKind::Invalid); // it declares a width

    let plain = client.lease(mmiod::Want::new("shm+0x1000/0x1000").write()).unwrap();
    let map = plain.map().unwrap();
    map.write_block(3, b"hello").unwrap();
    map.fill_block(4, b'.', 2).unwrap();
    map.read_block(2, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\0h..lo\0");
    plain.copy_to(16, b"0123").unwrap();
    plain.copy_from(15, &mut bytes).unwrap();
    assert_eq!(&bytes, b"\x000123\0\0");
}
