//! What the calls of this crate leave on the dead part of the stack.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/dead_stack.rs"]
mod dead_stack;
#[path = "common/needles.rs"]
mod needles;
#[path = "common/round_keys.rs"]
mod round_keys;
#[path = "common/search.rs"]
mod search;

use core::hint::black_box;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Provider, ProviderKind, Random, RandomError, Secret, Secretbox, SecretboxKey,
    Transformer,
};
use dead_stack::{Needles, left_by};
use needles::unlike;
use search::{Searching, block_of};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

const AAD: &[u8] = b"/registry/secrets/default/login1";

const SIZES: [usize; 6] = [16, 64, 400, 1024, 1100, 16_384];

struct Nonce;

impl Random for Nonce {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(7);
        Ok(())
    }
}

fn key() -> Vec<u8> {
    unlike(1, 32)
}

fn transformer(kind: ProviderKind) -> Transformer<'static> {
    let key = key();
    let builder = Transformer::builder();
    let builder = match kind {
        ProviderKind::AesCbc => builder.provider(AesCbc::new([("k", AesCbcKey::from_bytes(&key).unwrap())]).unwrap()),
        ProviderKind::AesGcm => builder.provider(AesGcm::new([("k", AesGcmKey::from_bytes(&key).unwrap())]).unwrap()),
        _ => builder.provider(Secretbox::new([("k", SecretboxKey::from_bytes(&key).unwrap())]).unwrap()),
    };
    builder.build().unwrap()
}

/// What the key is in memory.
fn object(kind: ProviderKind) -> Vec<u8> {
    let key = key();
    match kind {
        ProviderKind::AesCbc => block_of(|| AesCbcKey::from_bytes(&key).unwrap()).0,
        ProviderKind::AesGcm => block_of(|| AesGcmKey::from_bytes(&key).unwrap()).0,
        _ => block_of(|| SecretboxKey::from_bytes(&key).unwrap()).0,
    }
}

type Call = fn(&Transformer<'_>, &[u8], &[u8], &mut [u8]);

const CALLS: [(&str, Call); 9] = [
    ("seal", |list, text, _, _| drop(list.seal_with(&mut Nonce, AAD, text).unwrap())),
    ("seal into", |list, text, _, out| drop(list.seal_into(&mut Nonce, AAD, text, out).unwrap())),
    ("seal in place", |list, text, _, out| {
        out[..text.len()].copy_from_slice(text);
        list.seal_in_place(&mut Nonce, AAD, text.len(), out).unwrap();
    }),
    ("open", |list, _, stored, _| drop(list.open(AAD, stored).unwrap())),
    ("open into", |list, _, stored, out| drop(list.open_into(AAD, stored, out).unwrap())),
    ("open in place", |list, _, stored, out| {
        out[..stored.len()].copy_from_slice(stored);
        list.open_in_place(AAD, &mut out[..stored.len()]).unwrap();
    }),
    ("failing open", |list, _, stored, _| drop(list.open(AAD, &damaged(stored)).unwrap_err())),
    ("failing open into", |list, _, stored, out| drop(list.open_into(AAD, &damaged(stored), out).unwrap_err())),
    ("failing open in place", |list, _, stored, _| drop(list.open_in_place(AAD, &mut damaged(stored)).unwrap_err())),
];

fn damaged(stored: &[u8]) -> Vec<u8> {
    let mut damaged = stored.to_vec();
    let place = stored.len() - 17;
    damaged[place] ^= 0x80;
    damaged
}

#[test]
fn explore() {
    for kind in [ProviderKind::AesCbc, ProviderKind::AesGcm, ProviderKind::Secretbox] {
        let list = transformer(kind);
        for size in SIZES {
            let text = unlike(2, size);
            let stored = list.seal_with(&mut Nonce, AAD, &text).unwrap();
            let mut secrets = Needles::default().with_object(&object(kind));
            let header = kind.prefix().len() + 2;
            secrets = match kind {
                ProviderKind::AesCbc => secrets.with_aes(&key()).with_plaintext(&text),
                ProviderKind::AesGcm => secrets.with_gcm(&key(), &[7; 12]).with_text(&text, &stored[header + 12..]),
                _ => secrets.with_key(&key()).with_text(&text, &stored[header + 24 + 16..]),
            };
            for (name, call) in CALLS {
                let mut out = vec![0; stored.len()];
                let ((), left) = left_by(|| call(&list, &text, &stored, &mut out));
                println!(
                    "{kind} {size} {name}: {} deep, {:?} at {:?}, wiped {}",
                    left.depth(),
                    left.found(&secrets),
                    left.depths(&secrets),
                    left.wiped_below()
                );
            }
        }
    }
}
