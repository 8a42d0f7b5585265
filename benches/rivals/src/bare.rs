//! Primitives alone: key prepared, nonce given, distinct input and output, which are those of the complete operation. `bare` is that of the
//! library's own backend, so that what a complete operation adds to it is the difference; the others are what other libraries have, and are
//! measured beside the fast build, which is compared with them.

use std::hint::black_box;

use inout::InOutBuf;

use crate::sampler::{Cell, Sampler};
use crate::texts::{Parts, Texts, array};
use crate::{AAD, FAST, KEY, OURS, backends};

const BARE: &str = OURS[2];

const fn cells(provider: &'static str, size: usize) -> [Cell; 2] {
    [Cell { provider, op: "seal", size }, Cell { provider, op: "open", size }]
}

pub fn gcm(sampler: &mut Sampler, texts: &mut Texts) {
    let cells = cells("aesgcm", texts.len);
    let [seal, open] = cells;
    if FAST {
        gcm_aws_lc(sampler, texts.parts(0), cells, "bare-aws-lc-rs");
        gcm_rustcrypto(sampler, texts.parts(0), cells);
        gcm_ring(sampler, texts, cells);
    }
    if backends::aesgcm::is_of_aws_lc(texts.len) {
        return gcm_aws_lc(sampler, texts.parts(0), cells, BARE);
    }
    let Parts { plaintext, nonce, sealed, tag, into, out } = texts.parts(0);
    let key = backends::aesgcm::Key::new(&KEY);
    let (nonce, tag, mut other) = (array(nonce), array(tag), [0; 16]);
    sampler.time(seal, BARE, |_| {
        key.seal(&nonce, AAD, black_box(plaintext), into, &mut other);
        other
    });
    sampler.time(open, BARE, |_| key.open(&nonce, AAD, black_box(sealed), out, &tag));
}

fn gcm_aws_lc(sampler: &mut Sampler, parts: Parts<'_>, [seal, open]: [Cell; 2], name: &'static str) {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let Parts { plaintext, nonce, sealed, tag, into, out } = parts;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let nonce = || Nonce::assume_unique_for_key(array(nonce));
    let (aad, mut other) = (|| Aad::from(AAD), [0; 16]);
    sampler.time(seal, name, |_| {
        key.seal_out_of_place_scatter(nonce(), aad(), black_box(plaintext), into, &[], &mut other).unwrap();
    });
    sampler.time(open, name, |_| {
        key.open_separate_gather(nonce(), aad(), black_box(sealed), tag, out).unwrap();
    });
}

fn gcm_rustcrypto(sampler: &mut Sampler, parts: Parts<'_>, [seal, open]: [Cell; 2]) {
    use aes_gcm::aead::consts::U12;
    use aes_gcm::{AeadInOut, KeyInit};
    let Parts { plaintext, nonce, sealed, tag, into, out } = parts;
    let key = aes_gcm::AesGcm::<aes::Aes256Enc, U12>::new(&KEY.into());
    let (nonce, tag) = (array::<12>(nonce).into(), array::<16>(tag).into());
    sampler.time(seal, "bare-rustcrypto", |_| {
        let text = InOutBuf::new(black_box(plaintext), into).unwrap();
        key.encrypt_inout_detached(&nonce, AAD, text).unwrap()
    });
    sampler.time(open, "bare-rustcrypto", |_| {
        let text = InOutBuf::new(black_box(sealed), out).unwrap();
        key.decrypt_inout_detached(&nonce, AAD, text, &tag).unwrap();
    });
}

/// It knows no second buffer, so that the text is copied first.
fn gcm_ring(sampler: &mut Sampler, texts: &mut Texts, [seal, open]: [Cell; 2]) {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let len = texts.len + 16;
    let Parts { plaintext, nonce, into, .. } = texts.parts(0);
    let nonce = || Nonce::assume_unique_for_key(array(nonce));
    sampler.time(seal, "bare-ring", |_| {
        into.copy_from_slice(black_box(plaintext));
        key.seal_in_place_separate_tag(nonce(), Aad::from(AAD), into).unwrap()
    });
    let nonce = array(texts.parts(0).nonce);
    let (sealed, out) = (&texts.stored[texts.stored.len() - len..], &mut texts.out[..len]);
    sampler.time(open, "bare-ring", |_| {
        out.copy_from_slice(black_box(sealed));
        key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), out).unwrap().len()
    });
}

/// Of CBC as much is encrypted as there is with the padding. Each text begins with the end of what was sealed before, as
/// that of the complete operation does: calls that do not wait for each other overlap, and show the time of none.
pub fn cbc(sampler: &mut Sampler, texts: &mut Texts) {
    let [seal, open] = cells("aescbc", texts.len);
    let key = backends::aescbc::Key::new(&KEY);
    let iv = array(texts.parts(16).nonce);
    sampler.time(seal, BARE, |_| {
        let (text, before) = texts.to_seal();
        follow(text, before);
        let Parts { plaintext, into, .. } = texts.parts(16);
        key.seal(black_box(&iv), black_box(plaintext), into);
    });
    let Parts { sealed, out, .. } = texts.parts(16);
    sampler.time(open, BARE, |_| key.open(black_box(&iv), black_box(sealed), out));
    if FAST {
        cbc_rustcrypto(sampler, texts, [seal, open]);
        cbc_aws_lc(sampler, texts, [seal, open]);
    }
}

