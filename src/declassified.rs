//! Where something that was computed from a secret becomes public, so that branches and addresses may depend on it from
//! then on.
//!
//! Each function stands for one reason. It reads its answer from a table, where the secret says: what is read is public,
//! and the reading itself the only use of a secret as an address. Nowhere else in this crate is one an address or decides a
//! branch: `.ci/ctgrind` has every such use reported, and excepts these functions by their names.

use core::hint::black_box;

use subtle::Choice;

#[cfg(any(feature = "aesgcm", feature = "envelope", feature = "dryoc"))]
use crate::error::{Error, Result};

/// Whether a tag, a commitment or base64 is right: the error tells the caller, and no more than that.
#[inline(never)]
pub(crate) fn verdict(right: Choice) -> bool {
    static VERDICTS: [bool; 2] = [false, true];
    // Behind the barrier the compiler does not see what the table holds, and cannot do without reading it.
    black_box(&VERDICTS)[usize::from(right.unwrap_u8() & 1)]
}

/// What a library found when it checked a tag, which it has branched upon itself.
#[cfg(any(feature = "aesgcm", feature = "envelope", feature = "dryoc"))]
#[allow(dead_code, reason = "some backends check tags here")]
pub(crate) fn verdict_of<E>(checked: Result<(), E>) -> Result<()> {
    if verdict(Choice::from(u8::from(checked.is_ok()))) { Ok(()) } else { Err(Error::Open) }
}

/// Whether a padding is right, 0 if not, and how long it is then: the error tells the caller, or the plaintext's length does.
#[cfg(feature = "aescbc")]
#[inline(never)]
pub(crate) fn padding_len(len: u8) -> u8 {
    static LENGTHS: [u8; 256] = every_byte();
    black_box(&LENGTHS)[usize::from(len)]
}

/// Whether a symbol of base64 is a line break or padding: they stand where whoever wrote the text put them, whatever the
/// secret is.
#[inline(never)]
pub(crate) fn is_separator(found: Choice) -> bool {
    static FOUND: [bool; 2] = [false, true];
    black_box(&FOUND)[usize::from(found.unwrap_u8() & 1)]
}

#[cfg(feature = "aescbc")]
#[expect(clippy::cast_possible_truncation, reason = "an index of 256 fits")]
const fn every_byte() -> [u8; 256] {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_public_is_what_it_was() {
        for bit in [0, 1] {
            assert_eq!((verdict(Choice::from(bit)), is_separator(Choice::from(bit))), (bit == 1, bit == 1));
        }
        #[cfg(feature = "aescbc")]
        for len in 0..=u8::MAX {
            assert_eq!(padding_len(len), len);
        }
    }
}
