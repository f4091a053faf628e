// SPDX-License-Identifier: MIT
//! What is asked for. Whatever is not said is the default.

use crate::error::{text_in, Error, Result};
use crate::words::{Memory, MemoryType, Rights, Share, Zone};
use mmiod_sys as sys;
use std::ffi::CString;
use std::mem::{size_of, zeroed};
use std::os::raw::c_uint;
use std::time::Duration;

/// Milliseconds as C counts them; `None` is for ever.
pub(crate) fn milliseconds(time: Option<Duration>) -> u32 {
    time.map_or(u32::MAX, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
}

pub(crate) fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid(format!("{text:?} has a zero byte")))
}

/// A lease that is wanted: a target, and what is not as usual.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// use mmiod::{Client, Share, Want};
///
/// let client = Client::connect()?;
/// let status = client.lease("fpga-status")?; // to read only
/// let queue = client.lease(Want::new("vram+64K/4K").write().share(Share::Read))?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Want {
    target: String,
    offset: u64,
    length: u64,
    rights: Rights,
    memory_type: MemoryType,
    width: u32,
    share: Share,
    flags: c_uint,
    time: Option<Duration>,
    on_end: Vec<(u64, u64, u32)>,
    for_user: u32,
}

impl Want {
    /// REGION\[+OFFSET\]\[/LENGTH\]\[:WIDTH\], to be read. In the place of REGION may stand where
    /// it lies: "0000:01:00.0/bar2+0x1000/4K".
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            offset: 0,
            length: 0,
            rights: Rights::READ,
            memory_type: MemoryType::Standard,
            width: 0,
            share: Share::Standard,
            flags: 0,
            time: None,
            on_end: Vec::new(),
            for_user: 0,
        }
    }

    /// To be written as well.
    pub fn write(self) -> Self {
        self.rights(Rights::READ_WRITE)
    }

    /// With these rights.
    pub fn rights(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// So many bytes behind what the target names.
    pub fn offset(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// So many bytes, whatever the target says.
    pub fn length(self, length: u64) -> Self {
        Self { length, ..self }
    }

    /// Of mediated accesses, in bytes.
    pub fn width(self, width: u32) -> Self {
        Self { width, ..self }
    }

    /// With this memory type.
    pub fn memory_type(self, memory_type: MemoryType) -> Self {
        Self { memory_type, ..self }
    }

    /// Beside such others.
    pub fn share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// For so long at most, and at least 100 ms.
    pub fn time(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }

    /// After a revocation a page of ones, instead of accesses that fail.
    pub fn dummy(mut self) -> Self {
        self.flags |= sys::MMIOD_WANT_DUMMY;
        self
    }

    /// Ends with the connection, even if the file lives on.
    pub fn with_connection(mut self) -> Self {
        self.flags |= sys::MMIOD_WANT_CONNECTION;
        self
    }

    /// The daemon writes `value` of `width` bytes at `offset` of the region when the lease ends,
    /// for whatever reason; at most 8 writes, in their order.
    pub fn on_end(mut self, offset: u64, value: u64, width: u32) -> Self {
        self.on_end.push((offset, value, width));
        self
    }

    /// Administrators: the lease is that user's.
    pub fn for_user(mut self, uid: u32) -> Self {
        self.flags |= sys::MMIOD_WANT_FOR;
        self.for_user = uid;
        self
    }

    fn length_behind(&self, target: &sys::mmiod_target) -> Result<u64> {
        if self.length != 0 || target.length == 0 {
            return Ok(self.length);
        }
        match target.length.checked_sub(self.offset) {
            Some(length) if length > 0 => Ok(length),
            _ => Err(Error::invalid(format!(
                "offset {:#x} leaves the {:#x} bytes of {}",
                self.offset, target.length, self.target
            ))),
        }
    }
}

impl From<&str> for Want {
    fn from(target: &str) -> Self {
        Self::new(target)
    }
}

impl From<&String> for Want {
    fn from(target: &String) -> Self {
        Self::new(target)
    }
}

/// A want as C has it. `value` points into the others, which must stay where they are: on the heap.
pub(crate) struct CWant {
    pub(crate) value: sys::mmiod_want,
    _region: CString,
    _writes: Vec<sys::mmiod_register_write>,
}

pub(crate) fn parse_target(text: &str) -> Result<sys::mmiod_target> {
    let text = c_string(text)?;
    let mut sentence = [0; 256];
    // Zero is what a struct of the library's begins with, here and below.
    let mut target: sys::mmiod_target = unsafe { zeroed() };
    let result = unsafe {
        sys::mmiod_target_parse_sized(
            text.as_ptr(),
            &mut target,
            size_of::<sys::mmiod_target>(),
            sentence.as_mut_ptr(),
            sentence.len(),
        )
    };
    if result < 0 {
        return Err(Error::of(result, text_in(&sentence)));
    }
    Ok(target)
}

impl CWant {
    pub(crate) fn new(want: &Want) -> Result<Self> {
        let target = parse_target(&want.target)?;
        let region = c_string(&text_in(&target.region))?;
        let offset = target.offset.checked_add(want.offset);
        let writes: Vec<_> = want
            .on_end
            .iter()
            .map(|&(offset, value, width)| sys::mmiod_register_write {
                offset,
                value,
                width,
                flags: 0,
                reserved: [0; 2],
            })
            .collect();
        let value = sys::mmiod_want {
            region: region.as_ptr(),
            offset: offset.ok_or_else(|| {
                Error::invalid(format!("offset {:#x}: there is no such", want.offset))
            })?,
            length: want.length_behind(&target)?,
            rights: want.rights.0,
            cache: want.memory_type.raw(),
            width: if want.width != 0 { want.width } else { target.width },
            share: want.share.raw(),
            flags: want.flags,
            lease_ms: want.time.map_or(0, |time| milliseconds(Some(time)).max(1)),
            on_end: writes.as_ptr(),
            on_end_count: writes.len(),
            for_uid: want.for_user,
            reserved: 0,
            grant: std::ptr::null(),
            reserved2: std::ptr::null(),
        };

        Ok(Self { value, _region: region, _writes: writes })
    }
}

/// Memory that the daemon is to find.
///
/// ```no_run
/// # fn main() -> mmiod::Result<()> {
/// use mmiod::{Allocation, Client, Memory};
///
/// let client = Client::connect()?;
/// let block = client.allocate(&Allocation::pool("vram", 2 << 20).align(2 << 20))?;
/// let pages = client.allocate(&Allocation::memory(Memory::Pages, 65536))?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Allocation {
    memory: Memory,
    region: Option<String>,
    length: u64,
    align: u64,
    low: u64,
    high: u64,
    node: c_uint,
    zone: Zone,
    rights: Rights,
    memory_type: MemoryType,
    flags: c_uint,
    time: Option<Duration>,
    max_extents: u32,
}

