// SPDX-License-Identifier: MIT
//! Where libmmiod is: MMIOD_LIB_DIR says so, or else pkg-config; or else the linker finds it.

use std::env;
use std::process::Command;

fn ask_pkg_config() -> Option<String> {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let output = Command::new(program).args(["--variable=libdir", "mmiod"]).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let folder = said.trim();

    (output.status.success() && !folder.is_empty()).then(|| folder.into())
}

fn main() {
    for variable in ["MMIOD_LIB_DIR", "PKG_CONFIG", "PKG_CONFIG_PATH"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    if let Some(folder) = env::var("MMIOD_LIB_DIR").ok().or_else(ask_pkg_config) {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=dylib=mmiod");
}
