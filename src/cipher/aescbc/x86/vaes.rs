//! CBC decryption with two blocks to a register: NIST SP 800-38A, 6.2. `unsafe` code: instructions that not every processor
//! has, behind the proof that this one has them, and pointers.
//!
//! It begins at the end, where the padding is: what is done last is the only block or pair that has no block before it.
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

/// Takes pairs through some rounds.
macro_rules! some_rounds {
    ($keys:literal, $($pair:literal)*) => {
        concat!(
            "\n.irp key, ",
            $keys,
            "\n vbroadcasti128 ymm8, [{keys} + 16 * \\key]\n",
            $("vaesdec ", $pair, ", ", $pair, ", ymm8\n",)*
            ".endr\n"
        )
    };
}

/// Takes pairs, with the first key, through all rounds but the last, whose key is then in `ymm8`.
macro_rules! rounds {
    ($($pair:literal)*) => {
        concat!(
            some_rounds!("1, 2, 3, 4, 5, 6, 7, 8, 9", $($pair)*),
            "cmp {rounds}, 12\n jb 22f\n",
            some_rounds!("10, 11", $($pair)*),
            "je 22f\n",
            some_rounds!("12, 13", $($pair)*),
            "22:\n vbroadcasti128 ymm8, [{last}]\n"
        )
    };
}

/// Decrypts pairs at the end, each at its place, and goes on before them: from there on is the block that comes before them.
macro_rules! pairs {
    ($len:literal, $(($pair:literal $at:literal))*) => {
        concat!(
            "sub {from}, ", $len, "\n sub {to}, ", $len, "\n vbroadcasti128 ymm8, [{keys}]\n",
            $("vpxor ", $pair, ", ymm8, [{from} + ", $at, " + 16]\n",)*
            rounds!($($pair)*),
            $("vpxor ymm9, ymm8, [{from} + ", $at, "]\n vaesdeclast ", $pair, ", ", $pair, ", ymm9\n",)*
            $("vmovdqu [{to} + ", $at, " + 16], ", $pair, "\n",)*
        )
    };
}

/// Decrypts the first pair, or the first block alone.
macro_rules! first {
    () => {
        concat!(
            "vmovdqu xmm1, [{iv}]
            vmovdqu xmm0, [{first}]
            test {len}, 16
            jnz 37f
            vmovdqu ymm0, [{first}]
            vinserti128 ymm1, ymm1, xmm0, 1
            37:
            vbroadcasti128 ymm8, [{keys}]
            vpxor ymm0, ymm0, ymm8
            ",
            rounds!("ymm0"),
            "vpxor ymm1, ymm1, ymm8
            vaesdeclast ymm0, ymm0, ymm1
            test {len}, 16
            jnz 38f
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
    if len == 0 {
        return;
    }
    let (from, to) = text.into_raw();
    // SAFETY: the caller vouches for the instructions. `behind` counts the bytes behind the first pair, or behind the first block where
    // it is the one that has no pair; they are taken from the end on, while there are as many. `from` and `to` stand a block before
    // the end of those that are left. All that a batch is made of, and the block before it, is read before it is written, and
    // nothing behind that block is read again, so that the output may be the input. Keys are read from the first to the last,
    // of which there are at least eleven.
    unsafe {
        asm!(
            "32:",
            "cmp {behind}, 256",
            "jb 33f",
            pairs!("256", ("ymm0" "0") ("ymm1" "32") ("ymm2" "64") ("ymm3" "96") ("ymm4" "128") ("ymm5" "160") ("ymm6" "192") ("ymm7" "224")),
            "sub {behind}, 256",
            "jmp 32b",
            "33:",
            "test {behind}, 128",
            "jz 34f",
            pairs!("128", ("ymm0" "0") ("ymm1" "32") ("ymm2" "64") ("ymm3" "96")),
            "34:",
            "test {behind}, 64",
            "jz 35f",
            pairs!("64", ("ymm0" "0") ("ymm1" "32")),
            "35:",
            "test {behind}, 32",
            "jz 36f",
            pairs!("32", ("ymm0" "0")),
            "36:",
            first!(),
            cleared!(),
            keys = in(reg) keys.as_ptr(),
            rounds = in(reg) keys.rounds(),
            last = in(reg) keys.as_ptr().add(keys.rounds()),
            iv = in(reg) iv.as_ptr(),
            first = in(reg) from,
            from = inout(reg) from.add(len - 16) => _,
            to = inout(reg) to.add(len - 16) => _,
            len = in(reg) len,
            behind = inout(reg) (len - 16) & !31 => _,
            out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _, out("ymm6") _,
            out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _, out("ymm12") _,
            out("ymm13") _, out("ymm14") _, out("ymm15") _,
            options(nostack)
        );
    }
}
