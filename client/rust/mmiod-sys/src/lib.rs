// SPDX-License-Identifier: MIT
//! The functions of libmmiod as `<mmiod/mmiod.h>` has them, which describes each with its units,
//! ranges, errors and rules for threads; the crate `mmiod` is what programs use.
//!
//! Where C hands on the size of a struct by an inline function, the function with the size is
//! here: give it `size_of::<T>()`. Enums are integers, because values come that are not known yet.
//! `tests/header.rs` holds all of it against the header.

#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_int, c_uint, c_void};

macro_rules! opaque {
    ($($name:ident),* $(,)?) => {
        $(
            /// Made by the library, and reached by its functions only.
            #[repr(C)]
            pub struct $name {
                _nothing: [u8; 0],
                _neither_sent_nor_shared: core::marker::PhantomData<*mut u8>,
            }
        )*
    };
}

pub type mmiod_right = c_uint;
pub const MMIOD_RIGHT_READ: mmiod_right = 1 << 0;
pub const MMIOD_RIGHT_WRITE: mmiod_right = 1 << 1;

pub type mmiod_device_right = c_uint;
pub const MMIOD_MAY_INTERRUPT: mmiod_device_right = 1 << 0;
pub const MMIOD_MAY_READ_CONFIG: mmiod_device_right = 1 << 1;
pub const MMIOD_MAY_WRITE_CONFIG: mmiod_device_right = 1 << 2;
pub const MMIOD_MAY_VENDOR_CONFIG: mmiod_device_right = 1 << 3;
pub const MMIOD_MAY_MASTER: mmiod_device_right = 1 << 4;
pub const MMIOD_MAY_RESET: mmiod_device_right = 1 << 5;
pub const MMIOD_MAY_RESET_OTHERS: mmiod_device_right = 1 << 6;
pub const MMIOD_MAY_POWER: mmiod_device_right = 1 << 7;
pub const MMIOD_MAY_DMA: mmiod_device_right = 1 << 8;
pub const MMIOD_MAY_DMA_TRUSTED: mmiod_device_right = 1 << 9;

pub type mmiod_dma = c_uint;
pub const MMIOD_DMA_NONE: mmiod_dma = 0;
pub const MMIOD_DMA_IOMMU: mmiod_dma = 1;
pub const MMIOD_DMA_TRUSTED: mmiod_dma = 2;

pub type mmiod_irq_kind = c_uint;
pub const MMIOD_IRQ_DEFAULT: mmiod_irq_kind = 0;
pub const MMIOD_IRQ_INTX: mmiod_irq_kind = 1;
pub const MMIOD_IRQ_MSI: mmiod_irq_kind = 2;
pub const MMIOD_IRQ_MSIX: mmiod_irq_kind = 3;

pub type mmiod_lease_kind = c_uint;
pub const MMIOD_KIND_WINDOW: mmiod_lease_kind = 0;
pub const MMIOD_KIND_BUFFER: mmiod_lease_kind = 1;
pub const MMIOD_KIND_DEVICE: mmiod_lease_kind = 2;
pub const MMIOD_KIND_INTERRUPT: mmiod_lease_kind = 3;

pub type mmiod_memtype = c_uint;
pub const MMIOD_MEMTYPE_DEFAULT: mmiod_memtype = 0;
pub const MMIOD_MEMTYPE_UC: mmiod_memtype = 1;
pub const MMIOD_MEMTYPE_WC: mmiod_memtype = 2;
pub const MMIOD_MEMTYPE_WB: mmiod_memtype = 3;
pub const MMIOD_MEMTYPE_WT: mmiod_memtype = 4;
pub const MMIOD_MEMTYPE_WP: mmiod_memtype = 5;
pub const MMIOD_MEMTYPE_UC_MINUS: mmiod_memtype = 6;

pub type mmiod_share = c_uint;
pub const MMIOD_SHARE_DEFAULT: mmiod_share = 0;
pub const MMIOD_SHARE_EXCLUSIVE: mmiod_share = 1;
pub const MMIOD_SHARE_READ: mmiod_share = 2;
pub const MMIOD_SHARE_WRITE: mmiod_share = 3;
pub const MMIOD_SHARE_GUEST: mmiod_share = 4;

pub type mmiod_state = c_uint;
pub const MMIOD_STATE_OK: mmiod_state = 0;
pub const MMIOD_STATE_SUSPENDED: mmiod_state = 1;
pub const MMIOD_STATE_REVOKED: mmiod_state = 2;
pub const MMIOD_STATE_ENDING: mmiod_state = 3;
pub const MMIOD_STATE_STALE: mmiod_state = 4;

pub type mmiod_backend = c_uint;
pub const MMIOD_BACKEND_MODULE: mmiod_backend = 1;
pub const MMIOD_BACKEND_SIMULATION: mmiod_backend = 2;

pub type mmiod_memory = c_uint;
pub const MMIOD_MEMORY_REGION: mmiod_memory = 0;
pub const MMIOD_MEMORY_PAGES: mmiod_memory = 1;
pub const MMIOD_MEMORY_KMALLOC: mmiod_memory = 2;
pub const MMIOD_MEMORY_VMALLOC: mmiod_memory = 3;
pub const MMIOD_MEMORY_DMA: mmiod_memory = 4;

pub type mmiod_memory_zone = c_uint;
pub const MMIOD_MEMORY_ANY: mmiod_memory_zone = 0;
pub const MMIOD_MEMORY_BELOW_4G: mmiod_memory_zone = 1;
pub const MMIOD_MEMORY_BELOW_16M: mmiod_memory_zone = 2;
pub const MMIOD_MEMORY_MOVABLE: mmiod_memory_zone = 3;
pub const MMIOD_MEMORY_HIGHMEM: mmiod_memory_zone = 4;
pub const MMIOD_MEMORY_DEVICE: mmiod_memory_zone = 5;

pub type mmiod_leaf_size = c_uint;
pub const MMIOD_LEAF_4K: mmiod_leaf_size = 0;
pub const MMIOD_LEAF_2M: mmiod_leaf_size = 1;
pub const MMIOD_LEAF_1G: mmiod_leaf_size = 2;
pub const MMIOD_LEAF_SIZES: mmiod_leaf_size = 3;

pub type mmiod_view_kind = c_uint;
pub const MMIOD_VIEW_FILE: mmiod_view_kind = 1;
pub const MMIOD_VIEW_PHYS: mmiod_view_kind = 2;
pub const MMIOD_VIEW_UIO: mmiod_view_kind = 3;

pub type mmiod_limit = c_uint;
pub const MMIOD_LIMIT_CONNECTIONS: mmiod_limit = 1;
pub const MMIOD_LIMIT_CONNECTION_RATE: mmiod_limit = 2;
pub const MMIOD_LIMIT_LEASES: mmiod_limit = 3;
pub const MMIOD_LIMIT_BYTES: mmiod_limit = 4;
pub const MMIOD_LIMIT_UNREAD_REPLIES: mmiod_limit = 5;
pub const MMIOD_LIMIT_UNREAD_DESCRIPTORS: mmiod_limit = 6;
pub const MMIOD_LIMIT_CACHES: mmiod_limit = 7;
pub const MMIOD_LIMIT_GRANT: mmiod_limit = 8;
pub const MMIOD_LIMIT_WAITING: mmiod_limit = 9;
pub const MMIOD_LIMIT_INTERRUPTS: mmiod_limit = 10;
pub const MMIOD_LIMIT_DEVICES: mmiod_limit = 11;
pub const MMIOD_LIMIT_EXTENTS: mmiod_limit = 12;

pub type mmiod_revoke_cause = c_uint;
pub const MMIOD_CAUSE_ADMIN: mmiod_revoke_cause = 1;
pub const MMIOD_CAUSE_OBEYED: mmiod_revoke_cause = 2;
pub const MMIOD_CAUSE_GONE: mmiod_revoke_cause = 3;
pub const MMIOD_CAUSE_CONNECTION: mmiod_revoke_cause = 4;
pub const MMIOD_CAUSE_EXPIRED: mmiod_revoke_cause = 5;
pub const MMIOD_CAUSE_OTHER: mmiod_revoke_cause = 6;
pub const MMIOD_CAUSE_RESET: mmiod_revoke_cause = 7;
pub const MMIOD_CAUSE_POLICY: mmiod_revoke_cause = 8;
pub const MMIOD_CAUSE_GUEST: mmiod_revoke_cause = 9;

