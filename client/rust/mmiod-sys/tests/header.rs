// SPDX-License-Identifier: MIT
//! Holds what the crate says against `<mmiod/mmiod.h>`: a program in C is made of it, in which each
//! constant, size, offset, member's type and function is a static assertion, and compiled.

use mmiod_sys::*;
use std::collections::HashSet;
use std::io::Write;
use std::mem::{size_of, MaybeUninit};
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr::addr_of;

const SOURCE: &str = include_str!("../src/lib.rs");

struct Layout {
    name: &'static str,
    size: usize,
    members: Vec<(&'static str, usize)>,
}

/// Sizes and offsets as Rust has them. A member that is not named does not compile.
macro_rules! layouts {
    ($($name:ident { $($member:ident),* $(,)? })*) => {
        vec![$({
            fn _all_are_named(one: $name) {
                let $name { $($member: _),* } = one;
            }
            let one = MaybeUninit::<$name>::uninit();
            let base = one.as_ptr();
            Layout {
                name: stringify!($name),
                size: size_of::<$name>(),
                // Nothing is read: addr_of!() only computes where a member is.
                members: vec![$((stringify!($member), unsafe {
                    addr_of!((*base).$member) as usize - base as usize
                })),*],
            }
        }),*]
    };
}

fn layouts() -> Vec<Layout> {
    layouts! {
        mmiod_event { type_, lease, deadline_ms, text }
        mmiod_status {
            backend, daemon_pid, started, regions, regions_missing, clients, leases, module_abi,
            protocol, uid, admin, page_size, version, warning, inspect, regions_stale, leases_ending
        }
        mmiod_register_write { offset, value, width, flags, reserved }
        mmiod_want {
            region, offset, length, rights, cache, width, share, flags, lease_ms, on_end,
            on_end_count, for_uid, reserved, grant, reserved2
        }
        mmiod_allocation {
            memory, region, length, align, low, high, node, zone, rights, cache, width, flags,
            lease_ms, reserved, max_extents, reserved2
        }
        mmiod_lease_extent { offset, length }
        mmiod_buffer {
            memory, zone, node, flags, present, length, capacity, runs, phys, kernel, bus
        }
        mmiod_policy_question {
            region, offset, length, rights, cache, share, other, uid, groups, group_count, memory,
            reserved, kind, operate, grant
        }
        mmiod_policy_answer { allowed, grant, file, line, text, instead, error }
        mmiod_grant { name, regions, region_count, tenant, uid, rights, share, reserved, last_ms }
        mmiod_view_part { offset, start, length, fd, reserved }
        mmiod_view_options { length, device, irq, flags }
        mmiod_target { region, offset, length, width, reserved }
        mmiod_object_cache_options {
            name, object_size, alignment, flags, slab_size, constructor, provider, report, context
        }
        mmiod_object_cache_stats {
            name, object_size, alignment, slot_size, slab_size, objects_per_slab, flags,
            active_objects, cached_objects, damaged_objects, total_objects, slabs, empty_slabs,
            waste_bytes, host_bytes
        }
    }
}

/// A name of C's that Rust keeps for itself has a line behind it.
fn c_name(name: &str) -> &str {
    name.trim_end_matches('_')
}

/// `text` up to the separators that are in no bracket.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());

    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ if c == separator && depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

struct Translator {
    enums: HashSet<String>,
}

impl Translator {
    fn new(source: &str) -> Self {
        let enums = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub type ")?.split(' ').next())
            .map(String::from)
            .collect();
        Self { enums }
    }

    fn base(&self, name: &str) -> String {
        match name {
            "c_void" => "void".into(),
            "c_char" => "char".into(),
            "c_int" => "int".into(),
            "c_uint" => "unsigned int".into(),
            "u8" | "u16" | "u32" | "u64" => format!("uint{}_t", &name[1..]),
            "usize" => "size_t".into(),
            _ if self.enums.contains(name) => format!("enum {name}"),
            _ => format!("struct {name}"),
        }
    }

    /// A type of Rust as C writes it.
    fn c_type(&self, rust: &str) -> String {
        if let Some(to) = rust.strip_prefix("*const ") {
            return format!("__typeof__(const __typeof__({}) *)", self.c_type(to));
        }
        if let Some(to) = rust.strip_prefix("*mut ") {
            return format!("__typeof__({} *)", self.c_type(to));
        }
        if let Some(array) = rust.strip_prefix('[') {
            let (of, length) = array.trim_end_matches(']').split_once(';').expect("an array");
            return format!("__typeof__({}[{}])", self.c_type(of), length.trim());
        }
        if let Some(function) = rust.strip_prefix("Option<unsafe extern \"C\" fn") {
            return format!("__typeof__({} *)", self.c_function(function.trim_end_matches('>')));
        }
        self.base(rust)
    }

