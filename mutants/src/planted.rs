//! Which mutant is on in this process, as `ATREST_MUTANT` says. With `ATREST_MUTANT_TRACE` none is, and the number of each that
//! would be is appended to that file. It allocates nothing: tests count allocations.
#![allow(unsafe_code, clippy::all)]

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::Relaxed};

const UNKNOWN: u32 = u32::MAX;
const TRACE: u32 = u32::MAX - 1;

static CHOSEN: AtomicU32 = AtomicU32::new(UNKNOWN);
static FILE: AtomicI32 = AtomicI32::new(-1);
static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn atoi(text: *const c_char) -> c_int;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn write(file: c_int, bytes: *const c_void, len: usize) -> isize;
}

/// Not while constants are computed.
pub(crate) const fn on(number: u32) -> bool {
    core::intrinsics::const_eval_select((number,), never, chosen)
}

const fn never(_: u32) -> bool {
    false
}

#[inline]
fn chosen(number: u32) -> bool {
    let chosen = CHOSEN.load(Relaxed);
    if chosen >= TRACE { rare(number, chosen) } else { chosen == number }
}

#[cold]
#[inline(never)]
fn rare(number: u32, chosen: u32) -> bool {
    if chosen == TRACE {
        if !REACHED[number as usize].swap(true, Relaxed) {
            unsafe { write(FILE.load(Relaxed), (&raw const number).cast(), 4) };
        }
        return false;
    }
    // SAFETY: the strings end in NUL, and nobody here changes the environment.
    let chosen = unsafe {
        let trace = getenv(c"ATREST_MUTANT_TRACE".as_ptr());
        let mutant = getenv(c"ATREST_MUTANT".as_ptr());
        if !trace.is_null() {
            const APPEND: c_int = 0o2001;
            FILE.store(open(trace, APPEND), Relaxed);
            TRACE
        } else if !mutant.is_null() {
            atoi(mutant) as u32
        } else {
            0
        }
    };
    CHOSEN.store(chosen, Relaxed);
    self::chosen(number)
}

/// One of two iterators.
pub(crate) enum Either<L, R> {
    Left(L),
    Right(R),
}

impl<L: Iterator, R: Iterator<Item = L::Item>> Iterator for Either<L, R> {
    type Item = L::Item;

    fn next(&mut self) -> Option<L::Item> {
        match self {
            Self::Left(left) => left.next(),
            Self::Right(right) => right.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Left(left) => left.size_hint(),
            Self::Right(right) => right.size_hint(),
        }
    }
}
