// SPDX-License-Identifier: MIT
//! Interrupts of a device in simulation, which come by being triggered.

use crate::rig::{refused, Rig};
use mmiod::{ErrorKind, InterruptOptions, IrqKind, State};
use std::os::unix::io::AsRawFd;
use std::time::Duration;

#[test]
fn an_interrupt_is_waited_for() {
    let rig = Rig::new();
    let client = rig.client();
    let irq = client.interrupt("card", 2, InterruptOptions::new().kind(IrqKind::Msix)).unwrap();

    assert_eq!((irq.vector(), irq.kind(), irq.state()), (2, IrqKind::Msix, Ok(State::Ok)));
    assert_eq!((irq.flags(), irq.as_raw_fd() >= 0), (Ok(0), true));
    assert_eq!(irq.wait(Some(Duration::ZERO)), Ok(None));
    assert_eq!(irq.wait(Some(Duration::from_micros(1500))), Ok(None));
    irq.trigger().unwrap();
    irq.trigger().unwrap();
    assert_eq!(irq.wait(None), Ok(Some(2)));
    irq.trigger().unwrap();
    assert_eq!(irq.wait(Some(Duration::MAX)), Ok(Some(1)));
    assert_eq!(irq.count(), Ok(3));
    refused(irq.mask(), ErrorKind::Unsupported);
    refused(irq.unmask(), ErrorKind::Unsupported);
    refused(irq.set_eventfd(None), ErrorKind::Unsupported);
}

#[test]
fn what_is_refused_or_given_back_says_so() {
    let rig = Rig::new();
    let (client, other) = (rig.client(), rig.client());
    let irq = client.interrupt("card", 0, Default::default()).unwrap();
    let msi = InterruptOptions::new().kind(IrqKind::Msi);

    refused(other.interrupt("card", 0, Default::default()), ErrorKind::Busy);
    refused(other.interrupt("card", 4, Default::default()), ErrorKind::Invalid);
    refused(other.interrupt("card", 1, msi), ErrorKind::Invalid);
    refused(other.interrupt("nothing", 0, Default::default()), ErrorKind::NotFound);
    let unknown = InterruptOptions::new().kind(IrqKind::Unknown(77));
    refused(other.interrupt("card", 1, unknown), ErrorKind::Unsupported);
    irq.release().unwrap();
    let irq = other.interrupt("card", 0, InterruptOptions::new().oneshot().masked()).unwrap();
    drop(other);
    refused(irq.release(), ErrorKind::Other); // ENOTCONN
}
