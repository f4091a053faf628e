// SPDX-License-Identifier: MIT
//! Errors: what kind, the errno of it, and the daemon's sentence.

use std::ffi::CStr;
use std::os::raw::{c_char, c_int};
use std::{fmt, io};

/// Linux's numbers, as x86, Arm and RISC-V have them.
pub(crate) mod errno {
    use std::os::raw::c_int;

    pub const EPERM: c_int = 1;
    pub const ENOENT: c_int = 2;
    pub const EBADF: c_int = 9;
    pub const EAGAIN: c_int = 11;
    pub const EACCES: c_int = 13;
    pub const EBUSY: c_int = 16;
    pub const ENODEV: c_int = 19;
    pub const EINVAL: c_int = 22;
    pub const EPIPE: c_int = 32;
    pub const EOVERFLOW: c_int = 75;
    pub const EOPNOTSUPP: c_int = 95;
    pub const ECONNRESET: c_int = 104;
    pub const ETIMEDOUT: c_int = 110;
    pub const ECONNREFUSED: c_int = 111;
    pub const EDQUOT: c_int = 122;
}
use errno::*;

/// What kind of error it is. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Policy does not allow it.
    Denied,
    /// Somebody else holds it.
    Busy,
    /// A quota is reached.
    Quota,
    /// There is no such region, lease or window.
    NotFound,
    /// It did not happen in time.
    TimedOut,
    /// The window was revoked, its device is gone, or it is suspended.
    Gone,
    /// The device of the window is suspended for now.
    Suspended,
    /// The interrupt came too often, and is silenced until it is unmasked.
    Silenced,
    /// There is no daemon, or it does not answer.
    NoDaemon,
    /// An argument that nobody could be granted, or that makes no sense.
    Invalid,
    /// An access that leaves the mapping.
    OutOfRange,
    /// An offset that is no multiple of the access's width.
    Misaligned,
    /// An access of another width than the region declares.
    WrongWidth,
    /// A window that may only be read was to be written.
    ReadOnly,
    /// Simulation, or an older daemon, library or module, cannot do that.
    Unsupported,
    /// See [`Error::errno`].
    Other,
}

/// What mmiod refuses or cannot do; displayed as the sentence that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    errno: c_int,
    sentence: String,
}

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

fn kind_of(errno: c_int) -> ErrorKind {
    match errno {
        EACCES | EPERM => ErrorKind::Denied,
        EBUSY => ErrorKind::Busy,
        EDQUOT => ErrorKind::Quota,
        ENOENT => ErrorKind::NotFound,
        ETIMEDOUT => ErrorKind::TimedOut,
        ENODEV => ErrorKind::Gone,
        EAGAIN => ErrorKind::Suspended,
        EOVERFLOW => ErrorKind::Silenced,
        ECONNREFUSED | ECONNRESET | EPIPE => ErrorKind::NoDaemon,
        EINVAL => ErrorKind::Invalid,
        EBADF => ErrorKind::ReadOnly,
        EOPNOTSUPP => ErrorKind::Unsupported,
        _ => ErrorKind::Other,
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, errno: c_int, sentence: impl Into<String>) -> Self {
        Self { kind, errno, sentence: sentence.into() }
    }

    /// Of a result of C, which is negative, with the sentence that goes with it.
    pub(crate) fn of(result: c_int, sentence: impl Into<String>) -> Self {
        let (errno, sentence) = (-result, sentence.into());
        let sentence = if sentence.is_empty() {
            io::Error::from_raw_os_error(errno).to_string()
        } else {
            sentence
        };
        Self::new(kind_of(errno), errno, sentence)
    }

    pub(crate) fn gone(result: c_int) -> Self {
        Self::of(
            result,
            if result == -ENODEV {
                "the window was revoked, its device is gone, or it is suspended"
            } else {
                ""
            },
        )
    }

    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, EINVAL, sentence)
    }

    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The number, as of errno(3).
    pub fn errno(&self) -> i32 {
        self.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(Self::from_raw_os_error(error.errno).kind(), error)
    }
}

/// Text of the library's; "" for none.
///
/// # Safety
/// `text` is NULL, or ends with a 0.
pub(crate) unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    CStr::from_ptr(text).to_string_lossy().into_owned()
}

/// Text in an array of a struct, which ends with a 0, or with the array.
pub(crate) fn text_in(array: &[c_char]) -> String {
    let bytes: Vec<u8> = array.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect();

    String::from_utf8_lossy(&bytes).into_owned()
}
