//! One operation at a time, for counting its instructions: `instructions PROVIDER OPERATION BYTES`; see `.ci/callgrind`.
//!
//! Without such a case each of them runs once.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core)]

use std::env;
use std::hint::black_box;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, BlockingTransformer, Envelope, KmsV2, LocalKek, Provider, Secret, Secretbox,
    SecretboxKey, Transformer,
};

const AAD: &[u8] = b"/registry/secrets/default/login1";

const KEY: [u8; 32] = *b"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

const PROVIDERS: [&str; 5] = ["aescbc", "aesgcm", "secretbox", "kms_v2", "envelope"];

const SIZES: [usize; 3] = [64, 1 << 10, 16 << 10];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [provider, operation, bytes] = &arguments[..] {
        run(provider, operation, bytes.parse().unwrap());
    } else {
        for (provider, bytes) in PROVIDERS.into_iter().flat_map(|provider| SIZES.map(|bytes| (provider, bytes))) {
            ["seal", "open"].into_iter().for_each(|operation| run(provider, operation, bytes));
        }
    }
}

/// The part whose instructions are counted.
#[inline(never)]
fn measured<R>(call: impl FnOnce() -> R) -> R {
    black_box(call())
}

/// Runs an operation once to warm up, and then once to be counted.
fn run(provider: &str, operation: &str, bytes: usize) {
    let plaintext = vec![0x5a; bytes];
    match provider {
        "aescbc" => {
            listed(AesCbc::new([("key1", AesCbcKey::from_bytes(&KEY).unwrap())]).unwrap(), operation, &plaintext);
        }
        "aesgcm" => {
            listed(AesGcm::new([("key1", AesGcmKey::from_bytes(&KEY).unwrap())]).unwrap(), operation, &plaintext);
        }
        "secretbox" => {
            let key = SecretboxKey::from_bytes(&KEY).unwrap();
            listed(Secretbox::new([("key1", key)]).unwrap(), operation, &plaintext);
        }
        "kms_v2" => {
            let transformer =
                BlockingTransformer::builder().kms_v2(KmsV2::new("vault").unwrap(), kek()).build().unwrap();
            transformer.check().into_iter().for_each(|(_, checked)| checked.unwrap());
            let seal = || transformer.seal(AAD, black_box(&plaintext)).unwrap();
            both(operation, seal, |stored| transformer.open(AAD, black_box(stored)).unwrap());
        }
        _ => {
            let envelope = Envelope::new(kek());
            let seal = || envelope.seal(AAD, black_box(&plaintext)).unwrap();
            both(operation, seal, |stored| envelope.open(AAD, black_box(stored)).unwrap());
        }
    }
}

fn kek() -> LocalKek {
    LocalKek::new([("1", &Secret::<32>::from_slice(&KEY).unwrap())]).unwrap()
}

fn listed(provider: impl Provider, operation: &str, plaintext: &[u8]) {
    let transformer = Transformer::builder().provider(provider).build().unwrap();
    let seal = || transformer.seal(AAD, black_box(plaintext)).unwrap();
    both(operation, seal, |stored| transformer.open(AAD, black_box(stored)).unwrap());
}

/// What is returned is dropped where it is counted.
fn both<R>(operation: &str, seal: impl Fn() -> Vec<u8>, open: impl Fn(&[u8]) -> R) {
    let stored = seal();
    drop(open(&stored));
    match operation {
        "seal" => measured(|| drop(seal())),
        _ => measured(|| drop(open(&stored))),
    }
}
