//! Any configuration: what it seals it opens again, and a changed byte or another AAD is noticed where the
//! cipher promises that.

use crate::{Chosen, Configuration};
use arbitrary::{Arbitrary, Unstructured};
use atrest::{Error, ProviderKind, Transformer};

#[derive(Arbitrary, Debug)]
struct Input {
    configuration: Configuration,
    nonce: [u8; 24],
    at: u16,
    flip: u8,
    aad: Vec<u8>,
    plaintext: Vec<u8>,
}

/// Runs one input, in the form of [`Arbitrary`].
pub fn run(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let transformer = input.configuration.transformer();
    let Some(stored) = seal(&transformer, &input) else { return };
    let reads_back = input.configuration.identity().is_none() || !input.plaintext.starts_with(b"k8s:enc:");
    if reads_back {
        opens_again(&transformer, &input, &stored);
    } else {
        // What the API server's identity stored of it can be anyone's; it only must not panic.
        let _ = transformer.open(&input.aad, &stored);
    }
    another_aad(&transformer, &input, &stored);
    another_byte(&transformer, &input, stored);
}

/// All ways to seal give the same bytes.
fn seal(transformer: &Transformer<'_>, input: &Input) -> Option<Vec<u8>> {
    let (aad, plaintext) = (&input.aad, &input.plaintext);
    let sealed = transformer.seal_with(&mut Chosen(&input.nonce), aad, plaintext);
    let len = transformer.sealed_len(plaintext.len()).unwrap();

    let mut out = vec![0xa5; len];
    let into = transformer.seal_into(&mut Chosen(&input.nonce), aad, plaintext, &mut out);
    let mut buffer = plaintext.clone();
    buffer.resize(len, 0xa5);
    let in_place = transformer.seal_in_place(&mut Chosen(&input.nonce), aad, plaintext.len(), &mut buffer);
    assert_eq!(into, in_place);

    let looks_encrypted = plaintext.starts_with(b"k8s:enc:") || plaintext.starts_with(b"atrest:env:");
    if input.configuration.identity() == Some(false) && looks_encrypted {
        assert_eq!(sealed, Err(Error::LooksEncrypted));
        assert_eq!(into, Err(Error::LooksEncrypted));
        assert_eq!(&buffer, plaintext);
        return None;
    }
    let stored = sealed.unwrap();
    assert_eq!(into, Ok(len));
    assert_eq!((&out, &buffer), (&stored, &stored));
    assert!(stored.starts_with(input.configuration.header().as_bytes()));

    if let Some(shorter) = out.len().checked_sub(1) {
        let refused = transformer.seal_into(&mut Chosen(&input.nonce), aad, plaintext, &mut out[..shorter]);
        assert_eq!(refused, Err(Error::BufferTooSmall { needed: len }));
    }
    Some(stored)
}

fn opens_again(transformer: &Transformer<'_>, input: &Input, stored: &[u8]) {
    let opened = transformer.open(&input.aad, stored).unwrap();
    assert_eq!(opened.plaintext(), input.plaintext);
    assert!(!opened.is_stale());
    assert_eq!(opened.provider_index(), 0);
}

fn another_aad(transformer: &Transformer<'_>, input: &Input, stored: &[u8]) {
    let aad = [&input.aad[..], &[input.flip]].concat();
    let opened = transformer.open(&aad, stored);
    if input.configuration.binds_aad() {
        assert_eq!(opened.err(), Some(Error::Open));
    } else if input.configuration.identity().is_none() {
        assert_eq!(opened.unwrap().plaintext(), input.plaintext);
    }
}

fn another_byte(transformer: &Transformer<'_>, input: &Input, mut stored: Vec<u8>) {
    if stored.is_empty() {
        return;
    }
    let at = usize::from(input.at) % stored.len();
    stored[at] ^= input.flip.max(1);
    let in_place = transformer.open_in_place(&input.aad, &mut stored.clone()).map(|opened| opened.plaintext().to_vec());
    let opened = transformer.open(&input.aad, &stored);
    assert_eq!(opened.as_ref().map(|opened| opened.plaintext()), in_place.as_deref());
    let (Ok(opened), true) = (opened, input.configuration.authenticates()) else { return };

    let header = input.configuration.header();
    if opened.provider() == ProviderKind::Identity {
        // Without `k8s:enc:` in front it is plaintext to identity, which says so.
        assert!(at < "k8s:enc:".len() && !opened.was_encrypted());
        assert_eq!(opened.plaintext(), stored);
    } else {
        // Only the name is not authenticated: another key of the same secret opens the value.
        assert!(at < header.len());
        assert_eq!(opened.plaintext(), input.plaintext);
        assert_ne!(
            Some(header.as_str()),
            opened.key_name().map(|name| format!("{}{name}:", opened.provider().prefix())).as_deref()
        );
    }
}
