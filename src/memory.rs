//! Where memory comes from: jemalloc, with one arena.
//!
//! A large cluster is read as hundreds of thousands of small objects, which come and go while others stay. glibc keeps what they
//! leave apart for each thread that once asked for memory, in pieces too small to be used again: a rehearsal of a thousand shards took
//! 247 MB that way where it took 174 this way, in less time. One arena is enough where one thread does nearly all of the work; it and how
//! soon what is free goes back to the system are set in `.cargo/config.toml`, since a program could only set them with `unsafe`.

/// Not on Windows, which jemalloc doesn't support with the toolchain that Rust uses there.
#[cfg(not(windows))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
