// SPDX-License-Identifier: MIT
//! The words of the library as types. Values may come from a newer daemon that are not named here.

use mmiod_sys as sys;
use std::ops::BitOr;
use std::os::raw::c_uint;

/// What a lease lets its holder do: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(pub(crate) c_uint);

impl Rights {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// To read.
    pub const READ: Self = Self(sys::MMIOD_RIGHT_READ);
    /// To write.
    pub const WRITE: Self = Self(sys::MMIOD_RIGHT_WRITE);
    /// Both.
    pub const READ_WRITE: Self = Self(sys::MMIOD_RIGHT_READ | sys::MMIOD_RIGHT_WRITE);

    /// Whether all of `other` are among them.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $word:ident = $value:path,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$meaning])* $word,)*
            /// A value that this crate does not know.
            Unknown(u32),
        }

        impl $name {
            #[allow(dead_code)]
            pub(crate) fn of(raw: c_uint) -> Self {
                match raw {
                    $($value => Self::$word,)*
                    _ => Self::Unknown(raw),
                }
            }

            #[allow(dead_code)]
            pub(crate) fn raw(self) -> c_uint {
                match self {
                    $(Self::$word => $value,)*
                    Self::Unknown(raw) => raw,
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What caches do with a window's memory.
    MemoryType {
        /// The first that the region's configuration names.
        Standard = sys::MMIOD_MEMTYPE_DEFAULT,
        /// Uncached: every load and store is one bus access, in order.
        Uncached = sys::MMIOD_MEMTYPE_UC,
        /// Write-combining: stores may be merged and reordered until flushed.
        WriteCombining = sys::MMIOD_MEMTYPE_WC,
        /// Write-back: RAM only.
        WriteBack = sys::MMIOD_MEMTYPE_WB,
    }
}

words! {
    /// How a lease bears others on the same bytes.
    Share {
        /// What the grant says.
        Standard = sys::MMIOD_SHARE_DEFAULT,
        /// Nobody else at all.
        Exclusive = sys::MMIOD_SHARE_EXCLUSIVE,
        /// Others may read.
        Read = sys::MMIOD_SHARE_READ,
        /// Others may read and write.
        Write = sys::MMIOD_SHARE_WRITE,
        /// Read-only; it ends when an exclusive one comes.
        Guest = sys::MMIOD_SHARE_GUEST,
    }
}

words! {
    /// State of a lease's window, of an interrupt, or of a region.
    State {
        /// As it should be.
        Ok = sys::MMIOD_STATE_OK,
        /// Accesses fail until it is resumed.
        Suspended = sys::MMIOD_STATE_SUSPENDED,
        /// Accesses fail for ever.
        Revoked = sys::MMIOD_STATE_REVOKED,
        /// Its holder has it no more, and nobody else may have its bytes yet.
        Ending = sys::MMIOD_STATE_ENDING,
        /// Of a region: it is claimed otherwise than the configuration in force says.
        Stale = sys::MMIOD_STATE_STALE,
    }
}

words! {
    /// What kind of memory stands behind a lease.
    Memory {
        /// A range of a region; when allocated, blocks of a pool.
        Region = sys::MMIOD_MEMORY_REGION,
        /// Pages of the kernel's.
        Pages = sys::MMIOD_MEMORY_PAGES,
        /// Physically contiguous, by kmalloc.
        Kmalloc = sys::MMIOD_MEMORY_KMALLOC,
        /// Contiguous for the kernel only.
        Vmalloc = sys::MMIOD_MEMORY_VMALLOC,
        /// Coherent memory for a device.
        Dma = sys::MMIOD_MEMORY_DMA,
    }
}

words! {
    /// Where kernel memory may lie.
    Zone {
        /// Anywhere.
        Any = sys::MMIOD_MEMORY_ANY,
        /// Below 4 GiB.
        Below4G = sys::MMIOD_MEMORY_BELOW_4G,
        /// Below 16 MiB.
        Below16M = sys::MMIOD_MEMORY_BELOW_16M,
    }
}

words! {
    /// How a device signals an interrupt.
    IrqKind {
        /// The one that the configuration says.
        Standard = sys::MMIOD_IRQ_DEFAULT,
        /// Its line.
        Intx = sys::MMIOD_IRQ_INTX,
        /// Messages.
        Msi = sys::MMIOD_IRQ_MSI,
        /// Messages by a table.
        Msix = sys::MMIOD_IRQ_MSIX,
    }
}
