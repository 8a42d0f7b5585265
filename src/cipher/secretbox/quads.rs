//! The backend for x86-64 with AVX-512 and its products of 52 bits: up to 16 blocks of the key stream at once, and eight of the tag.
//! Of the libraries `dryoc` has code for such registers, which needs Rust 1.89 and leaves much on the stack.
//!
//! Key stream, text and sum stay in registers, which are cleared in the end. On the stack are a key and the first bytes of the key
//! stream, which are wiped.
#![allow(unsafe_code)]

mod poly1305;
mod salsa20;

use inout::InOutBuf;
use subtle::Choice;

use crate::declassified;
use crate::error::{Error, Result};
use crate::secret::wipe;
use salsa20::{ROWS_LEN, START_LEN};

cpufeatures::new!(detection, "avx2", "avx512f", "avx512bw", "avx512vl", "avx512ifma", "bmi2");

/// Half of what blocks reach that are counted with 32 bits.
const LEN_MAX: u64 = 1 << 37;

/// The proof that this processor has the instructions.
#[derive(Clone, Copy)]
pub(super) struct Quads(());

impl Quads {
    /// Asks the processor once and remembers the answer; `None` also for a text that is too long.
    ///
    /// With `--cfg atrest_no_quads` it never has them, so that what other processors run is tested on those that do.
    #[inline]
    pub(super) fn detect(text_len: usize) -> Option<Self> {
        // The assembly has addresses of 64 bits.
        let is_built = cfg!(all(target_pointer_width = "64", not(atrest_no_quads)));
        (is_built && text_len as u64 <= LEN_MAX && detection::get()).then_some(Self(()))
    }
}

/// What is kept from one step to the next; wiped on drop.
struct Kept {
    rows: [u8; ROWS_LEN],
    /// The first bytes of the key stream, which are the key of the tag; and others that nothing is done with.
    starts: [[u8; START_LEN]; 2],
}

impl Kept {
    const fn new() -> Self {
        Self { rows: [0; ROWS_LEN], starts: [[0; START_LEN]; 2] }
    }

    /// Begins where it is kept: moved, it would leave a copy behind.
    fn expand(&mut self, _: Quads, key: &[u8; 32], nonce: &[u8; 24]) {
        // SAFETY: the instructions were detected.
        unsafe { salsa20::expand(key, nonce, &mut self.rows) }
    }

    /// Turns a text by the key stream, and makes the key of the tag.
    fn turn(&mut self, _: Quads, text: InOutBuf<'_, '_, u8>) {
        // SAFETY: the instructions were detected.
        unsafe { salsa20::turn(&self.rows, &mut self.starts, text) }
    }

    fn check(&self, _: Quads, text: &[u8], tag: &[u8; 16]) -> Result<()> {
        // SAFETY: the instructions were detected.
        let right = Choice::from(unsafe { poly1305::check(&self.starts[0], text, tag) });
        if declassified::verdict(right) { Ok(()) } else { Err(Error::Open) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        wipe(&mut self.rows);
        wipe(self.starts.as_flattened_mut());
    }
}

/// Encrypts `text` and writes the tag of the ciphertext.
pub(super) fn seal(cpu: Quads, key: &[u8; 32], nonce: &[u8; 24], mut text: InOutBuf<'_, '_, u8>, tag: &mut [u8; 16]) {
    let mut kept = Kept::new();
    kept.expand(cpu, key, nonce);
    kept.turn(cpu, text.reborrow());
    // SAFETY: the instructions were detected.
    unsafe { poly1305::tag(&kept.starts[0], text.get_out(), tag) }
}

/// Decrypts `text` to its output, and then checks the tag. Where that is wrong the output is the caller's to wipe.
pub(super) fn open(
    cpu: Quads,
    key: &[u8; 32],
    nonce: &[u8; 24],
    mut text: InOutBuf<'_, '_, u8>,
    tag: &[u8; 16],
) -> Result<()> {
    let mut kept = Kept::new();
    kept.expand(cpu, key, nonce);
    kept.turn(cpu, text.reborrow());
    kept.check(cpu, text.get_in(), tag)
}

/// Checks the tag, and only then decrypts `text`.
pub(super) fn open_in_place(
    cpu: Quads,
    key: &[u8; 32],
    nonce: &[u8; 24],
    text: &mut [u8],
    tag: &[u8; 16],
) -> Result<()> {
    let mut kept = Kept::new();
    kept.expand(cpu, key, nonce);
    // Nothing but the key of the tag is made of none of it.
    kept.turn(cpu, (&mut text[..0]).into());
    kept.check(cpu, text, tag)?;
    kept.turn(cpu, text.into());
    Ok(())
}

#[cfg(all(test, feature = "pool"))]
#[path = "quads/against_rustcrypto.rs"]
mod tests;
