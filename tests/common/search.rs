//! An allocator that looks into every block at the moment it is freed.
#![allow(dead_code, unsafe_code, reason = "each test crate uses a part; memory is read as it is freed")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, RefCell};
use core::{ptr, slice};
use std::alloc::System;

thread_local! {
    /// What this thread looks for in the blocks it frees; none if empty.
    static NEEDLE: Cell<&'static [u8]> = const { Cell::new(&[]) };
    static FOUND: Cell<usize> = const { Cell::new(0) };
    /// Where this thread's largest block since the last reset lies.
    static LARGEST: Cell<(*mut u8, usize)> = const { Cell::new((ptr::null_mut(), 0)) };
    /// Blocks that are longer do not count.
    static LEN_MAX: Cell<usize> = const { Cell::new(usize::MAX) };
    /// The block whose content is kept when it is freed, and that content, in memory made beforehand.
    static WATCHED: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
    static KEPT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Hands calls on to the system's allocator; blocks are zeroed when they are made, so that every byte of
/// one may be read when it is freed. Growing is the default: a new block, a copy, and the old one freed.
pub(crate) struct Searching;

// SAFETY: every block comes from the system's allocator and goes back to it; what is read of it lies within
// the layout it was made with. The thread locals are constants, and no destructor of theirs frees a block
// that is watched.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        let block = unsafe { System.alloc_zeroed(layout) };
        let counts = layout.size() > LARGEST.get().1 && layout.size() <= LEN_MAX.get();
        LARGEST.set(if counts { (block, layout.size()) } else { LARGEST.get() });
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live until the call below, and was zeroed over its whole length.
        let bytes = unsafe { slice::from_raw_parts(block, layout.size()) };
        let needle = NEEDLE.get();
        let counts = !needle.is_empty() && bytes.len() <= LEN_MAX.get();
        if counts && bytes.windows(needle.len()).any(|window| window == needle) {
            FOUND.set(FOUND.get() + 1);
        }
        if block == WATCHED.get() {
            WATCHED.set(ptr::null_mut());
            KEPT.with_borrow_mut(|kept| kept.copy_from_slice(bytes));
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

/// In how many of the blocks that `run` frees the needle lies.
pub(crate) fn freed_with(needle: &'static [u8], run: impl FnOnce()) -> usize {
    FOUND.set(0);
    NEEDLE.set(needle);
    run();
    NEEDLE.set(&[]);
    FOUND.get()
}

/// As [`freed_with`], with a needle that `run` finds out: it says so by [`look_for`].
pub(crate) fn freed_while(run: impl FnOnce()) -> usize {
    freed_with(&[], run)
}

/// As [`freed_while`], in blocks of no more than `len_max` bytes.
pub(crate) fn freed_short_while(len_max: usize, run: impl FnOnce()) -> usize {
    LEN_MAX.set(len_max);
    let found = freed_while(run);
    LEN_MAX.set(usize::MAX);
    found
}

/// Has this looked for from now on; if something is already, only if it is to be replaced. What is freed while the needle
/// is worked out is not looked into.
pub(crate) fn look_for(needle: impl FnOnce() -> &'static [u8], replace: bool) {
    let before = NEEDLE.replace(&[]);
    NEEDLE.set(if replace || before.is_empty() { needle() } else { before });
}

/// What lies in the largest block that `build` makes, while its result lives and when that is dropped.
pub(crate) fn block_of<T>(build: impl FnOnce() -> T) -> (Vec<u8>, Vec<u8>) {
    LARGEST.set((ptr::null_mut(), 0));
    let built = build();
    let (block, len) = LARGEST.get();
    // SAFETY: `built` still owns the block, which was zeroed over its whole length.
    let alive = unsafe { slice::from_raw_parts(block, len) }.to_vec();
    KEPT.set(vec![0xff; len]);
    WATCHED.set(block);
    drop(built);
    assert!(WATCHED.get().is_null(), "the block was not freed");
    (alive, KEPT.take())
}

/// What `build` makes, and what lies in the largest block of no more than `len_max` bytes that it makes for that.
pub(crate) fn block_in_use<T>(len_max: usize, build: impl FnOnce() -> T) -> (T, Vec<u8>) {
    LARGEST.set((ptr::null_mut(), 0));
    LEN_MAX.set(len_max);
    let built = build();
    // The optimiser need not know that what it wrote there is read by another way.
    core::hint::black_box(&built);
    LEN_MAX.set(usize::MAX);
    let (block, len) = LARGEST.get();
    // SAFETY: `built` owns the block, which was zeroed over its whole length.
    let alive = unsafe { slice::from_raw_parts(block, len) }.to_vec();
    (built, alive)
}

/// Runs of 16 bytes of which so many differ that they can only be key material, as no tag, count or
/// pointer of a structure is.
pub(crate) fn keylike(bytes: &[u8]) -> Vec<&[u8]> {
    let varied = |run: &&[u8]| {
        let mut seen = run.to_vec();
        seen.sort_unstable();
        seen.dedup();
        seen.len() >= 14
    };
    bytes.windows(16).filter(varied).collect()
}

/// Length of the largest block that `run` makes; 0 if it makes none.
pub(crate) fn largest_of(run: impl FnOnce()) -> usize {
    LARGEST.set((ptr::null_mut(), 0));
    run();
    LARGEST.get().1
}
