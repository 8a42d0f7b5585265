//! Varints, field numbers and groups at their limits.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use alloc::vec;
use alloc::vec::Vec;

use super::*;

/// The fields of a message, or `None` if any of them is malformed.
fn fields(message: &[u8]) -> Option<Vec<(u32, Value<'_>)>> {
    Fields::new(message).map(|field| field.ok().map(|field| (field.number, field.value))).collect()
}

#[test]
fn a_varint_has_64_bits_in_up_to_ten_bytes() {
    // The examples of the specification, and each limit.
    for (bytes, value) in [
        (&[0x00][..], 0),
        (&[0x01], 1),
        (&[0x96, 0x01], 150),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], u64::MAX),
        (&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 1),
    ] {
        let message = [&[0x08], bytes].concat();
        assert_eq!(fields(&message), Some(vec![(1, Value::Varint(value))]), "{bytes:x?}");
    }
    for bytes in [
        &[][..],
        &[0x80],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        &[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ] {
        assert_eq!(fields(&[&[0x08], bytes].concat()), None, "{bytes:x?}");
    }
}

#[test]
fn a_field_number_has_29_bits_and_is_not_zero() {
    assert_eq!(fields(&[0xf8, 0xff, 0xff, 0xff, 0x0f, 0]), Some(vec![(536_870_911, Value::Varint(0))]));
    assert_eq!(fields(&[0x80, 0x80, 0x80, 0x80, 0x10, 0]), None);
    assert_eq!(fields(&[0x00, 0]), None);
    assert_eq!(fields(&[0x88, 0x80, 0x80, 0x00, 0]), Some(vec![(1, Value::Varint(0))]));
}

#[test]
fn what_nobody_reads_is_skipped_whole() {
    let message = [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4, 0x1a, 2, 7, 7, 0x23, 0x24];
    let expected = vec![(1, Value::Skipped), (2, Value::Skipped), (3, Value::Bytes(&[7, 7])), (4, Value::Skipped)];
    assert_eq!(fields(&message), Some(expected));
    for len in [1, 8, 10, 13, 15, 17, 19] {
        assert_eq!(fields(&message[..len]), None, "{len}");
    }
    assert_eq!(fields(&[0x0e]), None, "wire type 6");
    assert_eq!(fields(&[0x0f]), None, "wire type 7");
}

#[test]
fn a_group_ends_with_its_own_number() {
    assert_eq!(fields(&[0x0b, 0x13, 0x08, 5, 0x14, 0x0c]), Some(vec![(1, Value::Skipped)]));
    assert_eq!(fields(&[0x0b, 0x13, 0x0c, 0x14]), None, "they overlap");
    assert_eq!(fields(&[0x0b, 0x14]), None);
    assert_eq!(fields(&[0x0b]), None);
    assert_eq!(fields(&[0x0c]), None);
}

#[test]
fn groups_nest_to_10001_levels() {
    let nested = |levels| [vec![0x0b; levels], vec![0x0c; levels]].concat();
    assert_eq!(fields(&nested(10_001)), Some(vec![(1, Value::Skipped)]));
    assert_eq!(fields(&nested(10_002)), None);
    // Levels count, not groups.
    let many = nested(1).repeat(20_000);
    assert_eq!(fields(&many).unwrap().len(), 20_000);
    assert_eq!(fields(&[&[0x13][..], &many, &[0x14]].concat()), Some(vec![(2, Value::Skipped)]));
}

#[test]
fn nothing_follows_a_malformed_field() {
    let mut fields = Fields::new(&[0x00, 0x08, 1]);
    assert_eq!(fields.next(), Some(Err(Malformed)));
    assert_eq!(fields.next(), None);
}

#[test]
fn what_is_written_has_the_length_foretold() {
    for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
        let mut out = vec![0; bytes_field_len(len).unwrap()];
        let mut writer = Writer::new(&mut out);
        put_bytes(&mut writer, 1, &vec![7; len]).unwrap();
        assert!(writer.into_rest().is_empty(), "{len}");
        assert_eq!(fields(&out), Some(vec![(1, Value::Bytes(&vec![7; len]))]));
    }
    assert_eq!(varint_len(usize::MAX), usize::BITS.div_ceil(7) as usize);
    assert_eq!(bytes_field_len(usize::MAX), None);
    let mut out = [0; 3];
    put_bytes_header(&mut Writer::new(&mut out), 1, 150).unwrap();
    assert_eq!(out, [0x0a, 0x96, 0x01]);
}
