//! Base64 is decoded as Go's `base64.StdEncoding` does, which reads the keys of a Kubernetes configuration:
//! padding is required, line breaks are ignored, and unused bits of the last symbol may have any value.
#![allow(clippy::unwrap_used)]

use atrest::{Error, Secret};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn base64_is_decoded_as_go_does(text in base64_text()) {
        assert_decodes_as_go(&text)?;
    }

    #[test]
    fn base64_of_arbitrary_bytes_is_decoded_as_go_does(text in vec(any::<u8>(), 0..36)) {
        assert_decodes_as_go(&text)?;
    }

    #[test]
    fn base64_is_encoded_as_go_does(bytes in any::<[u8; 31]>()) {
        let secret = Secret::<31>::from_slice(&bytes).unwrap();
        let text = secret.expose_base64();
        prop_assert_eq!(text.as_str(), base64::Engine::encode(&GO, bytes));
    }
}

/// Go's `base64.StdEncoding`, of which the crate has all but the line breaks.
const GO: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireCanonical),
);

/// Encoded bytes with a few changes: symbols of all sorts put in, over or out.
fn base64_text() -> impl Strategy<Value = Vec<u8>> {
    let symbols = prop_oneof![
        4 => proptest::sample::select(&b"AZaz09+/="[..]), 2 => Just(b'\n'), 2 => Just(b'\r'),
        1 => proptest::sample::select(&b" \t-_.\0@[`{:\x80\xff"[..]),
    ];
    let change = (any::<proptest::sample::Index>(), 0..3, symbols);
    (vec(any::<u8>(), 0..26), vec(change, 0..3)).prop_map(|(bytes, changes)| {
        let mut text = base64::Engine::encode(&GO, bytes).into_bytes();
        for (index, what, symbol) in changes {
            let place = index.index(text.len() + 1);
            match what {
                0 => text.insert(place, symbol),
                1 if place < text.len() => text[place] = symbol,
                _ => drop((place < text.len()).then(|| text.remove(place))),
            }
        }
        text
    })
}

fn decode<const N: usize>(text: &[u8]) -> Result<Vec<u8>, Error> {
    Secret::<N>::from_base64(text).map(|secret| secret.expose().to_vec())
}

fn assert_decodes_as_go(text: &[u8]) -> Result<(), TestCaseError> {
    /// One decoder for each length from 0 bytes.
    macro_rules! decoders {
        ($($len:literal)*) => { [$(decode::<$len>),*] };
    }
    let decoders = decoders!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27);
    let stripped: Vec<u8> = text.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
    let expected = base64::Engine::decode(&GO, stripped);
    for (len, decode) in decoders.iter().enumerate() {
        let decoded = decode(text);
        match &expected {
            Ok(bytes) if bytes.len() == len => prop_assert_eq!(decoded, Ok(bytes.clone())),
            Ok(bytes) => prop_assert_eq!(decoded, Err(Error::KeyLength { len: bytes.len() })),
            Err(_) => prop_assert_eq!(decoded, Err(Error::Base64)),
        }
    }
    Ok(())
}
