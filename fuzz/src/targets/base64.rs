//! Base64 of a secret against the `base64` crate, set up as Go's `StdEncoding` decodes.

use atrest::{Error, Secret};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Runs one input.
pub fn run(text: &[u8]) {
    // Go ignores line breaks wherever they are.
    let symbols: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let expected = GO.decode(symbols).ok();
    check::<0>(text, expected.as_deref());
    check::<1>(text, expected.as_deref());
    check::<2>(text, expected.as_deref());
    check::<3>(text, expected.as_deref());
    check::<16>(text, expected.as_deref());
    check::<24>(text, expected.as_deref());
    check::<31>(text, expected.as_deref());
    check::<32>(text, expected.as_deref());
    check::<64>(text, expected.as_deref());
}

fn check<const N: usize>(text: &[u8], expected: Option<&[u8]>) {
    let decoded = Secret::<N>::from_base64(text);
    match (expected, decoded) {
        (Some(expected), Ok(secret)) => {
            assert_eq!(secret.expose().as_slice(), expected);
            assert_eq!(*secret.expose_base64(), GO.encode(expected));
        }
        (Some(expected), Err(error)) => {
            assert_ne!(expected.len(), N);
            assert_eq!(error, Error::KeyLength { len: expected.len() });
        }
        // Text that is too long is refused before it is read.
        (None, Err(error)) => assert!(matches!(error, Error::Base64 | Error::KeyLength { .. })),
        (None, Ok(_)) => panic!("what is not base64 was decoded"),
    }
}
