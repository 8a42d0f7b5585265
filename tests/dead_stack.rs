//! What making a key, sealing and opening leave on the dead part of the stack: nothing of the key, of what is made of it, of
//! the key stream and of the plaintext.
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
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, ProviderKind, Random, RandomError, Secret, Secretbox, SecretboxKey,
    Transformer,
};
use base64::Engine as _;
use dead_stack::{Needles, assert_clean, left_by, registers_after};
use needles::unlike;
use search::{Searching, block_in_use};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// More than is hashed at once, and no whole blocks.
const AAD: &[u8] = &[b'/'; 150];

const KINDS: [ProviderKind; 3] = [ProviderKind::AesCbc, ProviderKind::AesGcm, ProviderKind::Secretbox];

const SIZES: [usize; 6] = [16, 64, 400, 1024, 1100, 4100];

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
        ProviderKind::AesCbc => block_in_use(usize::MAX, || AesCbcKey::from_bytes(&key).unwrap()).1,
        ProviderKind::AesGcm => block_in_use(usize::MAX, || AesGcmKey::from_bytes(&key).unwrap()).1,
        _ => block_in_use(usize::MAX, || SecretboxKey::from_bytes(&key).unwrap()).1,
    }
}

type Call = fn(&Transformer<'_>, &[u8], &[u8], &mut [u8]);

const CALLS: [(&str, Call); 10] = [
    ("seal", |list, text, _, _| drop(list.seal_with(&mut Nonce, AAD, text).unwrap())),
    ("seal into", |list, text, _, out| {
        list.seal_into(&mut Nonce, AAD, text, out).unwrap();
    }),
    ("seal in place", |list, text, _, out| {
        out[..text.len()].copy_from_slice(text);
        list.seal_in_place(&mut Nonce, AAD, text.len(), out).unwrap();
    }),
    ("seal many", |list, text, _, _| {
        let values = [(AAD, text); 9];
        list.seal_many_with(&mut Nonce, values).for_each(|stored| drop(stored.unwrap()));
    }),
    ("open", |list, _, stored, _| drop(list.open(AAD, stored).unwrap())),
    ("open into", |list, _, stored, out| {
        list.open_into(AAD, stored, out).unwrap();
    }),
    ("open in place", |list, _, stored, out| {
        out[..stored.len()].copy_from_slice(stored);
        list.open_in_place(AAD, &mut out[..stored.len()]).unwrap();
    }),
    ("failing open", |list, _, stored, _| {
        list.open(AAD, &damaged(stored)).unwrap_err();
    }),
    ("failing open into", |list, _, stored, out| {
        list.open_into(AAD, &damaged(stored), out).unwrap_err();
    }),
    ("failing open in place", |list, _, stored, _| {
        list.open_in_place(AAD, &mut damaged(stored)).unwrap_err();
    }),
];

fn damaged(stored: &[u8]) -> Vec<u8> {
    let mut damaged = stored.to_vec();
    let place = stored.len() - 17;
    damaged[place] ^= 0x80;
    damaged
}

/// What may not be left of the key, and of a text that was sealed under it.
fn secrets(kind: ProviderKind, text: &[u8], stored: &[u8]) -> Needles {
    let key = key();
    let (_, value) = stored.split_at(kind.prefix().len() + 2);
    let needles = Needles::default().with_object(&object(kind));
    match kind {
        ProviderKind::AesCbc => needles.with_aes(&key).with_plaintext(text),
        ProviderKind::AesGcm => needles.with_gcm(&key, &value[..12]).with_text(text, &value[12..]),
        _ => needles.with_xsalsa(&key, &value[..24]).with_text(text, &value[24 + 16..]),
    }
}

#[test]
fn seals_and_opens_leave_nothing() {
    for kind in KINDS {
        let list = transformer(kind);
        for size in SIZES {
            let text = unlike(2, size);
            let stored = list.seal_with(&mut Nonce, AAD, &text).unwrap();
            let needles = secrets(kind, &text, &stored);
            for (name, call) in CALLS {
                let mut out = vec![0; stored.len()];
                let name = format!("{kind} {size} {name}");
                assert_clean(&name, || call(&list, &text, &stored, &mut out), |()| needles.clone());
            }
        }
    }
}

/// Where passes are assembly, which says what it clears. With `atrest_no_quads` secretbox has none; and AWS-LC, which clears nothing,
/// has the longest texts then.
#[test]
fn passes_leave_nothing_in_registers() {
    if !std::is_x86_feature_detected!("vaes") || !std::is_x86_feature_detected!("avx512f") {
        return;
    }
    let has_quads = cfg!(not(atrest_no_quads)) && std::is_x86_feature_detected!("avx512ifma");
    let is_assembly = |kind, size| match kind {
        ProviderKind::AesGcm => has_quads || cfg!(not(feature = "aws-lc-rs")) || size < 1536,
        ProviderKind::Secretbox => has_quads,
        _ => true,
    };
    for kind in KINDS {
        let list = transformer(kind);
        for size in SIZES.into_iter().filter(|&size| is_assembly(kind, size)) {
            let text = unlike(2, size);
            let stored = list.seal_with(&mut Nonce, AAD, &text).unwrap();
            let needles = secrets(kind, &text, &stored);
            let mut out = vec![0; stored.len()];
            // Sealing by aescbc is not one of them, and moving texts about is not the passes': only those with every register
            // clear what put a text in place.
            let seals = [CALLS[1], CALLS[2]].into_iter().filter(|_| kind != ProviderKind::AesCbc);
            let calls = seals.chain([CALLS[5], CALLS[6], CALLS[8], CALLS[9]]);
            for (name, call) in calls.filter(|(name, _)| has_quads || !name.ends_with("in place")) {
                let left = registers_after(|| call(&list, &text, &stored, &mut out));
                assert!(left.found(&needles).is_empty(), "{kind} {size} {name}: {:?}", left.found(&needles));
            }
        }
    }
}

/// That they pass another length on the way to another key size changes nothing of where they are kept.
#[test]
fn keys_that_are_made_and_dropped_leave_nothing() {
    let raw = key();
    let text = base64::engine::general_purpose::STANDARD.encode(&raw);
    let secret = Secret::<32>::from_slice(&raw).unwrap();
    type Make = fn(&[u8], &str, &Secret<32>);
    const MAKES: [(&str, Make); 9] = [
        ("aescbc", |raw, _, _| drop(AesCbcKey::from_bytes(raw).unwrap())),
        ("aesgcm", |raw, _, _| drop(AesGcmKey::from_bytes(raw).unwrap())),
        ("secretbox", |raw, _, _| drop(SecretboxKey::from_bytes(raw).unwrap())),
        ("aescbc from base64", |_, text, _| drop(AesCbcKey::from_base64(text).unwrap())),
        ("aesgcm from base64", |_, text, _| drop(AesGcmKey::from_base64(text).unwrap())),
        ("secretbox from base64", |_, text, _| drop(SecretboxKey::from_base64(text).unwrap())),
        ("aescbc of a secret", |_, _, secret| drop(AesCbcKey::try_from(secret).unwrap())),
        ("aesgcm of a secret", |_, _, secret| drop(AesGcmKey::try_from(secret).unwrap())),
        ("a list", |raw, _, _| {
            let keys = || (0..9).map(|i| (i.to_string(), AesGcmKey::from_bytes(raw).unwrap()));
            drop(Transformer::builder().provider(AesGcm::new(keys()).unwrap()).build().unwrap());
        }),
    ];
    let objects = KINDS.into_iter().fold(Needles::default(), |needles, kind| needles.with_object(&object(kind)));
    let needles = objects.with_aes(&raw).with("base64", text.as_bytes());
    for (name, make) in MAKES {
        assert_clean(name, || make(&raw, &text, &secret), |()| needles.clone());
    }
    for len in [16, 24] {
        let halves = Needles::default().with("raw key", &raw[..len]);
        let object = |block: Vec<u8>| halves.clone().with_object(&block);
        let (_, aescbc) = block_in_use(usize::MAX, || AesCbcKey::from_bytes(&raw[..len]).unwrap());
        assert_clean("a shorter key", || drop(AesCbcKey::from_bytes(&raw[..len]).unwrap()), |()| object(aescbc));
        let (_, aesgcm) = block_in_use(usize::MAX, || AesGcmKey::from_bytes(&raw[..len]).unwrap());
        assert_clean("a shorter key", || drop(AesGcmKey::from_bytes(&raw[..len]).unwrap()), |()| object(aesgcm));
    }
}

#[cfg(feature = "envelope")]
#[test]
fn a_key_that_is_drawn_leaves_nothing() {
    use atrest::LocalKek;
    /// Of the two counts of a handle, and the key.
    const KEK_LEN: usize = 16 + 32;
    let drawn = || block_in_use(KEK_LEN, || LocalKek::generate_as("id1").unwrap());
    assert_clean("generate", drawn, |(_, block)| Needles::default().with_object(block));
    let mut kek = LocalKek::generate_as("id1").unwrap();
    let rotated = || block_in_use(KEK_LEN, || kek.rotate().is_ok()).1;
    assert_clean("rotate", rotated, |block| Needles::default().with_object(block));
}

/// What is looked for is found where it is left.
#[test]
fn a_planted_leak_is_found() {
    #[inline(never)]
    fn copy(secret: &[u8]) -> u8 {
        let mut copy = [0; 480];
        copy[..secret.len()].copy_from_slice(secret);
        black_box(&mut copy);
        copy[black_box(7)]
    }
    let key = key();
    let xored = unlike(5, 64).iter().zip(unlike(6, 64)).map(|(a, b)| a ^ b).collect();
    for (name, secret, needles) in [
        ("raw key", key.clone(), Needles::default().with_key(&key)),
        (
            "round key",
            round_keys::expand_aes256(key[..].try_into().unwrap()).concat(),
            Needles::default().with_aes(&key),
        ),
        ("words of a key", key.chunks(4).flat_map(|word| word.repeat(4)).collect(), Needles::default().with_key(&key)),
        ("plaintext", unlike(2, 64), Needles::default().with_plaintext(&unlike(2, 64))),
        ("key stream", xored, Needles::default().with_text(&unlike(5, 64), &unlike(6, 64))),
        (
            "part of a live key",
            object(ProviderKind::AesCbc),
            Needles::default().with_object(&object(ProviderKind::AesCbc)),
        ),
    ] {
        let (_, left) = left_by(|| copy(&secret[..secret.len().min(480)]));
        assert!(left.found(&needles).get(name).is_some_and(|&count| count > 0), "{name}: {:?}", left.found(&needles));
        let (_, left) = left_by(|| copy(&vec![1; 480]));
        assert_eq!(left.found(&needles).len(), 0, "{name}");
    }
    // A copy that a call leaves is found as deep as it went.
    let needles = Needles::default().with_key(&key);
    assert!(left_by(|| copy(&key)).1.depths(&needles).end >= 400);
    assert_eq!(left_by(|| ()).1.found(&needles).len(), 0);
}
