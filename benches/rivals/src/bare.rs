//! The primitive of the backend alone: key prepared, nonce given, distinct input and output. What the library adds
//! to it is the difference.

use std::hint::black_box;

use inout::InOutBuf;

use crate::sampler::{Cell, Sampler};
use crate::{AAD, FAST, KEY, OURS};

pub fn aesgcm(sampler: &mut Sampler, size: usize) {
    let plaintext = vec![0x5a; size];
    let mut out = vec![0; size];
    let (seal, open) = (Cell { provider: "aesgcm", op: "seal", size }, Cell { provider: "aesgcm", op: "open", size });
    if FAST {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &KEY).unwrap());
        let nonce = || Nonce::assume_unique_for_key([9; 12]);
        let mut tag = [0; 16];
        let mut sealed = vec![0; size];
        key.seal_out_of_place_scatter(nonce(), Aad::from(AAD), &plaintext, &mut sealed, &[], &mut tag).unwrap();
        let mut other = [0; 16];
        sampler.time(seal, OURS[2], |_| {
            let text = black_box(&plaintext);
            key.seal_out_of_place_scatter(nonce(), Aad::from(AAD), text, &mut out, &[], &mut other).unwrap();
        });
        sampler.time(open, OURS[2], |_| {
            key.open_separate_gather(nonce(), Aad::from(AAD), black_box(&sealed), &tag, &mut out).unwrap();
        });
    } else {
        use aes_gcm::aead::consts::U12;
        use aes_gcm::{AeadInOut, KeyInit};
        // As the provider has it: the schedule of one direction.
        let key = aes_gcm::AesGcm::<aes::Aes256Enc, U12>::new(&KEY.into());
        let nonce = [9; 12].into();
        let mut sealed = vec![0; size];
        let tag = key.encrypt_inout_detached(&nonce, AAD, InOutBuf::new(&plaintext, &mut sealed).unwrap()).unwrap();
        sampler.time(seal, OURS[2], |_| {
            let text = InOutBuf::new(black_box(&plaintext), &mut out).unwrap();
            key.encrypt_inout_detached(&nonce, AAD, text).unwrap()
        });
        sampler.time(open, OURS[2], |_| {
            let text = InOutBuf::new(black_box(&sealed), &mut out).unwrap();
            key.decrypt_inout_detached(&nonce, AAD, text, &tag).unwrap();
        });
    }
}

pub fn aescbc(sampler: &mut Sampler, size: usize) {
    use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
    let key = aes::Aes256::new(&KEY.into());
    let iv = [9; 16].into();
    let plaintext = vec![0x5a; size];
    let mut out = vec![0; size];
    sampler.time(Cell { provider: "aescbc", op: "seal", size }, OURS[2], |_| {
        let mut cbc = cbc::Encryptor::inner_iv_init(&key, &iv);
        let (blocks, _) = InOutBuf::new(black_box(&plaintext), &mut out).unwrap().into_chunks();
        cbc.encrypt_blocks_inout(blocks);
    });
    sampler.time(Cell { provider: "aescbc", op: "open", size }, OURS[2], |_| {
        let mut cbc = cbc::Decryptor::inner_iv_init(&key, &iv);
        let (blocks, _) = InOutBuf::new(black_box(&plaintext), &mut out).unwrap().into_chunks();
        cbc.decrypt_blocks_inout(blocks);
    });
}

/// The fastest library there is for it, whatever the backend: nothing bare is public of the library's own.
pub fn secretbox(sampler: &mut Sampler, size: usize) {
    use dryoc::classic::crypto_secretbox::{crypto_secretbox_detached, crypto_secretbox_open_detached};
    let plaintext = vec![0x5a; size];
    let (mut sealed, mut out, mut tag) = (vec![0; size], vec![0; size], [0; 16]);
    let nonce = [9; 24];
    crypto_secretbox_detached(&mut sealed, &mut tag, &plaintext, &nonce, &KEY).unwrap();
    let mut other = [0; 16];
    sampler.time(Cell { provider: "secretbox", op: "seal", size }, OURS[2], |_| {
        crypto_secretbox_detached(&mut out, &mut other, black_box(&plaintext), &nonce, &KEY).unwrap();
    });
    sampler.time(Cell { provider: "secretbox", op: "open", size }, OURS[2], |_| {
        crypto_secretbox_open_detached(&mut out, black_box(&sealed[..]), &tag, &nonce, &KEY).unwrap();
    });
}
