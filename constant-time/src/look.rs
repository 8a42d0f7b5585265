//! Whether secrecy flowed where it has to: a check that lost track of its secrets would pass for nothing.

use super::sources::seen;
use super::valgrind::{Public, is_running, publish, secret_and_public};

/// Every bit of these bytes depends on a secret.
#[track_caller]
pub fn all_secret(bytes: &[u8]) {
    if is_running() {
        assert_eq!(secret_and_public(bytes), (bytes.len(), 0), "secret of {} bytes, and public", bytes.len());
    }
}

/// No bit of these bytes depends on a secret.
#[track_caller]
pub fn all_public(bytes: &[u8]) {
    if is_running() {
        assert_eq!(secret_and_public(bytes), (0, bytes.len()), "secret of {} bytes, and public", bytes.len());
    }
}

/// A stored value: public up to `body_at`, and computed from secrets from there on. It becomes public as a whole.
#[track_caller]
pub fn stored(value: &mut [u8], body_at: usize) {
    all_public(&value[..body_at]);
    all_secret(&value[body_at..]);
    publish(value, Public::Stored);
}

/// An opened plaintext: secret, of a length that is not, and the right one.
#[track_caller]
pub fn opened(plaintext: &[u8], expected: &[u8]) {
    all_secret(plaintext);
    assert_eq!(seen(plaintext), seen(expected));
}

/// An output after a failed open: zeros, and not a bit of a secret.
#[track_caller]
pub fn wiped(out: &[u8]) {
    all_public(out);
    assert!(out.iter().all(|&byte| byte == 0));
}

/// A stored value of which so many bytes are computed from secrets and the others are not, wherever they stand.
#[track_caller]
pub fn stored_with(value: &mut [u8], secret: usize) {
    if is_running() {
        assert_eq!(secret_and_public(value), (secret, value.len() - secret));
    }
    publish(value, Public::Stored);
}
