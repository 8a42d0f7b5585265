//! Blocks that are not whole, as numbers: without a buffer that would have to be wiped, and that would be read in other parts
//! than it was written in, for which a processor waits. Which bytes are touched depends on the length alone.

use super::BLOCK_LEN;

/// Up to 16 bytes as a little-endian number.
#[inline(never)]
pub(super) fn load(bytes: &[u8]) -> u128 {
    let from = |place: usize| 8 * place;
    if let Some(whole) = bytes.first_chunk() {
        return u128::from_le_bytes(*whole);
    }
    // Bytes that are in both parts are the same in both.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        return u128::from(first) | u128::from(last) << from(bytes.len() - 8);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u128::from(first) | u128::from(last) << from(bytes.len() - 4);
    }
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// As many bytes of a number, up to 16, as `out` has.
#[inline(never)]
pub(super) fn store(out: &mut [u8], number: u128) {
    let [low, _] = halves(number);
    if let Some(whole) = out.first_chunk_mut() {
        *whole = number.to_le_bytes();
    } else if let Some(beyond) = out.len().checked_sub(8) {
        let [high, _] = halves(number >> (8 * beyond));
        out.first_chunk_mut().into_iter().for_each(|first| *first = low.to_le_bytes());
        out.last_chunk_mut().into_iter().for_each(|last| *last = high.to_le_bytes());
    } else {
        for (place, byte) in out.iter_mut().enumerate() {
            [*byte, ..] = (low >> (8 * place)).to_le_bytes();
        }
    }
}

/// A number whose lowest `len` bytes, up to 16, have all bits set.
#[inline(always)]
pub(super) const fn mask(len: usize) -> u128 {
    if len < BLOCK_LEN { !(u128::MAX << (8 * len)) } else { u128::MAX }
}

/// The lower and the upper 64 bits.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the upper bits are the other half")]
pub(super) const fn halves(number: u128) -> [u64; 2] {
    [number as u64, (number >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 16] = *b"0123456789abcdef";

    #[test]
    fn bytes_are_read_in_order_and_no_more_of_them() {
        for len in 0..=16 {
            let mut padded = [0; 16];
            padded[..len].copy_from_slice(&BYTES[..len]);
            assert_eq!(load(&BYTES[..len]).to_le_bytes(), padded, "{len}");
            assert_eq!(u128::from_le_bytes(BYTES) & mask(len), u128::from_le_bytes(padded), "{len}");
        }
    }

    #[test]
    fn bytes_are_written_in_order_and_no_more_of_them() {
        for len in 0..=16 {
            let mut out = [b'-'; 18];
            store(&mut out[1..1 + len], u128::from_le_bytes(BYTES));
            assert_eq!(out[1..1 + len], BYTES[..len], "{len}");
            assert!(out[0] == b'-' && out[1 + len..].iter().all(|&byte| byte == b'-'), "{len}");
        }
    }
}
