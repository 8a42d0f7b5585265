//! What crosses the border of the crate: conversions from and to secrecy, and the adapters from and to
//! rand_core.
#![allow(clippy::unwrap_used)]

#[path = "common/doubles.rs"]
mod doubles;

use atrest::{
    AesCbcKey, AesGcm, AesGcmKey, Error, KeySource, OsRandom, RandCore, Random, RandomError, Secret, SecretVec,
    Secretbox, SecretboxKey, Transformer,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use doubles::Counter;
use rand_core::{TryCryptoRng, TryRng};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};

const KEY: [u8; 32] = *b"\xc5\x9a\xf1\x03The-quick[brown]fox|jumps=\xe7\x8d";
const PLAINTEXT: &[u8] = b"\xd2\xbe\x91\xf7Zq#Vj*08/15=Wkx";

/// Whether a value sealed with one key opens with the other.
fn same_key(one: SecretboxKey, other: SecretboxKey) -> bool {
    let one = Transformer::builder().provider(Secretbox::new([("k", one)]).unwrap()).build().unwrap();
    let other = Transformer::builder().provider(Secretbox::new([("k", other)]).unwrap()).build().unwrap();
    let stored = one.seal_with(&mut Counter(0), b"", PLAINTEXT).unwrap();
    other.open(b"", &stored).is_ok_and(|opened| opened.plaintext() == PLAINTEXT)
}

#[test]
fn keys_are_made_of_secrecy_types() {
    let own = || SecretboxKey::from_bytes(&KEY).unwrap();
    let slice = SecretSlice::from(KEY.to_vec());
    let text = SecretString::from(STANDARD.encode(KEY));
    assert!(same_key(own(), SecretboxKey::try_from(&slice).unwrap()));
    assert!(same_key(own(), SecretboxKey::try_from(&text).unwrap()));
    assert!(!same_key(own(), SecretboxKey::from_bytes(&[9; 32]).unwrap()));
    assert!(AesCbcKey::try_from(&slice).is_ok() && AesGcmKey::try_from(&slice).is_ok());
    assert!(AesCbcKey::try_from(&text).is_ok() && AesGcmKey::try_from(&text).is_ok());

    let short = SecretSlice::from(KEY[..31].to_vec());
    assert_eq!(SecretboxKey::try_from(&short).unwrap_err(), Error::KeyLength { len: 31 });
    assert_eq!(AesGcmKey::try_from(&short).unwrap_err(), Error::KeyLength { len: 31 });
    assert_eq!(AesCbcKey::try_from(&SecretString::from("no base64")).unwrap_err(), Error::Base64);
}

#[test]
fn secrets_convert_both_ways() {
    let secret = Secret::<32>::from_slice(&KEY).unwrap();
    let boxed = SecretBox::<[u8; 32]>::from(&secret);
    assert_eq!(boxed.expose_secret(), &KEY);
    assert_eq!(Secret::<32>::from(&boxed).expose(), &KEY);
    assert_eq!(ExposeSecret::expose_secret(&secret), &KEY);
    for capacity in [PLAINTEXT.len(), 100] {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(PLAINTEXT);
        assert_eq!(SecretSlice::from(SecretVec::from_vec(bytes)).expose_secret(), PLAINTEXT);
    }
    assert_eq!(SecretSlice::from(SecretVec::from_slice(b"").unwrap()).expose_secret(), b"");
}

#[test]
fn a_secret_that_fills_its_block_is_handed_over_without_a_copy() {
    let secret = SecretVec::from_slice(PLAINTEXT).unwrap();
    let block = secret.expose().as_ptr();
    assert_eq!(SecretSlice::from(secret).expose_secret().as_ptr(), block);
}

/// A generator of rand_core that counts, and fails when it is told to.
struct Theirs {
    next: u8,
    fails: bool,
}

impl TryRng for Theirs {
    type Error = std::io::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("bytes are asked for")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("bytes are asked for")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for byte in out {
            *byte = self.next;
            self.next += 1;
        }
        if self.fails { Err(std::io::Error::other("out of entropy")) } else { Ok(()) }
    }
}

impl TryCryptoRng for Theirs {}

#[test]
fn their_generators_serve_as_ours() {
    let mut bytes = [0; 5];
    RandCore(Theirs { next: 1, fails: false }).fill(&mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 3, 4, 5]);
    let mut failing = RandCore(Theirs { next: 1, fails: true });
    assert_eq!(failing.fill(&mut bytes), Err(RandomError));
    assert_eq!(Secret::<32>::generate_with(&mut failing).unwrap_err(), Error::Random);

    let source: &mut dyn KeySource = &mut RandCore(Theirs { next: 0, fails: false });
    assert_eq!(Secret::<3>::generate_with(source).unwrap().expose(), &[0, 1, 2]);

    // The nonce of a value is what their generator gave.
    let key = AesGcmKey::from_bytes(&KEY).unwrap();
    let transformer = Transformer::builder().provider(AesGcm::new([("k", key)]).unwrap()).build().unwrap();
    let stored = transformer.seal_with(&mut RandCore(Theirs { next: 0, fails: false }), b"", b"").unwrap();
    assert_eq!(stored["k8s:enc:aesgcm:v1:k:".len()..][..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let refused = transformer.seal_with(&mut RandCore(Theirs { next: 0, fails: true }), b"", b"");
    assert_eq!(refused, Err(Error::Random));
}

#[test]
fn our_sources_serve_as_theirs() {
    fn draw<R: TryCryptoRng<Error = RandomError>>(rng: &mut R) -> (u32, u64, [u8; 24]) {
        let mut bytes = [0; 24];
        rng.try_fill_bytes(&mut bytes).unwrap();
        (rng.try_next_u32().unwrap(), rng.try_next_u64().unwrap(), bytes)
    }
    let (one, other) = (draw(&mut OsRandom), draw(&mut OsRandom));
    assert!(one.1 != other.1 && one.2 != other.2);
    assert!(one.1 >> 32 != 0 && other.2 != [0; 24]);
    // And back again.
    assert_eq!(RandCore(OsRandom).fill(&mut [0; 12]), Ok(()));
}
