//! An allocator that refuses one long block.
#![allow(dead_code, unsafe_code, reason = "each test crate uses a part; it hands calls on")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;
use std::alloc::System;

/// Blocks from this length on are refused: what has a bound of its own is shorter.
pub(crate) const LONG: usize = 128 * 1024;

thread_local! {
    /// How many long blocks this thread still gets before one is refused; none is if that is not known.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Hands calls on to the system's allocator.
pub(crate) struct Refusing;

fn refuses(len: usize) -> bool {
    let left = LEFT.get().filter(|_| len >= LONG);
    if let Some(left) = left {
        LEFT.set(left.checked_sub(1));
    }
    left == Some(0)
}

// SAFETY: every block comes from the system's allocator and goes back to it.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuses(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if refuses(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        if refuses(len) {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, len) }
    }
}

/// What comes of a call of which the long block after so many is refused, and whether one was.
pub(crate) fn refusing_after<T>(blocks: usize, call: impl FnOnce() -> T) -> (T, bool) {
    LEFT.set(Some(blocks));
    let made = call();
    (made, LEFT.take().is_none())
}
