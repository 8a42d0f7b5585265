//! Which provider and key open a value, whether it is stale then, and which error is told if none does.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/told.rs"]
mod told;

use atrest::{AesGcm, AesGcmKey, Error, Identity, Provider};

use told::Read::{Encrypted, Plain};
use told::State::{Fresh, Stale};
use told::{AAD, Entry, Keys, assert_told, by, told};

const IDENTITY: Entry<'static> = ("identity", &[]);

const KEYED: [&str; 3] = ["aescbc", "aesgcm", "secretbox"];

#[test]
fn stale_is_another_than_the_first_key() {
    for kind in KEYED {
        let list = [(kind, &[("a", 1), ("b", 2), ("c", 3)][..])];
        for (stored, expected) in [
            (by(kind, "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
            (by(kind, "b", 2), Ok((0, Some("b"), Encrypted, Stale))),
            (by(kind, "c", 3), Ok((0, Some("c"), Encrypted, Stale))),
        ] {
            assert_told(&list, &stored, &expected);
        }
    }
}

#[test]
fn stale_is_another_than_the_first_provider() {
    let (gcm, cbc, nacl) =
        (("aesgcm", &[("a", 1), ("b", 2)][..]), ("aescbc", &[("a", 3)][..]), ("secretbox", &[("a", 4), ("b", 5)][..]));
    for (list, stored, expected) in [
        ([gcm, cbc, nacl], by("aesgcm", "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
        ([gcm, cbc, nacl], by("aesgcm", "b", 2), Ok((0, Some("b"), Encrypted, Stale))),
        ([gcm, cbc, nacl], by("aescbc", "a", 3), Ok((1, Some("a"), Encrypted, Stale))),
        ([gcm, cbc, nacl], by("secretbox", "a", 4), Ok((2, Some("a"), Encrypted, Stale))),
        ([gcm, cbc, nacl], by("secretbox", "b", 5), Ok((2, Some("b"), Encrypted, Stale))),
        ([nacl, gcm, cbc], by("secretbox", "a", 4), Ok((0, Some("a"), Encrypted, Fresh))),
        ([nacl, gcm, cbc], by("secretbox", "b", 5), Ok((0, Some("b"), Encrypted, Stale))),
        ([nacl, gcm, cbc], by("aesgcm", "a", 1), Ok((1, Some("a"), Encrypted, Stale))),
        ([nacl, gcm, cbc], by("aesgcm", "b", 2), Ok((1, Some("b"), Encrypted, Stale))),
        ([nacl, gcm, cbc], by("aescbc", "a", 3), Ok((2, Some("a"), Encrypted, Stale))),
        ([cbc, nacl, gcm], by("aescbc", "a", 3), Ok((0, Some("a"), Encrypted, Fresh))),
    ] {
        assert_told(&list, &stored, &expected);
    }
}

#[test]
fn identity_tells_as_any_provider_by_its_place() {
    let gcm = ("aesgcm", &[("a", 1)][..]);
    let nacl = ("secretbox", &[("a", 2)][..]);
    let plain = b"plaintext".to_vec();
    for (list, stored, expected) in [
        (&[IDENTITY, gcm][..], plain.clone(), Ok((0, None, Plain, Fresh))),
        (&[IDENTITY, gcm], by("aesgcm", "a", 1), Ok((1, Some("a"), Encrypted, Stale))),
        (&[gcm, IDENTITY], plain.clone(), Ok((1, None, Plain, Stale))),
        (&[gcm, IDENTITY], by("aesgcm", "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
        (&[gcm, IDENTITY], vec![], Ok((1, None, Plain, Stale))),
        (&[gcm, IDENTITY, nacl], plain.clone(), Ok((1, None, Plain, Stale))),
        (&[gcm, IDENTITY, nacl], by("secretbox", "a", 2), Ok((2, Some("a"), Encrypted, Stale))),
        (&[IDENTITY], plain.clone(), Ok((0, None, Plain, Fresh))),
        (&[IDENTITY], vec![], Ok((0, None, Plain, Fresh))),
        (&[IDENTITY], b"k8s:enc".to_vec(), Ok((0, None, Plain, Fresh))),
        (&[IDENTITY, IDENTITY], plain, Ok((0, None, Plain, Fresh))),
    ] {
        assert_told(list, &stored, &expected);
    }
}

#[test]
fn a_failing_key_or_provider_falls_to_the_next_that_matches() {
    for kind in KEYED {
        let one = |keys: Keys<'static>| [(kind, keys)].to_vec();
        let two = |first: Keys<'static>, second: Keys<'static>| [(kind, first), (kind, second)].to_vec();
        for (list, stored, expected) in [
            // Repeated names.
            (one(&[("a", 1), ("a", 2)][..]), by(kind, "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
            (one(&[("a", 1), ("a", 2)]), by(kind, "a", 2), Ok((0, Some("a"), Encrypted, Stale))),
            (one(&[("a", 1), ("b", 9), ("a", 2)]), by(kind, "a", 2), Ok((0, Some("a"), Encrypted, Stale))),
            (one(&[("a", 1), ("a", 1)]), by(kind, "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
            (one(&[("a", 1), ("b", 1)]), by(kind, "b", 1), Ok((0, Some("b"), Encrypted, Stale))),
            // Repeated providers.
            (two(&[("a", 1)], &[("b", 2)]), by(kind, "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
            (two(&[("a", 1)], &[("b", 2)]), by(kind, "b", 2), Ok((1, Some("b"), Encrypted, Stale))),
            (two(&[("a", 1)], &[("a", 2)]), by(kind, "a", 2), Ok((1, Some("a"), Encrypted, Stale))),
            (two(&[("a", 1)], &[("b", 2), ("a", 3)]), by(kind, "a", 3), Ok((1, Some("a"), Encrypted, Stale))),
            (two(&[("a", 1)], &[("a", 1)]), by(kind, "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
            // Names that hold the ':' that ends them, or begin alike.
            (one(&[("a", 1), ("a:b", 2)]), by(kind, "a:b", 2), Ok((0, Some("a:b"), Encrypted, Stale))),
            (one(&[("a", 1), ("a:b", 1)]), by(kind, "a:b", 1), Ok((0, Some("a:b"), Encrypted, Stale))),
            (one(&[("a:b", 2), ("a", 1)]), by(kind, "a:b", 2), Ok((0, Some("a:b"), Encrypted, Fresh))),
            (one(&[("a:b", 2), ("a", 1)]), by(kind, "a", 1), Ok((0, Some("a"), Encrypted, Stale))),
            (one(&[("a", 1), ("a:", 2)]), by(kind, "a:", 2), Ok((0, Some("a:"), Encrypted, Stale))),
            (one(&[(":", 1), ("a", 2)]), by(kind, ":", 1), Ok((0, Some(":"), Encrypted, Fresh))),
            (two(&[("a", 1)], &[("a:b", 2)]), by(kind, "a:b", 2), Ok((1, Some("a:b"), Encrypted, Stale))),
            (one(&[("key1", 1), ("key10", 2)]), by(kind, "key10", 2), Ok((0, Some("key10"), Encrypted, Stale))),
        ] {
            assert_told(&list, &stored, &expected);
        }
    }
}

#[test]
fn the_error_that_says_most_is_told() {
    for kind in KEYED {
        let (a, b, wrong) = ((kind, &[("a", 1)][..]), (kind, &[("b", 1)][..]), by(kind, "a", 2));
        let other = if kind == "aesgcm" { ("secretbox", &[("a", 2)][..]) } else { ("aesgcm", &[("a", 2)][..]) };
        for (list, error) in [
            (&[a][..], Error::Open),
            (&[a, a], Error::Open),
            (&[(kind, &[("a", 1), ("a", 3)])], Error::Open),
            (&[(kind, &[("b", 1), ("a", 3)])], Error::Open),
            (&[(kind, &[("a", 1), ("b", 3)])], Error::Open),
            (&[a, b], Error::Open),
            (&[b, a], Error::Open),
            (&[b, other, a], Error::Open),
            (&[b], Error::NoMatchingKey),
            (&[b, b], Error::NoMatchingKey),
            (&[other, b], Error::NoMatchingKey),
            (&[other], Error::NoMatchingProvider),
            // Identity is not asked once another provider knew the value for its own.
            (&[IDENTITY, a], Error::Open),
            (&[a, IDENTITY], Error::Open),
            (&[b, IDENTITY, a], Error::Open),
            (&[b, IDENTITY], Error::NoMatchingKey),
            (&[IDENTITY, b], Error::NoMatchingKey),
            (&[other, IDENTITY], Error::NoMatchingProvider),
            (&[IDENTITY], Error::NoMatchingProvider),
        ] {
            assert_told(list, &wrong, &Err(error));
        }
        assert_told(&[(kind, &[("key1", 1)])], &by(kind, "key10", 1), &Err(Error::NoMatchingKey));
        assert_told(&[a], b"plaintext", &Err(Error::NoMatchingProvider));
        assert_told(&[a], b"", &Err(Error::NoMatchingProvider));
    }
}

#[test]
fn an_unknown_kubernetes_prefix_matches_no_provider() {
    let gcm = ("aesgcm", &[("a", 1)][..]);
    for stored in
        ["k8s:enc:", "k8s:enc:rot13:v1:a:x", "k8s:enc:aesgcm:v2:a:x", "k8s:enc:aesgcm:v1", "k8s:enc:AESGCM:v1:a:x"]
    {
        for list in [&[IDENTITY][..], &[gcm], &[gcm, IDENTITY], &[IDENTITY, gcm]] {
            assert_told(list, stored.as_bytes(), &Err(Error::NoMatchingProvider));
        }
    }
}

#[test]
fn a_provider_alone_tells_the_same() {
    let mut out = [1; 64];
    let identity = Identity::new();
    let refused = identity.open_into(b"", b"k8s:enc:", &mut out).map(|opened| told(&opened));
    assert_eq!(refused, Err(Error::Encrypted));
    assert_eq!(out, [0; 64]);
    let plain = identity.open_into(b"", b"k8s:enc", &mut out).map(|opened| told(&opened));
    assert_eq!(plain, Ok((0, None, Plain, Fresh)));

    let keys = [("a", 1), ("b", 2)].map(|(name, byte)| (name, AesGcmKey::from_bytes(&[byte; 32]).unwrap()));
    let gcm = AesGcm::new(keys).unwrap();
    for (stored, expected) in [
        (by("aesgcm", "a", 1), Ok((0, Some("a"), Encrypted, Fresh))),
        (by("aesgcm", "b", 2), Ok((0, Some("b"), Encrypted, Stale))),
        (by("aesgcm", "b", 3), Err(Error::Open)),
        (by("aesgcm", "c", 1), Err(Error::NoMatchingKey)),
        (by("aescbc", "a", 1), Err(Error::NoMatchingProvider)),
        (b"plaintext".to_vec(), Err(Error::NoMatchingProvider)),
    ] {
        let mut out = [1; 128];
        let opened = gcm.open_into(AAD, &stored, &mut out).map(|opened| told(&opened));
        assert_eq!(opened, expected);
        assert!(opened.is_ok() || out == [0; 128]);
    }
}
