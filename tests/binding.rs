//! Every input of a seal, changed before the open: it fails, or, where a provider does not bind that input,
//! a test says so and `binds_aad()` agrees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/doubles.rs"]
mod doubles;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, Provider, ProviderKind, Secretbox, SecretboxKey, Transformer,
};
use doubles::Repeating;

const AAD: &[u8] = b"/registry/secrets/default/login1";
const PLAINTEXT: &[u8] = b"hunter2 and some more than a block of it";
const KEY: [u8; 32] = *b"the right key, thirty-two bytes.";
const KEYED: [ProviderKind; 3] = [ProviderKind::AesCbc, ProviderKind::AesGcm, ProviderKind::Secretbox];

fn provider(kind: ProviderKind, keys: &[(&str, [u8; 32])]) -> Box<dyn Provider> {
    macro_rules! keyed {
        ($provider:ident, $key:ident) => {
            Box::new($provider::new(keys.iter().map(|(name, key)| (*name, $key::from_bytes(key).unwrap()))).unwrap())
        };
    }
    match kind {
        ProviderKind::AesCbc => keyed!(AesCbc, AesCbcKey),
        ProviderKind::AesGcm => keyed!(AesGcm, AesGcmKey),
        ProviderKind::Secretbox => keyed!(Secretbox, SecretboxKey),
        _ => Box::new(Identity::new()),
    }
}

fn seal(provider: &dyn Provider, nonce: u8, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut out = vec![0; provider.sealed_len(plaintext.len()).unwrap()];
    assert_eq!(provider.seal_into(&mut Repeating(vec![nonce]), aad, plaintext, &mut out), Ok(out.len()));
    out
}

fn open(provider: &dyn Provider, aad: &[u8], stored: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; provider.open_len_max(stored)];
    provider.open_into(aad, stored, &mut out).map(|opened| opened.plaintext().to_vec())
}

/// The value of `PLAINTEXT` by a provider with one key `k`, which opens as it is.
fn sealed(kind: ProviderKind) -> (Box<dyn Provider>, Vec<u8>) {
    let provider = provider(kind, &[("k", KEY)]);
    let stored = seal(&*provider, 7, AAD, PLAINTEXT);
    assert_eq!(open(&*provider, AAD, &stored).as_deref(), Ok(PLAINTEXT));
    (provider, stored)
}

/// Where the nonce of a value of the key `k` begins.
fn nonce_at(kind: ProviderKind) -> usize {
    kind.prefix().len() + "k:".len()
}

const OTHER_AADS: [&[u8]; 4] = [
    b"",
    b"/registry/secrets/default/login",
    b"/registry/secrets/default/login11",
    b"/registry/secrets/default/login2",
];

#[test]
fn aesgcm_binds_the_aad() {
    let (provider, stored) = sealed(ProviderKind::AesGcm);
    for aad in OTHER_AADS {
        assert_eq!(open(&*provider, aad, &stored), Err(Error::Open));
    }
    let without = seal(&*provider, 7, b"", PLAINTEXT);
    assert_eq!(open(&*provider, b"\0", &without), Err(Error::Open));
    assert!(provider.binds_aad());
}

#[test]
fn aescbc_secretbox_and_identity_do_not_bind_the_aad() {
    for kind in [ProviderKind::AesCbc, ProviderKind::Secretbox, ProviderKind::Identity] {
        let (provider, stored) = sealed(kind);
        for aad in OTHER_AADS {
            assert_eq!(open(&*provider, aad, &stored).as_deref(), Ok(PLAINTEXT), "{kind}");
            assert_eq!(seal(&*provider, 7, aad, PLAINTEXT), stored, "{kind}");
        }
        assert!(!provider.binds_aad(), "{kind}");
    }
}

#[test]
fn no_other_key_opens_to_the_plaintext() {
    for kind in KEYED {
        let (_, stored) = sealed(kind);
        for bit in 0..256 {
            let mut key = KEY;
            key[bit / 8] ^= 1 << (bit % 8);
            let opened = open(&*provider(kind, &[("k", key)]), AAD, &stored);
            if kind == ProviderKind::AesCbc {
                // Nothing but the padding tells a wrong key from the right one.
                assert_ne!(opened.as_deref(), Ok(PLAINTEXT), "bit {bit}");
            } else {
                assert_eq!(opened, Err(Error::Open), "{kind} bit {bit}");
            }
        }
    }
}

#[test]
fn an_aes_key_is_bound_in_its_length() {
    // AES-128 and AES-256 with keys that begin alike are different ciphers.
    for kind in [ProviderKind::AesCbc, ProviderKind::AesGcm] {
        let (_, stored) = sealed(kind);
        let short: Box<dyn Provider> = match kind {
            ProviderKind::AesCbc => Box::new(AesCbc::new([("k", AesCbcKey::from_bytes(&KEY[..16]).unwrap())]).unwrap()),
            _ => Box::new(AesGcm::new([("k", AesGcmKey::from_bytes(&KEY[..16]).unwrap())]).unwrap()),
        };
        assert_eq!(open(&*short, AAD, &stored), Err(Error::Open), "{kind}");
    }
}

#[test]
fn aesgcm_and_secretbox_bind_nonce_ciphertext_and_tag() {
    for kind in [ProviderKind::AesGcm, ProviderKind::Secretbox] {
        let (provider, stored) = sealed(kind);
        for position in nonce_at(kind)..stored.len() {
            let mut changed = stored.clone();
            changed[position] ^= 0x10;
            assert_eq!(open(&*provider, AAD, &changed), Err(Error::Open), "{kind} at {position}");
        }
        for longer in [[&stored[..], b"\0"].concat(), [&stored[..], &stored[..]].concat()] {
            assert_eq!(open(&*provider, AAD, &longer), Err(Error::Open), "{kind}");
        }
    }
}