/// Has a text begin with the end of another.
pub fn follow(text: &mut [u8], before: &[u8]) {
    text[..16].copy_from_slice(&before[before.len() - 16..]);
}

fn cbc_rustcrypto(sampler: &mut Sampler, texts: &mut Texts, [seal, open]: [Cell; 2]) {
    use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
    let key = aes::Aes256::new(&KEY.into());
    let iv = array::<16>(texts.parts(16).nonce).into();
    sampler.time(seal, "bare-rustcrypto", |_| {
        let (text, before) = texts.to_seal();
        follow(text, before);
        let Parts { plaintext, into, .. } = texts.parts(16);
        let mut cbc = cbc::Encryptor::inner_iv_init(&key, &iv);
        cbc.encrypt_blocks_inout(InOutBuf::new(black_box(plaintext), into).unwrap().into_chunks().0);
    });
    let Parts { sealed, out, .. } = texts.parts(16);
    sampler.time(open, "bare-rustcrypto", |_| {
        let mut cbc = cbc::Decryptor::inner_iv_init(&key, &iv);
        cbc.decrypt_blocks_inout(InOutBuf::new(black_box(sealed), out).unwrap().into_chunks().0);
    });
}

/// It knows no second buffer, so that the text is copied first.
fn cbc_aws_lc(sampler: &mut Sampler, texts: &mut Texts, [seal, open]: [Cell; 2]) {
    use aws_lc_rs::cipher::{
        AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
    };
    use aws_lc_rs::iv::FixedLength;
    let unbound = || UnboundCipherKey::new(&AES_256, &KEY).unwrap();
    let (sealing, opening) = (EncryptingKey::cbc(unbound()).unwrap(), DecryptingKey::cbc(unbound()).unwrap());
    let iv = array::<16>(texts.parts(16).nonce);
    sampler.time(seal, "bare-aws-lc-rs", |_| {
        let (text, before) = texts.to_seal();
        follow(text, before);
        let Parts { plaintext, into, .. } = texts.parts(16);
        into.copy_from_slice(black_box(plaintext));
        sealing.less_safe_encrypt(into, EncryptionContext::Iv128(FixedLength::from(iv))).unwrap();
    });
    let Parts { sealed, out, .. } = texts.parts(16);
    sampler.time(open, "bare-aws-lc-rs", |_| {
        out.copy_from_slice(black_box(sealed));
        opening.decrypt(out, DecryptionContext::Iv128(FixedLength::from(iv))).unwrap().len()
    });
}

pub fn secretbox(sampler: &mut Sampler, texts: &mut Texts) {
    let [seal, open] = cells("secretbox", texts.len);
    let Parts { plaintext, nonce, sealed, tag, into, out } = texts.parts(0);
    let (nonce, tag) = (array(nonce), array(tag));
    sampler.time(seal, BARE, |_| backends::secretbox::seal(&KEY, &nonce, black_box(plaintext), into));
    sampler.time(open, BARE, |_| backends::secretbox::open(&KEY, &nonce, black_box(sealed), out, &tag));
    if FAST {
        secretbox_dryoc(sampler, texts.parts(0), [seal, open]);
        secretbox_libsodium(sampler, texts.parts(0), [seal, open]);
    }
}

fn secretbox_dryoc(sampler: &mut Sampler, parts: Parts<'_>, [seal, open]: [Cell; 2]) {
    use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};
    let Parts { plaintext, nonce, sealed, tag, into, out } = parts;
    let (nonce, tag, mut other) = (array(nonce), array(tag), [0; 16]);
    sampler.time(seal, "bare-dryoc", |_| {
        crypto_secretbox_detached(into, &mut other, black_box(plaintext), &nonce, &KEY).unwrap();
    });
    sampler.time(open, "bare-dryoc", |_| {
        crypto_secretbox_open_detached(out, black_box(sealed), &tag, &nonce, &KEY).unwrap();
    });
}

fn secretbox_libsodium(sampler: &mut Sampler, parts: Parts<'_>, [seal, open]: [Cell; 2]) {
    let Parts { plaintext, nonce, sealed, tag, into, out } = parts;
    let (len, mut other) = (plaintext.len() as u64, [0; 16]);
    // Without that it does not find out what the processor can do.
    // SAFETY: it may be called at any time.
    assert!(unsafe { libsodium_sys::sodium_init() } >= 0);
    sampler.time(seal, "bare-libsodium", |_| {
        let (out, tag, text) = (into.as_mut_ptr(), other.as_mut_ptr(), black_box(plaintext).as_ptr());
        // SAFETY: text and output have `len` bytes, and tag, nonce and key their lengths.
        unsafe { libsodium_sys::crypto_secretbox_detached(out, tag, text, len, nonce.as_ptr(), KEY.as_ptr()) }
    });
    sampler.time(open, "bare-libsodium", |_| {
        let (out, text) = (out.as_mut_ptr(), black_box(sealed).as_ptr());
        // SAFETY: as above.
        let status = unsafe {
            libsodium_sys::crypto_secretbox_open_detached(out, text, tag.as_ptr(), len, nonce.as_ptr(), KEY.as_ptr())
        };
        assert_eq!(status, 0);
    });
}
