//! The object of KMS v2 values against recorded ones, against `prost` and at every limit.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/objects.rs"]
mod objects;

use std::collections::BTreeMap;

use atrest::{DekScheme, DekSourceKind, EncryptedObject, Error, ObjectError, WrappedDek};
use prost::Message as _;

use objects::{Deviation, Message, Recorded, by_prost, by_us, field, recorded};

#[test]
fn every_recorded_object_is_judged_as_recorded() {
    let mut reasons = [0; 7];
    for Recorded { id, bytes, expected, .. } in recorded() {
        assert_eq!(by_us(&bytes).map(drop), expected, "{id}");
        let reason = match expected {
            Ok(()) => 0,
            Err(ObjectError::Proto) => 1,
            Err(ObjectError::UnknownKind(_)) => 2,
            Err(ObjectError::EncryptedData) => 3,
            Err(ObjectError::EncryptedDekSource(_)) => 4,
            Err(ObjectError::KeyId(_)) => 5,
            Err(_) => 6,
        };
        reasons[reason] += 1;
    }
    assert!(reasons.iter().all(|&count| count > 1), "each occurs: {reasons:?}");
}

/// The recorded objects that `prost` does not read as Kubernetes does. None is recorded of groups in more than
/// 100 levels, nor of a wrong wire type inside an entry: `prost_reads_less` and the generated messages have those.
const DEVIATING: &[(&str, Deviation)] = &[
    ("kmsv2-pb-wrongwire-data", Deviation::WireType),
    ("kmsv2-pb-wrongwire-extra", Deviation::WireType),
    ("kmsv2-pb-wrongwire-type", Deviation::WireType),
];

#[test]
fn prost_reads_recorded_objects_alike_but_for_those_listed() {
    let mut deviating = Vec::new();
    for Recorded { id, bytes, .. } in recorded() {
        match by_prost(&bytes) {
            Ok(theirs) => assert_eq!(by_us(&bytes), theirs, "{id}"),
            Err(deviation) => deviating.push((id, deviation)),
        }
    }
    let deviating: Vec<_> = deviating.iter().map(|(id, deviation)| (id.as_str(), *deviation)).collect();
    assert_eq!(deviating, DEVIATING);
}

/// A message that every test may change.
fn message() -> Message {
    Message {
        encrypted_data: b"sealed".to_vec(),
        key_id: "id".into(),
        encrypted_dek_source: b"wrapped".to_vec(),
        annotations: BTreeMap::from([("a.b".into(), b"1".to_vec()), ("c.d".into(), b"2".to_vec())]),
        kind: 1,
    }
}

/// Each deviation once more, in bytes put together by hand. The verdicts are those of Kubernetes' own
/// `EncryptedObject`, from `k8s.io/apiserver` 0.37.2 with `google.golang.org/protobuf` 1.36, which was run on them.
#[test]
fn prost_reads_less() {
    let plain = message().encode_to_vec();
    let groups = |levels| [vec![0x3b; levels], vec![0x3c; levels]].concat();
    let entry = |wrong: &[u8]| field(4, &[wrong, &field(1, b"a.b"), &field(2, b"1")].concat());
    for (more, deviation) in [
        (vec![0x08, 5], Deviation::WireType),
        (vec![0x11, 0, 0, 0, 0, 0, 0, 0, 0], Deviation::WireType),
        (vec![0x1d, 0, 0, 0, 0], Deviation::WireType),
        (vec![0x20, 5], Deviation::WireType),
        (field(5, &[2]), Deviation::WireType),
        (vec![0x0b, 0x0c], Deviation::WireType),
        (entry(&[0x08, 5]), Deviation::WireType),
        (entry(&[0x13, 0x14]), Deviation::WireType),
        (groups(101), Deviation::Depth),
        (groups(10_001), Deviation::Depth),
        (entry(&groups(10_001)), Deviation::Depth),
    ] {
        let bytes = [&more[..], &plain].concat();
        assert_eq!(by_prost(&bytes), Err(deviation), "{:x?}", &more[..2]);
        assert_eq!(by_us(&bytes), Ok(message()), "{:x?}", &more[..2]);
    }
    // Its maps are worse: they read an entry from any wire type, where a list of messages does not.
    let misread = [&[0x20, 7][..], &field(1, b"x.y"), &field(2, b""), &plain].concat();
    assert_eq!(Message::decode(&misread[..]).unwrap().annotations.len(), 3);
    assert_eq!(by_prost(&misread), Err(Deviation::WireType));
    let read = by_us(&misread).unwrap();
    assert_eq!((read.annotations, read.encrypted_data), (message().annotations, message().encrypted_data));
}

