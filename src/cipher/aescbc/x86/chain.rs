//! AES encryption in the registers of x86-64: NIST FIPS 197. `unsafe` code: instructions that not every
//! processor has, behind the proof that this one has them.
//!
//! No branch and no address depends on a key or on a text.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_loadu_si128, _mm_storeu_si128, _mm_xor_si128,
};

use aes::Block;
use inout::InOutBuf;

#[cfg(feature = "alloc")]
use super::LANES;
use super::RoundKeys;

impl RoundKeys {
    /// Encrypts the blocks of one chain, and `end` behind them in place.
    pub(super) fn chain(&self, iv: &Block, blocks: InOutBuf<'_, '_, Block>, end: &mut Block) {
        // SAFETY: round keys exist only where the instructions were detected, which is all that the function asks for.
        unsafe {
            match self.rounds() {
                10 => chain::<10>(self, iv, blocks, end),
                12 => chain::<12>(self, iv, blocks, end),
                _ => chain::<14>(self, iv, blocks, end),
            }
        }
    }

    /// Encrypts the first `steps` blocks of each chain in place; a chain that has none is idle. `state` is what they begin
    /// with, and then the last block of each.
    #[cfg(feature = "alloc")]
    pub(super) fn lanes(&self, state: &mut [Block; LANES], chains: &mut [&mut [Block]; LANES], steps: usize) {
        // SAFETY: as of `chain`.
        unsafe {
            match self.rounds() {
                10 => lanes::<10>(self, state, chains, steps),
                12 => lanes::<12>(self, state, chains, steps),
                _ => lanes::<14>(self, state, chains, steps),
            }
        }
    }
}

/// # Safety
/// The processor has AES and SSE2.
#[target_feature(enable = "aes,sse2")]
unsafe fn chain<const ROUNDS: usize>(
    keys: &RoundKeys,
    iv: &Block,
    mut blocks: InOutBuf<'_, '_, Block>,
    end: &mut Block,
) {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let (first, last) = (keys.key(0), keys.key(ROUNDS));
        let between = _mm_xor_si128(first, last);
        let mut x = _mm_xor_si128(_mm_xor_si128(load(iv), first), load(blocks.get_in().first().unwrap_or(end)));
        for i in 0..blocks.len() {
            x = rounds::<ROUNDS>(keys, x);
            // The next block goes in along with the last round key, so that from block to block there are rounds alone.
            let next = _mm_xor_si128(between, load(blocks.get_in().get(i + 1).unwrap_or(end)));
            store(&mut blocks.get_out()[i], _mm_aesenclast_si128(x, last));
            x = _mm_aesenclast_si128(x, next);
        }
        store(end, _mm_aesenclast_si128(rounds::<ROUNDS>(keys, x), last));
    }
}

/// All rounds but the last.
///
/// # Safety
/// The processor has AES and SSE2.
#[target_feature(enable = "aes,sse2")]
unsafe fn rounds<const ROUNDS: usize>(keys: &RoundKeys, mut x: __m128i) -> __m128i {
    for round in 1..ROUNDS {
        // SAFETY: the caller vouches for the instructions.
        x = unsafe { _mm_aesenc_si128(x, keys.key(round)) };
    }
    x
}

/// # Safety
/// The processor has AES and SSE2.
#[cfg(feature = "alloc")]
#[target_feature(enable = "aes,sse2")]
unsafe fn lanes<const ROUNDS: usize>(
    keys: &RoundKeys,
    state: &mut [Block; LANES],
    chains: &mut [&mut [Block]; LANES],
    steps: usize,
) {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let mut x = [keys.key(0); LANES];
        for (x, state) in x.iter_mut().zip(&*state) {
            *x = load(state);
        }
        for step in 0..steps {
            let first = keys.key(0);
            for (x, block) in x.iter_mut().zip(chains.iter().map(|chain| chain.get(step))) {
                *x = _mm_xor_si128(_mm_xor_si128(*x, first), block.map_or(first, |block| load(block)));
            }
            for round in 1..ROUNDS {
                let key = keys.key(round);
                for x in &mut x {
                    *x = _mm_aesenc_si128(*x, key);
                }
            }
            let last = keys.key(ROUNDS);
            for (x, chain) in x.iter_mut().zip(&mut *chains) {
                *x = _mm_aesenclast_si128(*x, last);
                chain.get_mut(step).into_iter().for_each(|block| store(block, *x));
            }
        }
        for (x, state) in x.iter().zip(state) {
            store(state, *x);
        }
    }
}

/// # Safety
/// The processor has SSE2.
#[inline(always)]
unsafe fn load(block: &Block) -> __m128i {
    // SAFETY: as of this function; 16 bytes are read, which need no alignment.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

/// # Safety
/// The processor has SSE2.
#[inline(always)]
unsafe fn store(block: &mut Block, x: __m128i) {
    // SAFETY: as of this function; 16 bytes are written, which need no alignment.
    unsafe { _mm_storeu_si128(block.as_mut_ptr().cast(), x) }
}
