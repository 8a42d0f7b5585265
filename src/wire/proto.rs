//! The wire format of Protocol Buffers: the fields of one message, read without recursion, and written.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>; depth and leniency are those of Go's `protowire`.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use alloc::vec::Vec;

use super::Writer;

/// The largest number of a field, which has 29 bits.
const NUMBER_MAX: u64 = 0x1fff_ffff;

/// How deep groups may be nested; Go's `protowire` takes 10,000 levels below the outermost.
const GROUPS_MAX: usize = 10_001;

/// The longest varint, of 64 bits in groups of 7.
const VARINT_LEN_MAX: usize = 10;

/// The bytes are not of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
}

/// What stands in a field, as far as anyone here reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A number of fixed width, or a group, which was well-formed.
    Skipped,
}

/// The fields of a message, in the order in which they are stored; ends after the first malformed one.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            WireType::Varint => Value::Varint(self.varint()?),
            WireType::Bytes => Value::Bytes(self.bytes()?),
            WireType::GroupStart => {
                self.skip_group(number)?;
                Value::Skipped
            }
            _ => {
                self.skip_scalar(wire_type)?;
                Value::Skipped
            }
        };
        Some(Field { number, value })
    }

    fn tag(&mut self) -> Option<(u32, WireType)> {
        let tag = self.varint()?;
        let wire_type = WireType::new(tag & 7)?;
        let number = tag >> 3;
        if number == 0 || number > NUMBER_MAX {
            return None;
        }
        u32::try_from(number).ok().map(|number| (number, wire_type))
    }

    /// Overlong forms are read too, up to ten bytes.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for position in 0..VARINT_LEN_MAX {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let shift = u32::try_from(position).ok()?.checked_mul(7)?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if bits > u64::MAX >> shift {
                return None;
            }
            value |= bits.checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.take(len)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn skip_scalar(&mut self, wire_type: WireType) -> Option<()> {
        match wire_type {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Bytes => self.bytes().map(drop),
            WireType::Fixed32 => self.take(4).map(drop),
            WireType::GroupStart | WireType::GroupEnd => None,
        }
    }

    /// Reads to the end of the group whose start was read.
    fn skip_group(&mut self, number: u32) -> Option<()> {
        // A list instead of recursion: hostile input must not decide how deep the stack gets.
        let mut around = Vec::new();
        let mut innermost = number;
        loop {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                WireType::GroupStart if around.len() >= GROUPS_MAX.saturating_sub(1) => return None,
                WireType::GroupStart => {
                    around.push(innermost);
                    innermost = number;
                }
                WireType::GroupEnd if number != innermost => return None,
                WireType::GroupEnd => match around.pop() {
                    Some(outer) => innermost = outer,
                    None => return Some(()),
                },
                _ => self.skip_scalar(wire_type)?,
            }
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field().ok_or(Malformed);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    GroupStart = 3,
    GroupEnd = 4,
    Fixed32 = 5,
}

impl WireType {
    const fn new(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Varint),
            1 => Some(Self::Fixed64),
            2 => Some(Self::Bytes),
            3 => Some(Self::GroupStart),
            4 => Some(Self::GroupEnd),
            5 => Some(Self::Fixed32),
            _ => None,
        }
    }
}

/// Length of a varint in its shortest form.
const fn varint_len(value: usize) -> usize {
    match value.checked_ilog2() {
        // At most nine times seven bits come before the last byte.
        Some(highest) => (highest / 7).saturating_add(1) as usize,
        None => 1,
    }
}

/// Length of a field of `len` bytes whose number is below 16; `None` if there is no such length.
pub(crate) fn bytes_field_len(len: usize) -> Option<usize> {
    len.checked_add(varint_len(len))?.checked_add(1)
}

/// Length of a field of a number below 128, whose own number is below 16.
pub(crate) const SMALL_FIELD_LEN: usize = 2;

/// Writes what stands before the `len` bytes of a field; its number is below 16.
pub(crate) fn put_bytes_header(writer: &mut Writer<'_>, number: u8, len: usize) -> Option<()> {
    writer.put(&[number << 3 | WireType::Bytes as u8])?;
    put_varint(writer, len)
}

/// Writes a field of bytes; its number is below 16.
pub(crate) fn put_bytes(writer: &mut Writer<'_>, number: u8, bytes: &[u8]) -> Option<()> {
    put_bytes_header(writer, number, bytes.len())?;
    writer.put(bytes)
}

/// Writes a field of a number below 128; its own number is below 16.
pub(crate) fn put_small(writer: &mut Writer<'_>, number: u8, value: u8) -> Option<()> {
    writer.put(&[number << 3 | WireType::Varint as u8, value & 0x7f])
}

fn put_varint(writer: &mut Writer<'_>, mut value: usize) -> Option<()> {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        writer.put(&[low | 0x80])?;
        value >>= 7;
    }
    let [last, ..] = value.to_le_bytes();
    writer.put(&[last])
}

#[cfg(test)]
mod tests;