#[test]
fn parts_of_two_values_do_not_make_a_third() {
    for (kind, nonce_len) in [(ProviderKind::AesGcm, 12), (ProviderKind::Secretbox, 24)] {
        let (provider, first) = sealed(kind);
        let second = seal(&*provider, 8, AAD, &[b'x'; PLAINTEXT.len()]);
        let body_at = nonce_at(kind) + nonce_len;
        for cut in [body_at, body_at + 16, first.len() - 16] {
            let mixed = [&first[..cut], &second[cut..]].concat();
            assert_eq!(open(&*provider, AAD, &mixed), Err(Error::Open), "{kind} cut at {cut}");
        }
    }
}

#[test]
fn aescbc_does_not_bind_its_iv() {
    // Whoever flips a bit of the IV flips that bit of the plaintext's first block, unnoticed.
    let (provider, stored) = sealed(ProviderKind::AesCbc);
    for position in 0..16 {
        let mut changed = stored.clone();
        changed[nonce_at(ProviderKind::AesCbc) + position] ^= 0x21;
        let mut expected = PLAINTEXT.to_vec();
        expected[position] ^= 0x21;
        assert_eq!(open(&*provider, AAD, &changed), Ok(expected));
    }
}

#[test]
fn the_prefix_decides_the_cipher() {
    for kind in KEYED {
        let (own, stored) = sealed(kind);
        for other in KEYED.into_iter().filter(|&other| other != kind) {
            let relabelled = [other.prefix().as_bytes(), &stored[kind.prefix().len()..]].concat();
            assert_eq!(open(&*own, AAD, &relabelled), Err(Error::NoMatchingProvider), "{kind} as {other}");
            let opened = open(&*provider(other, &[("k", KEY)]), AAD, &relabelled);
            if other == ProviderKind::AesCbc {
                assert_ne!(opened.as_deref(), Ok(PLAINTEXT), "{kind} as {other}");
            } else {
                assert_eq!(opened, Err(Error::Open), "{kind} as {other}");
            }
        }
        for version in ["v2:", "v1;", "V1:"] {
            let prefix = kind.prefix().replace("v1:", version);
            let relabelled = [prefix.as_bytes(), &stored[kind.prefix().len()..]].concat();
            assert_eq!(open(&*own, AAD, &relabelled), Err(Error::NoMatchingProvider), "{prefix}");
        }
    }
}

#[test]
fn the_key_name_chooses_the_key() {
    for kind in [ProviderKind::AesGcm, ProviderKind::Secretbox] {
        let list = provider(kind, &[("k", KEY), ("m", [9; 32])]);
        let stored = seal(&*list, 7, AAD, PLAINTEXT);
        assert_eq!(open(&*list, AAD, &stored).as_deref(), Ok(PLAINTEXT));
        for (name, error) in [("m", Error::Open), ("n", Error::NoMatchingKey), ("", Error::NoMatchingKey)] {
            let renamed = [kind.prefix(), name, ":"].concat().into_bytes();
            let renamed = [&renamed[..], &stored[nonce_at(kind)..]].concat();
            assert_eq!(open(&*list, AAD, &renamed), Err(error), "{kind} {name}");
        }
    }
}

#[test]
fn the_key_name_is_not_authenticated() {
    // It is a label: one key under two names opens a value that was given the other name.
    for kind in KEYED {
        let list = provider(kind, &[("k", KEY), ("m", KEY)]);
        let mut stored = seal(&*list, 7, AAD, PLAINTEXT);
        stored[kind.prefix().len()] = b'm';
        assert_eq!(open(&*list, AAD, &stored).as_deref(), Ok(PLAINTEXT), "{kind}");
    }
}

#[test]
fn every_input_of_a_seal_changes_the_value() {
    for kind in KEYED {
        let (own, stored) = sealed(kind);
        let body = &stored[nonce_at(kind)..];
        assert_ne!(&seal(&*own, 8, AAD, PLAINTEXT)[nonce_at(kind) + 24..], &body[24..], "{kind}: nonce");
        assert_ne!(
            &seal(&*provider(kind, &[("k", [9; 32])]), 7, AAD, PLAINTEXT)[nonce_at(kind)..],
            body,
            "{kind}: key"
        );
        assert_ne!(seal(&*provider(kind, &[("m", KEY)]), 7, AAD, PLAINTEXT), stored, "{kind}: name");
        let mut plaintext = PLAINTEXT.to_vec();
        *plaintext.last_mut().unwrap() ^= 1;
        assert_ne!(&seal(&*own, 7, AAD, &plaintext)[nonce_at(kind)..], body, "{kind}: plaintext");
        let moved = seal(&*own, 7, b"/elsewhere", PLAINTEXT);
        assert_eq!(moved != stored, own.binds_aad(), "{kind}: aad");
    }
}

#[test]
fn a_transformer_binds_what_its_provider_binds() {
    let key = AesGcmKey::from_bytes(&KEY).unwrap();
    let transformer = Transformer::builder().provider(AesGcm::new([("k", key)]).unwrap()).build().unwrap();
    let stored = transformer.seal_with(&mut Repeating(vec![7]), AAD, PLAINTEXT).unwrap();
    assert_eq!(transformer.open(AAD, &stored).unwrap().plaintext(), PLAINTEXT);
    assert_eq!(transformer.open(OTHER_AADS[3], &stored).unwrap_err(), Error::Open);
    assert_eq!(transformer.open_in_place(OTHER_AADS[3], &mut stored.clone()).unwrap_err(), Error::Open);
}
