//! aescbc accepts the paddings that the format's rule accepts, wherever in a value they begin.

#![allow(clippy::unwrap_used)]

#[path = "common/cbc.rs"]
mod cbc;

use atrest::{AesCbc, AesCbcKey, Error, Transformer};

use cbc::{cbc_decrypt, cbc_encrypt, without_padding};

const KEY: &[u8; 32] = b"thirty-two bytes that are a key.";
const IV: &[u8; 16] = b"sixteen bytes iv";

/// The rule itself, on cases that the format's description spells out.
#[test]
fn the_rule_is_that_of_the_format() {
    for (decrypted, plaintext) in [
        (&b""[..], None),
        (&[0], None),
        (&[1], Some(&b""[..])),
        (&[2], None),
        (&[7, 1], Some(&[7])),
        (&[2, 2], Some(&[])),
        (&[3, 2], None),
        (&[17; 17], Some(&[])),
        (&[17; 16], None),
        (&[255; 256], Some(&[255])),
    ] {
        assert_eq!(without_padding(decrypted.to_vec()).as_deref(), plaintext, "{decrypted:?}");
    }
}

/// One byte of padding can tell of 255, so that values on both sides of that length matter.
#[test]
fn every_padding_opens_or_not_by_the_rule() {
    let provider = AesCbc::new([("key1", AesCbcKey::from_bytes(KEY).unwrap())]).unwrap();
    let transformer = Transformer::builder().provider(provider).build().unwrap();
    let (mut opened, mut refused) = (0, 0);
    for len in [16, 32, 240, 256, 272, 288, 512] {
        for padding in 0..=255_u8 {
            let mut decrypted: Vec<u8> = vec![padding ^ 0x55; len];
            let start = len.saturating_sub(padding.into()).min(len - 1);
            decrypted[start..].fill(padding);
            // Whole, and with its first byte wrong.
            for flip in [0, 0x80] {
                decrypted[start] ^= flip;
                let body = cbc_encrypt(KEY, IV, &decrypted);
                assert_eq!(cbc_decrypt(KEY, IV, &body), decrypted);
                let mut stored = [b"k8s:enc:aescbc:v1:key1:", &IV[..], &body].concat();
                let right = without_padding(decrypted.clone()).ok_or(Error::Open);
                let count = if right.is_ok() { &mut opened } else { &mut refused };
                *count += 1;
                let to_vec = transformer.open(b"", &stored).map(|opened| opened.plaintext().to_vec());
                assert_eq!(to_vec, right, "{len} {padding} {flip}");
                let in_place = transformer.open_in_place(b"", &mut stored).map(|opened| opened.plaintext().to_vec());
                assert_eq!(in_place, right, "{len} {padding} {flip}");
            }
        }
    }
    assert!(opened > 1000 && refused > 1000, "{opened} {refused}");
}
