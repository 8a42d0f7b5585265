//! What a scalar without quotes is: the words and numbers of YAML 1.1, as upstream's library resolves them.
//! `yes` is a boolean, `017` and `1_000` are numbers, `12:30` and dates are text. go-yaml v2: `resolve.go`.

/// What a scalar without quotes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool,
    /// Its value if it is an integer of 64 bits, in whatever notation.
    Number(Option<i64>),
    Text,
}

pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" | "n" | "N" | "no" | "No"
        | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Plain::Bool,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Plain::Number(None),
        _ => {}
    }
    match text.as_bytes() {
        [b'.', ..] if is_float(text) => Plain::Number(integral(text)),
        // No number is longer, and a secret is not copied about.
        [b'0'..=b'9' | b'+' | b'-', ..] if text.len() <= 400 => number(&text.replace('_', "")),
        _ => Plain::Text,
    }
}

fn number(text: &str) -> Plain {
    if let Some(integer) = integer(text) {
        return Plain::Number(integer);
    }
    if is_float(text) { Plain::Number(integral(text)) } else { Plain::Text }
}

/// An integer in the notations of Go: decimal, `0x`, `0o`, `0b`, and octal behind a plain `0`. The inner
/// `None` is for one that has more than 64 bits.
fn integer(text: &str) -> Option<Option<i64>> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok();
    let value = magnitude.and_then(|value| i64::try_from(if negative { -value } else { value }).ok());
    Some(value)
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
fn integral(text: &str) -> Option<i64> {
    let value: f64 = text.parse().ok()?;
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
            ("017", Plain::Number(Some(15))),
            ("0o17", Plain::Number(Some(15))),
            ("0x1f", Plain::Number(Some(31))),
            ("-0b11", Plain::Number(Some(-3))),
            ("09", Plain::Number(Some(9))),
            ("1_000", Plain::Number(Some(1000))),
            ("1e3", Plain::Number(Some(1000))),
            ("1.5", Plain::Number(None)),
            (".5", Plain::Number(None)),
            ("1.", Plain::Number(Some(1))),
            ("99999999999999999999", Plain::Number(None)),
            (".inf", Plain::Number(None)),
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
}
