//! What a call leaves on the stack below the frame that it was made from.
//!
//! The stack is painted, the call is made, and what lies below is copied before anything else can run there. x86-64 Linux
//! alone: the paint and the copy are two instructions that no compiler may reorder or spill around.
#![allow(dead_code, unsafe_code, reason = "each test crate uses a part; the dead stack is outside of the language")]

use core::arch::asm;
use core::ops::Range;
use std::collections::BTreeMap;
use std::thread;

/// Bytes that are painted and looked into.
const REACH: usize = 256 * 1024;

const PAINT: u8 = 0xa5;

/// Room for the call, the paint and what a thread itself needs.
const STACK: usize = 4 * REACH;

/// A run of so many bytes that is found is no accident.
pub(crate) const RUN: usize = 16;

/// The bytes that a call left, the deepest first, from the deepest one that it wrote.
pub(crate) struct DeadStack(Vec<u8>);

/// Makes the call on a thread of its own.
pub(crate) fn left_by<T: Send>(call: impl FnOnce() -> T + Send) -> (T, DeadStack) {
    let mut bytes = vec![0; REACH];
    let mut made = None;
    thread::scope(|scope| {
        let run = || probe(&mut bytes, || made = Some(call()));
        thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).unwrap().join().unwrap();
    });
    let unwritten = bytes.iter().position(|&byte| byte != PAINT).unwrap_or(REACH);
    assert!(unwritten > 0, "the call went deeper than is looked at");
    bytes.drain(..unwritten);
    (made.unwrap(), DeadStack(bytes))
}

#[inline(never)]
fn probe(bytes: &mut [u8], call: impl FnOnce()) {
    assert_eq!(bytes.len(), REACH);
    // SAFETY: what is overwritten lies below the stack pointer, where nothing is alive: as the block may push, the
    // compiler keeps nothing there. The thread's stack reaches further than that.
    unsafe {
        asm!(
            "lea rdi, [rsp - {reach}]",
            "rep stosb",
            reach = const REACH,
            inout("rcx") REACH => _,
            in("al") PAINT,
            out("rdi") _,
        );
    }
    apart(call);
    // SAFETY: what is read lies on the thread's stack, and the buffer has room for it.
    unsafe {
        asm!(
            "lea rsi, [rsp - {reach}]",
            "rep movsb",
            reach = const REACH,
            inout("rcx") REACH => _,
            inout("rdi") bytes.as_mut_ptr() => _,
            out("rsi") _,
        );
    }
}

/// What lies in the vector registers after a call: all 32 of 64 bytes, of a processor with AVX-512.
pub(crate) fn registers_after(call: impl FnOnce()) -> DeadStack {
    assert!(std::is_x86_feature_detected!("avx512f"));
    let mut bytes = vec![0; 32 * 64];
    // What other calls left there is not this one's. Each is a register that no call has to keep.
    // SAFETY: the processor has the registers.
    unsafe {
        asm!(
            ".irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            r"vpxord zmm\register, zmm\register, zmm\register",
            ".endr",
            ".irp register, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
            r"vpxord zmm\register, zmm\register, zmm\register",
            ".endr",
            "vzeroupper",
            clobber_abi("C"),
            options(nomem, nostack),
        );
    }
    apart(call);
    // SAFETY: the processor has the registers, and the buffer room for them.
    unsafe {
        asm!(
            ".irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            r"vmovdqu64 [{to} + 64 * \register], zmm\register",
            ".endr",
            ".irp register, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
            r"vmovdqu64 [{to} + 64 * \register], zmm\register",
            ".endr",
            to = in(reg) bytes.as_mut_ptr(),
            options(nostack),
        );
    }
    DeadStack(bytes)
}

#[inline(never)]
fn apart(call: impl FnOnce()) {
    call();
}

/// What is looked for: runs of bytes and what they are a part of.
#[derive(Clone, Default)]
pub(crate) struct Needles(BTreeMap<[u8; RUN], &'static str>);

impl Needles {
    /// Looks for these bytes, run by run.
    pub(crate) fn with(self, name: &'static str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= RUN, "{name} is too short to be looked for");
        self.with_runs(name, bytes.chunks_exact(RUN))
    }

    /// Looks for each of these runs.
    pub(crate) fn with_runs<'a>(mut self, name: &'static str, runs: impl IntoIterator<Item = &'a [u8]>) -> Self {
        self.0.extend(runs.into_iter().map(|run| (run.try_into().unwrap(), name)));
        self
    }

    /// Looks for those of another too.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Looks for every word of 32 bits four times in a row, as vector code holds it.
    pub(crate) fn with_words(mut self, name: &'static str, bytes: &[u8]) -> Self {
        self.0.extend(bytes.chunks_exact(4).map(|word| (word.repeat(4).try_into().unwrap(), name)));
        self
    }
}

impl DeadStack {
    /// How deep the call went in bytes.
    pub(crate) fn depth(&self) -> usize {
        self.0.len()
    }

    /// How often something of what is looked for is there, by name.
    pub(crate) fn found(&self, needles: &Needles) -> BTreeMap<&'static str, usize> {
        let mut found = BTreeMap::new();
        for run in self.0.windows(RUN) {
            if let Some(name) = needles.0.get(run) {
                *found.entry(*name).or_default() += 1;
            }
        }
        found
    }

    /// Between which depths something of what is looked for is.
    pub(crate) fn depths(&self, needles: &Needles) -> Range<usize> {
        let at = self.0.windows(RUN).enumerate().filter(|(_, run)| needles.0.contains_key(*run));
        let depths: Vec<_> = at.map(|(at, _)| self.0.len() - at).collect();
        depths.iter().min().copied().unwrap_or(0)..depths.iter().max().copied().unwrap_or(0)
    }
}

/// Makes the call and checks that nothing is left of what is looked for, which the result may tell.
pub(crate) fn assert_clean<T: Send>(
    name: &str,
    call: impl FnOnce() -> T + Send,
    needles: impl FnOnce(&T) -> Needles,
) -> T {
    let (made, left) = left_by(call);
    let needles = needles(&made);
    let found = left.found(&needles);
    assert!(found.is_empty(), "{name}: {found:?}, {:?} bytes deep of {}", left.depths(&needles), left.depth());
    made
}
