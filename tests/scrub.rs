//! No block of the heap is freed with a part of a secret in it: secrets, key schedules, opened plaintext,
//! the base64 of a secret, and what conversions leave behind. Each test first shows that it finds what it
//! looks for.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/round_keys.rs"]
mod round_keys;
#[path = "common/search.rs"]
mod search;

use core::hint::black_box;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Random, RandomError, Secret, SecretVec, Secretbox, SecretboxKey, Transformer,
};
use round_keys::expand_aes256;
use search::{Searching, block_of, freed_with, keylike};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// Static, so that the tests themselves put no copy into the heap.
static KEY: [u8; 32] = *b"\x03The-quick[brown]fox|jumps=over!";
static PLAINTEXT: [u8; 16] = *b"plain-Text*08/15";

struct Nonce;

impl Random for Nonce {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(7);
        Ok(())
    }
}

#[test]
fn an_ordinary_vector_leaves_its_bytes() {
    assert_eq!(freed_with(&KEY, || drop(black_box(KEY.to_vec()))), 1);
    assert_eq!(freed_with(&KEY, || drop(black_box(vec![0_u8; 32]))), 0);
    let mut grown = KEY.to_vec();
    assert_eq!(freed_with(&KEY, || grown.resize(1000, 0)), 1, "growing frees the old block");
}

#[test]
fn boxed_secrets_are_wiped() {
    let (alive, freed) = block_of(|| Box::new(Secret::<32>::from_slice(&KEY).unwrap()));
    assert_eq!((alive, freed), (KEY.to_vec(), vec![0; 32]));
}

#[test]
fn secret_vectors_are_wiped_in_their_whole_allocation() {
    let (alive, freed) = block_of(|| SecretVec::from_slice(&KEY).unwrap());
    assert_eq!((alive, freed), (KEY.to_vec(), vec![0; 32]));

    let truncated = || {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(&[b'x'; 40]);
        bytes.extend_from_slice(&KEY);
        bytes.truncate(40);
        bytes
    };
    assert_eq!(freed_with(&KEY, || drop(black_box(truncated()))), 1);
    let (alive, freed) = block_of(|| SecretVec::from_vec(truncated()));
    assert_eq!((alive.len(), &alive[..40], freed), (100, &[b'x'; 40][..], vec![0; 100]));
    assert_eq!(freed_with(&KEY, || drop(SecretVec::from_vec(truncated()))), 0);
    // What is given up is only what was exposed.
    let mut exposed = Vec::new();
    assert_eq!(freed_with(&KEY, || exposed = SecretVec::from_vec(truncated()).expose_into_vec()), 0);
    assert_eq!(exposed, [b'x'; 40]);
    assert_eq!(freed_with(&KEY, || drop(exposed)), 0);
}

#[test]
fn the_base64_of_a_secret_is_wiped() {
    static TEXT: &[u8] = b"A1RoZS1xdWlja1ticm93bl1mb3h8anVtcHM9b3ZlciE=";
    let secret = Secret::<32>::from_slice(&KEY).unwrap();
    assert_eq!(secret.expose_base64().as_bytes(), TEXT);
    assert_eq!(freed_with(TEXT, || drop(black_box(String::from(secret.expose_base64().as_str())))), 1);
    assert_eq!(freed_with(TEXT, || drop(secret.expose_base64())), 0);
    // Neither the end nor a middle of it stays.
    assert_eq!(freed_with(&TEXT[8..16], || drop(secret.expose_base64())), 0);
}

/// Builds and drops a key: its block holds key material before, and none after.
fn assert_wiped<T>(name: &str, build: impl Fn(&[u8]) -> T, lens: &[usize]) {
    for &len in lens {
        let (alive, freed) = block_of(|| build(&KEY[..len]));
        assert!(keylike(&alive).len() >= 16, "{name} {len}: the block of the key was found");
        let left = keylike(&freed);
        assert!(left.is_empty(), "{name} {len}: {} of {} runs are left", left.len(), keylike(&alive).len());
    }
}

#[test]
fn keys_are_wiped_whole_whatever_the_backend() {
    for _ in 0..20 {
        assert_wiped("aescbc", |key| AesCbcKey::from_bytes(key).unwrap(), &[16, 24, 32]);
        assert_wiped("aesgcm", |key| AesGcmKey::from_bytes(key).unwrap(), &[16, 24, 32]);
        assert_wiped("secretbox", |key| SecretboxKey::from_bytes(key).unwrap(), &[32]);
    }
}

