//! Leaks: what memcheck has to report, or it would report nothing.
//!
//! `black_box` keeps the compiler from making them constant in time by itself, which it sometimes does.

use core::hint::black_box;

use super::sources::{bytes, secret};
use super::tally::Tally;

/// Ends at the first difference.
fn is_equal_early_exit(a: &[u8], b: &[u8]) -> bool {
    for (a, b) in a.iter().zip(b) {
        if black_box(*a) != black_box(*b) {
            return false;
        }
    }
    true
}

/// The length of PKCS#7 padding, with an end at the first wrong byte.
fn unpadded_len_early_exit(text: &[u8]) -> Option<usize> {
    let padding = usize::from(*text.last()?);
    let len = text.len().checked_sub(padding)?;
    text[len..].iter().all(|&byte| usize::from(black_box(byte)) == padding).then_some(len)
}

pub fn run(tally: &mut Tally) {
    let (a, b) = (bytes(16), bytes(16));
    tally.run("planted: a comparison that ends early", || {
        black_box(is_equal_early_exit(black_box(&secret(&a)), black_box(&b)));
    });
    tally.run("planted: slices compared with ==", || {
        black_box(black_box(&secret(&a)[..]) == black_box(&b[..]));
    });
    tally.run("planted: a table", || {
        static TABLE: [u8; 256] = [7; 256];
        black_box(black_box(&TABLE)[usize::from(black_box(secret(&a)[0]))]);
    });
    tally.run("planted: padding that is looked at until it is wrong", || {
        black_box(unpadded_len_early_exit(black_box(&secret(&[2; 16]))));
    });
    tally.run("planted: a number of turns", || {
        for turn in 0..black_box(secret(&a)[3]) {
            black_box(turn);
        }
    });
}
