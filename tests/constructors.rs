//! What cannot work is refused when it is built: lists without an entry, keys without a name or of a length
//! that does not fit. Names that Kubernetes accepts are accepted.
#![allow(clippy::unwrap_used)]

#[path = "common/doubles.rs"]
mod doubles;

use atrest::{
    AesCbcKey, AesGcmKey, Error, Keyed, KeyedCipher, NamedKey, Provider, Secret, SecretVec, Secretbox, SecretboxKey,
    Transformer,
};
use doubles::Counter;

#[test]
fn lists_want_an_entry() {
    assert_eq!(Transformer::builder().build().unwrap_err(), Error::NoProvider);
    assert_eq!(Transformer::borrowed(&[]).unwrap_err(), Error::NoProvider);
    fn without_keys<C: KeyedCipher>() {
        let none: [(&str, C); 0] = [];
        assert_eq!(Keyed::new(none).unwrap_err(), Error::NoKey);
        assert_eq!(Keyed::<C>::borrowed(&[]).unwrap_err(), Error::NoKey);
    }
    without_keys::<AesCbcKey>();
    without_keys::<AesGcmKey>();
    without_keys::<SecretboxKey>();
}

#[test]
fn names_of_keys_are_text_and_not_empty() {
    let key = SecretboxKey::from_bytes(&[1; 32]).unwrap();
    let refused: [(&[u8], Error); 4] = [
        (b"", Error::EmptyKeyName),
        (b"\xff", Error::KeyNameNotUtf8),
        (b"key\xc3", Error::KeyNameNotUtf8),
        (b"\xed\xa0\x80", Error::KeyNameNotUtf8),
    ];
    for (name, error) in refused {
        assert_eq!(NamedKey::new(name, &key).unwrap_err(), error);
        assert_eq!(Secretbox::new([(name, key.clone())]).unwrap_err(), error);
        // A later entry is checked like the first.
        assert_eq!(Secretbox::new([(&b"good"[..], key.clone()), (name, key.clone())]).unwrap_err(), error);
    }
    for name in [":", "::", "a:", ":a", "a:b:c", " ", "\0", "ключ", "k8s:enc:"] {
        let named = [NamedKey::new(name, &key).unwrap(), NamedKey::new(name, &key).unwrap()];
        let borrowed = Secretbox::borrowed(&named).unwrap();
        let owned = Secretbox::new([(name, key.clone()), (name, key.clone())]).unwrap();
        let providers: [&dyn Provider; 2] = [&owned, &borrowed];
        for provider in providers {
            let mut stored = vec![0; provider.sealed_len(5).unwrap()];
            provider.seal_into(&mut Counter(0), b"", b"hello", &mut stored).unwrap();
            let mut out = [0; 100];
            let opened = provider.open_into(b"", &stored, &mut out).unwrap();
            assert_eq!((opened.plaintext(), opened.key_name(), opened.is_stale()), (&b"hello"[..], Some(name), false));
        }
    }
}

#[test]
fn keys_have_the_lengths_of_their_cipher() {
    for len in 0..=64 {
        let bytes = [7; 64];
        let wrong = Err(Error::KeyLength { len });
        let aes = if [16, 24, 32].contains(&len) { Ok(()) } else { wrong };
        let secretbox = if len == 32 { Ok(()) } else { wrong };
        assert_eq!(AesCbcKey::from_bytes(&bytes[..len]).map(drop), aes);
        assert_eq!(AesGcmKey::from_bytes(&bytes[..len]).map(drop), aes);
        assert_eq!(SecretboxKey::from_bytes(&bytes[..len]).map(drop), secretbox);
        assert_eq!(Secret::<32>::from_slice(&bytes[..len]).map(drop), secretbox);

        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes[..len]);
        assert_eq!(AesCbcKey::from_base64(&text).map(drop), aes);
        assert_eq!(AesGcmKey::from_base64(&text).map(drop), aes);
        assert_eq!(SecretboxKey::from_base64(&text).map(drop), secretbox);
        assert_eq!(Secret::<32>::from_base64(&text).map(drop), secretbox);
    }
}

#[test]
fn a_secret_tells_how_long_it_is() {
    for len in [0, 1, 32] {
        let mut roomy = Vec::with_capacity(100);
        roomy.extend_from_slice(&[7; 32][..len]);
        for secret in [SecretVec::from_slice(&[7; 32][..len]).unwrap(), SecretVec::from_vec(roomy)] {
            assert_eq!((secret.len(), secret.is_empty(), secret.expose().len()), (len, len == 0, len));
        }
    }
}
