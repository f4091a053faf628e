// SPDX-License-Identifier: MIT
//! hello-window, in Rust: write a message into device memory.
//!
//!     hello-window [REGION[+OFFSET][/LENGTH] [MESSAGE]]
//!
//! What hello-window.c does. What goes wrong is an error with the daemon's sentence, and mapping,
//! lease and connection end with their values.

use mmiod::{Client, Mapping, Want};
use std::env;
use std::error::Error;
use std::process::ExitCode;

fn greet(window: &Mapping, message: &str) -> Result<(), Box<dyn Error>> {
    let mut readback = vec![0; message.len()];

    if message.len() >= window.len() {
        return Err("the message is too long".into());
    }
    // As the window demands, by whole lines or register by register; of write-combining memory it
    // has left the processor afterwards, and reading back proves arrival.
    window.write_block(0, format!("{message}\0").as_bytes())?;
    window.read_block(0, &mut readback)?;
    if readback != message.as_bytes() {
        return Err("what was read back is not what was written".into());
    }
    println!("wrote {message:?}");
    Ok(())
}

fn hello(target: &str, message: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::connect()?;
    let lease = client.lease(Want::new(target).write())?;

    println!("lease {}: {:#x} bytes of {target}", lease.id(), lease.length());
    greet(&lease.map()?, message)
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().collect();
    let argument = |index, default| arguments.get(index).map_or(default, String::as_str);

    match hello(argument(1, "shm+0x1000/4K"), argument(2, "hello from an unprivileged process")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hello-window: {error}");
            ExitCode::FAILURE
        }
    }
}
