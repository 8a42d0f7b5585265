//! Standard base64 as Kubernetes reads it in a configuration, in a time that depends on where line
//! breaks and padding stand, not on the other symbols.
//!
//! Alphabet and padding are those of RFC 4648, section 4. As Go's `base64.StdEncoding`, the decoder
//! ignores CR and LF anywhere, requires padding, and accepts any value of the unused trailing bits.

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use crate::declassified;
use crate::error::{Error, Result};

/// Decodes `text` to the start of `out` and returns the number of decoded bytes.
///
/// Text that is no base64 is [`Error::Base64`] whatever its length; text that decodes to more than `out` holds is
/// [`Error::KeyLength`]. Nothing is decoded then.
pub(crate) fn decode_into(text: &[u8], out: &mut [u8]) -> Result<usize> {
    let symbols = || text.iter().copied().filter(|byte| !is_one_of(*byte, b"\r\n"));
    let count = symbols().count();
    let padding = symbols().skip(count.saturating_sub(2)).filter(|&byte| is_one_of(byte, b"=")).count();
    // All symbols are looked at, whichever of them is wrong.
    let wrong = symbols().take(count - padding).fold(0, |wrong, symbol| wrong | decode_symbol(symbol) >> 8);
    if count % 4 != 0 || !declassified::verdict(wrong.ct_eq(&0)) {
        return Err(Error::Base64);
    }
    let len = count / 4 * 3 - padding;
    let out = out.get_mut(..len).ok_or(Error::KeyLength { len })?;
    let mut bytes = out.iter_mut();
    let mut bits = 0_u32;
    for (i, symbol) in symbols().enumerate() {
        let value = if i < count - padding { decode_symbol(symbol) } else { 0 };
        bits = bits << 6 | u32::from(value);
        if i % 4 == 3 {
            for (byte, value) in bytes.by_ref().take(3).zip(bits.to_be_bytes().into_iter().skip(1)) {
                *byte = value;
            }
        }
    }
    bits.zeroize();
    Ok(len)
}

/// Whether a byte of the text is one of these, which are no symbols.
fn is_one_of(byte: u8, separators: &[u8]) -> bool {
    let found = separators.iter().fold(Choice::from(0), |found, separator| found | separator.ct_eq(&byte));
    declassified::is_separator(found)
}

/// The value of a symbol, 0 to 63; for anything else a number above 255.
fn decode_symbol(symbol: u8) -> u16 {
    let c = u16::from(symbol);
    // All ones if `low <= c <= high`, else zero.
    let within = |low: u16, high: u16| (c.wrapping_sub(low) | high.wrapping_sub(c)).wrapping_shr(15).wrapping_sub(1);
    let upper = within(0x41, 0x5a);
    let lower = within(0x61, 0x7a);
    let digit = within(0x30, 0x39);
    let plus = within(0x2b, 0x2b);
    let slash = within(0x2f, 0x2f);
    let value = (c.wrapping_sub(0x41) & upper)
        | (c.wrapping_sub(0x61 - 26) & lower)
        | (c.wrapping_add(52 - 0x30) & digit)
        | (62 & plus)
        | (63 & slash);
    value | (!(upper | lower | digit | plus | slash) & 0x100)
}

/// Encodes `bytes` with padding.
#[cfg(feature = "alloc")]
pub(crate) fn encode(bytes: &[u8]) -> zeroize::Zeroizing<alloc::string::String> {
    let mut text = alloc::vec::Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for i in 0..4 {
            let symbol = if i <= chunk.len() { encode_symbol(bits >> (18 - 6 * i) & 0x3f) } else { b'=' };
            text.push(symbol);
        }
    }
    // A string of bytes, each below 128 whatever the secret is: one that is made of characters branches on each of them.
    zeroize::Zeroizing::new(alloc::string::String::from_utf8(text).unwrap_or_default())
}

/// The symbol of a value from 0 to 63.
#[cfg(feature = "alloc")]
fn encode_symbol(value: u32) -> u8 {
    // All ones if `value >= low`, else zero.
    let from = |low: u32| (value.wrapping_sub(low) >> 31).wrapping_sub(1);
    let symbol = value
        .wrapping_add(0x41)
        .wrapping_add(from(26) & 6)
        .wrapping_sub(from(52) & 75)
        .wrapping_sub(from(62) & 15)
        .wrapping_add(from(63) & 3);
    symbol.to_le_bytes()[0] & 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<([u8; 8], usize)> {
        let mut out = [0; 8];
        let len = decode_into(text.as_bytes(), &mut out)?;
        Ok((out, len))
    }

    // RFC 4648, section 10.
    #[test]
    fn the_rfc_vectors_decode() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            let (out, len) = decode(text).unwrap_or(([0xff; 8], 8));
            assert_eq!(&out[..len], plain.as_bytes(), "{text}");
            #[cfg(feature = "alloc")]
            assert_eq!(encode(plain.as_bytes()).as_str(), text);
        }
    }

    #[test]
    fn every_symbol_is_decoded_or_refused() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for symbol in 0..=u8::MAX {
            let expected = alphabet.iter().position(|&a| a == symbol).and_then(|i| u16::try_from(i).ok());
            let value = decode_symbol(symbol);
            assert_eq!((value < 64).then_some(value), expected, "{symbol:#x}");
            assert_eq!(value >= 256, expected.is_none(), "{symbol:#x}");
        }
        #[cfg(feature = "alloc")]
        for (value, symbol) in (0..64).zip(alphabet) {
            assert_eq!(encode_symbol(value), *symbol);
        }
    }

    #[test]
    fn the_flavour_is_that_of_kubernetes() {
        for text in
            ["Zm8", "Zm8==", "====", "=", "Z===", "Zm9v=", "Zg=a", "Z=g=", "Zm 9v", "Zm9v\t", "Zm-_", "Zg==Zg=="]
        {
            assert_eq!(decode(text), Err(Error::Base64), "{text}");
        }
        for text in ["Z\ng=\r\n=\n", "\r\nZg==", "Zh=="] {
            let (out, len) = decode(text).unwrap_or(([0xff; 8], 8));
            assert_eq!(&out[..len], b"f", "{text}");
        }
        assert_eq!(decode("AAAAAAAAAAAAAAAA"), Err(Error::KeyLength { len: 12 }));
    }
}
