//! HSalsa20 and the key stream of Salsa20/20: Bernstein, "The Salsa20 family of stream ciphers" and "Extending the Salsa20 nonce".
//! `unsafe` code: it goes by the pointers and lengths that it is given.
//!
//! Four states at a time are kept as the diagonals of their matrices, one to a register: columns are then the lanes, and rows after
//! the diagonals were turned. Sixteen are kept with each word in a register of its own. No branch and no address depends on a key or on a text.
#![allow(unsafe_code)]

#[macro_use]
mod rounds;
#[macro_use]
mod blocks;

use inout::InOutBuf;

/// What the lines read, by offsets.
#[repr(C, align(64))]
struct Constants {
    /// "expand 32-byte k"
    words: [u32; 4],
    /// What the numbers of four blocks are more than that of the first, and of the next four than those.
    lanes: [[u32; 4]; 4],
    next: [[u32; 4]; 4],
    /// Which word of the key, or from 8 on of what stands in the middle of a state, is where.
    places: [[u32; 8]; 3],
    /// What the numbers of 16 blocks are more than that of the first.
    numbers: [u32; 16],
}

static CONSTANTS: Constants = Constants {
    words: [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574],
    lanes: [[0; 4], [1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0]],
    next: [[4, 0, 0, 0]; 4],
    places: [[3, 11, 7, 2, 0, 0, 0, 0], [10, 6, 1, 9, 0, 0, 0, 0], [5, 0, 8, 4, 0, 0, 0, 0]],
    numbers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
};

/// Bytes that the diagonals of a state take, without the first one, which is the constants.
pub(super) const ROWS_LEN: usize = 48;

/// Bytes of the key stream before what turns the text.
pub(super) const START_LEN: usize = 32;

/// Bytes, with those before the text, above which 16 blocks with each word in a register of its own take less time; and no more than
/// what three times four blocks turn.
const WIDE: usize = 768;
const _: () = assert!(WIDE <= 3 * 256);

/// Makes what stands on the diagonals, of a key in `ymm0` and the middle of the state in `xmm4`.
macro_rules! placed {
    () => {
        r"
        vmovdqu ymm1, [{constants} + 144]
        vmovdqu ymm2, [{constants} + 176]
        vmovdqu ymm3, [{constants} + 208]
        vpermi2d ymm1, ymm0, ymm4
        vpermi2d ymm2, ymm0, ymm4
        vpermi2d ymm3, ymm0, ymm4
        "
    };
}

/// Makes what is left of the key stream, and turns the text by it.
macro_rules! rest {
    ($first:tt $($more:tt)*) => {
        concat!(
            masks!(),
            r"
        vbroadcasti32x4 zmm25, [{constants}]
        vbroadcasti32x4 zmm26, [{rows}]
        vbroadcasti32x4 zmm27, [{rows} + 32]
        vbroadcasti32x4 zmm28, [{rows} + 16]
        vmovd xmm24, {number:e}
        vshufi32x4 zmm24, zmm24, zmm24, 0
        vpaddd zmm24, zmm24, [{constants} + 16]
        vpaddd zmm28, zmm28, zmm24
        ",
            started!($first $($more)*),
            rounds!(double_round!($first $($more)*)),
            ordered!($first),
            "vmovdqu [{start}], ymm0\n",
            turned!($first),
            $(ordered!($more), turned!($more),)*
            "23:\n",
        )
    };
}

/// Makes 16 blocks at once while there is as much text.
macro_rules! wide {
    () => {
        concat!("26:\n", of_words!(loaded), rounds!(wide_round!()), wide_turned!(), "cmp {len}, {wide}\n ja 26b\n",)
    };
}

/// Makes the first block, and 16 beside it.
macro_rules! first {
    () => {
        concat!(
            of_words!(loaded),
            r"
        vmovdqu32 xmm20, [{constants}]
        vmovdqu32 xmm21, [{rows}]
        vmovdqu32 xmm22, [{rows} + 16]
        vmovdqu32 xmm23, [{rows} + 32]
        ",
            rounds!(wide_round!(), double_round!(("xmm20" "xmm21" "xmm22" "xmm23" "xmm24"))),
            masks!(),
            r"
        vpaddd xmm20, xmm20, [{constants}]
        vpaddd xmm21, xmm21, [{rows}]
        vpaddd xmm22, xmm22, [{rows} + 16]
        vpaddd xmm23, xmm23, [{rows} + 32]
        ",
            straightened!("zmm20" "zmm21" "zmm22" "zmm23"),
            parted!("zmm20" "zmm21" "zmm22" "zmm23"),
            "vmovdqu64 [{start}], ymm20\n",
            line!("zmm20"),
            wide_turned!(),
        )
    };
}

/// Runs lines on what is left of a text.
macro_rules! pass {
    ($rows:ident, $left:ident, $lines:expr, $($operands:tt)*) => {
        run!(
            [$lines],
            constants = in(reg) &raw const CONSTANTS,
            rows = in(reg) $rows.as_ptr(),
            number = inout(reg) $left.number,
            from = inout(reg) $left.from,
            to = inout(reg) $left.to,
            len = inout(reg) $left.len,
            head = inout(reg) $left.head,
            ones = in(reg) u64::MAX,
            n = out(reg) _,
            $($operands)*
        )
    };
}

