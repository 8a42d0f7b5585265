//! What is in the caller's buffers after a failure, and which failure it is: randomness that fails,
//! buffers that are too small, budgets that are used up, lengths that overflow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/doubles.rs"]
mod doubles;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, Provider, Random, Secretbox, SecretboxKey, Transformer,
};
use doubles::{Counter, Failing, Repeating};

const PLAINTEXT: &[u8] = b"a plaintext of more than one block";
const UNTOUCHED: u8 = 0xa5;

/// One transformer for each cipher, each with a key `key1`.
fn transformers() -> [Transformer<'static>; 3] {
    let builders = [
        Transformer::builder().provider(AesCbc::new([("key1", AesCbcKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder().provider(AesGcm::new([("key1", AesGcmKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder()
            .provider(Secretbox::new([("key1", SecretboxKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
    ];
    builders.map(|builder| builder.build().unwrap())
}

/// Checks that neither way of sealing writes anything before it fails with `expected`.
fn assert_seal_fails(transformer: &Transformer<'_>, rng: &mut dyn Random, len: usize, expected: Error) {
    let mut out = vec![UNTOUCHED; len];
    assert_eq!(transformer.seal_into(rng, b"", PLAINTEXT, &mut out), Err(expected));
    assert_eq!(out, vec![UNTOUCHED; len]);

    let mut buffer = vec![UNTOUCHED; len];
    let inside = PLAINTEXT.len().min(len);
    buffer[..inside].copy_from_slice(&PLAINTEXT[..inside]);
    let before = buffer.clone();
    assert_eq!(transformer.seal_in_place(rng, b"", PLAINTEXT.len(), &mut buffer), Err(expected));
    assert_eq!(buffer, before);
}

#[test]
fn a_failing_source_leaves_the_output_untouched() {
    for transformer in transformers() {
        let needed = transformer.sealed_len(PLAINTEXT.len()).unwrap();
        for len in [needed, needed + 20] {
            assert_seal_fails(&transformer, &mut Failing::default(), len, Error::Random);
        }
        assert_eq!(transformer.seal_with(&mut Failing::default(), b"", PLAINTEXT), Err(Error::Random));
    }
    assert!(Error::Random.is_retryable());
}

#[test]
fn identity_asks_for_no_randomness() {
    let transformer = Transformer::builder().provider(Identity::new()).build().unwrap();
    let mut rng = Failing::default();
    assert_eq!(transformer.seal_with(&mut rng, b"", PLAINTEXT).as_deref(), Ok(PLAINTEXT));
    assert_eq!(rng.calls, 0);
}

#[test]
fn a_seal_into_too_little_says_how_much_it_needs() {
    for transformer in transformers() {
        let needed = transformer.sealed_len(PLAINTEXT.len()).unwrap();
        for len in 0..needed {
            assert_seal_fails(&transformer, &mut Counter(0), len, Error::BufferTooSmall { needed });
        }
        let mut out = vec![UNTOUCHED; needed + 1];
        assert_eq!(transformer.seal_into(&mut Counter(0), b"", PLAINTEXT, &mut out), Ok(needed));
        assert_eq!(out[needed], UNTOUCHED);
        assert_eq!(transformer.open(b"", &out[..needed]).unwrap().plaintext(), PLAINTEXT);
    }
}

#[test]
fn sealing_in_place_makes_the_same_value() {
    for transformer in transformers() {
        for plaintext_len in 0..PLAINTEXT.len() {
            let mut rng = Repeating(vec![3]);
            let expected = transformer.seal_with(&mut rng, b"aad", &PLAINTEXT[..plaintext_len]).unwrap();
            let mut buffer = vec![UNTOUCHED; expected.len() + 3];
            buffer[..plaintext_len].copy_from_slice(&PLAINTEXT[..plaintext_len]);
            let sealed = transformer.seal_in_place(&mut rng, b"aad", plaintext_len, &mut buffer);
            assert_eq!(sealed, Ok(expected.len()));
            assert_eq!(buffer, [&expected[..], &[UNTOUCHED; 3]].concat());
        }
    }
}

#[test]
fn an_open_into_too_little_says_what_suffices_and_leaves_zeros() {
    for transformer in transformers() {
        let stored = transformer.seal_with(&mut Counter(0), b"", PLAINTEXT).unwrap();
        let suffices = transformer.open_len_max(&stored);
        assert!(suffices <= stored.len());
        for len in 0..PLAINTEXT.len() {
            let mut out = vec![UNTOUCHED; len];
            let opened = transformer.open_into(b"", &stored, &mut out);
            assert_eq!(opened.unwrap_err(), Error::BufferTooSmall { needed: suffices });
            assert_eq!(out, vec![0; len]);
        }
        let mut out = vec![UNTOUCHED; suffices];
        assert_eq!(transformer.open_into(b"", &stored, &mut out).unwrap().plaintext(), PLAINTEXT);
    }
}

#[test]
fn an_exhausted_key_leaves_the_output_untouched_and_draws_no_nonce() {
    let key = AesGcmKey::from_bytes(&[1; 32]).unwrap().with_seals_left(0);
    let transformer = Transformer::builder().provider(AesGcm::new([("key1", key)]).unwrap()).build().unwrap();
    let mut rng = Failing::default();
    assert_seal_fails(&transformer, &mut rng, 200, Error::SealsExhausted);
    assert_eq!(rng.calls, 0);
}

#[test]
fn identity_refuses_what_it_could_not_read_and_writes_nothing() {
    let transformer = Transformer::builder().provider(Identity::new()).build().unwrap();
    let verbatim = Transformer::builder().provider(Identity::as_apiserver()).build().unwrap();
    for plaintext in [&b"k8s:enc:x"[..], b"atrest:env:v1:x", b"atrest:env:v2:", b"atrest:env:"] {
        let mut out = [UNTOUCHED; 32];
        let refused = transformer.seal_into(&mut Counter(0), b"", plaintext, &mut out);
        assert_eq!((refused, out), (Err(Error::LooksEncrypted), [UNTOUCHED; 32]));
        let more = [plaintext, b" and more"].concat();
        let mut buffer = more.clone();
        let refused = transformer.seal_in_place(&mut Counter(0), b"", plaintext.len(), &mut buffer);
        assert_eq!((refused, buffer), (Err(Error::LooksEncrypted), more));
        assert_eq!(verbatim.seal_with(&mut Counter(0), b"", plaintext).as_deref(), Ok(plaintext));
    }
    assert!(transformer.seal_with(&mut Counter(0), b"", b"atrest:env").is_ok());
}

#[test]
fn lengths_beyond_all_memory_are_refused_and_never_overflow() {
    for transformer in transformers() {
        assert_eq!(transformer.sealed_len(usize::MAX), Err(Error::TooLong));
        for less in 0..300 {
            let sealed_len = transformer.sealed_len(usize::MAX - less);
            assert!(sealed_len.is_err() || sealed_len.unwrap() > usize::MAX - less);
        }
        let mut buffer = [UNTOUCHED; 8];
        let sealed = transformer.seal_in_place(&mut Counter(0), b"", usize::MAX, &mut buffer);
        assert_eq!((sealed, buffer), (Err(Error::TooLong), [UNTOUCHED; 8]));
    }
    let identity = Identity::new();
    assert_eq!(identity.sealed_len(usize::MAX), Ok(usize::MAX));
    let transformer = Transformer::builder().provider(identity).build().unwrap();
    let sealed = transformer.seal_in_place(&mut Counter(0), b"", usize::MAX, &mut [0; 8]);
    assert_eq!(sealed, Err(Error::BufferTooSmall { needed: usize::MAX }));
}

#[cfg(target_pointer_width = "64")]
#[test]
fn aesgcm_takes_no_more_than_its_standard_allows() {
    // NIST SP 800-38D, 5.2.1.1: len(P) <= 2^39 - 256 bits.
    let [_, aesgcm, _] = transformers();
    let longest = (1_usize << 36) - 32;
    assert_eq!(aesgcm.sealed_len(longest), Ok(longest + "k8s:enc:aesgcm:v1:key1:".len() + 12 + 16));
    assert_eq!(aesgcm.sealed_len(longest + 1), Err(Error::TooLong));
}

#[test]
fn a_wrong_aescbc_key_leaves_no_decrypted_byte() {
    let [aescbc, ..] = transformers();
    let stored = aescbc.seal_with(&mut Counter(0), b"", PLAINTEXT).unwrap();
    // The padding is damaged and the rest is not, so that the right plaintext was in `out` for a moment.
    let mut damaged = stored.clone();
    *damaged.iter_mut().nth_back(16).unwrap() ^= 1;
    for damaged in [damaged, stored[..stored.len() - 16].to_vec()] {
        let mut out = [UNTOUCHED; 128];
        assert_eq!(aescbc.open_into(b"", &damaged, &mut out).unwrap_err(), Error::Open);
        assert_eq!(out, [0; 128]);
        let mut in_place = damaged.clone();
        assert_eq!(aescbc.open_in_place(b"", &mut in_place).unwrap_err(), Error::Open);
        assert_eq!(in_place, damaged);
    }
}

#[test]
fn every_failing_open_zeroes_the_whole_output() {
    for transformer in transformers() {
        let stored = transformer.seal_with(&mut Counter(0), b"", PLAINTEXT).unwrap();
        let name_at = stored.iter().position(|&byte| byte == b'1').unwrap() + 3;
        for (stored, error) in [
            (b"plain".to_vec(), Error::NoMatchingProvider),
            (b"k8s:enc:other:v1:".to_vec(), Error::NoMatchingProvider),
            (stored[..name_at].to_vec(), Error::NoMatchingKey),
            ([&stored[..], b"\0"].concat(), Error::Open),
        ] {
            let mut out = vec![UNTOUCHED; 300];
            assert_eq!(transformer.open_into(b"", &stored, &mut out).unwrap_err(), error);
            assert_eq!(out, vec![0; 300]);
            let provider = transformer.providers().next().unwrap();
            out.fill(UNTOUCHED);
            assert_eq!(provider.open_into(b"", &stored, &mut out).unwrap_err(), error);
            assert_eq!(out, vec![0; 300]);
        }
    }
    let mut out = [UNTOUCHED; 64];
    for stored in [&b"k8s:enc:x"[..], b"atrest:env:v1:x", b"atrest:env:v2:", b"atrest:env:"] {
        out.fill(UNTOUCHED);
        assert_eq!(Identity::new().open_into(b"", stored, &mut out).unwrap_err(), Error::Encrypted);
        assert_eq!((out, Identity::new().open_len_max(stored)), ([0; 64], 0));
        let alone = Transformer::builder().provider(Identity::new()).build().unwrap();
        assert_eq!(alone.open(b"", stored).unwrap_err(), Error::NoMatchingProvider);
    }
    // To the API server, which does not know the crate's own prefix, it is plaintext like any other.
    let opened = Identity::as_apiserver().open_into(b"", b"atrest:env:v1:x", &mut out).map(|opened| opened.plaintext());
    assert_eq!(opened, Ok(&b"atrest:env:v1:x"[..]));
    assert_eq!(Identity::as_apiserver().open_into(b"", b"k8s:enc:x", &mut out).unwrap_err(), Error::Encrypted);
}