/// What Kubernetes' own `EncryptedObject` refused in the same run.
#[test]
fn what_kubernetes_refuses_is_refused() {
    let plain = message().encode_to_vec();
    let groups = |levels| [vec![0x3b; levels], vec![0x3c; levels]].concat();
    for more in [
        groups(10_002),
        field(4, &groups(10_002)),
        field(2, &[0xff]),
        field(4, &field(1, &[0xff])),
        field(4, &[field(1, &[0xff]), field(1, b"a.b")].concat()),
        vec![0x80, 0x80, 0x80, 0x80, 0x10, 0],
        field(4, &[0x80, 0x80, 0x80, 0x80, 0x10, 0]),
        vec![0, 0],
        vec![0x3b, 0, 0, 0x3c],
        field(4, &[0x3c]),
        vec![0x22, 1, 0x3b, 0x3c],
    ] {
        assert_eq!(by_us(&[&more[..], &plain].concat()), Err(ObjectError::Proto), "{:x?}", &more[..2]);
    }
}

#[test]
fn what_kubernetes_wrote_is_written_again_byte_by_byte() {
    let (mut compared, mut annotated) = (0, 0);
    for Recorded { id, bytes, .. } in recorded().into_iter().filter(|recorded| recorded.written_by_go) {
        let theirs = Message::decode(&bytes[..]).unwrap();
        let head = [
            field(1, &theirs.encrypted_data),
            field(2, theirs.key_id.as_bytes()),
            field(3, &theirs.encrypted_dek_source),
        ]
        .concat();
        let tail: &[u8] = if theirs.kind == 0 { b"" } else { &[0x28, 1] };
        let entry =
            |(name, value): (&String, &Vec<u8>)| field(4, &[field(1, name.as_bytes()), field(2, value)].concat());
        let mut entries: Vec<_> = theirs.annotations.iter().map(entry).collect();
        let sorted = [&head[..], &entries.concat(), tail].concat();
        assert_eq!(EncryptedObject::parse(&bytes).unwrap().to_vec().unwrap(), sorted, "{id}");

        // Those of Kubernetes come in any order.
        let mut rest = bytes.strip_prefix(&head[..]).unwrap();
        while let Some(position) = entries.iter().position(|entry| rest.starts_with(entry)) {
            rest = &rest[entries.remove(position).len()..];
            annotated += 1;
        }
        assert_eq!((entries.len(), rest), (0, tail), "{id}");
        compared += 1;
    }
    assert!(compared >= 28 && annotated > 3, "{compared} {annotated}");
}

#[test]
fn an_object_tells_what_it_holds() {
    let bytes = message().encode_to_vec();
    let object = EncryptedObject::parse(&bytes).unwrap();
    assert_eq!((object.encrypted_data(), object.key_id()), (&b"sealed"[..], "id"));
    assert_eq!(object.encrypted_dek_source(), b"wrapped");
    assert_eq!(object.annotations(), [("a.b", &b"1"[..]), ("c.d", b"2")]);
    assert_eq!((object.kind(), object.kind().scheme()), (DekSourceKind::Seed, DekScheme::AesGcmXNonce));
    assert_eq!(DekSourceKind::AesGcmKey.scheme(), DekScheme::AesGcm);
    let expected = WrappedDek::new("id", b"wrapped", b"").with_annotations(object.annotations());
    assert_eq!(object.wrapped_dek(), expected);
    // Borrowed: the data lies in the bytes that were read.
    assert!(bytes.as_ptr_range().contains(&object.encrypted_data().as_ptr()));
    assert_eq!(Error::from(ObjectError::Proto), Error::Open);
}

#[test]
fn every_flipped_bit_changes_what_is_read() {
    let bytes = message().encode_to_vec();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(by_us(&flipped), Ok(message()), "bit {bit}");
    }
}

