//! Objects of KMS v2 as others have them: recorded ones, and `prost` as a second implementation of the format.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::collections::BTreeMap;

use atrest::{EncryptedObject, ObjectError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde_json::Value;

/// A recorded object and what was said of it.
pub(crate) struct Recorded {
    pub(crate) id: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) written_by_go: bool,
    pub(crate) expected: Result<(), ObjectError>,
}

/// Every recorded object of a KMS v2 value whose prefix was found.
pub(crate) fn recorded() -> Vec<Recorded> {
    let file: Value = serde_json::from_str(include_str!("../vectors/k8s-storage.json")).unwrap();
    let objects: Vec<_> = file["vectors"].as_array().unwrap().iter().filter_map(Recorded::load).collect();
    assert!(objects.len() > 120, "{}", objects.len());
    objects
}

impl Recorded {
    fn load(vector: &Value) -> Option<Self> {
        let stored = STANDARD.decode(vector.get("stored_b64")?.as_str()?).unwrap();
        let named = stored.strip_prefix(b"k8s:enc:kms:v2:")?;
        if vector["expect"]["class"] == "no_matching_prefix" {
            return None;
        }
        let colon = named.iter().position(|&byte| byte == b':')?;
        Some(Self {
            id: vector["id"].as_str().unwrap().into(),
            bytes: named[colon + 1..].to_vec(),
            written_by_go: vector["written_by_go"] == true,
            expected: expected(&vector["expect"]),
        })
    }
}

/// What the recorded text says of the object itself, whatever became of its data.
fn expected(expect: &Value) -> Result<(), ObjectError> {
    let text = expect["go_error"].as_str().unwrap_or_default();
    // "keyID is 1025 bytes, which", "keyID is empty", "Type: 3".
    let number = || text.split([' ', ':']).rev().find_map(|word| word.parse::<i64>().ok());
    let len = || match text.split_once(" is ").unwrap().1 {
        "empty" => 0,
        rest => rest.split(' ').next().unwrap().parse().unwrap(),
    };
    Err(match expect["class"].as_str() {
        Some("proto") => ObjectError::Proto,
        Some("v2_dek_source_type") => ObjectError::UnknownKind(number().unwrap().try_into().unwrap()),
        Some("v2_data_empty") => ObjectError::EncryptedData,
        Some("v2_dek_source") => ObjectError::EncryptedDekSource(len()),
        Some("v2_key_id") => ObjectError::KeyId(len()),
        Some("v2_annotations") => ObjectError::Annotations,
        _ => return Ok(()),
    })
}

/// The message as `prost` writes it; the enum is open, so any number is one.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Message {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) encrypted_data: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) key_id: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) encrypted_dek_source: Vec<u8>,
    #[prost(btree_map = "string, bytes", tag = "4")]
    pub(crate) annotations: BTreeMap<String, Vec<u8>>,
    #[prost(int32, tag = "5")]
    pub(crate) kind: i32,
}

/// The message as `prost` reads it, with a list of entries: that is what a map is on the wire, and its maps do not
/// look at the wire type.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Listed {
    #[prost(bytes = "vec", tag = "1")]
    encrypted_data: Vec<u8>,
    #[prost(string, tag = "2")]
    key_id: String,
    #[prost(bytes = "vec", tag = "3")]
    encrypted_dek_source: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    annotations: Vec<Entry>,
    #[prost(int32, tag = "5")]
    kind: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl From<Listed> for Message {
    fn from(listed: Listed) -> Self {
        let Listed { encrypted_data, key_id, encrypted_dek_source, annotations, kind } = listed;
        let annotations = annotations.into_iter().map(|entry| (entry.name, entry.value)).collect();
        Self { encrypted_data, key_id, encrypted_dek_source, annotations, kind }
    }
}

impl From<&EncryptedObject<'_>> for Message {
    fn from(object: &EncryptedObject<'_>) -> Self {
        let annotations = object.annotations();
        assert!(annotations.is_sorted_by(|a, b| a.0.as_bytes() < b.0.as_bytes()));
        Self {
            encrypted_data: object.encrypted_data().to_vec(),
            key_id: object.key_id().to_owned(),
            encrypted_dek_source: object.encrypted_dek_source().to_vec(),
            annotations: annotations.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
            kind: object.kind().number().into(),
        }
    }
}

/// Deviations of `prost` from what Kubernetes does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deviation {
    /// A known field by another wire type is an error for it, and unknown to Kubernetes.
    WireType,
    /// It nests groups to 100 levels, and Kubernetes to 10,001.
    Depth,
}

/// What becomes of bytes by `prost` and the rules on objects.
pub(crate) fn by_prost(bytes: &[u8]) -> Result<Result<Message, ObjectError>, Deviation> {
    match Listed::decode(bytes) {
        Ok(listed) => Ok(Message::from(listed).validated()),
        Err(error) => {
            let text = error.to_string();
            if text.contains("(expected") {
                Err(Deviation::WireType)
            } else if text.contains("recursion limit") {
                Err(Deviation::Depth)
            } else {
                Ok(Err(ObjectError::Proto))
            }
        }
    }
}

impl Message {
    pub(crate) fn validated(self) -> Result<Self, ObjectError> {
        let is_good = |len: usize| len != 0 && len <= 1024;
        if self.kind != 0 && self.kind != 1 {
            return Err(ObjectError::UnknownKind(self.kind));
        }
        if self.encrypted_data.is_empty() {
            return Err(ObjectError::EncryptedData);
        }
        if !is_good(self.encrypted_dek_source.len()) {
            return Err(ObjectError::EncryptedDekSource(self.encrypted_dek_source.len()));
        }
        if !is_good(self.key_id.len()) {
            return Err(ObjectError::KeyId(self.key_id.len()));
        }
        let sum: usize = self.annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
        if sum > 32_768 || !self.annotations.keys().all(|name| is_name(name)) {
            return Err(ObjectError::Annotations);
        }
        Ok(self)
    }
}

/// The rule on names of annotations, letter by letter.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let (mut labels, mut in_label, mut before) = (1, 0, '-');
    for c in name.chars() {
        match c {
            'a'..='z' | '0'..='9' => in_label += 1,
            '-' if in_label > 0 => in_label += 1,
            '.' if before != '-' && in_label > 0 => (labels, in_label) = (labels + 1, 0),
            _ => return false,
        }
        if in_label > 63 {
            return false;
        }
        before = c;
    }
    labels > 1 && in_label > 0 && before != '-' && name.len() <= 253
}

/// What this crate makes of bytes; what it reads, it also writes so that both read it again.
pub(crate) fn by_us(bytes: &[u8]) -> Result<Message, ObjectError> {
    let object = EncryptedObject::parse(bytes)?;
    let message = Message::from(&object);
    let written = object.to_vec().unwrap();
    assert_eq!(EncryptedObject::parse(&written).as_ref(), Ok(&object));
    assert_eq!(Message::decode(&written[..]).as_ref(), Ok(&message));
    Ok(message)
}

/// A varint in its shortest form.
pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(u8::try_from(value % 128).unwrap() + 128);
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A field of bytes.
pub(crate) fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [&varint(number * 8 + 2), &varint(bytes.len() as u64), bytes].concat()
}
