//! Values of the crate's own envelope that another implementation made: they open, are written again byte for byte, and
//! those with one thing wrong are refused for the right reason.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/envelopes.rs"]
mod envelopes;

use atrest::{Envelope, Error, ProviderKind, inspect};
use envelopes::{Recorded, ScriptedKeys, WithNonce, recorded};

#[test]
fn recorded_values_open() {
    let (values, seeds) = (recorded("good"), recorded("seeds"));
    assert_eq!((values.len(), seeds.len()), (36, 6));
    for value in values.into_iter().chain(seeds) {
        let envelope = value.envelope();
        let id = &value.id;
        assert_eq!(envelope.open(&value.context, &value.stored).unwrap().expose(), value.plaintext, "{id}");
        let len = envelope.open_len_max(&value.stored);
        assert_eq!(len, value.plaintext.len(), "{id}");
        let mut out = vec![0xa5; len + 3];
        assert_eq!(envelope.open_into(&value.context, &value.stored, &mut out).unwrap(), len, "{id}");
        assert_eq!((&out[..len], &out[len..]), (&value.plaintext[..], &[0xa5; 3][..]), "{id}");
        assert!(!envelope.is_stale(&value.stored).unwrap(), "{id}");
    }
}

/// What the other implementation drew, drawn again.
fn with_its_randomness(value: &Recorded) -> (Envelope<WithNonce>, ScriptedKeys<'_>) {
    let kek = WithNonce { kek: value.local_kek(), nonce: value.kek_nonce.clone() };
    (Envelope::new(kek).with_algorithm(value.algorithm), ScriptedKeys(vec![&value.dek, &value.salt]))
}

#[test]
fn recorded_values_are_written_byte_for_byte() {
    for value in recorded("good") {
        let (envelope, mut rng) = with_its_randomness(&value);
        let sealed = envelope.seal_with(&mut rng, &value.context, &value.plaintext).unwrap();
        assert_eq!(sealed, value.stored, "{}", value.id);
        assert!(rng.0.is_empty(), "{}", value.id);

        let (envelope, mut rng) = with_its_randomness(&value);
        let mut out = vec![0xa5; sealed.len() + 1];
        let len = envelope.seal_into(&mut rng, &value.context, &value.plaintext, &mut out).unwrap();
        assert_eq!((&out[..len], out[len]), (&value.stored[..], 0xa5), "{}", value.id);

        let (envelope, mut rng) = with_its_randomness(&value);
        let mut out = vec![0xa5; sealed.len() - 1];
        let refused = envelope.seal_into(&mut rng, &value.context, &value.plaintext, &mut out).unwrap_err();
        assert_eq!(refused.error(), Error::BufferTooSmall { needed: sealed.len() }, "{}", value.id);
        assert!(out.iter().all(|&byte| byte == 0xa5), "{}", value.id);
    }
}

#[test]
fn inspection_tells_what_was_recorded() {
    for value in recorded("good") {
        let inspection = inspect(&value.stored);
        assert_eq!((inspection.provider(), inspection.is_possible()), (Some(ProviderKind::Envelope), true));
        let candidates: Vec<_> = inspection.candidates().collect();
        let [candidate] = &candidates[..] else { panic!("{inspection}") };
        let len = value.plaintext.len();
        assert_eq!((candidate.name(), candidate.plaintext_len()), (&*value.key_id, Some((len, len))), "{}", value.id);
        assert_eq!(candidate.algorithm(), Some(value.algorithm), "{}", value.id);
        let (wrapped_at, payload_at) = value.places();
        assert_eq!(candidate.wrapped_dek(), Some(&value.stored[wrapped_at..payload_at]), "{}", value.id);
        assert_eq!(candidate.payload_len(), value.stored.len() - wrapped_at + 2, "{}", value.id);
        let shown = format!("envelope, key id \"{}\", {len} bytes of plaintext", value.key_id.escape_debug());
        assert_eq!(inspection.to_string(), shown);
    }
}

#[test]
fn values_with_one_thing_wrong_are_refused() {
    let values = recorded("refused");
    assert_eq!(values.len(), 52);
    for value in values {
        let expected = value.error.unwrap();
        let envelope = value.envelope();
        let refused = envelope.open(&value.context, &value.stored).unwrap_err();
        assert_eq!(refused.error(), expected, "{}", value.id);
        let mut out = vec![0xa5; value.stored.len()];
        let refused = envelope.open_into(&value.context, &value.stored, &mut out).unwrap_err();
        assert_eq!(refused.error(), expected, "{}", value.id);
        assert!(out.iter().all(|&byte| byte == 0), "{}: the output is zeroed", value.id);
        assert_eq!(refused.cause().is_some(), expected == Error::KekNotMine, "{}", value.id);
        assert!(envelope.reseal(&value.context, &value.stored).is_err(), "{}", value.id);
    }
}

/// What stands in the header or in the commitment is noticed without the ciphertext; the tag is not looked at.
#[test]
fn rewrapping_checks_the_header_and_the_commitment() {
    let only_the_tag_tells = ["nonce-one", "aad-"];
    for value in recorded("refused") {
        let rewrapped = value.envelope().rewrap(&value.context, &value.stored);
        let by_tag = only_the_tag_tells.iter().any(|what| value.id.contains(what)) && !value.id.contains("kek-");
        assert_eq!(rewrapped.err().map(|error| error.error()), value.error.filter(|_| !by_tag), "{}", value.id);
    }
}
