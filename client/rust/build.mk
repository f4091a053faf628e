# SPDX-License-Identifier: MIT
# The crates for Rust, which nothing else here needs: who uses them builds them with the rest of a program.

## make rust           the crates for Rust, and their examples, into build/rust
.PHONY: rust
rust: $(B)/libmmiod.so
	MMIOD_BUILD=$(B) client/rust/cargo build --lib --examples