/// What is left of a text, and which block of the key stream it begins in.
pub(super) struct Left {
    pub(super) from: *const u8,
    pub(super) to: *mut u8,
    pub(super) len: usize,
    pub(super) number: u32,
    /// Which bytes of that block have to do with the text.
    pub(super) head: u64,
}

/// Takes the key and the front of the nonce to the key under which the rest of the nonce is used.
///
/// # Safety
/// The processor has what was detected.
pub(super) unsafe fn expand(key: &[u8; 32], nonce: &[u8; 24], rows: &mut [u8; ROWS_LEN]) {
    // SAFETY: the caller vouches for the instructions. Of the key 32 bytes are read, of the nonce 16 and the 8 behind them; the
    // three rows are written.
    unsafe {
        run!(
            [
                "vmovdqu ymm0, [{key}]",
                nonce_read!("xmm4", "{nonce}", "1, 2, 3"),
                placed!(),
                "vmovdqu xmm5, [{constants}]",
                rounds!(double_round!(("xmm5" "xmm1" "xmm2" "xmm3" "xmm6"))),
                "vpblendd xmm0, xmm2, xmm1, 2",
                "vpblendd xmm0, xmm0, xmm3, 4",
                "vpshufd xmm0, xmm0, 0x4e",
                "vinserti128 ymm0, ymm5, xmm0, 1",
                nonce_read!("xmm4", "{nonce} + 16", "1"),
                placed!(),
                "vmovdqu [{rows}], xmm1",
                "vmovdqu [{rows} + 16], xmm2",
                "vmovdqu [{rows} + 32], xmm3"
            ],
            constants = in(reg) &raw const CONSTANTS,
            key = in(reg) key,
            nonce = in(reg) nonce,
            rows = in(reg) core::ptr::from_mut(rows),
            n = out(reg) _,
        );
    }
}

/// Turns a text by the key stream, of which the first bytes go to the first of `starts`.
///
/// # Safety
/// As of [`expand`]. A text of more than 2^38 - 32 bytes would be turned by blocks that were there before.
pub(super) unsafe fn turn(rows: &[u8; ROWS_LEN], starts: &mut [[u8; START_LEN]; 2], text: InOutBuf<'_, '_, u8>) {
    let len = text.len() + START_LEN;
    let (from, to) = text.into_raw();
    // What stands before the text is neither read nor written.
    let (from, to) = (from.wrapping_sub(START_LEN), to.wrapping_sub(START_LEN));
    let mut left = Left { from, to, len, number: 0, head: u64::MAX << START_LEN };
    let [start, other] = starts;
    // SAFETY: as of `turn_rest` and `turn_left`; `from` and `to` move on as `len` goes down.
    unsafe {
        if len <= WIDE {
            return turn_rest(rows, start, &mut left);
        }
        left.number = 1;
        pass!(rows, left, first!(), start = in(reg) start,);
        turn_left(rows, other, &mut left);
    }
}

/// Turns what is left of a text; the first bytes of the key stream for its end go to `start`.
///
/// # Safety
/// As of [`turn`]. Of `from` as many bytes as are left may be read, and of `to` written, but what `head` leaves out; that is
/// nothing where more than [`WIDE`] bytes are left.
pub(super) unsafe fn turn_left(rows: &[u8; ROWS_LEN], start: &mut [u8; START_LEN], left: &mut Left) {
    // SAFETY: as of `turn_rest`, but where 1,024 bytes are left or more those are read and then written as a whole; `from` and `to`
    // move on as `len` goes down.
    unsafe {
        if left.len > WIDE {
            pass!(rows, left, wide!(), wide = const WIDE,);
        }
        if left.len > 0 {
            turn_rest(rows, start, left);
        }
    }
}

/// Turns what is left of a text, no more than [`WIDE`].
///
/// # Safety
/// As of [`turn_left`].
unsafe fn turn_rest(rows: &[u8; ROWS_LEN], start: &mut [u8; START_LEN], left: &mut Left) {
    // SAFETY: the caller vouches for the instructions. Of the rows 48 bytes are read, and at `start` 32 written. At `from` and `to`
    // up to 64 bytes at once are read and written, as many as `len` says are left; `k1` leaves out those beyond the end, and
    // those before the text. What is read is read before it is written.
    unsafe {
        match left.len {
            0..=256 => pass!(rows, left, rest!(("zmm0" "zmm1" "zmm2" "zmm3" "zmm20")), start = in(reg) start,),
            257..=512 => pass!(
                rows, left,
                rest!(("zmm0" "zmm1" "zmm2" "zmm3" "zmm20") ("zmm4" "zmm5" "zmm6" "zmm7" "zmm21")),
                start = in(reg) start,
            ),
            _ => pass!(
                rows, left,
                rest!(
                    ("zmm0" "zmm1" "zmm2" "zmm3" "zmm20") ("zmm4" "zmm5" "zmm6" "zmm7" "zmm21")
                    ("zmm8" "zmm9" "zmm10" "zmm11" "zmm22")
                ),
                start = in(reg) start,
            ),
        }
    }
}
