//! Primitives alone: key prepared, nonce given, distinct input and output. `bare` is that of the library's own backend,
//! so that what a complete operation adds to it is the difference; the others are what other libraries have.

use std::hint::black_box;

use inout::InOutBuf;

use crate::sampler::{Cell, Sampler};
use crate::{AAD, FAST, KEY, OURS, backends};

const BARE: &str = OURS[2];

/// A buffer of which the part behind the header of a stored value is used, as a complete operation uses it: where a text
/// lies shows in its time.
struct Stored {
    bytes: Vec<u8>,
    header: usize,
}

impl Stored {
    fn new(provider: &str, len: usize) -> Self {
        // Prefix, key name, nonce, and for secretbox the tag.
        let header = match provider {
            "aesgcm" => 23 + 12,
            "aescbc" => 23 + 16,
            _ => 26 + 24 + 16,
        };
        Self { bytes: vec![0; header + len], header }
    }

    fn text(&self) -> &[u8] {
        &self.bytes[self.header..]
    }

    fn text_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.header..]
    }
}

pub fn measure(sampler: &mut Sampler, size: usize) {
    gcm(sampler, size);
    cbc(sampler, size);
    secretbox(sampler, size);
    if !FAST {
        gcm_rustcrypto(sampler, size);
        gcm_ring(sampler, size);
        cbc_libraries(sampler, size);
        secretbox_libraries(sampler, size);
    }
}

const fn cells(provider: &'static str, size: usize) -> [Cell; 2] {
    [Cell { provider, op: "seal", size }, Cell { provider, op: "open", size }]
}

fn gcm(sampler: &mut Sampler, size: usize) {
    let plaintext = vec![0x5a; size];
    let (mut sealed, mut into, mut out) = (Stored::new("aesgcm", size), Stored::new("aesgcm", size), vec![0; size]);
    let [seal, open] = cells("aesgcm", size);
    #[cfg(feature = "fast")]
    {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
        let nonce = || Nonce::assume_unique_for_key([9; 12]);
        let (mut tag, mut other) = ([0; 16], [0; 16]);
        let aad = || Aad::from(AAD);
        key.seal_out_of_place_scatter(nonce(), aad(), &plaintext, sealed.text_mut(), &[], &mut tag).unwrap();
        sampler.time(seal, BARE, |_| {
            let text = black_box(&plaintext);
            key.seal_out_of_place_scatter(nonce(), aad(), text, into.text_mut(), &[], &mut other).unwrap();
        });
        sampler.time(open, BARE, |_| {
            key.open_separate_gather(nonce(), aad(), black_box(sealed.text()), &tag, &mut out).unwrap();
        });
    }
    #[cfg(not(feature = "fast"))]
    {
        let key = backends::aesgcm::Key::new(&KEY);
        let nonce = [9; 12];
        let tag = key.seal(&nonce, AAD, &plaintext, sealed.text_mut());
        sampler.time(seal, BARE, |_| key.seal(&nonce, AAD, black_box(&plaintext), into.text_mut()));
        sampler.time(open, BARE, |_| key.open(&nonce, AAD, black_box(sealed.text()), &mut out, &tag));
    }
}

fn gcm_rustcrypto(sampler: &mut Sampler, size: usize) {
    use aes_gcm::aead::consts::U12;
    use aes_gcm::{AeadInOut, KeyInit};
    let plaintext = vec![0x5a; size];
    let (mut sealed, mut into, mut out) = (Stored::new("aesgcm", size), Stored::new("aesgcm", size), vec![0; size]);
    let [seal, open] = cells("aesgcm", size);
    let key = aes_gcm::AesGcm::<aes::Aes256Enc, U12>::new(&KEY.into());
    let nonce = [9; 12].into();
    let text = InOutBuf::new(&plaintext, sealed.text_mut()).unwrap();
    let tag = key.encrypt_inout_detached(&nonce, AAD, text).unwrap();
    sampler.time(seal, "bare-rustcrypto", |_| {
        let text = InOutBuf::new(black_box(&plaintext), into.text_mut()).unwrap();
        key.encrypt_inout_detached(&nonce, AAD, text).unwrap()
    });
    sampler.time(open, "bare-rustcrypto", |_| {
        let text = InOutBuf::new(black_box(sealed.text()), &mut out).unwrap();
        key.decrypt_inout_detached(&nonce, AAD, text, &tag).unwrap();
    });
}

/// It knows no second buffer, so that the text is copied first.
fn gcm_ring(sampler: &mut Sampler, size: usize) {
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
    let nonce = || Nonce::assume_unique_for_key([9; 12]);
    let plaintext = vec![0x5a; size];
    let (mut sealed, mut into) = (Stored::new("aesgcm", size + 16), Stored::new("aesgcm", size));
    let mut out = plaintext.clone();
    let tag = key.seal_in_place_separate_tag(nonce(), Aad::from(AAD), &mut out).unwrap();
    out.extend_from_slice(tag.as_ref());
    sealed.text_mut().copy_from_slice(&out);
    let [seal, open] = cells("aesgcm", size);
    sampler.time(seal, "bare-ring", |_| {
        into.text_mut().copy_from_slice(black_box(&plaintext));
        key.seal_in_place_separate_tag(nonce(), Aad::from(AAD), into.text_mut()).unwrap()
    });
    sampler.time(open, "bare-ring", |_| {
        out.copy_from_slice(black_box(sealed.text()));
        key.open_in_place(nonce(), Aad::from(AAD), &mut out).unwrap().len()
    });
}