pub type mmiod_counter_kind = c_uint;
pub const MMIOD_COUNTER_ACCEPTED: mmiod_counter_kind = 1;
pub const MMIOD_COUNTER_UNKNOWN_PEERS: mmiod_counter_kind = 2;
pub const MMIOD_COUNTER_SHORTAGES: mmiod_counter_kind = 3;
pub const MMIOD_COUNTER_QUOTA_REFUSALS: mmiod_counter_kind = 4;
pub const MMIOD_COUNTER_REQUESTS: mmiod_counter_kind = 5;
pub const MMIOD_COUNTER_PROTOCOL_ERRORS: mmiod_counter_kind = 6;
pub const MMIOD_COUNTER_HELLO_TIMEOUTS: mmiod_counter_kind = 7;
pub const MMIOD_COUNTER_SLOW_READERS: mmiod_counter_kind = 8;
pub const MMIOD_COUNTER_REVOCATIONS: mmiod_counter_kind = 9;
pub const MMIOD_COUNTER_EVENTS_LOST: mmiod_counter_kind = 10;
pub const MMIOD_COUNTER_LINES_HELD_BACK: mmiod_counter_kind = 11;
pub const MMIOD_COUNTER_RELOADS: mmiod_counter_kind = 12;
pub const MMIOD_COUNTER_GRANTS: mmiod_counter_kind = 13;
pub const MMIOD_COUNTER_DENIALS: mmiod_counter_kind = 14;
pub const MMIOD_COUNTER_CONFLICTS: mmiod_counter_kind = 15;
pub const MMIOD_COUNTER_UNSAFE_ENDS: mmiod_counter_kind = 16;
pub const MMIOD_COUNTER_INTERRUPTS: mmiod_counter_kind = 17;
pub const MMIOD_COUNTER_STORMS: mmiod_counter_kind = 18;
pub const MMIOD_COUNTER_RESETS: mmiod_counter_kind = 19;
pub const MMIOD_COUNTER_RESET_US: mmiod_counter_kind = 20;
pub const MMIOD_COUNTER_STARTED: mmiod_counter_kind = 32;
pub const MMIOD_COUNTER_CLIENTS: mmiod_counter_kind = 33;
pub const MMIOD_COUNTER_REGIONS: mmiod_counter_kind = 34;
pub const MMIOD_COUNTER_LEASES: mmiod_counter_kind = 35;
pub const MMIOD_COUNTER_BYTES: mmiod_counter_kind = 36;
pub const MMIOD_COUNTER_POOL_FREE: mmiod_counter_kind = 37;
pub const MMIOD_COUNTER_POOL_WIPING: mmiod_counter_kind = 38;
pub const MMIOD_COUNTER_ENDING: mmiod_counter_kind = 39;
pub const MMIOD_COUNTER_NOTES: mmiod_counter_kind = 40;
pub const MMIOD_COUNTER_MASTERS: mmiod_counter_kind = 41;
pub const MMIOD_COUNTER_QUIET: mmiod_counter_kind = 42;
pub const MMIOD_COUNTER_DMA_MAPPED: mmiod_counter_kind = 43;
pub const MMIOD_COUNTER_DMA_GRAVES: mmiod_counter_kind = 44;
pub const MMIOD_COUNTER_LIMIT: mmiod_counter_kind = 48;
pub const MMIOD_COUNTER_USER: mmiod_counter_kind = 64;

pub type mmiod_operation_power = c_uint;
pub const MMIOD_OPERATION_D0: mmiod_operation_power = 0;
pub const MMIOD_OPERATION_D3HOT: mmiod_operation_power = 3;

pub type mmiod_event_type = c_uint;
pub const MMIOD_EVENT_REVOKE_ASKED: mmiod_event_type = 1;
pub const MMIOD_EVENT_REVOKED: mmiod_event_type = 2;
pub const MMIOD_EVENT_SUSPENDED: mmiod_event_type = 3;
pub const MMIOD_EVENT_RESUMED: mmiod_event_type = 4;
pub const MMIOD_EVENT_GONE: mmiod_event_type = 5;
pub const MMIOD_EVENT_EXPIRING: mmiod_event_type = 6;
pub const MMIOD_EVENT_STORM: mmiod_event_type = 7;

pub type mmiod_notice_type = c_uint;
pub const MMIOD_NOTICE_GRANTED: mmiod_notice_type = 16;
pub const MMIOD_NOTICE_DENIED: mmiod_notice_type = 17;
pub const MMIOD_NOTICE_REVOKED: mmiod_notice_type = 18;
pub const MMIOD_NOTICE_SUSPENDED: mmiod_notice_type = 19;
pub const MMIOD_NOTICE_RESUMED: mmiod_notice_type = 20;
pub const MMIOD_NOTICE_RELEASED: mmiod_notice_type = 21;
pub const MMIOD_NOTICE_GONE: mmiod_notice_type = 22;
pub const MMIOD_NOTICE_BACK: mmiod_notice_type = 23;
pub const MMIOD_NOTICE_STORM: mmiod_notice_type = 24;
pub const MMIOD_NOTICE_RESET: mmiod_notice_type = 25;
pub const MMIOD_NOTICE_MASTER: mmiod_notice_type = 26;
pub const MMIOD_NOTICE_LOST: mmiod_notice_type = 31;

pub type mmiod_object_cache_problem = c_uint;
pub const MMIOD_PROBLEM_TRACE: mmiod_object_cache_problem = 0;
pub const MMIOD_PROBLEM_RED_ZONE: mmiod_object_cache_problem = 1;
pub const MMIOD_PROBLEM_POISON: mmiod_object_cache_problem = 2;
pub const MMIOD_PROBLEM_PADDING: mmiod_object_cache_problem = 3;
pub const MMIOD_PROBLEM_DOUBLE_FREE: mmiod_object_cache_problem = 4;
pub const MMIOD_PROBLEM_FOREIGN: mmiod_object_cache_problem = 5;
pub const MMIOD_PROBLEM_INSIDE: mmiod_object_cache_problem = 6;
pub const MMIOD_PROBLEM_REMAINING: mmiod_object_cache_problem = 7;

pub const MMIOD_STATES: c_uint = 5;
pub const MMIOD_LIMITS: c_uint = 13;
pub const MMIOD_CAUSES: c_uint = 10;
pub const MMIOD_WANT_DUMMY: c_uint = 1 << 0;
pub const MMIOD_WANT_CONNECTION: c_uint = 1 << 1;
pub const MMIOD_WANT_FOR: c_uint = 1 << 2;
pub const MMIOD_LEASE_ALL: c_uint = 1 << 0;
pub const MMIOD_IRQ_ONESHOT: c_uint = 1 << 0;
pub const MMIOD_IRQ_MASKED: c_uint = 1 << 1;
pub const MMIOD_IRQ_CONNECTION: c_uint = 1 << 2;
pub const MMIOD_OPERATION_CONNECTION: c_uint = 1 << 0;
pub const MMIOD_OPERATION_DEVICE_READS: c_uint = 1 << 1;
pub const MMIOD_NO_IOVA: u64 = 0xffffffffffffffff;
pub const MMIOD_IRQ_STORM: c_uint = 1 << 8;
pub const MMIOD_IRQ_EVENTFD: c_uint = 1 << 9;
pub const MMIOD_IRQ_SILENT: c_uint = 1 << 10;
pub const MMIOD_ALLOCATE_POWER_OF_TWO: c_uint = 1 << 0;
pub const MMIOD_ALLOCATE_CONTIGUOUS: c_uint = 1 << 1;
pub const MMIOD_ALLOCATE_NO_WAIT: c_uint = 1 << 2;
pub const MMIOD_ALLOCATE_ZERO: c_uint = 1 << 3;
pub const MMIOD_ALLOCATE_DUMMY: c_uint = 1 << 4;
pub const MMIOD_ALLOCATE_CONNECTION: c_uint = 1 << 5;
pub const MMIOD_MAP_POPULATE: c_uint = 1 << 0;
pub const MMIOD_MAP_EXACT: c_uint = 1 << 1;
pub const MMIOD_VIEW_PARTS_MAX: usize = 64;
pub const MMIOD_VIEW_DOWNGRADE: c_uint = 1 << 0;
pub const MMIOD_VIEW_LONGER: c_uint = 1 << 1;
pub const MMIOD_VIEW_INTERRUPT: c_uint = 1 << 2;
pub const MMIOD_OBJECT_CACHE_NAME_MAX: usize = 32;
pub const MMIOD_OBJECT_CACHE_HWALIGN: c_uint = 1 << 0;
pub const MMIOD_OBJECT_CACHE_NO_MAGAZINES: c_uint = 1 << 1;
pub const MMIOD_OBJECT_CACHE_SANITY: c_uint = 1 << 8;
pub const MMIOD_OBJECT_CACHE_RED_ZONE: c_uint = 1 << 9;
pub const MMIOD_OBJECT_CACHE_POISON: c_uint = 1 << 10;
pub const MMIOD_OBJECT_CACHE_USER: c_uint = 1 << 11;
pub const MMIOD_OBJECT_CACHE_TRACE: c_uint = 1 << 12;
pub const MMIOD_OBJECT_CACHE_FAILSLAB: c_uint = 1 << 13;
pub const MMIOD_OBJECT_CACHE_ABORT: c_uint = 1 << 14;

