//! The dead part of the stack, on which calls leave what they spilled there.

#[cfg(feature = "std")]
use super::wipe;

/// Bytes of the stack that expanding or decoding a key is given; about 6 KiB were seen in use.
pub(crate) const KEY_STACK: usize = 12 * 1024;

/// What of secrets a call leaves on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "some are those of one processor")]
pub(crate) enum Spills {
    /// Its code has nothing of them there, however it is compiled, but for what it wipes itself.
    Nothing,
    /// What a compiler spills of values that have room in registers.
    Little,
    Much,
}

/// Makes a call and then overwrites `DEPTH` bytes of the stack below the caller, also when the call unwinds: more than it
/// was seen to use.
///
/// What the caller's own frame holds, and what the call returns, is out of reach. Only with `std`: the whole stack of a
/// microcontroller may be smaller than that.
#[inline(always)]
pub(crate) fn stack_wiped<const DEPTH: usize, T>(call: impl FnOnce() -> T) -> T {
    stack_wiped_after::<DEPTH, DEPTH, T>(Spills::Much, call)
}

/// As [`stack_wiped`], but only `SHALLOW` bytes if the call spills little, and none if nothing.
#[inline(always)]
pub(crate) fn stack_wiped_after<const DEPTH: usize, const SHALLOW: usize, T>(
    spills: Spills,
    call: impl FnOnce() -> T,
) -> T {
    #[cfg(feature = "std")]
    let _wiped = Wiped::<DEPTH, SHALLOW> { spills };
    #[cfg(not(feature = "std"))]
    let _ = spills;
    apart(call)
}

/// Keeps what the call spills out of the frame of its caller.
#[inline(never)]
fn apart<T>(call: impl FnOnce() -> T) -> T {
    call()
}

#[cfg(feature = "std")]
struct Wiped<const DEPTH: usize, const SHALLOW: usize> {
    spills: Spills,
}

#[cfg(feature = "std")]
impl<const DEPTH: usize, const SHALLOW: usize> Drop for Wiped<DEPTH, SHALLOW> {
    #[inline(always)]
    fn drop(&mut self) {
        if cfg!(debug_assertions) && DEPTH < UNOPTIMISED {
            // Code that is not optimised spills everything, and leaves copies of what it moves.
            return overwrite::<UNOPTIMISED>();
        }
        match self.spills {
            Spills::Nothing => {}
            Spills::Little => overwrite::<SHALLOW>(),
            Spills::Much => overwrite::<DEPTH>(),
        }
    }
}

/// Bytes of the stack that a call is given in a build for debugging.
#[cfg(feature = "std")]
const UNOPTIMISED: usize = 64 * 1024;

#[cfg(feature = "std")]
#[inline(never)]
fn overwrite<const DEPTH: usize>() {
    let mut stack = [0_u8; DEPTH];
    wipe(&mut stack);
}
