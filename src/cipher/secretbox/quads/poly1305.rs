//! Poly1305, eight blocks to a step: RFC 8439, 2.5. `unsafe` code: it goes by the pointers and lengths that it is given.
//!
//! A number is three limbs of 44, 44 and 42 bits, one to a register, and in its lanes those of eight blocks. The text is taken
//! as if blocks of zeros stood before it, which add nothing, so that its last block is in the last lane.
//!
//! No branch and no address depends on a key or on a text.
#![allow(unsafe_code)]

#[macro_use]
mod limbs;

/// What the lines read, by offsets.
#[repr(C, align(64))]
struct Constants {
    /// Which words of 16 are the lower halves of eight blocks, and which the upper ones.
    lower: [u64; 8],
    upper: [u64; 8],
    /// The bits that the multiplier may have, by limbs.
    clamp: [u64; 3],
    /// All bits of a limb.
    long: u64,
    short: u64,
    /// What a whole block has one bit more.
    beyond: u64,
}

static CONSTANTS: Constants = Constants {
    lower: [0, 2, 4, 6, 8, 10, 12, 14],
    upper: [1, 3, 5, 7, 9, 11, 13, 15],
    clamp: [0xffc_0fff_ffff, 0xfff_ffc0_ffff, 0x00f_ffff_fc0f],
    long: (1 << 44) - 1,
    short: (1 << 42) - 1,
    beyond: 1 << 40,
};

/// Some groups of eight blocks.
#[repr(C)]
struct Groups {
    at: *const u8,
    count: usize,
    /// Lanes of blocks of 16 bytes.
    whole: usize,
}

const BLOCK_LEN: usize = 16;
const GROUP_LEN: usize = 8 * BLOCK_LEN;

/// Runs lines on the tag of a text under the one-time key, and clears where it was.
macro_rules! tag {
    ($key:ident, $text:ident, [$($lines:expr),*], $($operands:tt)*) => {
        let ends = Ends::of($text);
        let groups = ends.groups($text);
        run!(
            [
                powers!(), summed!(), tagged!(), $($lines,)*
                "xor {a:e}, {a:e}\n xor {b:e}, {b:e}\n xor {c:e}, {c:e}\n xor {d:e}, {d:e}\n xor {e:e}, {e:e}"
            ],
            constants = in(reg) &raw const CONSTANTS,
            key = in(reg) $key,
            groups = inout(reg) groups.as_ptr() => _,
            end = in(reg) groups.as_ptr_range().end,
            a = out(reg) _,
            b = out(reg) _,
            c = out(reg) _,
            d = out(reg) _,
            e = out(reg) _,
            $($operands)*
        );
    };
}

/// What a text begins with, as a group, and what it ends with, where that is none. Nothing secret: it is ciphertext.
struct Ends {
    first: [u8; GROUP_LEN],
    last: [u8; GROUP_LEN],
    /// Blocks of the text in the first group.
    blocks: usize,
}

impl Ends {
    fn of(text: &[u8]) -> Self {
        let blocks = match text.len().div_ceil(BLOCK_LEN) {
            0 => 0,
            blocks => (blocks - 1) % 8 + 1,
        };
        let mut ends = Self { first: [0; GROUP_LEN], last: [0; GROUP_LEN], blocks };
        let (first, rest) = text.split_at(text.len().min(blocks * BLOCK_LEN));
        put(&mut ends.first[GROUP_LEN - blocks * BLOCK_LEN..], first);
        put(&mut ends.last, &rest[rest.len() - rest.len() % GROUP_LEN..]);
        ends
    }

    fn groups(&self, text: &[u8]) -> [Groups; 3] {
        let rest = &text[text.len().min(self.blocks * BLOCK_LEN)..];
        let is_cut = text.len() % BLOCK_LEN != 0;
        let of_last = if is_cut { 0x7f } else { 0xff };
        let of_first = 0xff_00 >> self.blocks & 0xff;
        let first = if rest.is_empty() { of_first & of_last } else { of_first };
        [
            Groups { at: self.first.as_ptr(), count: 1, whole: first },
            Groups { at: rest.as_ptr(), count: rest.len() / GROUP_LEN, whole: 0xff },
            Groups { at: self.last.as_ptr(), count: usize::from(rest.len() % GROUP_LEN != 0), whole: of_last },
        ]
    }
}

/// Copies a text, and puts the bit behind it that a block which is not whole has.
fn put(out: &mut [u8], text: &[u8]) {
    out[..text.len()].copy_from_slice(text);
    if text.len() % BLOCK_LEN != 0 {
        out[text.len()] = 1;
    }
}

/// Writes the tag of a ciphertext, of which copies are left on the stack, under a one-time key.
///
/// # Safety
/// The processor has what was detected.
pub(super) unsafe fn tag(key: &[u8; 32], text: &[u8], tag: &mut [u8; 16]) {
    // SAFETY: the caller vouches for the instructions. Of the key 32 bytes are read, and at each entry of `groups` as many groups of
    // 128 bytes as it says, which are the text's or those of `ends`; the first says one. The tag is written.
    unsafe {
        tag!(key, text, ["mov [{tag}], {a}\n mov [{tag} + 8], {b}"], tag = in(reg) tag,);
    }
}

/// Returns 1 if a ciphertext, of which copies are left on the stack, has that tag under a one-time key, else 0.
///
/// # Safety
/// As of [`tag()`].
pub(super) unsafe fn check(key: &[u8; 32], text: &[u8], tag: &[u8; 16]) -> u8 {
    let right;
    // SAFETY: as of `tag`, which is read.
    unsafe {
        tag!(
            key, text,
            ["xor {a}, [{tag}]\n xor {b}, [{tag} + 8]\n or {a}, {b}\n setz {right}"],
            tag = in(reg) tag,
            right = out(reg_byte) right,
        );
    }
    right
}