opaque! {
    mmiod_cache_info,
    mmiod_cache_list,
    mmiod_client,
    mmiod_counter,
    mmiod_counter_list,
    mmiod_device,
    mmiod_device_list,
    mmiod_extent,
    mmiod_frame,
    mmiod_grant_info,
    mmiod_grant_list,
    mmiod_interrupt,
    mmiod_operation,
    mmiod_lease,
    mmiod_lease_info,
    mmiod_lease_list,
    mmiod_log_entry,
    mmiod_log_list,
    mmiod_mapping,
    mmiod_notice,
    mmiod_object_cache,
    mmiod_object_cache_report,
    mmiod_peer,
    mmiod_peer_list,
    mmiod_pool,
    mmiod_pool_list,
    mmiod_pool_map,
    mmiod_region,
    mmiod_region_list,
    mmiod_slab_provider,
    mmiod_translation,
    mmiod_vector,
    mmiod_vector_list,
    mmiod_wait,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_event {
    pub type_: mmiod_event_type,
    pub lease: u64,
    pub deadline_ms: u32,
    pub text: [c_char; 256],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_status {
    pub backend: mmiod_backend,
    pub daemon_pid: u32,
    pub started: u64,
    pub regions: u32,
    pub regions_missing: u32,
    pub clients: u32,
    pub leases: u32,
    pub module_abi: u32,
    pub protocol: u32,
    pub uid: u32,
    pub admin: c_int,
    pub page_size: u64,
    pub version: [c_char; 32],
    pub warning: [c_char; 512],
    pub inspect: c_int,
    pub regions_stale: u32,
    pub leases_ending: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_register_write {
    pub offset: u64,
    pub value: u64,
    pub width: c_uint,
    pub flags: c_uint,
    pub reserved: [u64; 2],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_want {
    pub region: *const c_char,
    pub offset: u64,
    pub length: u64,
    pub rights: c_uint,
    pub cache: mmiod_memtype,
    pub width: c_uint,
    pub share: mmiod_share,
    pub flags: c_uint,
    pub lease_ms: u32,
    pub on_end: *const mmiod_register_write,
    pub on_end_count: usize,
    pub for_uid: u32,
    pub reserved: u32,
    pub grant: *const c_char,
    pub reserved2: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_allocation {
    pub memory: mmiod_memory,
    pub region: *const c_char,
    pub length: u64,
    pub align: u64,
    pub low: u64,
    pub high: u64,
    pub node: c_uint,
    pub zone: mmiod_memory_zone,
    pub rights: c_uint,
    pub cache: mmiod_memtype,
    pub width: c_uint,
    pub flags: c_uint,
    pub lease_ms: u32,
    pub reserved: u32,
    pub max_extents: u32,
    pub reserved2: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_lease_extent {
    pub offset: u64,
    pub length: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_buffer {
    pub memory: mmiod_memory,
    pub zone: mmiod_memory_zone,
    pub node: c_int,
    pub flags: c_uint,
    pub present: c_int,
    pub length: u64,
    pub capacity: u64,
    pub runs: u64,
    pub phys: u64,
    pub kernel: u64,
    pub bus: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_policy_question {
    pub region: *const c_char,
    pub offset: u64,
    pub length: u64,
    pub rights: c_uint,
    pub cache: mmiod_memtype,
    pub share: mmiod_share,
    pub other: c_int,
    pub uid: u32,
    pub groups: *const u32,
    pub group_count: usize,
    pub memory: mmiod_memory,
    pub reserved: u32,
    pub kind: mmiod_lease_kind,
    pub operate: u32,
    pub grant: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_policy_answer {
    pub allowed: c_int,
    pub grant: [c_char; 32],
    pub file: [c_char; 256],
    pub line: c_uint,
    pub text: [c_char; 512],
    pub instead: [c_char; 512],
    pub error: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_grant {
    pub name: *const c_char,
    pub regions: *const *const c_char,
    pub region_count: usize,
    pub tenant: *const c_char,
    pub uid: u32,
    pub rights: c_uint,
    pub share: mmiod_share,
    pub reserved: u32,
    pub last_ms: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_view_part {
    pub offset: u64,
    pub start: u64,
    pub length: u64,
    pub fd: c_int,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_view_options {
    pub length: u64,
    pub device: u64,
    pub irq: c_int,
    pub flags: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_target {
    pub region: [c_char; 32],
    pub offset: u64,
    pub length: u64,
    pub width: c_uint,
    pub reserved: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_object_cache_options {
    pub name: *const c_char,
    pub object_size: usize,
    pub alignment: usize,
    pub flags: c_uint,
    pub slab_size: usize,
    pub constructor: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    pub provider: *mut mmiod_slab_provider,
    pub report: Option<unsafe extern "C" fn(*const mmiod_object_cache_report, *mut c_void)>,
    pub context: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct mmiod_object_cache_stats {
    pub name: [c_char; 32],
    pub object_size: usize,
    pub alignment: usize,
    pub slot_size: usize,
    pub slab_size: usize,
    pub objects_per_slab: c_uint,
    pub flags: c_uint,
    pub active_objects: u64,
    pub cached_objects: u64,
    pub damaged_objects: u64,
    pub total_objects: u64,
    pub slabs: u64,
    pub empty_slabs: u64,
    pub waste_bytes: u64,
    pub host_bytes: u64,
}

extern "C" {
    pub fn mmiod_client_connect(path: *const c_char, client: *mut *mut mmiod_client) -> c_int;
    pub fn mmiod_client_free(client: *mut mmiod_client);
    pub fn mmiod_client_error(client: *const mmiod_client) -> *const c_char;
    pub fn mmiod_client_event_fd(client: *const mmiod_client) -> c_int;
    pub fn mmiod_client_set_wait(client: *mut mmiod_client, wait_ms: u32);
    pub fn mmiod_client_cancel(client: *mut mmiod_client);
    pub fn mmiod_client_set_interruptible(client: *mut mmiod_client, interruptible: c_int);
    pub fn mmiod_client_set_parking(client: *mut mmiod_client, park_ms: u32) -> c_int;
    pub fn mmiod_client_list_regions(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_region_list,
    ) -> c_int;
    pub fn mmiod_region_list_free(list: *mut mmiod_region_list);
    pub fn mmiod_region_list_count(list: *const mmiod_region_list) -> usize;
    pub fn mmiod_region_list_get(
        list: *const mmiod_region_list,
        index: usize,
    ) -> *const mmiod_region;
    pub fn mmiod_region_name(region: *const mmiod_region) -> *const c_char;
    pub fn mmiod_region_device(region: *const mmiod_region) -> *const c_char;
    pub fn mmiod_region_model(region: *const mmiod_region) -> *const c_char;
    pub fn mmiod_region_vendor(region: *const mmiod_region) -> u16;
    pub fn mmiod_region_product(region: *const mmiod_region) -> u16;
    pub fn mmiod_region_bar(region: *const mmiod_region) -> c_int;
    pub fn mmiod_region_offset(region: *const mmiod_region) -> u64;
    pub fn mmiod_region_length(region: *const mmiod_region) -> u64;
    pub fn mmiod_region_phys(region: *const mmiod_region) -> u64;
    pub fn mmiod_region_width(region: *const mmiod_region) -> c_uint;
    pub fn mmiod_region_memtypes(region: *const mmiod_region) -> c_uint;
    pub fn mmiod_region_memtype(region: *const mmiod_region) -> mmiod_memtype;
    pub fn mmiod_region_rights(region: *const mmiod_region) -> c_uint;
    pub fn mmiod_region_state(region: *const mmiod_region) -> mmiod_state;
    pub fn mmiod_region_generation(region: *const mmiod_region) -> c_uint;
    pub fn mmiod_region_is_ports(region: *const mmiod_region) -> c_int;
    pub fn mmiod_region_leases(region: *const mmiod_region) -> c_uint;
    pub fn mmiod_client_list_leases(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_lease_list,
    ) -> c_int;
    pub fn mmiod_client_list_leases_after(
        client: *mut mmiod_client,
        lease: u64,
        list: *mut *mut mmiod_lease_list,
    ) -> c_int;
    pub fn mmiod_lease_list_free(list: *mut mmiod_lease_list);
    pub fn mmiod_lease_list_count(list: *const mmiod_lease_list) -> usize;
    pub fn mmiod_lease_list_get(
        list: *const mmiod_lease_list,
        index: usize,
    ) -> *const mmiod_lease_info;
    pub fn mmiod_lease_info_id(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_region(info: *const mmiod_lease_info) -> *const c_char;
    pub fn mmiod_lease_info_offset(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_extents(info: *const mmiod_lease_info) -> u32;
    pub fn mmiod_lease_info_length(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_started(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_rights(info: *const mmiod_lease_info) -> c_uint;
    pub fn mmiod_lease_info_memtype(info: *const mmiod_lease_info) -> mmiod_memtype;
    pub fn mmiod_lease_info_width(info: *const mmiod_lease_info) -> c_uint;
    pub fn mmiod_lease_info_share(info: *const mmiod_lease_info) -> mmiod_share;
    pub fn mmiod_lease_info_state(info: *const mmiod_lease_info) -> mmiod_state;
    pub fn mmiod_lease_info_parked(info: *const mmiod_lease_info) -> c_int;
    pub fn mmiod_lease_info_uid(info: *const mmiod_lease_info) -> u32;
    pub fn mmiod_lease_info_pid(info: *const mmiod_lease_info) -> u32;
    pub fn mmiod_lease_info_comm(info: *const mmiod_lease_info) -> *const c_char;
    pub fn mmiod_lease_info_unit(info: *const mmiod_lease_info) -> *const c_char;
    pub fn mmiod_lease_info_tenant(info: *const mmiod_lease_info) -> *const c_char;
    pub fn mmiod_lease_info_left_ms(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_time_ms(info: *const mmiod_lease_info) -> u32;
    pub fn mmiod_lease_info_renews(info: *const mmiod_lease_info) -> c_int;
    pub fn mmiod_lease_info_mappings(info: *const mmiod_lease_info) -> u32;
    pub fn mmiod_lease_info_faults(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_populated(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_fault_leaves(
        info: *const mmiod_lease_info,
        size: mmiod_leaf_size,
    ) -> u64;
    pub fn mmiod_lease_info_populated_leaves(
        info: *const mmiod_lease_info,
        size: mmiod_leaf_size,
    ) -> u64;
    pub fn mmiod_lease_info_reads(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_writes(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_memory(info: *const mmiod_lease_info) -> mmiod_memory;
    pub fn mmiod_lease_info_allocated(info: *const mmiod_lease_info) -> c_int;
    pub fn mmiod_lease_info_operation(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_iova(info: *const mmiod_lease_info) -> u64;
    pub fn mmiod_lease_info_kind(info: *const mmiod_lease_info) -> mmiod_lease_kind;
    pub fn mmiod_wait_fd(wait: *const mmiod_wait) -> c_int;
    pub fn mmiod_wait_finish(
        wait: *mut mmiod_wait,
        leases: *mut *mut mmiod_lease,
        errors: *mut c_int,
    ) -> c_int;
    pub fn mmiod_wait_cancel(wait: *mut mmiod_wait);
    pub fn mmiod_client_lease(
        client: *mut mmiod_client,
        region: *const c_char,
        offset: u64,
        length: u64,
        rights: c_uint,
        lease: *mut *mut mmiod_lease,
    ) -> c_int;
    pub fn mmiod_lease_free(lease: *mut mmiod_lease);
    pub fn mmiod_lease_release(lease: *mut mmiod_lease) -> c_int;
    pub fn mmiod_client_release_many(
        client: *mut mmiod_client,
        leases: *mut *mut mmiod_lease,
        count: usize,
    ) -> c_int;
    pub fn mmiod_client_release(client: *mut mmiod_client, lease: u64) -> c_int;
    pub fn mmiod_client_revoke(client: *mut mmiod_client, lease: u64, deadline_ms: u32) -> c_int;
    pub fn mmiod_lease_id(lease: *const mmiod_lease) -> u64;
    pub fn mmiod_lease_time_ms(lease: *const mmiod_lease) -> u32;
    pub fn mmiod_lease_renews(lease: *const mmiod_lease) -> c_int;
    pub fn mmiod_lease_fd(lease: *const mmiod_lease) -> c_int;
    pub fn mmiod_lease_offset(lease: *const mmiod_lease) -> u64;
    pub fn mmiod_lease_extents(
        lease: *const mmiod_lease,
        extents: *mut mmiod_lease_extent,
        count: usize,
    ) -> c_int;
    pub fn mmiod_client_lease_extents(
        client: *mut mmiod_client,
        lease: u64,
        extents: *mut mmiod_lease_extent,
        count: usize,
    ) -> c_int;
    pub fn mmiod_lease_length(lease: *const mmiod_lease) -> u64;
    pub fn mmiod_lease_rights(lease: *const mmiod_lease) -> c_uint;
    pub fn mmiod_lease_memtype(lease: *const mmiod_lease) -> mmiod_memtype;
    pub fn mmiod_lease_share(lease: *const mmiod_lease) -> mmiod_share;
    pub fn mmiod_lease_width(lease: *const mmiod_lease) -> c_uint;
    pub fn mmiod_lease_map_offset(lease: *const mmiod_lease) -> u64;
    pub fn mmiod_lease_mappable(lease: *const mmiod_lease) -> c_int;
    pub fn mmiod_lease_state(lease: *const mmiod_lease, state: *mut mmiod_state) -> c_int;
    pub fn mmiod_lease_users(lease: *const mmiod_lease) -> c_int;
    pub fn mmiod_client_operate(
        client: *mut mmiod_client,
        device: *const c_char,
        rights: c_uint,
        flags: c_uint,
        operation: *mut *mut mmiod_operation,
    ) -> c_int;
    pub fn mmiod_operation_free(operation: *mut mmiod_operation);
    pub fn mmiod_operation_release(operation: *mut mmiod_operation) -> c_int;
    pub fn mmiod_operation_fd(operation: *const mmiod_operation) -> c_int;
    pub fn mmiod_operation_lease(operation: *const mmiod_operation) -> u64;
    pub fn mmiod_operation_rights(operation: *const mmiod_operation) -> c_uint;
    pub fn mmiod_operation_config_read8(
        operation: *const mmiod_operation,
        offset: c_uint,
        value: *mut u8,
    ) -> c_int;
    pub fn mmiod_operation_config_read16(
        operation: *const mmiod_operation,
        offset: c_uint,
        value: *mut u16,
    ) -> c_int;
    pub fn mmiod_operation_config_read32(
        operation: *const mmiod_operation,
        offset: c_uint,
        value: *mut u32,
    ) -> c_int;
    pub fn mmiod_operation_config_write8(
        operation: *mut mmiod_operation,
        offset: c_uint,
        value: u8,
    ) -> c_int;
    pub fn mmiod_operation_config_write16(
        operation: *mut mmiod_operation,
        offset: c_uint,
        value: u16,
    ) -> c_int;
    pub fn mmiod_operation_config_write32(
        operation: *mut mmiod_operation,
        offset: c_uint,
        value: u32,
    ) -> c_int;
    pub fn mmiod_operation_find_capability(
        operation: *const mmiod_operation,
        id: c_uint,
        after: c_uint,
        offset: *mut c_uint,
    ) -> c_int;
    pub fn mmiod_operation_set_master(
        operation: *mut mmiod_operation,
        on: c_int,
        timeout_ms: c_int,
    ) -> c_int;
    pub fn mmiod_operation_masters(operation: *const mmiod_operation, on: *mut c_int) -> c_int;
    pub fn mmiod_operation_reset(
        operation: *mut mmiod_operation,
        timeout_ms: c_int,
        duration_us: *mut u64,
    ) -> c_int;
    pub fn mmiod_operation_set_power(
        operation: *mut mmiod_operation,
        power: mmiod_operation_power,
        timeout_ms: c_int,
    ) -> c_int;
    pub fn mmiod_operation_power(
        operation: *const mmiod_operation,
        power: *mut mmiod_operation_power,
    ) -> c_int;
    pub fn mmiod_operation_state(
        operation: *const mmiod_operation,
        state: *mut mmiod_state,
    ) -> c_int;
    pub fn mmiod_operation_allocate(
        operation: *mut mmiod_operation,
        length: u64,
        iova: u64,
        flags: c_uint,
        memory: *mut *mut mmiod_lease,
    ) -> c_int;
    pub fn mmiod_operation_allocate_by(
        operation: *mut mmiod_operation,
        client: *mut mmiod_client,
        length: u64,
        iova: u64,
        flags: c_uint,
        memory: *mut *mut mmiod_lease,
    ) -> c_int;
    pub fn mmiod_lease_iova(lease: *const mmiod_lease) -> u64;
    pub fn mmiod_operation_inherited(
        device: *const c_char,
        index: usize,
        operation: *mut *mut mmiod_operation,
    ) -> c_int;
    pub fn mmiod_operation_identity(
        operation: *const mmiod_operation,
        text: *mut c_char,
        size: usize,
    ) -> c_int;
    pub fn mmiod_device_operator(device: *const mmiod_device) -> u64;
    pub fn mmiod_device_operator_uid(device: *const mmiod_device) -> u32;
    pub fn mmiod_device_operator_pid(device: *const mmiod_device) -> u32;
    pub fn mmiod_device_operator_comm(device: *const mmiod_device) -> *const c_char;
    pub fn mmiod_device_resets(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_resets_failed(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_reset_us(device: *const mmiod_device) -> u64;
    pub fn mmiod_device_quiet(device: *const mmiod_device) -> c_int;
    pub fn mmiod_device_sleeps(device: *const mmiod_device) -> c_int;
    pub fn mmiod_client_interrupt(
        client: *mut mmiod_client,
        device: *const c_char,
        kind: mmiod_irq_kind,
        vector: c_uint,
        flags: c_uint,
        interrupt: *mut *mut mmiod_interrupt,
    ) -> c_int;
    pub fn mmiod_interrupt_free(interrupt: *mut mmiod_interrupt);
    pub fn mmiod_interrupt_release(interrupt: *mut mmiod_interrupt) -> c_int;
    pub fn mmiod_interrupt_fd(interrupt: *const mmiod_interrupt) -> c_int;
    pub fn mmiod_interrupt_wait(
        interrupt: *mut mmiod_interrupt,
        timeout_ms: c_int,
        count: *mut u64,
    ) -> c_int;
    pub fn mmiod_interrupt_mask(interrupt: *mut mmiod_interrupt) -> c_int;
    pub fn mmiod_interrupt_unmask(interrupt: *mut mmiod_interrupt) -> c_int;
    pub fn mmiod_interrupt_set_eventfd(interrupt: *mut mmiod_interrupt, fd: c_int) -> c_int;
    pub fn mmiod_interrupt_trigger(interrupt: *mut mmiod_interrupt) -> c_int;
    pub fn mmiod_interrupt_count(interrupt: *const mmiod_interrupt, count: *mut u64) -> c_int;
    pub fn mmiod_interrupt_flags(interrupt: *const mmiod_interrupt, flags: *mut c_uint) -> c_int;
    pub fn mmiod_interrupt_state(
        interrupt: *const mmiod_interrupt,
        state: *mut mmiod_state,
    ) -> c_int;
    pub fn mmiod_interrupt_lease(interrupt: *const mmiod_interrupt) -> u64;
    pub fn mmiod_interrupt_kind(interrupt: *const mmiod_interrupt) -> mmiod_irq_kind;
    pub fn mmiod_interrupt_vector(interrupt: *const mmiod_interrupt) -> c_uint;
    pub fn mmiod_interrupt_vectors(interrupt: *const mmiod_interrupt) -> c_uint;
    pub fn mmiod_client_list_devices(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_device_list,
    ) -> c_int;
    pub fn mmiod_device_list_free(list: *mut mmiod_device_list);
    pub fn mmiod_device_list_count(list: *const mmiod_device_list) -> usize;
    pub fn mmiod_device_list_get(
        list: *const mmiod_device_list,
        index: usize,
    ) -> *const mmiod_device;
    pub fn mmiod_device_name(device: *const mmiod_device) -> *const c_char;
    pub fn mmiod_device_address(device: *const mmiod_device) -> *const c_char;
    pub fn mmiod_device_model(device: *const mmiod_device) -> *const c_char;
    pub fn mmiod_device_vendor(device: *const mmiod_device) -> u16;
    pub fn mmiod_device_product(device: *const mmiod_device) -> u16;
    pub fn mmiod_device_state(device: *const mmiod_device) -> mmiod_state;
    pub fn mmiod_device_missing(device: *const mmiod_device) -> *const c_char;
    pub fn mmiod_device_rights(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_interrupt(device: *const mmiod_device) -> mmiod_irq_kind;
    pub fn mmiod_device_vectors(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_vectors_set_up(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_leases(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_storms(device: *const mmiod_device) -> u64;
    pub fn mmiod_device_dma(device: *const mmiod_device) -> mmiod_dma;
    pub fn mmiod_device_dma_bits(device: *const mmiod_device) -> c_uint;
    pub fn mmiod_device_isolated(device: *const mmiod_device) -> c_int;
    pub fn mmiod_device_mapped(device: *const mmiod_device) -> u64;
    pub fn mmiod_device_graves(device: *const mmiod_device) -> u64;
    pub fn mmiod_device_trusted(device: *const mmiod_device) -> c_int;
    pub fn mmiod_device_masters(device: *const mmiod_device) -> c_int;
    pub fn mmiod_device_group(device: *const mmiod_device) -> c_int;
    pub fn mmiod_client_list_vectors(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_vector_list,
    ) -> c_int;
    pub fn mmiod_vector_list_free(list: *mut mmiod_vector_list);
    pub fn mmiod_vector_list_count(list: *const mmiod_vector_list) -> usize;
    pub fn mmiod_vector_list_get(
        list: *const mmiod_vector_list,
        index: usize,
    ) -> *const mmiod_vector;
    pub fn mmiod_vector_lease(vector: *const mmiod_vector) -> u64;
    pub fn mmiod_vector_device(vector: *const mmiod_vector) -> *const c_char;
    pub fn mmiod_vector_number(vector: *const mmiod_vector) -> c_uint;
    pub fn mmiod_vector_kind(vector: *const mmiod_vector) -> mmiod_irq_kind;
    pub fn mmiod_vector_state(vector: *const mmiod_vector) -> mmiod_state;
    pub fn mmiod_vector_flags(vector: *const mmiod_vector) -> c_uint;
    pub fn mmiod_vector_count(vector: *const mmiod_vector) -> u64;
    pub fn mmiod_vector_busy_ns(vector: *const mmiod_vector) -> u64;
    pub fn mmiod_vector_storms(vector: *const mmiod_vector) -> c_uint;
    pub fn mmiod_vector_irq(vector: *const mmiod_vector) -> c_uint;
    pub fn mmiod_vector_started(vector: *const mmiod_vector) -> u64;
    pub fn mmiod_vector_uid(vector: *const mmiod_vector) -> u32;
    pub fn mmiod_vector_pid(vector: *const mmiod_vector) -> u32;
    pub fn mmiod_vector_comm(vector: *const mmiod_vector) -> *const c_char;
    pub fn mmiod_window_adopt(
        fd: c_int,
        identity: *const c_char,
        lease: *mut *mut mmiod_lease,
    ) -> c_int;
    pub fn mmiod_lease_identity(lease: *const mmiod_lease, text: *mut c_char, size: usize)
        -> c_int;
    pub fn mmiod_inherited_count() -> usize;
    pub fn mmiod_inherited(
        target: *const c_char,
        index: usize,
        lease: *mut *mut mmiod_lease,
    ) -> c_int;
    pub fn mmiod_lease_memory(lease: *const mmiod_lease) -> mmiod_memory;
    pub fn mmiod_client_list_pools(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_pool_list,
    ) -> c_int;
    pub fn mmiod_pool_list_free(list: *mut mmiod_pool_list);
    pub fn mmiod_pool_list_count(list: *const mmiod_pool_list) -> usize;
    pub fn mmiod_pool_list_get(list: *const mmiod_pool_list, index: usize) -> *const mmiod_pool;
    pub fn mmiod_pool_name(pool: *const mmiod_pool) -> *const c_char;
    pub fn mmiod_pool_length(pool: *const mmiod_pool) -> u64;
    pub fn mmiod_pool_page(pool: *const mmiod_pool) -> u64;
    pub fn mmiod_pool_free(pool: *const mmiod_pool) -> u64;
    pub fn mmiod_pool_largest(pool: *const mmiod_pool) -> u64;
    pub fn mmiod_pool_wiping(pool: *const mmiod_pool) -> u64;
    pub fn mmiod_pool_leases(pool: *const mmiod_pool) -> u32;
    pub fn mmiod_pool_orders(pool: *const mmiod_pool) -> c_uint;
    pub fn mmiod_pool_blocks(pool: *const mmiod_pool, order: c_uint) -> u64;
    pub fn mmiod_client_map_pool(
        client: *mut mmiod_client,
        name: *const c_char,
        map: *mut *mut mmiod_pool_map,
    ) -> c_int;
    pub fn mmiod_pool_map_free(map: *mut mmiod_pool_map);
    pub fn mmiod_pool_map_count(map: *const mmiod_pool_map) -> usize;
    pub fn mmiod_pool_map_get(map: *const mmiod_pool_map, index: usize) -> *const mmiod_extent;
    pub fn mmiod_extent_offset(extent: *const mmiod_extent) -> u64;
    pub fn mmiod_extent_length(extent: *const mmiod_extent) -> u64;
    pub fn mmiod_extent_lease(extent: *const mmiod_extent) -> u64;
    pub fn mmiod_extent_uid(extent: *const mmiod_extent) -> u32;
    pub fn mmiod_extent_pid(extent: *const mmiod_extent) -> u32;
    pub fn mmiod_extent_comm(extent: *const mmiod_extent) -> *const c_char;
    pub fn mmiod_client_list_peers(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_peer_list,
    ) -> c_int;
    pub fn mmiod_peer_list_free(list: *mut mmiod_peer_list);
    pub fn mmiod_peer_list_count(list: *const mmiod_peer_list) -> usize;
    pub fn mmiod_peer_list_get(list: *const mmiod_peer_list, index: usize) -> *const mmiod_peer;
    pub fn mmiod_peer_id(peer: *const mmiod_peer) -> u64;
    pub fn mmiod_peer_started(peer: *const mmiod_peer) -> u64;
    pub fn mmiod_peer_uid(peer: *const mmiod_peer) -> u32;
    pub fn mmiod_peer_pid(peer: *const mmiod_peer) -> u32;
    pub fn mmiod_peer_comm(peer: *const mmiod_peer) -> *const c_char;
    pub fn mmiod_peer_unit(peer: *const mmiod_peer) -> *const c_char;
    pub fn mmiod_peer_leases(peer: *const mmiod_peer) -> u32;
    pub fn mmiod_peer_bytes(peer: *const mmiod_peer) -> u64;
    pub fn mmiod_peer_unread(peer: *const mmiod_peer) -> u32;
    pub fn mmiod_peer_paused(peer: *const mmiod_peer) -> c_int;
    pub fn mmiod_peer_monitors(peer: *const mmiod_peer) -> c_int;
    pub fn mmiod_client_list_log(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_log_list,
    ) -> c_int;
    pub fn mmiod_log_list_free(list: *mut mmiod_log_list);
    pub fn mmiod_log_list_count(list: *const mmiod_log_list) -> usize;
    pub fn mmiod_log_list_get(list: *const mmiod_log_list, index: usize) -> *const mmiod_log_entry;
    pub fn mmiod_log_entry_number(entry: *const mmiod_log_entry) -> u64;
    pub fn mmiod_log_entry_time(entry: *const mmiod_log_entry) -> u64;
    pub fn mmiod_log_entry_lease(entry: *const mmiod_log_entry) -> u64;
    pub fn mmiod_log_entry_memory(entry: *const mmiod_log_entry) -> mmiod_memory;
    pub fn mmiod_log_entry_region(entry: *const mmiod_log_entry) -> *const c_char;
    pub fn mmiod_log_entry_offset(entry: *const mmiod_log_entry) -> u64;
    pub fn mmiod_log_entry_length(entry: *const mmiod_log_entry) -> u64;
    pub fn mmiod_log_entry_rights(entry: *const mmiod_log_entry) -> c_uint;
    pub fn mmiod_log_entry_share(entry: *const mmiod_log_entry) -> mmiod_share;
    pub fn mmiod_log_entry_uid(entry: *const mmiod_log_entry) -> u32;
    pub fn mmiod_log_entry_pid(entry: *const mmiod_log_entry) -> u32;
    pub fn mmiod_log_entry_comm(entry: *const mmiod_log_entry) -> *const c_char;
    pub fn mmiod_log_entry_grant(entry: *const mmiod_log_entry) -> *const c_char;
    pub fn mmiod_log_entry_kind(entry: *const mmiod_log_entry) -> mmiod_lease_kind;
    pub fn mmiod_client_list_counters(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_counter_list,
    ) -> c_int;
    pub fn mmiod_counter_list_free(list: *mut mmiod_counter_list);
    pub fn mmiod_counter_list_count(list: *const mmiod_counter_list) -> usize;
    pub fn mmiod_counter_list_get(
        list: *const mmiod_counter_list,
        index: usize,
    ) -> *const mmiod_counter;
    pub fn mmiod_counter_kind(counter: *const mmiod_counter) -> u32;
    pub fn mmiod_counter_detail(counter: *const mmiod_counter) -> u32;
    pub fn mmiod_counter_region(counter: *const mmiod_counter) -> *const c_char;
    pub fn mmiod_counter_value(counter: *const mmiod_counter) -> u64;
    pub fn mmiod_client_translate(
        client: *mut mmiod_client,
        pid: u32,
        address: u64,
        translation: *mut *mut mmiod_translation,
    ) -> c_int;
    pub fn mmiod_translation_free(translation: *mut mmiod_translation);
    pub fn mmiod_translation_present(translation: *const mmiod_translation) -> c_int;
    pub fn mmiod_translation_hidden(translation: *const mmiod_translation) -> c_int;
    pub fn mmiod_translation_mapped(translation: *const mmiod_translation) -> c_int;
    pub fn mmiod_translation_start(translation: *const mmiod_translation) -> u64;
    pub fn mmiod_translation_end(translation: *const mmiod_translation) -> u64;
    pub fn mmiod_translation_phys(translation: *const mmiod_translation) -> u64;
    pub fn mmiod_translation_leaf(translation: *const mmiod_translation) -> u64;
    pub fn mmiod_translation_memtype(translation: *const mmiod_translation) -> mmiod_memtype;
    pub fn mmiod_translation_window(translation: *const mmiod_translation) -> c_int;
    pub fn mmiod_translation_lease(translation: *const mmiod_translation) -> u64;
    pub fn mmiod_translation_region(translation: *const mmiod_translation) -> *const c_char;
    pub fn mmiod_translation_offset(translation: *const mmiod_translation) -> u64;
    pub fn mmiod_translation_state(translation: *const mmiod_translation) -> mmiod_state;
    pub fn mmiod_translation_asked(translation: *const mmiod_translation) -> mmiod_memtype;
    pub fn mmiod_translation_levels(translation: *const mmiod_translation) -> c_uint;
    pub fn mmiod_translation_entry(translation: *const mmiod_translation, index: c_uint) -> u64;
    pub fn mmiod_translation_level(translation: *const mmiod_translation, index: c_uint) -> c_uint;
    pub fn mmiod_translation_shift(translation: *const mmiod_translation, index: c_uint) -> c_uint;
    pub fn mmiod_client_frame(
        client: *mut mmiod_client,
        pfn: u64,
        frame: *mut *mut mmiod_frame,
    ) -> c_int;
    pub fn mmiod_client_frame_at(
        client: *mut mmiod_client,
        pid: u32,
        address: u64,
        frame: *mut *mut mmiod_frame,
    ) -> c_int;
    pub fn mmiod_frame_free(frame: *mut mmiod_frame);
    pub fn mmiod_frame_pfn(frame: *const mmiod_frame) -> u64;
    pub fn mmiod_frame_phys(frame: *const mmiod_frame) -> u64;
    pub fn mmiod_frame_described(frame: *const mmiod_frame) -> c_int;
    pub fn mmiod_frame_flags(frame: *const mmiod_frame) -> u64;
    pub fn mmiod_frame_head(frame: *const mmiod_frame) -> u64;
    pub fn mmiod_frame_order(frame: *const mmiod_frame) -> c_int;
    pub fn mmiod_frame_references(frame: *const mmiod_frame) -> u32;
    pub fn mmiod_frame_mappings(frame: *const mmiod_frame) -> u32;
    pub fn mmiod_frame_zone(frame: *const mmiod_frame) -> mmiod_memory_zone;
    pub fn mmiod_frame_node(frame: *const mmiod_frame) -> c_uint;
    pub fn mmiod_client_monitor(client: *mut mmiod_client, on: c_int) -> c_int;
    pub fn mmiod_client_next_notice(
        client: *mut mmiod_client,
        notice: *mut *mut mmiod_notice,
    ) -> c_int;
    pub fn mmiod_notice_free(notice: *mut mmiod_notice);
    pub fn mmiod_notice_type(notice: *const mmiod_notice) -> mmiod_notice_type;
    pub fn mmiod_notice_time(notice: *const mmiod_notice) -> u64;
    pub fn mmiod_notice_lost(notice: *const mmiod_notice) -> u64;
    pub fn mmiod_notice_lease(notice: *const mmiod_notice) -> u64;
    pub fn mmiod_notice_memory(notice: *const mmiod_notice) -> mmiod_memory;
    pub fn mmiod_notice_kind(notice: *const mmiod_notice) -> mmiod_lease_kind;
    pub fn mmiod_notice_region(notice: *const mmiod_notice) -> *const c_char;
    pub fn mmiod_notice_offset(notice: *const mmiod_notice) -> u64;
    pub fn mmiod_notice_length(notice: *const mmiod_notice) -> u64;
    pub fn mmiod_notice_rights(notice: *const mmiod_notice) -> c_uint;
    pub fn mmiod_notice_memtype(notice: *const mmiod_notice) -> mmiod_memtype;
    pub fn mmiod_notice_uid(notice: *const mmiod_notice) -> u32;
    pub fn mmiod_notice_pid(notice: *const mmiod_notice) -> u32;
    pub fn mmiod_notice_comm(notice: *const mmiod_notice) -> *const c_char;
    pub fn mmiod_notice_text(notice: *const mmiod_notice) -> *const c_char;
    pub fn mmiod_client_ungrant(
        client: *mut mmiod_client,
        name: *const c_char,
        deadline_ms: u32,
        ended: *mut usize,
    ) -> c_int;
    pub fn mmiod_client_list_grants(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_grant_list,
    ) -> c_int;
    pub fn mmiod_grant_list_free(list: *mut mmiod_grant_list);
    pub fn mmiod_grant_list_count(list: *const mmiod_grant_list) -> usize;
    pub fn mmiod_grant_list_get(
        list: *const mmiod_grant_list,
        index: usize,
    ) -> *const mmiod_grant_info;
    pub fn mmiod_grant_info_name(info: *const mmiod_grant_info) -> *const c_char;
    pub fn mmiod_grant_info_tenant(info: *const mmiod_grant_info) -> *const c_char;
    pub fn mmiod_grant_info_uid(info: *const mmiod_grant_info) -> u32;
    pub fn mmiod_grant_info_by(info: *const mmiod_grant_info) -> u32;
    pub fn mmiod_grant_info_regions(info: *const mmiod_grant_info) -> *const c_char;
    pub fn mmiod_grant_info_rights(info: *const mmiod_grant_info) -> c_uint;
    pub fn mmiod_grant_info_share(info: *const mmiod_grant_info) -> mmiod_share;
    pub fn mmiod_grant_info_left_ms(info: *const mmiod_grant_info) -> u64;
    pub fn mmiod_grant_info_last_ms(info: *const mmiod_grant_info) -> u64;
    pub fn mmiod_grant_info_leases(info: *const mmiod_grant_info) -> u32;
    pub fn mmiod_lease_map(
        lease: *mut mmiod_lease,
        flags: c_uint,
        mapping: *mut *mut mmiod_mapping,
    ) -> c_int;
    pub fn mmiod_lease_map_range(
        lease: *mut mmiod_lease,
        offset: u64,
        length: usize,
        flags: c_uint,
        mapping: *mut *mut mmiod_mapping,
    ) -> c_int;
    pub fn mmiod_mapping_populate(mapping: *mut mmiod_mapping) -> c_int;
    pub fn mmiod_mapping_address(mapping: *const mmiod_mapping) -> *mut c_void;
    pub fn mmiod_mapping_length(mapping: *const mmiod_mapping) -> usize;
    pub fn mmiod_mapping_read(
        mapping: *const mmiod_mapping,
        offset: u64,
        buffer: *mut c_void,
        length: usize,
    ) -> c_int;
    pub fn mmiod_mapping_write(
        mapping: *const mmiod_mapping,
        offset: u64,
        buffer: *const c_void,
        length: usize,
    ) -> c_int;
    pub fn mmiod_mapping_fill(
        mapping: *const mmiod_mapping,
        offset: u64,
        value: u8,
        length: usize,
    ) -> c_int;
    pub fn mmiod_mapping_free(mapping: *mut mmiod_mapping);
    pub fn mmiod_lease_read(
        lease: *mut mmiod_lease,
        offset: u64,
        width: c_uint,
        count: usize,
        buffer: *mut c_void,
    ) -> c_int;
    pub fn mmiod_lease_write(
        lease: *mut mmiod_lease,
        offset: u64,
        width: c_uint,
        count: usize,
        buffer: *const c_void,
    ) -> c_int;
    pub fn mmiod_lease_fill(
        lease: *mut mmiod_lease,
        offset: u64,
        length: usize,
        value: u8,
    ) -> c_int;
    pub fn mmiod_lease_copy_from(
        lease: *mut mmiod_lease,
        offset: u64,
        buffer: *mut c_void,
        length: usize,
    ) -> c_int;
    pub fn mmiod_lease_copy_to(
        lease: *mut mmiod_lease,
        offset: u64,
        buffer: *const c_void,
        length: usize,
    ) -> c_int;
    pub fn mmiod_wc_flush();
    pub fn mmiod_copy_to_window(window: *mut c_void, buffer: *const c_void, length: usize);
    pub fn mmiod_copy_from_window(buffer: *mut c_void, window: *const c_void, length: usize);
    pub fn mmiod_read8_many(window: *const c_void, buffer: *mut u8, count: usize);
    pub fn mmiod_read16_many(window: *const c_void, buffer: *mut u16, count: usize);
    pub fn mmiod_read32_many(window: *const c_void, buffer: *mut u32, count: usize);
    pub fn mmiod_read64_many(window: *const c_void, buffer: *mut u64, count: usize);
    pub fn mmiod_write8_many(window: *mut c_void, buffer: *const u8, count: usize);
    pub fn mmiod_write16_many(window: *mut c_void, buffer: *const u16, count: usize);
    pub fn mmiod_write32_many(window: *mut c_void, buffer: *const u32, count: usize);
    pub fn mmiod_write64_many(window: *mut c_void, buffer: *const u64, count: usize);
    pub fn mmiod_guard(
        body: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
        argument: *mut c_void,
    ) -> c_int;
    pub fn mmiod_page_size() -> usize;
    pub fn mmiod_version() -> *const c_char;
    pub fn mmiod_slab_provider_create(
        get: Option<
            unsafe extern "C" fn(*mut c_void, usize, *mut *mut c_void, *mut *mut c_void) -> c_int,
        >,
        put: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize, *mut c_void)>,
        context: *mut c_void,
        provider: *mut *mut mmiod_slab_provider,
    ) -> c_int;
    pub fn mmiod_slab_provider_from_mapping(
        mapping: *mut mmiod_mapping,
        offset: usize,
        length: usize,
        provider: *mut *mut mmiod_slab_provider,
    ) -> c_int;
    pub fn mmiod_slab_provider_anonymous(provider: *mut *mut mmiod_slab_provider) -> c_int;
    pub fn mmiod_slab_provider_error() -> *const c_char;
    pub fn mmiod_slab_provider_shrink(provider: *mut mmiod_slab_provider) -> usize;
    pub fn mmiod_slab_provider_free(provider: *mut mmiod_slab_provider) -> c_int;
    pub fn mmiod_object_cache_report_problem(
        report: *const mmiod_object_cache_report,
    ) -> mmiod_object_cache_problem;
    pub fn mmiod_object_cache_report_cache(
        report: *const mmiod_object_cache_report,
    ) -> *const c_char;
    pub fn mmiod_object_cache_report_object(
        report: *const mmiod_object_cache_report,
    ) -> *const c_void;
    pub fn mmiod_object_cache_report_offset(report: *const mmiod_object_cache_report) -> usize;
    pub fn mmiod_object_cache_report_text(
        report: *const mmiod_object_cache_report,
    ) -> *const c_char;
    pub fn mmiod_object_cache_destroy(cache: *mut mmiod_object_cache) -> c_int;
    pub fn mmiod_object_cache_alloc(cache: *mut mmiod_object_cache) -> *mut c_void;
    pub fn mmiod_object_cache_free(cache: *mut mmiod_object_cache, object: *mut c_void);
    pub fn mmiod_object_cache_alloc_bulk(
        cache: *mut mmiod_object_cache,
        count: usize,
        objects: *mut *mut c_void,
    ) -> c_int;
    pub fn mmiod_object_cache_free_bulk(
        cache: *mut mmiod_object_cache,
        count: usize,
        objects: *mut *mut c_void,
    );
    pub fn mmiod_object_cache_shrink(cache: *mut mmiod_object_cache) -> usize;
    pub fn mmiod_object_cache_validate(cache: *mut mmiod_object_cache) -> usize;
    pub fn mmiod_client_publish_caches(client: *mut mmiod_client) -> c_int;
    pub fn mmiod_client_list_caches(
        client: *mut mmiod_client,
        list: *mut *mut mmiod_cache_list,
    ) -> c_int;
    pub fn mmiod_cache_list_free(list: *mut mmiod_cache_list);
    pub fn mmiod_cache_list_count(list: *const mmiod_cache_list) -> usize;
    pub fn mmiod_cache_list_get(
        list: *const mmiod_cache_list,
        index: usize,
    ) -> *const mmiod_cache_info;
    pub fn mmiod_cache_info_name(info: *const mmiod_cache_info) -> *const c_char;
    pub fn mmiod_cache_info_object_size(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_alignment(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_slab_size(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_objects_per_slab(info: *const mmiod_cache_info) -> u32;
    pub fn mmiod_cache_info_active(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_objects(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_slabs(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_bytes(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_host_bytes(info: *const mmiod_cache_info) -> u64;
    pub fn mmiod_cache_info_flags(info: *const mmiod_cache_info) -> c_uint;
    pub fn mmiod_cache_info_uid(info: *const mmiod_cache_info) -> u32;
    pub fn mmiod_cache_info_pid(info: *const mmiod_cache_info) -> u32;
    pub fn mmiod_cache_info_comm(info: *const mmiod_cache_info) -> *const c_char;
    pub fn mmiod_client_next_event_sized(
        client: *mut mmiod_client,
        event: *mut mmiod_event,
        size: usize,
    ) -> c_int;
    pub fn mmiod_client_status_sized(
        client: *mut mmiod_client,
        status: *mut mmiod_status,
        size: usize,
    ) -> c_int;
    pub fn mmiod_region_list_find_sized(
        list: *const mmiod_region_list,
        target: *const mmiod_target,
        size: usize,
    ) -> *const mmiod_region;
    pub fn mmiod_client_lease_many_sized(
        client: *mut mmiod_client,
        wants: *const mmiod_want,
        size: usize,
        count: usize,
        flags: c_uint,
        leases: *mut *mut mmiod_lease,
        errors: *mut c_int,
    ) -> c_int;
    pub fn mmiod_wait_start_sized(
        client: *mut mmiod_client,
        wants: *const mmiod_want,
        size: usize,
        count: usize,
        flags: c_uint,
        wait_ms: u32,
        wait: *mut *mut mmiod_wait,
    ) -> c_int;
    pub fn mmiod_client_allocate_many_sized(
        client: *mut mmiod_client,
        wants: *const mmiod_allocation,
        size: usize,
        count: usize,
        flags: c_uint,
        leases: *mut *mut mmiod_lease,
        errors: *mut c_int,
    ) -> c_int;
    pub fn mmiod_client_buffer_sized(
        client: *mut mmiod_client,
        lease: u64,
        page: u64,
        buffer: *mut mmiod_buffer,
        size: usize,
    ) -> c_int;
    pub fn mmiod_client_explain_sized(
        client: *mut mmiod_client,
        question: *const mmiod_policy_question,
        question_size: usize,
        answer: *mut mmiod_policy_answer,
        answer_size: usize,
    ) -> c_int;
    pub fn mmiod_client_grant_sized(
        client: *mut mmiod_client,
        grant: *const mmiod_grant,
        size: usize,
    ) -> c_int;
    pub fn mmiod_target_parse_sized(
        text: *const c_char,
        target: *mut mmiod_target,
        target_size: usize,
        error: *mut c_char,
        size: usize,
    ) -> c_int;
    pub fn mmiod_view_create_sized(
        kind: mmiod_view_kind,
        parts: *const mmiod_view_part,
        part_size: usize,
        count: usize,
        options: *const mmiod_view_options,
        options_size: usize,
        fd: *mut c_int,
        error: *mut c_char,
        size: usize,
    ) -> c_int;
    pub fn mmiod_slab_provider_from_pool_sized(
        client: *mut mmiod_client,
        want: *const mmiod_allocation,
        size: usize,
        provider: *mut *mut mmiod_slab_provider,
    ) -> c_int;
    pub fn mmiod_object_cache_create_sized(
        options: *const mmiod_object_cache_options,
        options_size: usize,
        cache: *mut *mut mmiod_object_cache,
        error: *mut c_char,
        size: usize,
    ) -> c_int;
    pub fn mmiod_object_cache_stats_sized(
        cache: *mut mmiod_object_cache,
        stats: *mut mmiod_object_cache_stats,
        size: usize,
    );
}
