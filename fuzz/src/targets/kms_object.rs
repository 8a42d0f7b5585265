//! Any bytes as an object of KMS v2: nothing panics, `prost` reads the same, and what is read is written so that it
//! reads the same again.

use std::collections::BTreeMap;

use atrest::{EncryptedObject, ObjectError};
use prost::bytes::{Buf, BufMut};
use prost::encoding::{self, DecodeContext, WireType};
use prost::{DecodeError, Message};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let object = EncryptedObject::parse(bytes);
    match Listed::decode(bytes) {
        Ok(listed) => match &object {
            Ok(object) => reads_alike(object, listed),
            Err(error) => assert_ne!(*error, ObjectError::Proto),
        },
        Err(error) if !is_deviation(&error) => assert_eq!(object, Err(ObjectError::Proto)),
        Err(_) => {}
    }
    let Ok(object) = object else { return };
    let written = object.to_vec().unwrap();
    assert_eq!(EncryptedObject::parse(&written).as_ref(), Ok(&object));
    reads_alike(&object, Listed::decode(&written[..]).unwrap());
}

/// The message, with a list of entries in place of a map, which `prost` reads from any wire type.
///
/// What the derive macro would write: its version of `syn` is another than the one of `arbitrary`.
#[derive(Debug, Default)]
struct Listed {
    encrypted_data: Vec<u8>,
    key_id: String,
    encrypted_dek_source: Vec<u8>,
    annotations: Vec<Entry>,
    kind: i32,
}

#[derive(Debug, Default)]
struct Entry {
    name: String,
    value: Vec<u8>,
}

/// Reading by `prost`; nothing is ever written by it.
macro_rules! only_read {
    ($message:ty { $($number:literal: $field:ident by $merge:path),* $(,)? }) => {
        impl Message for $message {
            fn merge_field(
                &mut self, number: u32, wire_type: WireType, buffer: &mut impl Buf, context: DecodeContext,
            ) -> Result<(), DecodeError> {
                match number {
                    $($number => $merge(wire_type, &mut self.$field, buffer, context),)*
                    _ => encoding::skip_field(wire_type, number, buffer, context),
                }
            }

            fn encode_raw(&self, _: &mut impl BufMut) {}

            fn encoded_len(&self) -> usize {
                0
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}

only_read!(Listed {
    1: encrypted_data by encoding::bytes::merge,
    2: key_id by encoding::string::merge,
    3: encrypted_dek_source by encoding::bytes::merge,
    4: annotations by encoding::message::merge_repeated,
    5: kind by encoding::int32::merge,
});

only_read!(Entry {
    1: name by encoding::string::merge,
    2: value by encoding::bytes::merge,
});

/// A known field of a wrong wire type and deep groups are errors for `prost`, and skipped by Kubernetes.
fn is_deviation(error: &DecodeError) -> bool {
    let text = error.to_string();
    text.contains("(expected") || text.contains("recursion limit")
}

fn reads_alike(object: &EncryptedObject<'_>, listed: Listed) {
    assert_eq!(object.encrypted_data(), listed.encrypted_data);
    assert_eq!(object.key_id(), listed.key_id);
    assert_eq!(object.encrypted_dek_source(), listed.encrypted_dek_source);
    assert_eq!(i32::from(object.kind().number()), listed.kind);
    let annotations: BTreeMap<_, _> = listed.annotations.into_iter().map(|entry| (entry.name, entry.value)).collect();
    let sorted: Vec<_> = annotations.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    assert_eq!(object.annotations(), sorted);
}
