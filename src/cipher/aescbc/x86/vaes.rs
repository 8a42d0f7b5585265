//! CBC decryption with two blocks to a register, or four where the processor can and there are many: NIST SP 800-38A, 6.2. `unsafe`
//! code: instructions that not every processor has, behind the proof that this one has them, and pointers.
//!
//! It goes from the end to the start: the padding, which is looked at next, is written long before, and each block finds the one
//! before it as it was, in place too.
//!
//! It is assembly, in which no text ever leaves the registers but for the output: a compiler that had values of its own between
//! the instructions would spill some, at one level of optimisation or another. No branch and no address depends on a key or
//! on a text.
#![allow(unsafe_code)]

use core::arch::asm;

use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use super::super::super::aesni::{RoundKeys, takes_pairs, takes_quads};

/// The round keys of decryption, and the proof that this processor has the instructions, or none of both; wiped on drop.
pub(super) struct WideKeys(RoundKeys);

impl ZeroizeOnDrop for WideKeys {}

/// Takes pairs or quads through some rounds.
macro_rules! some_rounds {
    ($broadcast:literal $key:literal, $keys:literal, $($blocks:literal)*) => {
        concat!(
            "\n.irp key, ",
            $keys,
            "\n", $broadcast, " ", $key, ", [{keys} + 16 * \\key]\n",
            $("vaesdec ", $blocks, ", ", $blocks, ", ", $key, "\n",)*
            ".endr\n"
        )
    };
}

/// Takes pairs or quads, with the first key, through all rounds but the last, whose key is read then.
macro_rules! rounds {
    ($broadcast:literal $key:literal, $($blocks:literal)*) => {
        concat!(
            some_rounds!($broadcast $key, "1, 2, 3, 4, 5, 6, 7, 8, 9", $($blocks)*),
            "cmp {rounds}, 12\n jb 22f\n",
            some_rounds!($broadcast $key, "10, 11", $($blocks)*),
            "je 22f\n",
            some_rounds!($broadcast $key, "12, 13", $($blocks)*),
            "22:\n", $broadcast, " ", $key, ", [{last}]\n"
        )
    };
}

/// Decrypts pairs or quads, each at its place, up to the block that `from` and `to` stand at; then they stand at the one before all
/// of them.
macro_rules! at_end {
    (pairs, $len:literal, $($blocks:tt)*) => {
        at_end!("vbroadcasti128" "ymm8" "vpxor" "ymm9" "vmovdqu", $len, $($blocks)*)
    };
    (quads, $len:literal, $($blocks:tt)*) => {
        at_end!("vbroadcasti32x4" "zmm8" "vpxord" "zmm9" "vmovdqu32", $len, $($blocks)*)
    };
    ($broadcast:literal $key:literal $xor:literal $other:literal $store:literal, $len:literal, $(($blocks:literal $at:literal))*) => {
        concat!(
            "sub {from}, ", $len, "\n sub {to}, ", $len, "\n sub {before}, ", $len, "\n ", $broadcast, " ", $key, ", [{keys}]\n",
            $($xor, " ", $blocks, ", ", $key, ", [{from} + ", $at, " + 16]\n",)*
            rounds!($broadcast $key, $($blocks)*),
            $($xor, " ", $other, ", ", $key, ", [{from} + ", $at, "]\n vaesdeclast ", $blocks, ", ", $blocks, ", ", $other, "\n",)*
            $($store, " [{to} + ", $at, " + 16], ", $blocks, "\n",)*
        )
    };
}

/// Decrypts the first block, or the first pair, of which `from` and `to` stand at the second block.
macro_rules! first {
    () => {
        concat!(
            "vmovdqu xmm1, [{iv}]
            vmovdqu xmm0, [{from}]
            test {before}, {before}
            jz 37f
            vinserti128 ymm1, ymm1, [{from} - 16], 1
            vmovdqu ymm0, [{from} - 16]
            37:
            vbroadcasti128 ymm8, [{keys}]
            vpxor ymm0, ymm0, ymm8
            ",
            rounds!("vbroadcasti128" "ymm8", "ymm0"),
            "vpxor ymm1, ymm1, ymm8
            vaesdeclast ymm0, ymm0, ymm1
            test {before}, {before}
            jz 38f
            vmovdqu [{to} - 16], ymm0
            jmp 39f
            38:
            vmovdqu [{to}], xmm0
            39:"
        )
    };
}

