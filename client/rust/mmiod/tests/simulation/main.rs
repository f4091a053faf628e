// SPDX-License-Identifier: MIT
//! The crate over a daemon in simulation, which each test starts for itself. MMIOD_BUILD is the
//! build that is tested. Modules are run one by one by rust.bats, which names them.

mod access;
mod adopted;
mod events;
mod interrupts;
mod leases;
mod loss;
mod rig;
mod threads;
