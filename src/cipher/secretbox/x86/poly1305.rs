//! Poly1305 in words of 64 bits: RFC 8439, 2.5. The library for it has no code of its own for such words, and its
//! vectorised code is slow wherever AVX2 is found at run time only.
//!
//! No branch and no index depends on a secret; the products of `u128` take the same time for every operand on the
//! processors that this is built for.

use zeroize::Zeroize;

const BLOCK_LEN: usize = 16;

/// The sum so far under a one-time key; wiped on drop.
pub(super) struct Poly1305 {
    /// The multiplier, clamped.
    r: [u64; 2],
    /// What is added at the end.
    pad: [u64; 2],
    /// The sum, below 2^130 and a little more.
    sum: [u64; 3],
}

impl Poly1305 {
    /// Takes the key from the first 32 bytes.
    pub(super) fn new(key: &[u8]) -> Self {
        let [r0, r1, pad0, pad1] = words(key);
        let r = [r0 & 0x0fff_fffc_0fff_ffff, r1 & 0x0fff_fffc_0fff_fffc];
        Self { r, pad: [pad0, pad1], sum: [0; 3] }
    }

    /// Takes in the whole blocks of `bytes`; the rest is left out.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        // Kept in registers from block to block.
        let (mut sum, r) = (self.sum, self.r);
        for block in bytes.chunks_exact(BLOCK_LEN) {
            let [low, high] = words(block);
            sum = product(sum, low, high, 1, r);
        }
        self.sum = sum;
    }

    /// Takes in four blocks, without a loop whose end a processor has to guess.
    #[inline(always)]
    pub(super) fn update_four(&mut self, blocks: &[u8; 4 * BLOCK_LEN]) {
        let [a, b, c, d, e, f, g, h] = words(blocks);
        let sum = product(self.sum, a, b, 1, self.r);
        let sum = product(sum, c, d, 1, self.r);
        let sum = product(sum, e, f, 1, self.r);
        self.sum = product(sum, g, h, 1, self.r);
    }

    /// Takes in the last bytes, as many as they are, and returns the tag.
    pub(super) fn tag(mut self, bytes: &[u8]) -> [u8; 16] {
        self.update(bytes);
        let rest = &bytes[bytes.len() - bytes.len() % BLOCK_LEN..];
        if !rest.is_empty() {
            let mut block = [0; BLOCK_LEN];
            block[..rest.len()].copy_from_slice(rest);
            block[rest.len()] = 1;
            let [low, high] = words(&block);
            self.sum = product(self.sum, low, high, 0, self.r);
        }
        let total = u128_of(reduced(self.sum)).wrapping_add(u128_of(self.pad));
        total.to_le_bytes()
    }
}

/// `(sum + low + high * 2^64 + top * 2^128) * r`, reduced modulo 2^130 - 5 up to a few bits.
#[inline(always)]
fn product(sum: [u64; 3], low: u64, high: u64, top: u64, r: [u64; 2]) -> [u64; 3] {
    let [r0, r1] = r;
    // 5 / 4 of it, which the clamped bits make exact: what is beyond 2^130 comes back at the bottom, times 5.
    let wrapped = r1 + (r1 >> 2);
    let low = u128::from(sum[0]) + u128::from(low);
    let high = u128::from(sum[1]) + (low >> 64) + u128::from(high);
    let (h0, h1, h2) = (low_of(low), low_of(high), sum[2] + high_of(high) + top);

    let d0 = wide(h0, r0) + wide(h1, wrapped);
    let d1 = wide(h0, r1) + wide(h1, r0) + u128::from(h2 * wrapped) + (d0 >> 64);
    let d2 = h2 * r0 + high_of(d1);

    let low = u128::from(low_of(d0)) + u128::from((d2 >> 2) + (d2 & !3));
    let high = u128::from(low_of(d1)) + (low >> 64);
    [low_of(low), low_of(high), (d2 & 3) + high_of(high)]
}

/// The sum modulo 2^130 - 5, its low 128 bits.
fn reduced([h0, h1, h2]: [u64; 3]) -> [u64; 2] {
    // sum + 5 reaches 2^130 exactly if the sum reaches the modulus.
    let (g0, carry) = h0.overflowing_add(5);
    let (g1, carry) = h1.overflowing_add(u64::from(carry));
    let g2 = h2 + u64::from(carry);
    let reaches = (g2 >> 2).wrapping_neg();
    [h0 ^ (reaches & (h0 ^ g0)), h1 ^ (reaches & (h1 ^ g1))]
}

#[inline(always)]
fn wide(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn low_of(a: u128) -> u64 {
    a as u64
}

#[inline(always)]
const fn high_of(a: u128) -> u64 {
    low_of(a >> 64)
}

fn u128_of([low, high]: [u64; 2]) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

/// The first words of `bytes`; where there are fewer, zeros.
#[inline(always)]
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_le_bytes);
    }
    words
}

impl Drop for Poly1305 {
    fn drop(&mut self) {
        self.r.zeroize();
        self.pad.zeroize();
        self.sum.zeroize();
    }
}
