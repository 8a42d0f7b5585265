//! The padding rule of Kubernetes, in constant time.
//!
//! The last byte p tells the length of the padding. Kubernetes compares p with the whole decrypted length
//! where PKCS#7 (RFC 5652, 6.3) has the block size: any p from 1 to the length is accepted if the last p
//! bytes all equal p. As p is one byte, only the last 255 bytes can be padding.

#[cfg(target_arch = "x86_64")]
mod x86;

use super::BLOCK_LEN;
use crate::declassified;
use crate::error::{Error, Result};

/// Whole blocks that hold the last 255 bytes.
pub(super) const LOOK_BACK: usize = 256;

/// Length of the plaintext in `decrypted`, whole blocks and at least one: without its padding.
///
/// The time depends on the length alone, neither on the padding nor on where it is wrong; whether it is right and, if so, its
/// length become public.
pub(super) fn unpadded_len(decrypted: &[u8]) -> Result<usize> {
    if decrypted.is_empty() || decrypted.len() % BLOCK_LEN != 0 {
        return Err(Error::Open);
    }
    match declassified::padding_len(padding_len(decrypted)) {
        0 => Err(Error::Open),
        len => Ok(decrypted.len() - usize::from(len)),
    }
}

/// Length of the padding; 0 if it is wrong.
fn padding_len(decrypted: &[u8]) -> u8 {
    #[cfg(target_arch = "x86_64")]
    if let Some(len) = x86::padding_len(decrypted) {
        return len;
    }
    by_blocks(decrypted)
}

/// The same without instructions that not every processor has.
fn by_blocks(decrypted: &[u8]) -> u8 {
    let window = &decrypted[decrypted.len() - decrypted.len().min(LOOK_BACK)..];
    let p = window.last().copied().unwrap_or(0);
    let mut differs = [0; BLOCK_LEN];
    // A block of bytes fits a vector.
    let blocks = window.chunks_exact(BLOCK_LEN);
    for (block, distances) in blocks.zip(DISTANCES[LOOK_BACK - window.len()..].chunks_exact(BLOCK_LEN)) {
        for ((differs, byte), distance) in differs.iter_mut().zip(block).zip(distances) {
            *differs |= all_ones_if_not_zero(p.saturating_sub(*distance)) & (byte ^ p);
        }
    }
    let mut differs = u32::from(differs.into_iter().fold(0, |all, byte| all | byte));
    // p fits a byte, so that it exceeds the length exactly if it exceeds the window.
    differs |= all_ones_if_less(u32::try_from(window.len()).unwrap_or(0), u32::from(p));
    // Every difference shows in the low byte.
    p & all_ones_if_less(differs & 0xff, 1).to_le_bytes()[0]
}

/// How far the last bytes are from the end.
static DISTANCES: [u8; LOOK_BACK] = {
    let mut distances = [0; LOOK_BACK];
    let mut place = LOOK_BACK - 1;
    while place > 0 {
        place -= 1;
        distances[place] = distances[place + 1] + 1;
    }
    distances
};

/// All bits set unless `a` is 0.
const fn all_ones_if_not_zero(a: u8) -> u8 {
    ((a | a.wrapping_neg()) >> 7).wrapping_neg()
}

/// All bits set if `a < b`, else none; for numbers below 2^31.
fn all_ones_if_less(a: u32, b: u32) -> u32 {
    (a.wrapping_sub(b) >> 31).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule as the format has it, plainly written.
    fn rule(decrypted: &[u8]) -> Option<usize> {
        let p = usize::from(*decrypted.last()?);
        let len = decrypted.len().checked_sub(p)?;
        (p != 0 && decrypted[len..].iter().all(|&byte| usize::from(byte) == p)).then_some(len)
    }

    /// Both ways, beside the rule.
    fn compare(decrypted: &[u8], what: core::fmt::Arguments<'_>) {
        let expected = rule(decrypted);
        assert_eq!(unpadded_len(decrypted).ok(), expected, "{what}");
        let by_blocks = by_blocks(decrypted);
        assert_eq!((by_blocks > 0).then(|| decrypted.len() - usize::from(by_blocks)), expected, "{what}");
    }

    #[test]
    fn what_is_not_whole_blocks_has_no_padding() {
        for len in (0..=272).filter(|len| len % 16 != 0 || *len == 0) {
            assert!(unpadded_len(&[1; 272][..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn every_padding_of_every_length_is_judged_by_the_rule() {
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        assert!(x86::padding_len(&[1; 16]).is_some() || !std::is_x86_feature_detected!("avx2") || cfg!(miri));
        let mut buffer = [0_u8; 272];
        for len in (16..=buffer.len()).step_by(if cfg!(miri) { 256 } else { 16 }) {
            let decrypted = &mut buffer[..len];
            for p in (0..=u8::MAX).step_by(if cfg!(miri) { 51 } else { 1 }) {
                let padding = usize::from(p).min(len);
                decrypted.fill(p ^ 0x55);
                decrypted[len - padding.max(1)..].fill(p);
                compare(decrypted, format_args!("{len} {p}"));
                for wrong in (len - padding..len.saturating_sub(1)).step_by(if cfg!(miri) { 31 } else { 1 }) {
                    decrypted[wrong] ^= 0x80;
                    compare(decrypted, format_args!("{len} {p} {wrong}"));
                    assert!(unpadded_len(decrypted).is_err());
                    decrypted[wrong] ^= 0x80;
                }
            }
        }
    }

    /// Differences that were added up without carries would cancel each other.
    #[test]
    fn two_equal_differences_do_not_hide_each_other() {
        const P: u8 = 60;
        let mut decrypted = [P; 80];
        let padding = decrypted.len() - usize::from(P)..decrypted.len() - 1;
        for one in padding.clone() {
            for other in one + 1..padding.end {
                (decrypted[one], decrypted[other]) = (P ^ 0x80, P ^ 0x80);
                compare(&decrypted, format_args!("{one} {other}"));
                (decrypted[one], decrypted[other]) = (P, P);
            }
        }
        compare(&decrypted, format_args!("none is wrong"));
    }
}
