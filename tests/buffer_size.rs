//! The result of an open depends on the value and the list alone: a buffer that is too small says so, and
//! every size that does not gives the same result, also where an earlier key opens the value as garbage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "common/doubles.rs"]
mod doubles;

use atrest::{AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, NamedKey, Provider, Transformer};
use doubles::Counter;

const RIGHT: [u8; 16] = [1; 16];
const WRONG: [u8; 16] = [2; 16];
const PLAINTEXT: &[u8] = b"a plaintext of more than one block";

/// A name of 16 bytes more than `k:`, so that behind `k:` too there is a whole number of blocks.
const LONG: &str = "k:fifteen--bytes-";

fn aescbc(keys: &[(&str, [u8; 16])]) -> AesCbc<'static> {
    AesCbc::new(keys.iter().map(|(name, key)| (*name, AesCbcKey::from_bytes(key).unwrap()))).unwrap()
}

/// A value under `name` by the right key, of which a list with `garbage` alone makes garbage or does not.
fn stored(name: &str, garbage: &AesCbc<'_>, opens: bool) -> Vec<u8> {
    let writer = aescbc(&[(name, RIGHT)]);
    let mut rng = Counter::default();
    let mut out = vec![0; writer.sealed_len(PLAINTEXT.len()).unwrap()];
    for _ in 0..10_000 {
        writer.seal_into(&mut rng, b"", PLAINTEXT, &mut out).unwrap();
        let mut plaintext = vec![0; garbage.open_len_max(&out)];
        if garbage.open_into(b"", &out, &mut plaintext).is_ok() == opens {
            return out;
        }
    }
    unreachable!("one value in about 256 opens as garbage");
}

type Seen = Result<(Vec<u8>, Option<String>, usize, bool), Error>;

fn open(transformer: &Transformer<'_>, stored: &[u8], len: usize) -> Seen {
    let mut out = vec![0xa5; len];
    let seen = transformer.open_into(b"", stored, &mut out).map(|opened| {
        let name = opened.key_name().map(String::from);
        (opened.plaintext().to_vec(), name, opened.provider_index(), opened.is_stale())
    });
    let plaintext_len = seen.as_ref().map_or(0, |seen| seen.0.len());
    let untouched = if seen.is_ok() { 0xa5 } else { 0 };
    assert!(out[plaintext_len..].iter().all(|&byte| byte == 0 || byte == untouched), "a decrypted byte is left");
    seen
}

/// Opens into every size; returns the one result, and checks what the others say.
fn the_result(transformer: &Transformer<'_>, stored: &[u8]) -> Seen {
    let suffices = transformer.open_len_max(stored);
    let result = open(transformer, stored, suffices);
    assert!(!matches!(result, Err(Error::BufferTooSmall { .. })), "open_len_max suffices");
    let mut enough = false;
    for len in 0..=stored.len() + 20 {
        let seen = open(transformer, stored, len);
        if seen == Err(Error::BufferTooSmall { needed: suffices }) {
            assert!(!enough && len < suffices, "{len} bytes are too few, and fewer sufficed");
        } else {
            assert_eq!(seen, result, "{len} bytes");
            enough = true;
        }
    }
    let owned = transformer.open(b"", stored).map(|opened| opened.plaintext().to_vec());
    assert_eq!(owned, result.clone().map(|seen| seen.0));
    let in_place = transformer.open_in_place(b"", &mut stored.to_vec()).map(|opened| opened.plaintext().to_vec());
    assert_eq!(in_place, owned);
    result
}

