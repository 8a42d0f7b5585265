//! Messages of any shape, read by this crate and by `prost`: one verdict on both, but for what `prost` refuses to
//! read, which is cut out for it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/objects.rs"]
mod objects;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use objects::{by_prost, by_us, field, recorded, varint};

/// A piece of a message.
#[derive(Clone, Debug)]
enum Piece {
    /// Both implementations read or skip it.
    Common(Vec<u8>),
    /// A known field by another wire type, or groups in too many levels: `prost` must not see it.
    Deviating(Vec<u8>),
    /// An annotation, of pieces.
    Entry(Vec<Piece>),
}

impl Piece {
    fn bytes(&self, with_deviating: bool) -> Vec<u8> {
        match self {
            Self::Common(bytes) => bytes.clone(),
            Self::Deviating(bytes) if with_deviating => bytes.clone(),
            Self::Deviating(_) => Vec::new(),
            Self::Entry(pieces) => field(4, &all(pieces, with_deviating)),
        }
    }
}

fn all(pieces: &[Piece], with_deviating: bool) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.bytes(with_deviating)).collect()
}

/// A varint with up to so many bytes more than it needs, ten in sum.
fn overlong(value: u64, more: usize) -> Vec<u8> {
    let mut bytes = varint(value);
    for _ in 0..more.min(10 - bytes.len()) {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// A field by its number, its wire type and some choices: groups are closed, lengths fit.
fn value_of(number: u64, wire_type: u64, value: u64, bytes: &[u8], more: usize) -> Vec<u8> {
    let tag = overlong(number * 8 + wire_type, more);
    let value = match wire_type {
        0 => overlong(value, more),
        1 => value.to_le_bytes().to_vec(),
        2 => [&overlong(bytes.len() as u64, more), bytes].concat(),
        // Inside the group stand two more.
        3 => [&[0x2b, 0x33, 0x34, 0x2c, 0x10][..], &varint(value), &varint(number * 8 + 4)].concat(),
        _ => value.to_le_bytes()[..4].to_vec(),
    };
    [tag, value].concat()
}

fn kind() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..2_u64, 1 => Just(0x1_0000_0001), 1 => any::<u64>()]
}

const TEXTS: &[&str] = &["", "id", "a.b", "c.d", "a.b.", "example.com", "a", "A.b", "\u{e9}.b"];

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![9 => select(TEXTS).prop_map(|text| text.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..4)]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![9 => vec(any::<u8>(), 0..40), 1 => (1020..1030_usize).prop_map(|len| vec![7; len])]
}

/// A field that neither of the messages knows, or, of a known number, one by another wire type.
fn other(known: &'static [(u64, u64)]) -> impl Strategy<Value = Piece> {
    let numbers = select(&[1, 2, 3, 4, 5, 6, 15, 16, 19_000, (1 << 29) - 1][..]);
    (numbers, select(&[0, 1, 2, 3, 5][..]), any::<u64>(), vec(any::<u8>(), 0..8), 0..4_usize).prop_filter_map(
        "a known field",
        |(number, wire_type, value, bytes, more)| {
            let field = value_of(number, wire_type, value, &bytes, more);
            match known.iter().find(|known| known.0 == number) {
                Some(known) if known.1 == wire_type => None,
                Some(_) => Some(Piece::Deviating(field)),
                None => Some(Piece::Common(field)),
            }
        },
    )
}

fn groups() -> impl Strategy<Value = Piece> {
    prop_oneof![
        (1..90_usize).prop_map(|levels| Piece::Common([vec![0x3b; levels], vec![0x3c; levels]].concat())),
        (101..300_usize).prop_map(|levels| Piece::Deviating([vec![0x3b; levels], vec![0x3c; levels]].concat())),
    ]
}

fn entry() -> impl Strategy<Value = Piece> {
    let piece = prop_oneof![
        5 => (text(), 0..4_usize).prop_map(|(text, more)| Piece::Common(value_of(1, 2, 0, &text, more))),
        5 => (bytes(), 0..4_usize).prop_map(|(bytes, more)| Piece::Common(value_of(2, 2, 0, &bytes, more))),
        1 => other(&[(1, 2), (2, 2)]),
    ];
    vec(piece, 0..5).prop_map(Piece::Entry)
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => (select(&[1, 3][..]), bytes(), 0..4_usize)
            .prop_map(|(number, bytes, more)| Piece::Common(value_of(number, 2, 0, &bytes, more))),
        4 => (text(), 0..4_usize).prop_map(|(text, more)| Piece::Common(value_of(2, 2, 0, &text, more))),
        4 => (kind(), 0..4_usize).prop_map(|(kind, more)| Piece::Common(value_of(5, 0, kind, &[], more))),
        2 => entry(),
        2 => other(&[(1, 2), (2, 2), (3, 2), (4, 2), (5, 0)]),
        1 => groups(),
    ]
}

/// A message that would be valid but for what comes before and behind its fields.
fn message() -> impl Strategy<Value = Vec<Piece>> {
    let whole = [field(1, b"sealed"), field(2, b"id"), field(3, b"wrapped"), vec![0x28, 1]].concat();
    (vec(piece(), 0..8), any::<bool>(), vec(piece(), 0..4)).prop_map(move |(before, with_whole, behind)| {
        let whole = with_whole.then(|| Piece::Common(whole.clone()));
        before.into_iter().chain(whole).chain(behind).collect()
    })
}

/// A change to bytes: flipped, cut out or put in.
fn damaged(mut bytes: Vec<u8>, damage: &[(u8, Index, u8)]) -> Vec<u8> {
    for (what, at, byte) in damage {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match what % 4 {
            0 => bytes[at] ^= 1 << (byte % 8),
            1 => bytes[at] = *byte,
            2 => bytes.insert(at, *byte),
            _ => drop(bytes.remove(at)),
        }
    }
    bytes
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn prost_reads_what_is_left_without_its_deviations(message in message()) {
        let ours = by_us(&all(&message, true));
        prop_assert_eq!(by_prost(&all(&message, false)), Ok(ours));
    }

    #[test]
    fn prost_reads_damaged_objects_alike(
        which in any::<Index>(), damage in vec((any::<u8>(), any::<Index>(), any::<u8>()), 1..4), cut in any::<Index>(),
    ) {
        let objects = recorded_small();
        let mut bytes = damaged(which.get(&objects).clone(), &damage);
        let ours = by_us(&bytes);
        if let Ok(theirs) = by_prost(&bytes) {
            prop_assert_eq!(&ours, &theirs);
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let ours = by_us(&bytes);
        if let Ok(theirs) = by_prost(&bytes) {
            prop_assert_eq!(&ours, &theirs);
        }
    }
}

fn recorded_small() -> Vec<Vec<u8>> {
    use std::sync::OnceLock;
    static OBJECTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let load = || recorded().into_iter().map(|object| object.bytes).filter(|bytes| bytes.len() < 500).collect();
    OBJECTS.get_or_init(load).clone()
}
