//! What a gRPC status says of a KEK, and the other way round.

use alloc::string::String;
#[cfg(feature = "kms-client")]
use core::fmt;

use tonic::{Code, Status};

use crate::kek::{KekError, Refusal};

/// Bytes that are kept of what the other side says.
const TEXT_LEN_MAX: usize = 1024;

/// The method that was called, as far as it matters to what an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(feature = "kms-client")]
pub(super) enum Asked {
    /// Something other than to unwrap a DEK.
    Other,
    /// To unwrap a DEK.
    Unwrap,
}

/// Why a KMS plugin gave no answer, as gRPC has it: the cause of a [`KekError`].
#[cfg(feature = "kms-client")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcError {
    method: &'static str,
    code: Code,
    text: String,
}

#[cfg(feature = "kms-client")]
impl GrpcError {
    /// The path of the method.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The number of the gRPC status, such as 4 for a deadline that passed and 14 for a plugin that is not there.
    #[must_use]
    pub const fn code(&self) -> i32 {
        // An enum without fields and with its numbers in order.
        self.code as i32
    }

    /// What the plugin said, or this side where the plugin was not heard; cut off after 1 KiB. `Display` has it with line
    /// ends and the like escaped; here they are as they came.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn refused(method: &'static str, asked: Asked, status: &Status) -> KekError {
        let error = Self { method, code: status.code(), text: cut(status.message()) };
        KekError::new(refusal(status.code(), asked), error)
    }
}

#[cfg(feature = "kms-client")]
impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}: {}", self.method, self.code, self.text.escape_debug())
    }
}

#[cfg(feature = "kms-client")]
impl core::error::Error for GrpcError {}

/// What a code lets one know, and no more: nothing in the protocol tells a key that was destroyed from one that is
/// missing for now, and plugins written in Go answer any error of theirs with `Unknown`. What may pass is taken to
/// pass.
#[cfg(feature = "kms-client")]
const fn refusal(code: Code, asked: Asked) -> Refusal {
    match (code, asked) {
        (Code::PermissionDenied | Code::Unauthenticated, _) => Refusal::Denied,
        (Code::InvalidArgument | Code::NotFound, Asked::Unwrap) => Refusal::NotMine,
        _ => Refusal::Unreachable,
    }
}

/// The status that tells a client of the same.
#[cfg(feature = "kms-plugin")]
pub(super) fn status(error: &KekError) -> Status {
    use alloc::string::ToString;
    use core::error::Error;

    let code = match error.refusal() {
        Refusal::NotMine => Code::InvalidArgument,
        Refusal::Gone => Code::NotFound,
        Refusal::Denied => Code::PermissionDenied,
        Refusal::Unreachable => Code::Unavailable,
    };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause.filter(|_| text.len() < TEXT_LEN_MAX) {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    Status::new(code, cut(&text))
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_LEN_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}

#[cfg(all(test, feature = "kms-client"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::string::ToString;
    use core::error::Error;

    use super::*;

    #[test]
    fn what_a_plugin_says_is_printed_on_one_line_and_moves_no_cursor() {
        let status = Status::internal("lost\n2026-11-21 all is well\u{1b}[1A\u{202e}");
        let refused = GrpcError::refused("/v2.KeyManagementService/Decrypt", Asked::Unwrap, &status);
        let printed = refused.source().unwrap().to_string();
        assert_eq!(
            printed,
            r"/v2.KeyManagementService/Decrypt: Internal: lost\n2026-11-21 all is well\u{1b}[1A\u{202e}"
        );
    }
}
