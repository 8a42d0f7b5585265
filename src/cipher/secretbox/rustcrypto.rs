//! The portable backend: the `salsa20` and `poly1305` crates, composed as NaCl's `crypto_secretbox` is.

use inout::InOutBuf;
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit as _, UniversalHash};
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::declassified;
use crate::error::{Error, Result};

// `Poly1305` is wiped on drop too, and has no marker that says so: a test looks.
const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<XSalsa20>();
};

/// Encrypts `text` and returns the tag of the ciphertext.
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; 24], mut text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
    let (mut stream, mac) = start(key, nonce);
    stream.apply_keystream_inout(text.reborrow());
    tag(mac, text.get_out())
}

/// Checks the tag, and only then decrypts `text`.
pub(super) fn open(key: &[u8; 32], nonce: &[u8; 24], text: InOutBuf<'_, '_, u8>, expected: &[u8; 16]) -> Result<()> {
    let (mut stream, mac) = start(key, nonce);
    if declassified::verdict(tag(mac, text.get_in()).ct_eq(expected)) {
        stream.apply_keystream_inout(text);
        Ok(())
    } else {
        Err(Error::Open)
    }
}

/// The first 32 bytes of the key stream are the one-time key of the tag; the text follows them.
fn start(key: &[u8; 32], nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut mac_key = Zeroizing::new([0; 32]);
    stream.apply_keystream(&mut *mac_key);
    let mac = Poly1305::new((&*mac_key).into());
    (stream, mac)
}

fn tag(mut mac: Poly1305, ciphertext: &[u8]) -> [u8; 16] {
    // Whole blocks go through the parallel path; only the rest takes `compute_unpadded`, which has none.
    let (blocks, rest) = poly1305::Block::slice_as_chunks(ciphertext);
    mac.update(blocks);
    mac.compute_unpadded(rest).into()
}
