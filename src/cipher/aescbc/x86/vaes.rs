//! CBC decryption with two blocks to a register: NIST SP 800-38A, 6.2. `unsafe` code: instructions that not every processor
//! has, behind the proof that this one has them.
//!
//! From a block to what it becomes all is in registers but for what a compiler spills. No branch and no address depends on a
//! key or on a text. The instructions are written as such because Rust names them from 1.89 on.
#![allow(unsafe_code)]

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_storeu_si128, _mm256_broadcastsi128_si256, _mm256_castsi256_si128,
    _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_xor_si256, _mm256_zextsi128_si256,
};

use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use super::super::super::aesni::{RoundKeys, clear_registers, takes_pairs};

const BLOCK_LEN: usize = 16;
const PAIR_LEN: usize = 2 * BLOCK_LEN;

/// Pairs of blocks that are decrypted at once: as many as keep the units for AES busy and leave registers for the rest.
const PAIRS: usize = 8;

/// The round keys of decryption, and the proof that this processor has the instructions, or none of both; wiped on drop.
pub(super) struct WideKeys(RoundKeys);

impl ZeroizeOnDrop for WideKeys {}

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
#[target_feature(enable = "avx2")]
unsafe fn decrypt(keys: &RoundKeys, iv: &[u8; 16], mut text: InOutBuf<'_, '_, u8>) {
    let mut at = 0;
    // SAFETY: the caller vouches for the instructions; the load is of 16 bytes.
    unsafe {
        let mut before = _mm_loadu_si128(iv.as_ptr().cast());
        while text.len() - at >= PAIRS * PAIR_LEN {
            before = pairs::<PAIRS>(keys, before, &mut text, at, 2 * PAIRS);
            at += PAIRS * PAIR_LEN;
        }
        let rest = (text.len() - at) / BLOCK_LEN;
        let _ = match rest.div_ceil(2) {
            1 => pairs::<1>(keys, before, &mut text, at, rest),
            2 => pairs::<2>(keys, before, &mut text, at, rest),
            3 => pairs::<3>(keys, before, &mut text, at, rest),
            4 => pairs::<4>(keys, before, &mut text, at, rest),
            5 => pairs::<5>(keys, before, &mut text, at, rest),
            6 => pairs::<6>(keys, before, &mut text, at, rest),
            7 => pairs::<7>(keys, before, &mut text, at, rest),
            8 => pairs::<8>(keys, before, &mut text, at, rest),
            _ => before,
        };
        clear_registers();
    }
}

/// Decrypts `blocks` blocks from `at` on, which are that many pairs or one block less, and returns the last of them as it was.
///
/// # Safety
/// The processor has VAES and AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn pairs<const COUNT: usize>(
    keys: &RoundKeys,
    before: __m128i,
    text: &mut InOutBuf<'_, '_, u8>,
    at: usize,
    blocks: usize,
) -> __m128i {
    // The last pair may lack its second block.
    let is_whole = |pair: usize| pair + 1 < COUNT || blocks == 2 * COUNT;
    // SAFETY: the caller vouches for the instructions. Each load and store of a pair is of 16 bytes, or of 32 where it is whole,
    // within as many blocks as were just found to be there; the one of what stands before a pair begins a block earlier.
    unsafe {
        let input = text.get_in()[at..at + blocks * BLOCK_LEN].as_ptr();
        let first = broadcast(keys.key(0));
        let mut x = [first; COUNT];
        for (pair, x) in x.iter_mut().enumerate() {
            *x = _mm256_xor_si256(first, load(input.add(pair * PAIR_LEN), is_whole(pair)));
        }
        for key in keys.between() {
            let key = broadcast(_mm_loadu_si128(key.as_ptr().cast()));
            for x in &mut x {
                *x = decrypted(*x, key);
            }
        }
        let last = broadcast(keys.key(keys.rounds()));
        for (pair, x) in x.iter_mut().enumerate() {
            let before = match pair {
                0 if is_whole(0) => _mm256_inserti128_si256::<1>(widened(before), _mm_loadu_si128(input.cast())),
                0 => widened(before),
                _ => load(input.add(pair * PAIR_LEN - BLOCK_LEN), is_whole(pair)),
            };
            // The block before goes in along with the last round key.
            *x = decrypted_last(*x, _mm256_xor_si256(last, before));
        }
        let before = _mm_loadu_si128(input.add((blocks - 1) * BLOCK_LEN).cast());
        let output = text.get_out()[at..at + blocks * BLOCK_LEN].as_mut_ptr();
        for (pair, x) in x.into_iter().enumerate() {
            let output = output.add(pair * PAIR_LEN);
            if is_whole(pair) {
                _mm256_storeu_si256(output.cast(), x);
            } else {
                _mm_storeu_si128(output.cast(), _mm256_castsi256_si128(x));
            }
        }
        before
    }
}

/// A pair of blocks, or one and zeros.
///
/// # Safety
/// The processor has AVX2, and as many bytes can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(from: *const u8, is_whole: bool) -> __m256i {
    // SAFETY: as of this function.
    unsafe { if is_whole { _mm256_loadu_si256(from.cast()) } else { widened(_mm_loadu_si128(from.cast())) } }
}

/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
#[allow(unused_unsafe, reason = "compilers before 1.87 ask for it")]
unsafe fn broadcast(key: __m128i) -> __m256i {
    // SAFETY: the caller vouches for the instructions.
    unsafe { _mm256_broadcastsi128_si256(key) }
}

/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
#[allow(unused_unsafe, reason = "compilers before 1.87 ask for it")]
unsafe fn widened(block: __m128i) -> __m256i {
    // SAFETY: the caller vouches for the instructions.
    unsafe { _mm256_zextsi128_si256(block) }
}

/// One round.
///
/// # Safety
/// The processor has VAES and AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn decrypted(x: __m256i, key: __m256i) -> __m256i {
    let next;
    // SAFETY: the caller vouches for the instruction, which computes a register of two others.
    unsafe {
        asm!("vaesdec {}, {}, {}", lateout(ymm_reg) next, in(ymm_reg) x, in(ymm_reg) key,
            options(pure, nomem, nostack, preserves_flags));
    }
    next
}

/// The last round.
///
/// # Safety
/// The processor has VAES and AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn decrypted_last(x: __m256i, key: __m256i) -> __m256i {
    let last;
    // SAFETY: the caller vouches for the instruction, which computes a register of two others.
    unsafe {
        asm!("vaesdeclast {}, {}, {}", lateout(ymm_reg) last, in(ymm_reg) x, in(ymm_reg) key,
            options(pure, nomem, nostack, preserves_flags));
    }
    last
}