/// Clears the registers: what comes next may save them on the stack.
macro_rules! cleared {
    () => {
        "vpxor xmm0, xmm0, xmm0
        vpxor xmm1, xmm1, xmm1
        vpxor xmm2, xmm2, xmm2
        vpxor xmm3, xmm3, xmm3
        vpxor xmm4, xmm4, xmm4
        vpxor xmm5, xmm5, xmm5
        vpxor xmm6, xmm6, xmm6
        vpxor xmm7, xmm7, xmm7
        vpxor xmm8, xmm8, xmm8
        vpxor xmm9, xmm9, xmm9
        vzeroupper"
    };
}

impl WideKeys {
    /// None where the processor does not take two blocks at once.
    pub(super) fn of(keys: &RoundKeys) -> Self {
        Self(if takes_pairs() { keys.inverted() } else { RoundKeys::none() })
    }

    pub(super) const fn none() -> Self {
        Self(RoundKeys::none())
    }

    pub(super) const fn is_none(&self) -> bool {
        self.0.rounds() == 0
    }

    /// Decrypts the whole blocks of `text`; without keys it does nothing.
    pub(super) fn decrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
        if self.is_none() {
            return;
        }
        // SAFETY: there are keys only where the instructions were detected, which is all that the function asks for.
        unsafe { decrypt(&self.0, iv, text) }
    }
}

/// # Safety
/// The processor has VAES and AVX2.
unsafe fn decrypt(keys: &RoundKeys, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
    let len = text.len() - text.len() % 16;
    if len == 0 {
        return;
    }
    let (from, to) = text.into_raw();
    // SAFETY: the caller vouches for the instructions, and those with `zmm` are run where they were detected. `from` and `to` stand at
    // the last block that is left, with as many bytes before it as `before` says. So many are taken only if that says
    // that there are as many, and a block before them. They and that block are read before they are written, and what was
    // written is not read again, so that the output may be the input. In the end `before` says whether one block is left or two, of
    // which the first goes with the `iv`. Keys are read from the first to the last, of which there are at least eleven.
    unsafe {
        asm!(
            "test {takes_quads:e}, {takes_quads:e}",
            "jz 32f",
            "31:",
            "cmp {before}, 256",
            "jb 33f",
            at_end!(quads, "256", ("zmm0" "0") ("zmm1" "64") ("zmm2" "128") ("zmm3" "192")),
            "jmp 31b",
            "32:",
            "cmp {before}, 256",
            "jb 33f",
            at_end!(pairs, "256", ("ymm0" "0") ("ymm1" "32") ("ymm2" "64") ("ymm3" "96") ("ymm4" "128") ("ymm5" "160") ("ymm6" "192") ("ymm7" "224")),
            "jmp 32b",
            "33:",
            "cmp {before}, 128",
            "jb 34f",
            at_end!(pairs, "128", ("ymm0" "0") ("ymm1" "32") ("ymm2" "64") ("ymm3" "96")),
            "34:",
            "cmp {before}, 64",
            "jb 35f",
            at_end!(pairs, "64", ("ymm0" "0") ("ymm1" "32")),
            "35:",
            "cmp {before}, 32",
            "jb 36f",
            at_end!(pairs, "32", ("ymm0" "0")),
            "36:",
            first!(),
            cleared!(),
            keys = in(reg) keys.as_ptr(),
            rounds = in(reg) keys.rounds(),
            last = in(reg) keys.as_ptr().add(keys.rounds()),
            iv = in(reg) iv.as_ptr(),
            from = inout(reg) from.add(len - 16) => _,
            to = inout(reg) to.add(len - 16) => _,
            before = inout(reg) len - 16 => _,
            takes_quads = in(reg) u32::from(takes_quads()),
            // The last instruction writes to all of them.
            out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _, out("ymm6") _,
            out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _, out("ymm12") _,
            out("ymm13") _, out("ymm14") _, out("ymm15") _,
            options(nostack)
        );
    }
}
