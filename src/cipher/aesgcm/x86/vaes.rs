//! AES-GCM in one pass over the text, two blocks to a register: NIST SP 800-38D, 6.5, 7.1 and 7.2. `unsafe` code: instructions
//! that not every processor has, behind the proof that this one has them.
//!
//! Text, key stream and sum are in registers but for what a compiler spills, and for the mask of the tag and a last block
//! that is not whole, so that little of the stack has to be overwritten. No branch and no address depends on a key or on a text.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_setzero_si128, _mm_storeu_si128, _mm256_castsi256_si128, _mm256_loadu_si256,
    _mm256_storeu_si256, _mm256_xor_si256, _mm256_zextsi128_si256,
};

use inout::InOutBuf;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::super::super::aesni::{RoundKeys, takes_pairs};
use super::ghash::{Ghash, POWERS};
use super::pairs::{Numbered, Products, broadcast, clear_registers, encrypted_last, numbers, pair, unfinished};
use super::{BLOCK_LEN, lengths, partial};

const PAIR_LEN: usize = 2 * BLOCK_LEN;

/// Pairs of blocks that are taken at once, with one reduction.
const PAIRS: usize = 4;
const BATCH_LEN: usize = PAIRS * PAIR_LEN;

/// The round keys and the hash key, and the proof that this processor has the instructions; wiped on drop.
pub(super) struct PairKeys {
    keys: RoundKeys,
    ghash: Ghash,
}

impl ZeroizeOnDrop for PairKeys {}

impl PairKeys {
    /// Expands a key of 16, 24 or 32 bytes; `None` for others, and where the processor does not take two blocks at once.
    pub(super) fn expand(key: &[u8]) -> Option<Self> {
        // The powers are made by that product.
        if !takes_pairs() || !Ghash::has_product() {
            return None;
        }
        let keys = RoundKeys::expand(key)?;
        let mut hash_key = Zeroizing::new([0; BLOCK_LEN]);
        // SAFETY: the instructions were detected above, which is all that the function asks for.
        unsafe { apply(&keys, &[0; 12], 0, &mut *hash_key) };
        Some(Self { ghash: Ghash::new(&hash_key), keys })
    }

    #[cfg(feature = "envelope")]
    pub(super) fn are_possible() -> bool {
        takes_pairs() && Ghash::has_product()
    }

    /// Encrypts `text` and returns the tag.
    pub(super) fn seal(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
        let hashed = Hashed::new(aad, text.len());
        // SAFETY: these keys exist only where the instructions were detected, which is all that the function asks for.
        unsafe { pass::<false, true>(&self.keys, self.ghash.powers(), (nonce, 2), hashed, text) }
    }

    /// Decrypts `text` and returns what its tag has to be.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
        let hashed = Hashed::new(aad, text.len());
        // SAFETY: as of `seal`.
        unsafe { pass::<true, false>(&self.keys, self.ghash.powers(), (nonce, 2), hashed, text) }
    }

    /// What the tag of an encrypted `text` has to be.
    pub(super) fn tag(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> [u8; 16] {
        let hashed = Hashed { text, ..Hashed::new(aad, text.len()) };
        // SAFETY: as of `seal`.
        unsafe { pass::<true, false>(&self.keys, self.ghash.powers(), (nonce, 2), hashed, (&mut [][..]).into()) }
    }

    /// Encrypts or decrypts `text` where it is, without a sum.
    pub(super) fn apply_stream(&self, nonce: &[u8; 12], text: &mut [u8]) {
        // SAFETY: as of `seal`.
        unsafe { apply(&self.keys, nonce, 2, text) }
    }
}

/// Adds the key stream from the block of that number on to `text`.
///
/// # Safety
/// As of [`pass`].
#[target_feature(enable = "aes,pclmulqdq,avx2")]
unsafe fn apply(keys: &RoundKeys, nonce: &[u8; 12], number: u32, text: &mut [u8]) {
    // SAFETY: as of this function.
    unsafe { pass::<false, false>(keys, &[0; POWERS], (nonce, number), Hashed::default(), text.into()) };
}