/// A name of 192 bytes with dots, and a last label of so many.
fn name_of(last: usize) -> String {
    let label = "a".repeat(63);
    format!("{label}.{label}.{label}.{}", "b".repeat(last))
}

type Change = fn(&mut Message);

/// The most that is allowed.
const ALLOWED: &[(&str, Change)] = &[
    ("old kind", |message| message.kind = 0),
    ("a byte of data", |message| message.encrypted_data.truncate(1)),
    ("long data", |message| message.encrypted_data = vec![7; 1 << 20]),
    ("dek source", |message| message.encrypted_dek_source = vec![7; 1024]),
    ("key id", |message| message.key_id = "\u{e9}".repeat(512)),
    ("no annotations", |message| message.annotations.clear()),
    ("no value", |message| drop(message.annotations.insert("a.b".into(), Vec::new()))),
    ("sum", |message| drop(message.annotations.insert("a.b".into(), vec![7; 32_768 - 7]))),
    ("name", |message| drop(message.annotations.insert(name_of(61), Vec::new()))),
    ("name and dot", |message| drop(message.annotations.insert(name_of(61) + ".", Vec::new()))),
    ("label", |message| drop(message.annotations.insert("a.".to_owned() + &"b".repeat(63), Vec::new()))),
];

/// One more than is allowed, and the first reason where there are more.
const REFUSED: &[(ObjectError, Change)] = &[
    (ObjectError::UnknownKind(2), |message| *message = Message { kind: 2, ..Message::default() }),
    (ObjectError::UnknownKind(-1), |message| message.kind = -1),
    (ObjectError::EncryptedData, |message| *message = Message::default()),
    (ObjectError::EncryptedDekSource(0), |message| {
        *message = Message { encrypted_data: vec![7], ..Message::default() };
    }),
    (ObjectError::EncryptedDekSource(1025), |message| message.encrypted_dek_source = vec![7; 1025]),
    (ObjectError::KeyId(0), |message| {
        message.key_id.clear();
        message.annotations.insert("a".into(), Vec::new());
    }),
    (ObjectError::KeyId(1025), |message| message.key_id = "\u{e9}".repeat(512) + "k"),
    (ObjectError::Annotations, |message| drop(message.annotations.insert("a.b".into(), vec![7; 32_768 - 6]))),
    (ObjectError::Annotations, |message| drop(message.annotations.insert(name_of(62), Vec::new()))),
    (ObjectError::Annotations, |message| {
        drop(message.annotations.insert("a.".to_owned() + &"b".repeat(64), Vec::new()));
    }),
    (ObjectError::Annotations, |message| drop(message.annotations.insert(String::new(), Vec::new()))),
    (ObjectError::Annotations, |message| drop(message.annotations.insert("a..b".into(), Vec::new()))),
    (ObjectError::Annotations, |message| drop(message.annotations.insert("A.b".into(), Vec::new()))),
];

#[test]
fn each_limit_may_be_reached_and_not_passed() {
    for (what, change) in ALLOWED {
        let mut allowed = message();
        change(&mut allowed);
        assert_eq!(by_us(&allowed.encode_to_vec()), Ok(allowed), "{what}");
    }
    for (reason, change) in REFUSED {
        let mut refused = message();
        change(&mut refused);
        assert_eq!(by_us(&refused.encode_to_vec()), Err(*reason));
        assert_eq!(refused.validated(), Err(*reason));
    }
}

/// Millions of entries that are each replaced or refused.
#[test]
fn hostile_entries_end() {
    let plain = Message { annotations: BTreeMap::new(), ..message() };
    let again = |entry: &[u8]| [plain.encode_to_vec(), entry.repeat((4 << 20) / entry.len())].concat();
    assert_eq!(by_us(&again(&[0x22, 0])), Err(ObjectError::Annotations));
    let same = again(&field(4, &field(1, b"a.b")));
    assert_eq!(by_us(&same).unwrap().annotations, BTreeMap::from([("a.b".into(), Vec::new())]));
    let distinct: Vec<_> = (0..400_000).flat_map(|i| field(4, &field(1, format!("{i}.a").as_bytes()))).collect();
    assert_eq!(by_us(&[plain.encode_to_vec(), distinct].concat()), Err(ObjectError::Annotations));
}
