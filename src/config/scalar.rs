//! What a scalar without quotes is: the words and numbers of YAML 1.1, as upstream's library resolves them.
//! `yes` is a boolean, `017` and `1_000` are numbers, `12:30` and dates are text. go-yaml v2: `resolve.go`.

use alloc::string::String;

use zeroize::Zeroizing;

/// What a scalar without quotes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool,
    /// Its value if that is signed and of 64 bits.
    Integer(Option<i64>),
    /// Its value if that is an integer.
    Float(Option<i64>),
    Text,
}

pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" | "n" | "N" | "no" | "No"
        | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Plain::Bool,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Plain::Float(None),
        _ => {}
    }
    match text.as_bytes() {
        // Go's floats have an underline between two digits only.
        [b'.', ..] if !are_underlines_between_digits(text) => Plain::Text,
        [b'.', ..] => float(&without_underlines(text)),
        [b'0'..=b'9' | b'+' | b'-', ..] => number(&without_underlines(text)),
        _ => Plain::Text,
    }
}

/// The text can be a secret: what is copied is wiped, and never moved to a larger block.
fn without_underlines(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    for part in text.split('_') {
        kept.push_str(part);
    }
    kept
}

fn are_underlines_between_digits(text: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    text.match_indices('_')
        .all(|(at, _)| is_digit(at.checked_sub(1).and_then(|i| bytes.get(i))) && is_digit(bytes.get(at + 1)))
}

fn number(text: &str) -> Plain {
    let (is_signed, negative, unsigned) = match text.as_bytes() {
        [b'-', ..] => (true, true, &text[1..]),
        [b'+', ..] => (true, false, &text[1..]),
        _ => (false, false, text),
    };
    if let Some(magnitude) = magnitude(unsigned) {
        let value = i64::try_from(if negative { -magnitude } else { magnitude }).ok();
        // What has 64 bits and no sign is an integer too.
        if value.is_some() || !is_signed && u64::try_from(magnitude).is_ok() {
            return Plain::Integer(value);
        }
    }
    match (float(text), text.strip_prefix("0b")) {
        // Behind this prefix alone there may be a sign.
        (Plain::Text, Some(digits)) if digits.starts_with(['-', '+']) => match i64::from_str_radix(digits, 2) {
            Ok(value) => Plain::Integer(Some(value)),
            Err(_) => Plain::Text,
        },
        (plain, _) => plain,
    }
}

/// The value of digits in the notations of Go: decimal, `0x`, `0o`, `0b`, and octal behind a plain `0`. `None` for
/// what is no such integer or has more than 127 bits.
fn magnitude(text: &str) -> Option<i128> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    // What parses integers would take a sign here.
    let are_digits = digits.chars().all(|digit| digit.is_digit(radix));
    are_digits.then(|| i128::from_str_radix(digits, radix).ok()).flatten()
}

/// A float with a finite value, or else text.
fn float(text: &str) -> Plain {
    match text.parse::<f64>() {
        Ok(value) if is_float(text) && value.is_finite() => Plain::Float(integral(value)),
        _ => Plain::Text,
    }
}

/// Whether a text is `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole_and_fraction = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction)
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    whole_and_fraction && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

/// The value of a float that is an integer, within the bounds in which upstream's way through JSON writes it
/// without an exponent.
fn integral(value: f64) -> Option<i64> {
    let exact = value.fract() == 0.0 && value.abs() < 9e15;
    #[expect(clippy::cast_possible_truncation, reason = "an integer well below 2^63")]
    exact.then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_of_yaml_1_1() {
        for (text, plain) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("nULL", Plain::Text),
            ("y", Plain::Bool),
            ("Off", Plain::Bool),
            ("oFF", Plain::Text),
            ("017", Plain::Integer(Some(15))),
            ("0o17", Plain::Integer(Some(15))),
            ("0x1f", Plain::Integer(Some(31))),
            ("-0b11", Plain::Integer(Some(-3))),
            ("1_000", Plain::Integer(Some(1000))),
            ("09", Plain::Float(Some(9))),
            ("1e3", Plain::Float(Some(1000))),
            ("5.0", Plain::Float(Some(5))),
            ("1.5", Plain::Float(None)),
            (".5", Plain::Float(None)),
            ("1.", Plain::Float(Some(1))),
            ("99999999999999999999", Plain::Float(None)),
            (".inf", Plain::Float(None)),
            (".", Plain::Text),
            ("-", Plain::Text),
            ("+", Plain::Text),
            ("1e", Plain::Text),
            ("0x", Plain::Text),
            ("12:30:45", Plain::Text),
            ("2026-11-21", Plain::Text),
            ("1a", Plain::Text),
            ("_1", Plain::Text),
        ] {
            assert_eq!(resolve(text), plain, "{text:?}");
        }
    }

    /// The verdicts are those of the API server's decoder on names of keys.
    #[test]
    fn what_is_out_of_range_is_text() {
        let zeros = "0".repeat(500);
        for (text, plain) in [
            ("12e4567", Plain::Text),
            ("1e400", Plain::Text),
            ("-1e400", Plain::Text),
            (".5e400", Plain::Text),
            ("1e-400", Plain::Float(Some(0))),
            ("0xffffffffffffffff", Plain::Integer(None)),
            ("+0xffffffffffffffff", Plain::Text),
            ("-0x8000000000000000", Plain::Integer(Some(i64::MIN))),
            ("-0x8000000000000001", Plain::Text),
            ("0x10000000000000000", Plain::Text),
            ("0o7777777777777777777777777", Plain::Text),
            ("07777777777777777777777777", Plain::Float(None)),
            ("0x1ffffffffffffffffffffffffffffffffff", Plain::Text),
            (".5_0", Plain::Float(None)),
            (".5__0", Plain::Text),
            ("._5", Plain::Text),
            (".5_", Plain::Text),
            ("0b-11", Plain::Integer(Some(-3))),
            ("0b+11", Plain::Integer(Some(3))),
            ("0B-11", Plain::Text),
            ("-0b-11", Plain::Text),
            ("0x-11", Plain::Text),
            (&zeros, Plain::Integer(Some(0))),
        ] {
            assert_eq!(resolve(text), plain, "{text:?}");
        }
    }
}