/// What the tag is made of, beside the text of the pass.
#[derive(Default)]
struct Hashed<'a> {
    aad: &'a [u8],
    /// If it is not in the pass.
    text: &'a [u8],
    lengths: u128,
}

impl<'a> Hashed<'a> {
    fn new(aad: &'a [u8], text_len: usize) -> Self {
        Self { aad, text: &[], lengths: lengths(aad.len(), text_len) }
    }
}

/// Adds the key stream from the block of that number on to `text` and returns the tag, of the text as it was (`IN`) or as it
/// became (`OUT`); if of neither, no sum is made and what is returned is none.
///
/// # Safety
/// The processor has what was detected.
#[target_feature(enable = "aes,pclmulqdq,avx2")]
unsafe fn pass<const IN: bool, const OUT: bool>(
    keys: &RoundKeys,
    powers: &[u128; POWERS],
    (nonce, number): (&[u8; 12], u32),
    hashed: Hashed<'_>,
    text: InOutBuf<'_, '_, u8>,
) -> [u8; BLOCK_LEN] {
    let (blocks, fraction_len) = (text.len() / BLOCK_LEN, text.len() % BLOCK_LEN);
    let (mut text, mut fraction) = text.split_at(blocks * BLOCK_LEN);
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let mut numbered = Numbered::new(nonce, [number, number + 1]);
        let mut sum = absorbed(powers, _mm_setzero_si128(), hashed.aad);
        sum = absorbed(powers, sum, hashed.text);
        // What was made before the batch under way: it is at hand while that one waits for its rounds.
        let mut behind: &[u8] = &[];
        while text.len() >= BATCH_LEN {
            let (mut batch, rest) = text.split_at(BATCH_LEN);
            let mut products = Products::new(sum);
            // The eighth power goes with the first block.
            pairs::<PAIRS, IN, false>(keys, &mut numbered, batch.reborrow(), (&mut products, &powers[1..]));
            sum = if OUT { whole(powers, sum, behind) } else { products.reduced() };
            behind = batch.into_out();
            text = rest;
        }
        if OUT {
            sum = whole(powers, sum, behind);
        }
        let mut products = Products::new(sum);
        // The lengths go with the key itself, and each block before them with the next higher power.
        let left = &powers[POWERS - 2 - usize::from(fraction_len > 0) - text.len() / BLOCK_LEN..];
        match text.len().div_ceil(PAIR_LEN) {
            0 => {}
            1 => pairs::<1, IN, OUT>(keys, &mut numbered, text, (&mut products, left)),
            2 => pairs::<2, IN, OUT>(keys, &mut numbered, text, (&mut products, left)),
            3 => pairs::<3, IN, OUT>(keys, &mut numbered, text, (&mut products, left)),
            _ => pairs::<4, IN, OUT>(keys, &mut numbered, text, (&mut products, left)),
        }
        // What masks the tag, and the key stream of a block that is not whole. No text has more blocks than 32 bits count.
        let number = number.wrapping_add(u32::try_from(blocks).unwrap_or(0));
        let [last] = unfinished(keys, &mut Numbered::new(nonce, [1, number]));
        let [mask, stream] = both(encrypted_last(last, broadcast(keys.key(keys.rounds()))));
        let given = partial::load(fraction.get_in());
        let made = given ^ stream;
        partial::store(fraction.get_out(), made);
        if fraction_len > 0 {
            let hashed_last = if IN { given } else { made & partial::mask(fraction_len) };
            products.add(pair(hashed_last.swap_bytes(), hashed.lengths), &powers[POWERS - 3..]);
        } else {
            products.add(pair(hashed.lengths, 0), &powers[POWERS - 2..]);
        }
        let [sum, _] = both(_mm256_zextsi128_si256(products.reduced()));
        clear_registers();
        (sum ^ mask.swap_bytes()).to_be_bytes()
    }
}

