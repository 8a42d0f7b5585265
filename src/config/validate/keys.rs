//! The keys of a provider.

use alloc::format;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::fault::{Faults, Path};
use super::super::model::KeyEntry;
use super::super::raw::{At, RawKey, RawKeys};
use crate::base64;
use crate::error::Error;
use crate::secret::SecretVec;

/// The longest key there is.
const LONGEST: usize = 32;

/// Lengths of keys in bytes that a cipher takes.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    all: &'static [usize],
    advice: &'static str,
}

/// AES. The documentation of aescbc asks for 32 bytes; the API server takes all three lengths.
pub(super) const AES: Lengths = Lengths {
    all: &[16, 24, 32],
    advice: "give the base64 of 32 random bytes, as `head -c 32 /dev/urandom | base64` prints; 16 and 24 are legal too",
};

pub(super) const SECRETBOX: Lengths =
    Lengths { all: &[32], advice: "give the base64 of 32 random bytes, as `head -c 32 /dev/urandom | base64` prints" };

pub(super) fn check(keys: &RawKeys, lengths: Lengths, path: &Path<'_>, faults: &mut Faults) -> Vec<KeyEntry> {
    let path = path.field("keys");
    if keys.value.is_empty() {
        faults.add(&path, keys.place, "no keys", "list at least one key with its name and secret");
    }
    let checked = keys.value.iter().enumerate();
    checked.filter_map(|(i, key)| check_key(key, lengths, &path.element(i), faults)).collect()
}

fn check_key(key: &At<RawKey>, lengths: Lengths, path: &Path<'_>, faults: &mut Faults) -> Option<KeyEntry> {
    let RawKey { name, secret } = &key.value;
    if name.value.is_empty() {
        faults.add(&path.field("name"), name.place.or(key.place), "no name", "name the key");
    }
    let path = path.field("secret");
    let place = secret.place.or(key.place);
    if secret.value.is_empty() {
        faults.add(&path, place, "no secret", lengths.advice);
        return None;
    }
    let mut bytes = SecretVec::zeroed(LONGEST).ok()?;
    let len = match base64::decode_into(secret.value.as_bytes(), bytes.expose_mut()) {
        Ok(len) | Err(Error::KeyLength { len }) => len,
        Err(_) => {
            let advice = "use the alphabet with + and /, keep the = at the end, and put no spaces in";
            faults.add(&path, place, "not base64", advice);
            return None;
        }
    };
    if !lengths.all.contains(&len) {
        faults.add(&path, place, format!("{len} bytes do not make a key of this provider"), lengths.advice);
        return None;
    }
    bytes.truncate(len);
    Some(KeyEntry { name: name.value.to_string(), secret: Arc::new(bytes) })
}