#[test]
fn a_key_lives_until_its_last_handle_is_dropped() {
    let key = SecretboxKey::from_bytes(&KEY).unwrap();
    let provider = Secretbox::new([("k", key.clone())]).unwrap();
    drop(key);
    let transformer = Transformer::builder().provider(provider).build().unwrap();
    let stored = transformer.seal_with(&mut Nonce, b"", &PLAINTEXT).unwrap();
    assert_eq!(transformer.open(b"", &stored).unwrap().plaintext(), PLAINTEXT);
    assert_eq!(freed_with(&KEY, || drop(transformer)), 0);
}

#[test]
fn lists_free_no_key_material() {
    let aescbc = || AesCbc::new((0..9).map(|i| (format!("k{i}"), AesCbcKey::from_bytes(&KEY).unwrap()))).unwrap();
    let aesgcm = || AesGcm::new((0..9).map(|i| (format!("k{i}"), AesGcmKey::from_bytes(&KEY).unwrap()))).unwrap();
    let build = || Transformer::builder().provider(aescbc()).provider(aesgcm()).build().unwrap();
    assert_eq!(freed_with(&KEY[..16], || drop(black_box(build()))), 0);
    assert_eq!(freed_with(&KEY[16..], || drop(black_box(build()))), 0);
}

#[test]
fn the_key_expansion_here_is_that_of_fips_197() {
    // Appendix A.3.
    let key = *b"\x60\x3d\xeb\x10\x15\xca\x71\xbe\x2b\x73\xae\xf0\x85\x7d\x77\x81\x1f\x35\x2c\x07\x3b\x61\x08\xd7\x2d\x98\x10\xa3\x09\x14\xdf\xf4";
    let last = *b"\xfe\x48\x90\xd1\xe6\x18\x8d\x0b\x04\x6d\xf3\x44\x70\x6c\x63\x1e";
    assert_eq!(expand_aes256(&key)[14], last);
}

/// With AES-NI the round keys lie in memory as FIPS 197 has them, so that they can be looked for by value.
#[cfg(target_arch = "x86_64")]
#[test]
fn first_and_last_round_keys_are_wiped() {
    if !std::arch::is_x86_feature_detected!("aes") {
        eprintln!("not checked: round keys by value, as the portable code stores them in another order");
        return;
    }
    static ROUND_KEYS: std::sync::OnceLock<[[u8; 16]; 15]> = std::sync::OnceLock::new();
    let round_keys = ROUND_KEYS.get_or_init(|| expand_aes256(&KEY));
    for needle in [&round_keys[0], &round_keys[1], &round_keys[7], &round_keys[14]] {
        let holds = |bytes: &[u8]| bytes.windows(16).any(|window| window == needle);
        let (aescbc, _) = block_of(|| AesCbcKey::from_bytes(&KEY).unwrap());
        let (aesgcm, _) = block_of(|| AesGcmKey::from_bytes(&KEY).unwrap());
        assert!(holds(&aescbc) && holds(&aesgcm), "the round key is there while the key lives");
        assert_eq!(freed_with(needle, || drop(black_box(AesCbcKey::from_bytes(&KEY).unwrap()))), 0);
        assert_eq!(freed_with(needle, || drop(black_box(AesGcmKey::from_bytes(&KEY).unwrap()))), 0);
    }
}

fn transformers() -> [Transformer<'static>; 3] {
    let builders = [
        Transformer::builder().provider(AesCbc::new([("k", AesCbcKey::from_bytes(&KEY).unwrap())]).unwrap()),
        Transformer::builder().provider(AesGcm::new([("k", AesGcmKey::from_bytes(&KEY).unwrap())]).unwrap()),
        Transformer::builder().provider(Secretbox::new([("k", SecretboxKey::from_bytes(&KEY).unwrap())]).unwrap()),
    ];
    builders.map(|builder| builder.build().unwrap())
}

#[test]
fn opened_plaintext_is_wiped() {
    let long: Vec<u8> = PLAINTEXT.iter().copied().cycle().take(5000).collect();
    for transformer in transformers() {
        let stored = transformer.seal_with(&mut Nonce, b"", &long).unwrap();
        let open = || transformer.open(b"", &stored).unwrap();
        assert_eq!(freed_with(&PLAINTEXT, || drop(black_box(open().plaintext().to_vec()))), 1);
        assert_eq!(freed_with(&PLAINTEXT, || drop(open())), 0);
        assert_eq!(freed_with(&PLAINTEXT, || drop(open().into_plaintext())), 0);
        let (alive, freed) = block_of(open);
        assert_eq!((&alive[..5000], freed.iter().all(|&byte| byte == 0)), (&long[..], true));
    }
}

