//! XSalsa20-Poly1305 in NaCl's layout.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};

use super::{begun, both, os_random};
use crate::KEY;
use crate::sampler::Sampler;

const PREFIX: &[u8] = b"k8s:enc:secretbox:v1:key1:";

pub fn measure(sampler: &mut Sampler, size: usize) {
    rustcrypto(sampler, size);
    dryoc(sampler, size);
    libsodium(sampler, size);
}

fn rustcrypto(sampler: &mut Sampler, size: usize) {
    let start = |nonce: &[u8; 24]| {
        let mut stream = XSalsa20::new(&KEY.into(), &(*nonce).into());
        let mut mac_key = [0; 32];
        stream.apply_keystream(&mut mac_key);
        (stream, Poly1305::new(&mac_key.into()))
    };
    let seal = |plaintext: &[u8]| {
        let nonce = os_random::<24>();
        let mut out = begun(PREFIX, &nonce, plaintext.len() + 16);
        let at = out.len();
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(plaintext);
        let (mut stream, mac) = start(&nonce);
        stream.apply_keystream(&mut out[at + 16..]);
        let tag: [u8; 16] = mac.compute_unpadded(&out[at + 16..]).into();
        out[at..at + 16].copy_from_slice(&tag);
        out
    };
    let open = |stored: &[u8]| {
        let (nonce, body) = stored.strip_prefix(PREFIX)?.split_first_chunk::<24>()?;
        let (tag, text) = body.split_first_chunk::<16>()?;
        let (mut stream, mac) = start(nonce);
        let computed: [u8; 16] = mac.compute_unpadded(text).into();
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&computed[..], &tag[..])) {
            return None;
        }
        let mut out = text.to_vec();
        stream.apply_keystream(&mut out);
        Some(out)
    };
    both(sampler, ("secretbox", "rustcrypto"), size, seal, open);
}

fn dryoc(sampler: &mut Sampler, size: usize) {
    use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
    let seal = |plaintext: &[u8]| {
        let mut nonce = [0; 24];
        dryoc::rng::copy_randombytes(&mut nonce);
        let mut out = begun(PREFIX, &nonce, plaintext.len() + 16);
        let at = out.len();
        out.resize(at + 16 + plaintext.len(), 0);
        crypto_secretbox_easy(&mut out[at..], plaintext, &nonce, &KEY).unwrap();
        out
    };
    let open = |stored: &[u8]| {
        let (nonce, body) = stored.strip_prefix(PREFIX)?.split_first_chunk::<24>()?;
        let mut out = vec![0; body.len().checked_sub(16)?];
        crypto_secretbox_open_easy(&mut out, body, nonce, &KEY).ok()?;
        Some(out)
    };
    both(sampler, ("secretbox", "dryoc"), size, seal, open);
}

fn libsodium(sampler: &mut Sampler, size: usize) {
    use libsodium_sys::{crypto_secretbox_easy, crypto_secretbox_open_easy, randombytes_buf, sodium_init};
    // SAFETY: it may be called at any time.
    assert!(unsafe { sodium_init() } >= 0);
    let seal = |plaintext: &[u8]| {
        let mut nonce = [0_u8; 24];
        // SAFETY: the buffer has that many bytes.
        unsafe { randombytes_buf(nonce.as_mut_ptr().cast(), nonce.len()) };
        let mut out = begun(PREFIX, &nonce, plaintext.len() + 16);
        let at = out.len();
        out.resize(at + 16 + plaintext.len(), 0);
        let len = plaintext.len() as u64;
        // SAFETY: 16 bytes more than the plaintext are written, which are there; nonce and key have their lengths.
        let status = unsafe {
            crypto_secretbox_easy(out[at..].as_mut_ptr(), plaintext.as_ptr(), len, nonce.as_ptr(), KEY.as_ptr())
        };
        assert_eq!(status, 0);
        out
    };
    let open = |stored: &[u8]| {
        let (nonce, body) = stored.strip_prefix(PREFIX)?.split_first_chunk::<24>()?;
        let mut out = vec![0; body.len().checked_sub(16)?];
        let len = body.len() as u64;
        // SAFETY: 16 bytes less than the box are written, which are there; nonce and key have their lengths.
        let status =
            unsafe { crypto_secretbox_open_easy(out.as_mut_ptr(), body.as_ptr(), len, nonce.as_ptr(), KEY.as_ptr()) };
        (status == 0).then_some(out)
    };
    both(sampler, ("secretbox", "libsodium"), size, seal, open);
}
