//! JSON (RFC 8259), read without recursion. Upstream takes a text for JSON alone if its first character that
//! is not white space is `{`.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use super::fault::Place;
use super::node::{Builder, KeyKind, Stopped, Text, Value};

const ADVICE: &str = "a text that begins with { must be JSON from end to end";

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    /// The first element of a list, or its end.
    FirstElement,
    /// The first field of a map, or its end.
    FirstField,
    Field,
    /// A comma or the end of what is open.
    More,
}

/// Reads a whole text, to its end.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<(), Stopped> {
    let mut reader = Reader { rest: text, line: 1, column: 1 };
    let mut expected = Expected::Value;
    // For each open list or map, whether it is a map.
    let mut open: Vec<bool> = Vec::new();
    loop {
        reader.skip_space();
        let place = reader.place();
        if expected == Expected::More && open.is_empty() {
            return if reader.rest.is_empty() {
                Ok(())
            } else {
                builder.stop(place, "not JSON: something follows the value", ADVICE)
            };
        }
        expected = match (expected, reader.peek()) {
            (Expected::Value | Expected::FirstElement, Some('[')) => {
                reader.next();
                builder.begin_list(place, 0)?;
                open.push(false);
                Expected::FirstElement
            }
            (Expected::Value | Expected::FirstElement, Some('{')) => {
                reader.next();
                builder.begin_map(place, 0)?;
                open.push(true);
                Expected::FirstField
            }
            (Expected::FirstElement | Expected::More, Some(']')) if open.last() == Some(&false) => {
                reader.close(builder, &mut open)?
            }
            (Expected::FirstField | Expected::More, Some('}')) if open.last() == Some(&true) => {
                reader.close(builder, &mut open)?
            }
            (Expected::FirstField | Expected::Field, Some('"')) => {
                let name = reader.text(builder)?;
                builder.key(name, place, KeyKind::Field);
                reader.colon(builder)?;
                Expected::Value
            }
            (Expected::More, Some(',')) => {
                reader.next();
                if open.last() == Some(&true) { Expected::Field } else { Expected::Value }
            }
            (Expected::Value | Expected::FirstElement, Some(_)) => {
                let value = reader.scalar(builder)?;
                builder.scalar(place, 0, value)?;
                Expected::More
            }
            (_, None) => return builder.stop(place, "not JSON: the text ends too early", ADVICE),
            (_, Some(_)) => return builder.stop(place, "not JSON: this cannot stand here", ADVICE),
        };
    }
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    const fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        (self.line, self.column) = if next == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        Some(next)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
            self.next();
        }
    }

    fn close(&mut self, builder: &mut Builder, open: &mut Vec<bool>) -> Result<Expected, Stopped> {
        self.next();
        open.pop();
        builder.end()?;
        Ok(Expected::More)
    }

    fn colon(&mut self, builder: &mut Builder) -> Result<(), Stopped> {
        self.skip_space();
        let place = self.place();
        if self.next() == Some(':') { Ok(()) } else { builder.stop(place, "not JSON: a colon is missing", ADVICE) }
    }

    fn scalar(&mut self, builder: &mut Builder) -> Result<Value, Stopped> {
        if self.peek() == Some('"') {
            return self.text(builder).map(Value::Text);
        }
        let place = self.place();
        let end = self.rest.find([' ', '\t', '\r', '\n', ',', ']', '}', ':', '"', '[', '{']);
        let word = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default();
        let value = match word {
            "null" => Value::Null,
            "true" | "false" => Value::Bool,
            _ if is_number(word) => Value::Number(word.parse().ok()),
            _ => return builder.stop(place, "not JSON: neither a word nor a number of JSON", ADVICE),
        };
        for _ in word.chars() {
            self.next();
        }
        Ok(value)
    }

    /// A text in quotes, without reallocation, so that no part of it is left behind.
    fn text(&mut self, builder: &mut Builder) -> Result<Text, Stopped> {
        let place = self.place();
        self.next();
        let mut text = Zeroizing::new(String::with_capacity(self.text_len()));
        loop {
            let at = self.place();
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => match self.escaped() {
                    Some(c) => text.push(c),
                    None => return builder.stop(at, "not JSON: no escape sequence", ADVICE),
                },
                Some('\0'..='\x1f') => {
                    return builder.stop(at, "not JSON: a control character within text", ADVICE);
                }
                Some(c) => text.push(c),
                None => return builder.stop(place, "not JSON: the text does not end", ADVICE),
            }
        }
    }

    /// An upper bound of the length of the text that begins here: no escape is shorter than what it stands for.
    fn text_len(&self) -> usize {
        let mut escaped = false;
        let end = self.rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        end.unwrap_or(self.rest.len())
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.code_point(),
            _ => return None,
        })
    }

    /// The character of `\uXXXX`, or of a pair of them; as in Go, half a pair is U+FFFD.
    fn code_point(&mut self) -> Option<char> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Some(char::from_u32(first).unwrap_or('\u{fffd}'));
        }
        let (rest, line, column) = (self.rest, self.line, self.column);
        if self.next() == Some('\\') && self.next() == Some('u') {
            let mut second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let pair = 0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00));
                second.zeroize();
                return char::from_u32(pair);
            }
        }
        (self.rest, self.line, self.column) = (rest, line, column);
        Some('\u{fffd}')
    }

    fn hex4(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            value = value << 4 | self.next()?.to_digit(16)?;
        }
        Some(value)
    }
}

/// Whether a word is `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