/// Of CBC as much is encrypted as there is with the padding. Each text begins with the end of what was sealed before, as
/// that of the complete operation does: calls that do not wait for each other overlap, and show the time of none.
fn cbc(sampler: &mut Sampler, size: usize) {
    let key = backends::aescbc::Key::new(&KEY);
    let (mut text, sealed) = (vec![0x5a; size + 16], Stored::new("aescbc", size + 16));
    let (mut into, mut out) = (Stored::new("aescbc", size + 16), vec![0; size + 16]);
    let [seal, open] = cells("aescbc", size);
    sampler.time(seal, BARE, |_| {
        follow(&mut text, into.text());
        key.seal(black_box(&[9; 16]), black_box(&text), into.text_mut());
    });
    sampler.time(open, BARE, |_| key.open(black_box(&[9; 16]), black_box(sealed.text()), &mut out));
}

/// Has a text begin with the end of another.
pub fn follow(text: &mut [u8], before: &[u8]) {
    text[..16].copy_from_slice(&before[before.len() - 16..]);
}

fn cbc_libraries(sampler: &mut Sampler, size: usize) {
    use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
    use aws_lc_rs::cipher::{
        AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
    };
    use aws_lc_rs::iv::FixedLength;
    let (mut text, sealed) = (vec![0x5a; size + 16], Stored::new("aescbc", size + 16));
    let (mut into, mut out) = (Stored::new("aescbc", size + 16), vec![0; size + 16]);
    let [seal, open] = cells("aescbc", size);
    let key = aes::Aes256::new(&KEY.into());
    let iv = [9; 16].into();
    sampler.time(seal, "bare-rustcrypto", |_| {
        follow(&mut text, into.text());
        let mut cbc = cbc::Encryptor::inner_iv_init(&key, &iv);
        cbc.encrypt_blocks_inout(InOutBuf::new(black_box(&text), into.text_mut()).unwrap().into_chunks().0);
    });
    sampler.time(open, "bare-rustcrypto", |_| {
        let mut cbc = cbc::Decryptor::inner_iv_init(&key, &iv);
        cbc.decrypt_blocks_inout(InOutBuf::new(black_box(sealed.text()), &mut out).unwrap().into_chunks().0);
    });
    // It knows no second buffer, so that the text is copied first.
    let unbound = || UnboundCipherKey::new(&AES_256, &KEY).unwrap();
    let (sealing, opening) = (EncryptingKey::cbc(unbound()).unwrap(), DecryptingKey::cbc(unbound()).unwrap());
    let iv = || FixedLength::from([9; 16]);
    sampler.time(seal, "bare-aws-lc-rs", |_| {
        follow(&mut text, into.text());
        into.text_mut().copy_from_slice(black_box(&text));
        sealing.less_safe_encrypt(into.text_mut(), EncryptionContext::Iv128(iv())).unwrap()
    });
    sampler.time(open, "bare-aws-lc-rs", |_| {
        out.copy_from_slice(black_box(sealed.text()));
        opening.decrypt(&mut out, DecryptionContext::Iv128(iv())).unwrap().len()
    });
}

fn secretbox(sampler: &mut Sampler, size: usize) {
    let plaintext = vec![0x5a; size];
    let (mut sealed, mut into) = (Stored::new("secretbox", size), Stored::new("secretbox", size));
    let (mut out, nonce) = (vec![0; size], [9; 24]);
    let tag = backends::secretbox::seal(&KEY, &nonce, &plaintext, sealed.text_mut());
    let [seal, open] = cells("secretbox", size);
    sampler.time(seal, BARE, |_| backends::secretbox::seal(&KEY, &nonce, black_box(&plaintext), into.text_mut()));
    sampler.time(open, BARE, |_| backends::secretbox::open(&KEY, &nonce, black_box(sealed.text()), &mut out, &tag));
}

fn secretbox_libraries(sampler: &mut Sampler, size: usize) {
    use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};
    let plaintext = vec![0x5a; size];
    let (mut sealed, mut into) = (Stored::new("secretbox", size), Stored::new("secretbox", size));
    let (mut out, mut tag, mut other, nonce) = (vec![0; size], [0; 16], [0; 16], [9; 24]);
    crypto_secretbox_detached(sealed.text_mut(), &mut tag, &plaintext, &nonce, &KEY).unwrap();
    let [seal, open] = cells("secretbox", size);
    sampler.time(seal, "bare-dryoc", |_| {
        crypto_secretbox_detached(into.text_mut(), &mut other, black_box(&plaintext), &nonce, &KEY).unwrap();
    });
    sampler.time(open, "bare-dryoc", |_| {
        crypto_secretbox_open_detached(&mut out, black_box(sealed.text()), &tag, &nonce, &KEY).unwrap();
    });
    let len = size as u64;
    sampler.time(seal, "bare-libsodium", |_| {
        let (out, tag, text) = (into.text_mut().as_mut_ptr(), other.as_mut_ptr(), black_box(&plaintext).as_ptr());
        // SAFETY: text and output have `len` bytes, and tag, nonce and key their lengths.
        unsafe { libsodium_sys::crypto_secretbox_detached(out, tag, text, len, nonce.as_ptr(), KEY.as_ptr()) }
    });
    sampler.time(open, "bare-libsodium", |_| {
        let (out, text) = (out.as_mut_ptr(), black_box(sealed.text()).as_ptr());
        // SAFETY: as above.
        let status = unsafe {
            libsodium_sys::crypto_secretbox_open_detached(out, text, tag.as_ptr(), len, nonce.as_ptr(), KEY.as_ptr())
        };
        assert_eq!(status, 0);
    });
}
