//! What valgrind is told and asked, by its client requests: a sequence of instructions that a processor takes for nothing.
#![allow(unsafe_code)]

use core::arch::asm;

const MEMCHECK: usize = 0x4d43_0000;
const MAKE_UNDEFINED: usize = MEMCHECK + 1;
const MAKE_DEFINED: usize = MEMCHECK + 2;
const GET_VBITS: usize = MEMCHECK + 8;
const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;

/// Why something that is computed from secrets is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Public {
    /// A sealed value or a wrapped DEK: it is stored where anyone may read it.
    Stored,
    /// The answer of a comparison that the caller asked for.
    Comparison,
    /// A plaintext that the test itself compares with what it should be, after the call.
    SeenByTheTest,
}

fn request(words: [usize; 6]) -> usize {
    let mut answer = 0_usize;
    // SAFETY: outside valgrind the rotations add up to two whole turns of the register, and the exchange is of a register
    // with itself. Inside, the request reads `words`, and for `GET_VBITS` writes where the caller has room.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            inout("rdx") answer,
            in("rax") words.as_ptr(),
            out("rdi") _,
            options(nostack),
        );
    }
    // SAFETY: as before.
    #[cfg(target_arch = "x86")]
    unsafe {
        asm!(
            "rol edi, 3", "rol edi, 13", "rol edi, 29", "rol edi, 19", "xchg ebx, ebx",
            inout("edx") answer,
            in("eax") words.as_ptr(),
            out("edi") _,
            options(nostack),
        );
    }
    answer
}

/// Whether this runs under valgrind, which is no processor.
pub fn is_running() -> bool {
    request([RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0]) != 0
}

/// How many branches and addresses that depend on undefined bytes were reported so far.
pub fn reports() -> usize {
    request([COUNT_ERRORS, 0, 0, 0, 0, 0])
}

/// From here on the bytes are secret: memcheck takes them for undefined, with all that is computed from them.
pub fn conceal(bytes: &mut [u8]) {
    request([MAKE_UNDEFINED, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0]);
}

/// From here on the bytes are public, for a reason that is named.
pub fn publish(bytes: &mut [u8], why: Public) {
    request([MAKE_DEFINED, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0]);
    super::tally::count(why);
}

/// How many of the bytes are secret in each of their bits, and how many in none.
pub fn secret_and_public(bytes: &[u8]) -> (usize, usize) {
    let mut bits = vec![0_u8; bytes.len()];
    request([GET_VBITS, bytes.as_ptr() as usize, bits.as_mut_ptr() as usize, bytes.len(), 0, 0]);
    let count = |wanted: u8| bits.iter().filter(|&&bits| bits == wanted).count();
    (count(0xff), count(0))
}

/// Where valgrind does not take the place of the allocator, since that is a part of the program: a freed block is public
/// again, or what the allocator and whoever gets the block next do with it would be reported.
#[cfg(target_env = "musl")]
mod allocator {
    use core::alloc::{GlobalAlloc, Layout};
    use std::alloc::System;

    struct Forgetting;

    #[global_allocator]
    static ALLOCATOR: Forgetting = Forgetting;

    // SAFETY: as of `System`, which does it all; what is told about a block before it is freed changes nothing in it.
    unsafe impl GlobalAlloc for Forgetting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as of this function.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            super::request([super::MAKE_DEFINED, block as usize, layout.size(), 0, 0, 0]);
            // SAFETY: as of this function.
            unsafe { System.dealloc(block, layout) }
        }
    }
}
