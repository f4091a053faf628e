// SPDX-License-Identifier: MIT
//! A daemon in simulation in a folder of its own, and what tests say.

use mmiod::{Client, Error, ErrorKind, Lease, Mapping, Result, Want};
use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{id, Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{panicking, sleep};
use std::time::Duration;

const CONFIG: &str = "
[region regs]
size = 4K
width = 32
[region shm]
size = 64K
cache = wc uc
[region rom]
size = 8K
[region file]
size = 8K
backing = {folder}/backing
[region vram]
size = 1M
pool = yes
[region secret]
size = 4K
[device card]
interrupts = msix
vectors = 4
dma-engine = no
[grant us]
region = regs shm file vram
user = {uid}
access = rw
[grant readers]
region = rom
user = {uid}
access = r
share = shared-read
[grant memory]
memory = pages
user = {uid}
[grant devices]
device = card
interrupts = yes
user = {uid}
[grant others]
region = secret
user = 54399
[admin us]
user = {uid}
";

pub struct Rig {
    folder: PathBuf,
    daemon: Child,
}

fn build() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../build");

    std::env::var_os("MMIOD_BUILD").map_or(ours, PathBuf::from)
}

fn uid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap())
}

impl Rig {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mmiod-rust-{}-{number}", id()));
        let place = folder.to_str().unwrap();

        fs::create_dir(&folder).unwrap();
        let config = CONFIG.replace("{folder}", place).replace("{uid}", &uid().to_string());
        fs::write(folder.join("conf"), config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        // A test that is killed leaves no daemon behind.
        let daemon = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(build().join("mmiod"))
            .args(["--simulate", &format!("{place}/conf"), "--socket", &format!("{place}/sock")])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the daemon is built");
        let mut rig = Self { folder, daemon };

        while let Err(error) = Client::connect_to(&rig.socket()) {
            assert_eq!(error.kind(), ErrorKind::NoDaemon, "{error}");
            assert!(rig.daemon.try_wait().unwrap().is_none(), "the daemon does not start");
            sleep(Duration::from_millis(5));
        }
        rig
    }

    pub fn socket(&self) -> String {
        self.folder.join("sock").to_str().unwrap().into()
    }

    pub fn client(&self) -> Client {
        Client::connect_to(&self.socket()).unwrap()
    }

    /// A mapping of all of a region that may be written, with its lease and its client.
    pub fn mapped(&self, target: &str) -> (Client, Lease, Mapping) {
        let client = self.client();
        let lease = client.lease(Want::new(target).write()).unwrap();
        let mapping = lease.map().unwrap();

        (client, lease, mapping)
    }

    /// The file behind the region "file" is cut short: an access is as one to a revoked window.
    pub fn lose_file(&self) {
        let backing = OpenOptions::new().write(true).open(self.folder.join("backing"));

        backing.unwrap().set_len(0).unwrap();
    }

    pub fn ctl(&self, arguments: &[&str]) -> Output {
        Command::new(build().join("mmioctl"))
            .args(arguments)
            .env("MMIOD_SOCKET", self.socket())
            .output()
            .unwrap()
    }

    /// This program anew, for a test that only runs so, by its whole name.
    pub fn child(&self, name: &str, before: &[&str]) -> Output {
        let program = std::env::current_exe().unwrap();
        let mut arguments = before.to_vec();

        arguments.extend([program.to_str().unwrap(), "--exact", name, "--ignored", "--nocapture"]);
        Command::new(arguments[0])
            .args(&arguments[1..])
            .env("MMIOD_SOCKET", self.socket())
            .env("MMIOD_TEST_BACKING", self.folder.join("backing"))
            .output()
            .unwrap()
    }
}

impl Drop for Rig {
    /// As a service manager would end it, which must be its end with status 0.
    fn drop(&mut self) {
        let pid = self.daemon.id().to_string();
        let ended = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        let status = self.daemon.wait().unwrap();
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();

        fs::remove_dir_all(&self.folder).unwrap();
        if !panicking() {
            assert!(ended.success() && status.success(), "{status}: {log}");
        }
    }
}

pub fn mmioctl() -> String {
    build().join("mmioctl").to_str().unwrap().into()
}

pub fn signal_of(output: &Output) -> Option<i32> {
    output.status.signal()
}

/// The error must be of this kind; answers its sentence.
#[track_caller]
pub fn refused<T>(result: Result<T>, kind: ErrorKind) -> String {
    let error: Error = result.err().expect("an error");

    assert_eq!(error.kind(), kind, "{error} ({})", error.errno());
    error.to_string()
}