/// The sum with a batch taken in, if there is one.
///
/// # Safety
/// As of [`pass`].
#[inline(always)]
unsafe fn whole(powers: &[u128; POWERS], sum: __m128i, batch: &[u8]) -> __m128i {
    let Some(batch) = batch.first_chunk::<BATCH_LEN>() else { return sum };
    // SAFETY: the caller vouches for the instructions; a pair is loaded from 32 bytes.
    unsafe {
        let mut products = Products::new(sum);
        for place in 0..PAIRS {
            let blocks = _mm256_loadu_si256(batch[place * PAIR_LEN..][..PAIR_LEN].as_ptr().cast());
            products.add(numbers(blocks), &powers[1 + 2 * place..]);
        }
        products.reduced()
    }
}

/// The sum with `bytes` taken in, and the zeros that fill the last block.
///
/// # Safety
/// As of [`pass`].
#[inline]
#[target_feature(enable = "aes,pclmulqdq,avx2")]
unsafe fn absorbed(powers: &[u128; POWERS], mut sum: __m128i, bytes: &[u8]) -> __m128i {
    for batch in bytes.chunks(BATCH_LEN) {
        let powers = &powers[POWERS - 1 - batch.len().div_ceil(BLOCK_LEN)..];
        // SAFETY: the caller vouches for the instructions; a pair is loaded from 32 bytes.
        unsafe {
            let mut products = Products::new(sum);
            for (pair_of_bytes, powers) in batch.chunks(PAIR_LEN).zip(powers.chunks(2)) {
                let blocks = if pair_of_bytes.len() == PAIR_LEN {
                    _mm256_loadu_si256(pair_of_bytes.as_ptr().cast())
                } else {
                    let (first, second) = pair_of_bytes.split_at(pair_of_bytes.len().min(BLOCK_LEN));
                    pair(partial::load(first), partial::load(second))
                };
                products.add(numbers(blocks), powers);
            }
            sum = products.reduced();
        }
    }
    sum
}

/// So many pairs, or a block less.
///
/// # Safety
/// As of [`pass`].
#[inline(always)]
unsafe fn pairs<const COUNT: usize, const IN: bool, const OUT: bool>(
    keys: &RoundKeys,
    numbered: &mut Numbered,
    mut text: InOutBuf<'_, '_, u8>,
    (products, powers): (&mut Products, &[u128]),
) {
    let len = text.len();
    let is_whole = |place: usize| place + 1 < COUNT || len == COUNT * PAIR_LEN;
    // SAFETY: the caller vouches for the instructions; a pair is loaded from 32 bytes and stored to as many, a block from 16.
    unsafe {
        let stream = unfinished::<COUNT>(keys, numbered);
        let last = broadcast(keys.key(keys.rounds()));
        for (place, stream) in stream.into_iter().enumerate() {
            let from = place * PAIR_LEN;
            let powers = &powers[2 * place..];
            if is_whole(place) {
                let given = _mm256_loadu_si256(text.get_in()[from..from + PAIR_LEN].as_ptr().cast());
                let made = encrypted_last(stream, _mm256_xor_si256(last, given));
                _mm256_storeu_si256(text.get_out()[from..from + PAIR_LEN].as_mut_ptr().cast(), made);
                if IN || OUT {
                    products.add(numbers(if IN { given } else { made }), powers);
                }
            } else {
                let given = _mm_loadu_si128(text.get_in()[from..from + BLOCK_LEN].as_ptr().cast());
                let made = encrypted_last(stream, _mm256_xor_si256(last, _mm256_zextsi128_si256(given)));
                let made = _mm256_castsi256_si128(made);
                _mm_storeu_si128(text.get_out()[from..from + BLOCK_LEN].as_mut_ptr().cast(), made);
                if IN || OUT {
                    products.add(numbers(_mm256_zextsi128_si256(if IN { given } else { made })), powers);
                }
            }
        }
    }
}

/// Two blocks as little-endian numbers.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn both(blocks: __m256i) -> [u128; 2] {
    let mut both = [0; 2];
    // SAFETY: the caller vouches for the instructions; two numbers have 32 bytes.
    unsafe { _mm256_storeu_si256(both.as_mut_ptr().cast(), blocks) };
    both
}