impl Allocation {
    /// `length` bytes of such memory, to be read and written.
    pub fn memory(memory: Memory, length: u64) -> Self {
        Self {
            memory,
            region: None,
            length,
            align: 0,
            low: 0,
            high: 0,
            node: 0,
            zone: Zone::Any,
            rights: Rights::READ_WRITE,
            memory_type: MemoryType::Standard,
            flags: 0,
            time: None,
            max_extents: 1,
        }
    }

    /// `length` bytes of the pool of a region.
    pub fn pool(region: impl Into<String>, length: u64) -> Self {
        Self::memory(Memory::Region, length).region(region)
    }

    /// The pool, or for DMA a region of the device.
    pub fn region(self, region: impl Into<String>) -> Self {
        Self { region: Some(region.into()), ..self }
    }

    /// Pool: at a multiple of so many bytes, a power of two.
    pub fn align(self, align: u64) -> Self {
        Self { align, ..self }
    }

    /// Pool: at this offset or above.
    pub fn low(self, low: u64) -> Self {
        Self { low, ..self }
    }

    /// To end at or below this offset, or physical address.
    pub fn high(self, high: u64) -> Self {
        Self { high, ..self }
    }

    /// Pages and kmalloc: on this NUMA node.
    pub fn node(self, node: u32) -> Self {
        Self { node: node.saturating_add(1), ..self }
    }

    /// Kernel memory: in this zone.
    pub fn zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// With these rights.
    pub fn rights(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// Pool: with this memory type.
    pub fn memory_type(self, memory_type: MemoryType) -> Self {
        Self { memory_type, ..self }
    }

    /// A set of `sys::MMIOD_ALLOCATE_*`.
    pub fn flags(self, flags: u32) -> Self {
        Self { flags, ..self }
    }

    /// For so long at most.
    pub fn time(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }

    /// Pool: in up to so many extents, if no one is large enough; 0: in any number. Unless this
    /// is said it is one.
    pub fn max_extents(self, max_extents: u32) -> Self {
        Self { max_extents, ..self }
    }

    pub(crate) fn region_string(&self) -> Result<Option<CString>> {
        self.region.as_deref().map(c_string).transpose()
    }

    pub(crate) fn c_value(&self, region: Option<&CString>) -> sys::mmiod_allocation {
        sys::mmiod_allocation {
            memory: self.memory.raw(),
            region: region.map_or(std::ptr::null(), |region| region.as_ptr()),
            length: self.length,
            align: self.align,
            low: self.low,
            high: self.high,
            node: self.node,
            zone: self.zone.raw(),
            rights: self.rights.0,
            cache: self.memory_type.raw(),
            width: 0,
            flags: self.flags,
            lease_ms: self.time.map_or(0, |time| milliseconds(Some(time)).max(1)),
            reserved: 0,
            max_extents: self.max_extents,
            reserved2: 0,
        }
    }
}
