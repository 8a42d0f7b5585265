//! AES-GCM and AES-CBC.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use aes_gcm::{AeadInOut, Aes256Gcm};

use super::{begun, both, os_random};
use crate::sampler::Sampler;
use crate::{AAD, KEY};

const GCM: &[u8] = b"k8s:enc:aesgcm:v1:key1:";
const CBC: &[u8] = b"k8s:enc:aescbc:v1:key1:";

pub fn measure(sampler: &mut Sampler, size: usize) {
    gcm_rustcrypto(sampler, size);
    gcm_ring(sampler, size);
    gcm_aws_lc(sampler, size);
    cbc_rustcrypto(sampler, size);
    cbc_aws_lc(sampler, size);
}

fn gcm_rustcrypto(sampler: &mut Sampler, size: usize) {
    let key = Aes256Gcm::new(&KEY.into());
    let seal = |plaintext: &[u8]| {
        let nonce = os_random::<12>();
        let mut out = begun(GCM, &nonce, plaintext.len() + 16);
        let at = out.len();
        out.extend_from_slice(plaintext);
        let tag = key.encrypt_inout_detached(&nonce.into(), AAD, (&mut out[at..]).into()).unwrap();
        out.extend_from_slice(&tag);
        out
    };
    let open = |stored: &[u8]| {
        let (nonce, body) = stored.strip_prefix(GCM)?.split_first_chunk::<12>()?;
        let (text, tag) = body.split_last_chunk::<16>()?;
        let mut out = text.to_vec();
        key.decrypt_inout_detached(&(*nonce).into(), AAD, out.as_mut_slice().into(), &(*tag).into()).ok()?;
        Some(out)
    };
    both(sampler, ("aesgcm", "rustcrypto"), size, seal, open);
}

/// ring and aws-lc-rs have the same interface.
macro_rules! gcm_of {
    ($function:ident, $library:ident, $name:literal) => {
        fn $function(sampler: &mut Sampler, size: usize) {
            use $library::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
            use $library::rand::{SecureRandom, SystemRandom};
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
            let rng = SystemRandom::new();
            let seal = |plaintext: &[u8]| {
                let mut nonce = [0; 12];
                rng.fill(&mut nonce).unwrap();
                let mut out = begun(GCM, &nonce, plaintext.len() + 16);
                let at = out.len();
                out.extend_from_slice(plaintext);
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(AAD), &mut out[at..]).unwrap();
                out.extend_from_slice(tag.as_ref());
                out
            };
            let open = |stored: &[u8]| {
                let (nonce, body) = stored.strip_prefix(GCM)?.split_first_chunk::<12>()?;
                let mut out = body.to_vec();
                let nonce = Nonce::assume_unique_for_key(*nonce);
                let len = key.open_in_place(nonce, Aad::from(AAD), &mut out).ok()?.len();
                out.truncate(len);
                Some(out)
            };
            both(sampler, ("aesgcm", $name), size, seal, open);
        }
    };
}

gcm_of!(gcm_ring, ring, "ring");
gcm_of!(gcm_aws_lc, aws_lc_rs, "aws-lc-rs");

fn cbc_rustcrypto(sampler: &mut Sampler, size: usize) {
    let key = aes::Aes256::new(&KEY.into());
    let seal = |plaintext: &[u8]| {
        let iv = os_random::<16>();
        let mut out = begun(CBC, &iv, plaintext.len() + 16);
        let at = out.len();
        out.extend_from_slice(plaintext);
        out.resize(at + plaintext.len() / 16 * 16 + 16, 0);
        let cbc = cbc::Encryptor::inner_iv_init(&key, &iv.into());
        cbc.encrypt_padded::<Pkcs7>(&mut out[at..], plaintext.len()).unwrap();
        out
    };
    let open = |stored: &[u8]| {
        let (iv, body) = stored.strip_prefix(CBC)?.split_first_chunk::<16>()?;
        let mut out = body.to_vec();
        let cbc = cbc::Decryptor::inner_iv_init(&key, &(*iv).into());
        let len = cbc.decrypt_padded::<Pkcs7>(&mut out).ok()?.len();
        out.truncate(len);
        Some(out)
    };
    both(sampler, ("aescbc", "rustcrypto"), size, seal, open);
}

fn cbc_aws_lc(sampler: &mut Sampler, size: usize) {
    use aws_lc_rs::cipher::{
        AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
        UnboundCipherKey,
    };
    use aws_lc_rs::iv::FixedLength;
    use aws_lc_rs::rand::{SecureRandom, SystemRandom};
    let unbound = || UnboundCipherKey::new(&AES_256, &KEY).unwrap();
    let sealing = PaddedBlockEncryptingKey::cbc_pkcs7(unbound()).unwrap();
    let opening = PaddedBlockDecryptingKey::cbc_pkcs7(unbound()).unwrap();
    let rng = SystemRandom::new();
    let seal = |plaintext: &[u8]| {
        let mut iv = [0; 16];
        rng.fill(&mut iv).unwrap();
        // It pads at the end of a vector, so that the header is put in front of what it made.
        let mut text = Vec::with_capacity(plaintext.len() + 16);
        text.extend_from_slice(plaintext);
        sealing.less_safe_encrypt(&mut text, EncryptionContext::Iv128(FixedLength::from(iv))).unwrap();
        let mut out = begun(CBC, &iv, text.len());
        out.extend_from_slice(&text);
        out
    };
    let open = |stored: &[u8]| {
        let (iv, body) = stored.strip_prefix(CBC)?.split_first_chunk::<16>()?;
        let mut out = body.to_vec();
        let context = DecryptionContext::Iv128(FixedLength::from(*iv));
        let len = opening.decrypt(&mut out, context).ok()?.len();
        out.truncate(len);
        Some(out)
    };
    both(sampler, ("aescbc", "aws-lc-rs"), size, seal, open);
}