    /// "(name: type, ...) -> type", or without names.
    fn c_function(&self, rust: &str) -> String {
        let close = rust.rfind(')').expect("arguments");
        let arguments: Vec<_> = split(&rust[1..close], ',')
            .into_iter()
            .map(|one| self.c_type(one.split_once(": ").map_or(one, |(_, of)| of)))
            .collect();
        let result = rust[close + 1..].trim().trim_start_matches("-> ");

        format!(
            "__typeof__({}({}))",
            if result.is_empty() { "void".into() } else { self.c_type(result) },
            if arguments.is_empty() { "void".into() } else { arguments.join(", ") }
        )
    }
}

fn check(program: &mut String, condition: &str, what: &str) {
    *program += &format!("_Static_assert({condition}, \"{what}\");\n");
}

fn check_type(program: &mut String, c: &str, of_rust: &str, what: &str) {
    check(program, &format!("__builtin_types_compatible_p({c}, {of_rust})"), what);
}

/// Names and values of the constants.
fn constants(source: &str) -> Vec<(&str, &str)> {
    source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": "))
        .map(|(name, rest)| {
            (name, rest.split_once(" = ").expect("a value").1.trim_end_matches(';'))
        })
        .collect()
}

/// Names and signatures of the functions.
fn functions(source: &str) -> Vec<(String, String)> {
    let (_, block) = source.split_once("extern \"C\" {\n").expect("functions");

    block
        .split("pub fn ")
        .skip(1)
        .map(|text| {
            let (declared, _) = text.split_once(';').expect("an end");
            let one_line = declared.split_whitespace().collect::<Vec<_>>().join(" ");
            let one_line = one_line.replace("Option< ", "Option<").replace(", >", ">");
            let (name, rest) = one_line.split_once('(').expect("arguments");
            (name.into(), format!("({rest}"))
        })
        .collect()
}

/// The members of a struct with their types.
fn members<'a>(source: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let (_, rest) = source.split_once(&format!("pub struct {name} {{\n")).expect(name);
    let (body, _) = rest.split_once("\n}").expect("an end");

    body.lines()
        .map(|line| line.trim().trim_start_matches("pub ").trim_end_matches(','))
        .map(|line| line.split_once(": ").expect("a member"))
        .collect()
}

fn program(source: &str) -> String {
    let translator = Translator::new(source);
    // Rust has no volatile types; whether they are is not what is compared.
    let mut program =
        "#include <stddef.h>\n#include <stdint.h>\n#define volatile\n#include <mmiod/mmiod.h>\n"
            .into();

    for (name, value) in constants(source) {
        check(&mut program, &format!("({name}) == ({value})"), name);
    }
    for layout in layouts() {
        let name = layout.name;
        check(&mut program, &format!("sizeof(struct {name}) == {}", layout.size), name);
        for (member, offset) in layout.members {
            let what = format!("{name}.{member}");
            let condition = format!("offsetof(struct {name}, {}) == {offset}", c_name(member));
            check(&mut program, &condition, &what);
        }
        for (member, rust) in members(source, name) {
            let c = format!("__typeof__(((struct {name} *)0)->{})", c_name(member));
            let what = format!("{name}.{member}: {rust}").replace('"', "'");
            check_type(&mut program, &c, &translator.c_type(rust), &what);
        }
    }
    for (name, signature) in functions(source) {
        let c = format!("__typeof__({name})");
        check_type(&mut program, &c, &translator.c_function(&signature), &name);
    }
    program
}

/// What the compiler says of it; nothing if all is so.
fn compile(program: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../include");
    let mut compiler = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()))
        .args(["-std=gnu11", "-fsyntax-only", "-x", "c", "-I"])
        .arg(here)
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a compiler of C");

    compiler.stdin.take().unwrap().write_all(program.as_bytes()).expect("the program is taken");
    let output = compiler.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), !said.contains("error"), "{said}");
    said
}

#[test]
fn constants_structs_and_functions_are_those_of_the_header() {
    let said = compile(&program(SOURCE));

    assert!(said.is_empty(), "{said}");
}

#[test]
fn all_of_it_is_looked_at() {
    assert_eq!(constants(SOURCE).len(), SOURCE.matches("pub const ").count());
    assert_eq!(functions(SOURCE).len(), SOURCE.matches("pub fn ").count());
    assert_eq!(layouts().len(), SOURCE.matches("#[derive(Clone, Copy)]\npub struct ").count());
}

#[test]
fn what_differs_from_the_header_is_found() {
    for (is, instead, what) in [
        (
            "MMIOD_RIGHT_WRITE: mmiod_right = 1 << 1",
            "MMIOD_RIGHT_WRITE: mmiod_right = 1 << 2",
            "MMIOD_RIGHT_WRITE",
        ),
        ("pub deadline_ms: u32", "pub deadline_ms: u64", "mmiod_event.deadline_ms"),
        ("pub on_end_count: usize", "pub on_end_count: u32", "mmiod_want.on_end_count"),
        ("timeout_ms: c_int", "timeout_ms: c_uint", "mmiod_operation_set_master"),
        (
            "pub fn mmiod_lease_id(lease: *const mmiod_lease) -> u64",
            "pub fn mmiod_lease_id(lease: *const mmiod_lease) -> u32",
            "mmiod_lease_id",
        ),
        ("pub fn mmiod_wc_flush()", "pub fn mmiod_wc_flush(all: c_int)", "mmiod_wc_flush"),
        ("pub fn mmiod_page_size()", "pub fn mmiod_page_sise()", "mmiod_page_sise"),
    ] {
        assert!(SOURCE.contains(is), "{is}");
        let said = compile(&program(&SOURCE.replacen(is, instead, 1)));
        assert!(said.contains("error") && said.contains(what), "{instead}: {said}");
    }
}
