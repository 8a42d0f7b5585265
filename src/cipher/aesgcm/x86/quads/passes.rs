//! The passes over a text as assembly, in which text, key stream, sum and mask never leave the registers: a compiler that had
//! values of its own between the instructions would spill some, at one level of optimisation or another. `unsafe` code: it
//! goes by the pointers and lengths that it is given.
//!
//! No branch and no address depends on a key or on a text.
#![allow(unsafe_code)]

use inout::InOutBuf;

use super::super::super::super::aesni::RoundKeys;
use super::{Ends, ROOM};

/// What the lines read, by offsets; on one page, as a long text was seen to take 4 % longer with two.
#[repr(C, align(256))]
struct Constants {
    /// What the numbers of the first four blocks of a text are more than that of the mask.
    first: [[u32; 4]; 4],
    /// What those of the next four are more.
    next: [[u32; 4]; 4],
    /// The modulus of POLYVAL: its upper half, without the highest power.
    modulus: [u128; 4],
    reversed: [u8; 16],
    /// The same modulus; the lowest bit of the upper half is where one is carried to.
    carried: [u32; 4],
    /// What follows a nonce in the block that masks the tag.
    number: [u8; 4],
}

const _: () = assert!(size_of::<Constants>() == align_of::<Constants>());

static CONSTANTS: Constants = Constants {
    first: [[1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0], [4, 0, 0, 0]],
    next: [[4, 0, 0, 0]; 4],
    modulus: [0xc200_0000_0000_0000 << 64; 4],
    reversed: [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    carried: [1, 0, 1, 0xc200_0000],
    number: [0, 0, 0, 1],
};

/// Runs lines after those that every pass begins with.
macro_rules! pass {
    ([$($lines:expr),*], $keys:ident, $powers:ident, $ends:ident, $aad:ident, $len:ident, $($operands:tt)*) => {
        run!(
            [begun!(), masked!(), hashed!(), $($lines),*],
            keys = inout(reg) $keys.as_ptr() => _,
            rounds = in(reg) $keys.rounds(),
            powers = in(reg) $powers.as_ptr(),
            ends = in(reg) core::ptr::from_ref($ends),
            constants = in(reg) &raw const CONSTANTS,
            aad = inout(reg) $aad.as_ptr() => _,
            aad_len = inout(reg) $aad.len() => _,
            len = inout(reg) $len => _,
            at = out(reg) _,
            $($operands)*
        )
    };
}

/// Encrypts `text` and writes the tag.
///
/// # Safety
/// The processor has what was detected. There are as many `powers` as `POWERS` says. Nonce and tag of the `ends` may be read, and by
/// `seal` the tag written, until it returns.
pub(super) unsafe fn seal(keys: &RoundKeys, powers: &[u128], ends: &Ends, aad: &[u8], text: InOutBuf<'_, '_, u8>) {
    let len = text.len();
    let (from, to) = text.into_raw();
    // SAFETY: the caller vouches for the instructions, and for the ends: 12 bytes of the nonce are read, and the tag's 16 are written, or
    // read where it is compared. What is read at `from` and written at `to` are the next 256 bytes while
    // there are as many, and then 64 at once, of which `k1` leaves out those beyond the end; of the AAD the same is read. Of
    // the powers as many are read as blocks are left, rounded up to four, and one: from `at` on no more than there are. All
    // of 16 blocks, or of four, is read before it is written, so that the output may be the input.
    unsafe {
        pass!(
            [encrypted!(), tagged!(), "mov {at}, [{ends} + 8]\n vmovdqu [{at}], xmm11"],
            keys, powers, ends, aad, len,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
        );
    }
}

/// Decrypts `text` and returns 1 if the tag is right, else 0.
///
/// # Safety
/// As of [`seal`].
pub(super) unsafe fn open(
    keys: &RoundKeys,
    powers: &[u128],
    ends: &Ends,
    aad: &[u8],
    text: InOutBuf<'_, '_, u8>,
) -> u8 {
    let len = text.len();
    let (from, to) = text.into_raw();
    let right;
    // SAFETY: as of `seal`.
    unsafe {
        pass!(
            [decrypted!(), tagged!(), compared!()],
            keys, powers, ends, aad, len,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            right = out(reg_byte) right,
        );
    }
    right
}

/// As [`open`], for a text that stays as it is.
///
/// # Safety
/// As of [`seal`].
pub(super) unsafe fn check(keys: &RoundKeys, powers: &[u128], ends: &Ends, aad: &[u8], text: &[u8]) -> u8 {
    let len = text.len();
    let right;
    // SAFETY: as of `seal`; nothing is written.
    unsafe {
        pass!(
            ["mov {aad}, {text}", "mov {aad_len}, {len}", hashed!(), no_products!(), tagged!(), compared!()],
            keys, powers, ends, aad, len,
            text = in(reg) text.as_ptr(),
            right = out(reg_byte) right,
        );
    }
    right
}

/// Writes the powers of the hash key that the round keys make.
///
/// # Safety
/// The processor has what was detected.
pub(super) unsafe fn expand(keys: &RoundKeys, powers: &mut [u128; ROOM]) {
    // SAFETY: the caller vouches for the instructions; the first 17 powers are written, of which there are more.
    unsafe {
        run!(
            [begun!(), powers!()],
            keys = inout(reg) keys.as_ptr() => _,
            rounds = in(reg) keys.rounds(),
            powers = in(reg) powers.as_mut_ptr(),
            constants = in(reg) &raw const CONSTANTS,
            at = out(reg) _,
        );
    }
}
