//! Every truncation and every bit flip of a value of the crate's own envelope is an error, and so is a part of another
//! value in its place, another context and another KEK.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/envelopes.rs"]
mod envelopes;

use atrest::{Envelope, Error, LocalKek, ProviderKind, Secret, inspect};
use envelopes::{Recorded, recorded};

/// One recorded value of each pair of algorithms, long enough for all parts and short enough to flip them all.
fn values() -> Vec<Recorded> {
    let values: Vec<_> = recorded("good").into_iter().filter(|value| value.id.ends_with("len17")).collect();
    assert_eq!(values.len(), 4);
    values
}

/// The error of opening, by both ways, with nothing left in the output.
fn error_of(envelope: &Envelope<LocalKek>, context: &[u8], stored: &[u8]) -> Error {
    let error = envelope.open(context, stored).unwrap_err().error();
    let mut out = vec![0xa5; stored.len()];
    assert_eq!(envelope.open_into(context, stored, &mut out).unwrap_err().error(), error);
    assert!(out.iter().all(|&byte| byte == 0), "the output is zeroed");
    error
}

#[test]
fn every_bit_flip_is_an_error() {
    for value in values() {
        let envelope = value.envelope();
        let (wrapped_at, payload_at) = value.places();
        let mut stored = value.stored.clone();
        for bit in 0..stored.len() * 8 {
            stored[bit / 8] ^= 1 << (bit % 8);
            let error = error_of(&envelope, &value.context, &stored);
            // What is damaged tells who notices.
            let possible: &[Error] = match bit / 8 {
                0..14 => &[Error::NoMatchingProvider],
                // Another algorithm has another commitment, and an unknown one none.
                14 => &[Error::Open],
                at if at < wrapped_at => &[Error::Open, Error::KekNotMine],
                at if at < payload_at => &[Error::KekNotMine],
                _ => &[Error::Open],
            };
            assert!(possible.contains(&error), "{} bit {bit}: {error:?}", value.id);
            let rewrapped = envelope.rewrap(&value.context, &stored);
            assert_eq!(rewrapped.is_ok(), bit / 8 >= payload_at + 64, "{} bit {bit}: rewrap", value.id);
            stored[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(envelope.open(&value.context, &stored).unwrap().expose(), value.plaintext);
    }
}

#[test]
fn every_truncation_and_extension_is_an_error() {
    for value in values() {
        let envelope = value.envelope();
        let (_, payload_at) = value.places();
        for len in 0..value.stored.len() {
            let expected = if len < 14 { Error::NoMatchingProvider } else { Error::Open };
            assert_eq!(error_of(&envelope, &value.context, &value.stored[..len]), expected, "{} {len}", value.id);
            if len < payload_at + 80 {
                assert!(envelope.rewrap(&value.context, &value.stored[..len]).is_err(), "{} {len}", value.id);
            }
            let possible = inspect(&value.stored[..len]).is_possible();
            let begins = value.stored[..len].starts_with(b"atrest:env:");
            assert_eq!(possible, !begins || len >= payload_at + 80, "{} {len}: {}", value.id, inspect(&value.stored));
        }
        for more in [&b"\0"[..], &value.stored] {
            assert_eq!(error_of(&envelope, &value.context, &[&value.stored, more].concat()), Error::Open);
        }
    }
}

#[test]
fn another_context_is_an_error() {
    for value in values() {
        let envelope = value.envelope();
        let mut contexts = vec![b"another".to_vec(), [&value.context[..], b"\0"].concat()];
        for bit in 0..value.context.len() * 8 {
            let mut context = value.context.clone();
            context[bit / 8] ^= 1 << (bit % 8);
            contexts.push(context);
        }
        if !value.context.is_empty() {
            contexts.push(Vec::new());
            contexts.push(value.context[1..].to_vec());
        }
        for context in contexts {
            assert_eq!(error_of(&envelope, &context, &value.stored), Error::KekNotMine, "{}", value.id);
            assert_eq!(envelope.rewrap(&context, &value.stored).unwrap_err().error(), Error::KekNotMine);
        }
    }
}

#[test]
fn another_kek_is_an_error() {
    for value in values() {
        let mut key = *value.kek.expose();
        key[31] ^= 1;
        let secret = Secret::from_slice(&key).unwrap();
        // Under the same id, under another one, and the right key in the other algorithm.
        let other_algorithm = [(&*value.key_id, &value.kek)];
        let keks = [
            LocalKek::new([(&*value.key_id, &secret)]),
            LocalKek::aes256gcm([(&*value.key_id, &secret)]),
            LocalKek::new([("another", &value.kek)]),
            LocalKek::aes256gcm([("another", &value.kek)]),
            match value.kek_algorithm {
                atrest::Algorithm::Aes256Gcm => LocalKek::new(other_algorithm),
                _ => LocalKek::aes256gcm(other_algorithm),
            },
        ];
        for kek in keks {
            let envelope = Envelope::new(kek.unwrap());
            assert_eq!(error_of(&envelope, &value.context, &value.stored), Error::KekNotMine, "{}", value.id);
        }
    }
}

/// Two values of one context under one KEK, cut into head and payload: they cannot be put together otherwise.
#[test]
fn parts_of_another_value_are_an_error() {
    let kek = LocalKek::generate_as("k").unwrap();
    let envelope = Envelope::new(kek);
    let [one, two] = [b"plaintext 1", b"plaintext 2"].map(|text| envelope.seal(b"c", text).unwrap());
    let payload_at = 14 + 1 + 2 + 1 + 2 + 72;
    let places = [payload_at, payload_at + 32, payload_at + 64, payload_at + 64 + 11];
    for at in places {
        let swapped = [&one[..at], &two[at..]].concat();
        assert_eq!(error_of(&envelope, b"c", &swapped), Error::Open, "cut at {at}");
        let rewrapped = envelope.rewrap(b"c", &swapped);
        assert_eq!(rewrapped.is_ok(), at >= payload_at + 64, "cut at {at}: rewrap looks at the commitment alone");
    }
    // The same DEK for both: the salt alone parts the values.
    let sealer = envelope.sealer(b"c");
    let [one, two] = [b"plaintext 1", b"plaintext 2"].map(|text| sealer.seal(text).unwrap());
    assert_eq!(one[..payload_at], two[..payload_at], "one wrapped DEK");
    assert_eq!(
        envelope.open(b"c", &[&one[..payload_at], &two[payload_at..]].concat()).unwrap().expose(),
        b"plaintext 2"
    );
    for at in &places[1..] {
        assert_eq!(error_of(&envelope, b"c", &[&one[..*at], &two[*at..]].concat()), Error::Open, "cut at {at}");
    }
}

/// The values of the other implementation whose commitment is wrong, and nothing else, as AES-GCM and
/// XChaCha20-Poly1305 alone would open them.
#[test]
fn the_commitment_is_checked_although_the_tag_is_right() {
    let values: Vec<_> = recorded("refused").into_iter().filter(|value| value.id.contains("commitment-")).collect();
    assert_eq!(values.len(), 8);
    for value in values {
        assert_eq!(error_of(&value.envelope(), &value.context, &value.stored), Error::Open, "{}", value.id);
    }
}

#[test]
fn an_unknown_version_is_known_as_such() {
    for stored in [&b"atrest:env:"[..], b"atrest:env:v1", b"atrest:env:v2:whatever", b"atrest:env:\xff"] {
        let inspection = inspect(stored);
        assert_eq!((inspection.provider(), inspection.is_possible()), (None, false));
        assert_eq!(inspection.candidates().count(), 0);
        let shown = format!("unknown provider, {} bytes behind atrest:env:", stored.len() - 11);
        assert_eq!(inspection.to_string(), shown);
    }
    assert_eq!(inspect(b"atrest:env").provider(), Some(ProviderKind::Identity));
    assert_eq!(inspect(b"atrest:env:v1:\x01").to_string(), "envelope, no name, 1 bytes behind the prefix");
}