#[test]
fn a_failing_open_frees_no_plaintext() {
    let [aescbc, ..] = transformers();
    let mut stored = aescbc.seal_with(&mut Nonce, b"", &[PLAINTEXT; 9].concat()).unwrap();
    let place = stored.len() - 17;
    stored[place] ^= 0xff;
    assert_eq!(freed_with(&PLAINTEXT, || assert!(aescbc.open(b"", &stored).is_err())), 0);
    // The damage is in the padding alone: this is what was decrypted.
    stored[place] ^= 0xff;
    assert_eq!(aescbc.open(b"", &stored).unwrap().plaintext(), [PLAINTEXT; 9].concat());
}

#[test]
fn opens_that_fail_free_no_plaintext_whatever_the_provider() {
    let long: Vec<u8> = PLAINTEXT.iter().copied().cycle().take(5000).collect();
    for transformer in transformers() {
        let stored = transformer.seal_with(&mut Nonce, b"", &long).unwrap();
        // The tag of secretbox stands in front, those of the others behind; the padding is in the last block.
        for place in [stored.len() - 17, stored.len() - 1, 46] {
            let mut damaged = stored.clone();
            damaged[place] ^= 0x80;
            let open = || drop(transformer.open(b"", &damaged));
            assert_eq!(freed_with(&PLAINTEXT, open), 0, "{transformer:?} {place}");
            let into = || {
                let mut out = vec![0; damaged.len()];
                if transformer.open_into(b"", &damaged, &mut out).is_ok() {
                    out.fill(0);
                }
            };
            assert_eq!(freed_with(&PLAINTEXT, into), 0, "{transformer:?} {place}");
        }
    }
}

#[test]
fn a_source_that_panics_amid_a_seal_leaves_no_plaintext() {
    struct Panics;
    impl Random for Panics {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomError> {
            panic!("a source that panics");
        }
    }
    for transformer in transformers() {
        let seal = || {
            let sealed = || transformer.seal_with(&mut Panics, b"", &PLAINTEXT);
            assert!(std::panic::catch_unwind(core::panic::AssertUnwindSafe(sealed)).is_err());
        };
        assert_eq!(freed_with(&PLAINTEXT, seal), 0);
    }
}

#[cfg(feature = "secrecy")]
#[test]
fn conversions_from_secrecy_leave_no_copy() {
    use secrecy::{SecretBox, SecretSlice, SecretString};
    static TEXT: &str = "A1RoZS1xdWlja1ticm93bl1mb3h8anVtcHM9b3ZlciE=";
    let keys = || {
        let slice = SecretSlice::<u8>::from(KEY.to_vec());
        drop([AesCbcKey::try_from(&slice).unwrap()]);
        drop([AesGcmKey::try_from(&slice).unwrap()]);
        drop([SecretboxKey::try_from(&slice).unwrap()]);
        let text = SecretString::from(TEXT);
        drop([AesGcmKey::try_from(&text).unwrap()]);
        let boxed = SecretBox::new(Box::new(KEY));
        let copy = Box::new(Secret::<32>::from(&boxed));
        assert_eq!(copy.expose(), &KEY);
    };
    assert_eq!((freed_with(&KEY, keys), freed_with(&TEXT.as_bytes()[8..24], keys)), (0, 0));
}

#[cfg(feature = "secrecy")]
#[test]
fn conversions_to_secrecy_leave_no_copy() {
    use secrecy::{ExposeSecret, SecretBox, SecretSlice};
    let convert = |secret: SecretVec| assert_eq!(SecretSlice::<u8>::from(secret).expose_secret()[..4], KEY[..4]);
    assert_eq!(freed_with(&KEY, || convert(SecretVec::from_slice(&KEY).unwrap())), 0);
    let roomy = || {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(&KEY);
        SecretVec::from_vec(bytes)
    };
    assert_eq!(freed_with(&KEY, || convert(roomy())), 0);
    let secret = Secret::<32>::from_slice(&KEY).unwrap();
    assert_eq!(freed_with(&KEY, || drop(SecretBox::<[u8; 32]>::from(&secret))), 0);
}

#[test]
fn a_block_cipher_of_the_dependency_wipes_itself_too() {
    use aes::cipher::KeyInit;
    let (alive, freed) = block_of(|| Box::new(aes::Aes256::new(&KEY.into())));
    assert!(!keylike(&alive).is_empty() && keylike(&freed).is_empty());
}