fn list(provider: impl Provider + 'static) -> Transformer<'static> {
    Transformer::builder().provider(provider).build().unwrap()
}

#[test]
fn an_earlier_key_of_the_same_name_that_makes_garbage_wins() {
    let garbage = aescbc(&[("k", WRONG)]);
    let value = stored("k", &garbage, true);
    let (plaintext, ..) = the_result(&list(garbage), &value).unwrap();
    assert_ne!(plaintext, PLAINTEXT);
    let seen = the_result(&list(aescbc(&[("k", WRONG), ("k", RIGHT)])), &value).unwrap();
    assert_eq!(seen, (plaintext, Some("k".into()), 0, false));
    let seen = the_result(&list(aescbc(&[("k", RIGHT), ("k", WRONG)])), &value).unwrap();
    assert_eq!(seen, (PLAINTEXT.to_vec(), Some("k".into()), 0, false));
}

#[test]
fn an_earlier_key_of_the_same_name_that_fails_is_passed_over() {
    let value = stored("k", &aescbc(&[("k", WRONG)]), false);
    let seen = the_result(&list(aescbc(&[("k", WRONG), ("k", RIGHT)])), &value).unwrap();
    assert_eq!(seen, (PLAINTEXT.to_vec(), Some("k".into()), 0, true));
}

#[test]
fn keys_that_see_bodies_of_different_lengths_agree_on_the_result() {
    for opens in [true, false] {
        let value = stored(LONG, &aescbc(&[("k", WRONG)]), opens);
        let seen = the_result(&list(aescbc(&[("k", WRONG), (LONG, RIGHT)])), &value).unwrap();
        assert_eq!((seen.1.as_deref(), seen.3), if opens { (Some("k"), false) } else { (Some(LONG), true) });
        // The long name asks for less room than the short one behind it.
        let seen = the_result(&list(aescbc(&[(LONG, RIGHT), ("k", WRONG)])), &value).unwrap();
        assert_eq!(seen, (PLAINTEXT.to_vec(), Some(LONG.into()), 0, false));
        let seen = the_result(&list(aescbc(&[(LONG, WRONG), ("k", WRONG), (LONG, RIGHT)])), &value);
        assert!(seen.is_ok_and(|seen| opens || seen.1.as_deref() == Some(LONG)));
    }
}

#[test]
fn a_name_that_leaves_no_whole_block_asks_for_no_room() {
    let value = stored("k:odd", &aescbc(&[("k:odd", WRONG)]), false);
    let seen = the_result(&list(aescbc(&[("k", WRONG), ("k:odd", RIGHT)])), &value).unwrap();
    assert_eq!(seen, (PLAINTEXT.to_vec(), Some("k:odd".into()), 0, true));
}

#[test]
fn providers_of_one_kind_agree_like_keys() {
    for opens in [true, false] {
        let value = stored("k", &aescbc(&[("k", WRONG)]), opens);
        let transformer = Transformer::builder()
            .provider(AesGcm::new([("k", AesGcmKey::from_bytes(&RIGHT).unwrap())]).unwrap())
            .provider(aescbc(&[("other", RIGHT)]))
            .provider(aescbc(&[("k", WRONG)]))
            .provider(aescbc(&[("k", RIGHT)]))
            .provider(Identity::new())
            .build()
            .unwrap();
        let (plaintext, _, provider_index, stale) = the_result(&transformer, &value).unwrap();
        assert_eq!((provider_index, stale), (if opens { 2 } else { 3 }, true));
        assert_eq!(plaintext == PLAINTEXT, !opens);
    }
}

#[test]
fn failures_agree_too() {
    let value = stored("k", &aescbc(&[("k", WRONG)]), false);
    let with_identity = || Transformer::builder().provider(Identity::new());
    assert_eq!(the_result(&list(aescbc(&[("k", WRONG)])), &value), Err(Error::Open));
    assert_eq!(the_result(&list(aescbc(&[("m", RIGHT)])), &value), Err(Error::NoMatchingKey));
    let transformer = with_identity().provider(aescbc(&[("m", RIGHT)])).provider(aescbc(&[("k", WRONG)]));
    assert_eq!(the_result(&transformer.build().unwrap(), &value), Err(Error::Open));
    assert_eq!(the_result(&with_identity().build().unwrap(), &value), Err(Error::NoMatchingProvider));
}

#[test]
fn what_suffices_is_what_the_shortest_name_leaves() {
    // Ciphertext and tag, of a value under a name of one byte; of a longer name the rest of it is counted too.
    let key = || AesGcmKey::from_bytes(&RIGHT).unwrap();
    let list = |name| Transformer::builder().provider(AesGcm::new([(name, key())]).unwrap()).build().unwrap();
    let suffices = |name| {
        let stored = list(name).seal_with(&mut Counter::default(), b"", PLAINTEXT).unwrap();
        list(name).open_len_max(&stored)
    };
    assert_eq!([suffices("k"), suffices("key")], [PLAINTEXT.len() + 16, PLAINTEXT.len() + 18]);
}

#[test]
fn borrowed_lists_agree_with_owned_ones() {
    let (right, wrong) = (AesCbcKey::from_bytes(&RIGHT).unwrap(), AesCbcKey::from_bytes(&WRONG).unwrap());
    for opens in [true, false] {
        let value = stored(LONG, &aescbc(&[("k", WRONG)]), opens);
        let keys = [NamedKey::new("k", &wrong).unwrap(), NamedKey::new(LONG, &right).unwrap()];
        let borrowed = AesCbc::borrowed(&keys).unwrap();
        let providers: [&dyn Provider; 1] = [&borrowed];
        let transformer = Transformer::borrowed(&providers).unwrap();
        let owned = list(aescbc(&[("k", WRONG), (LONG, RIGHT)]));
        assert_eq!(the_result(&transformer, &value), the_result(&owned, &value));
    }
}
