//! CBC decryption with two blocks to a register: NIST SP 800-38A, 6.2. `unsafe` code: instructions that not every processor
//! has, behind the proof that this one has them, and pointers.
//!
//! It is assembly, in which no text ever leaves the registers but for the output: a compiler that had values of its own between
//! the instructions would spill some, at one level of optimisation or another. No branch and no address depends on a key or
//! on a text.
#![allow(unsafe_code)]

use core::arch::asm;

use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use super::super::super::aesni::{RoundKeys, takes_pairs};

/// The round keys of decryption, and the proof that this processor has the instructions, or none of both; wiped on drop.
pub(super) struct WideKeys(RoundKeys);

impl ZeroizeOnDrop for WideKeys {}

/// Decrypts a first pair and others at their places, of which the last block is at `end`, and goes on behind them.
macro_rules! pairs {
    ($end:literal, $len:literal, $(($pair:literal $at:literal))*) => {
        concat!(
            "vbroadcasti128 ymm8, [{keys}]
            vpxor ymm0, ymm8, [{from}]
            ",
            $("vpxor ", $pair, ", ymm8, [{from} + ", $at, "]\n",)*
            "lea {key}, [{keys} + 16]
            22:
            vbroadcasti128 ymm8, [{key}]
            vaesdec ymm0, ymm0, ymm8
            ",
            $("vaesdec ", $pair, ", ", $pair, ", ymm8\n",)*
            "add {key}, 16
            cmp {key}, {last}
            jb 22b
            vbroadcasti128 ymm8, [{last}]
            vinserti128 ymm10, ymm10, [{from}], 1
            vpxor ymm9, ymm8, ymm10
            vaesdeclast ymm0, ymm0, ymm9
            ",
            $("vpxor ymm9, ymm8, [{from} + ", $at, " - 16]\n vaesdeclast ", $pair, ", ", $pair, ", ymm9\n",)*
            "vmovdqu xmm10, [{from} + ", $end, "]
            vmovdqu [{to}], ymm0
            ",
            $("vmovdqu [{to} + ", $at, "], ", $pair, "\n",)*
            "add {from}, ", $len, "\n add {to}, ", $len, "\n sub {len}, ", $len,
        )
    };
}

/// Decrypts a block, and goes on behind it.
macro_rules! block {
    () => {
        "vmovdqu xmm0, [{from}]
        vpxor xmm1, xmm0, [{keys}]
        lea {key}, [{keys} + 16]
        22:
        vaesdec xmm1, xmm1, [{key}]
        add {key}, 16
        cmp {key}, {last}
        jb 22b
        vpxor xmm10, xmm10, [{last}]
        vaesdeclast xmm1, xmm1, xmm10
        vmovdqa xmm10, xmm0
        vmovdqu [{to}], xmm1
        add {from}, 16
        add {to}, 16
        sub {len}, 16"
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
        vpxor xmm10, xmm10, xmm10
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
    let (from, to) = text.into_raw();
    let keys_at = keys.as_ptr();
    // SAFETY: the caller vouches for the instructions. Blocks are read at `from` and written at `to` while `len` says that there are
    // as many, and both go on together; all of a batch is read before any of it is written. Keys are read from the first to the
    // last, of which there are at least three.
    unsafe {
        asm!(
            "vmovdqu xmm10, [{key}]",
            // What is no whole batch comes first: it takes as long as one, and a processor begins those that follow meanwhile.
            "test {len}, 16",
            "jz 32f",
            block!(),
            "32:",
            "test {len}, 32",
            "jz 33f",
            pairs!("16", "32",),
            "33:",
            "test {len}, 64",
            "jz 34f",
            pairs!("48", "64", ("ymm1" "32")),
            "34:",
            "test {len}, 128",
            "jz 35f",
            pairs!("112", "128", ("ymm1" "32") ("ymm2" "64") ("ymm3" "96")),
            "35:",
            "test {len}, {len}",
            "jz 37f",
            "36:",
            pairs!("240", "256", ("ymm1" "32") ("ymm2" "64") ("ymm3" "96") ("ymm4" "128") ("ymm5" "160") ("ymm6" "192") ("ymm7" "224")),
            "jnz 36b",
            "37:",
            cleared!(),
            keys = in(reg) keys_at,
            last = in(reg) keys_at.add(keys.rounds()),
            key = inout(reg) iv.as_ptr() => _,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            len = inout(reg) len => _,
            out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _, out("ymm6") _,
            out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _, out("ymm12") _,
            out("ymm13") _, out("ymm14") _, out("ymm15") _,
            options(nostack)
        );
    }
}
