//! Where a KMS plugin listens, as a configuration of Kubernetes names it.
//!
//! Source: Kubernetes' `kms/pkg/util/util.go`, `ParseEndpoint`; what a URL is, is what Go's `net/url` takes for one.

use alloc::vec::Vec;
use core::fmt;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Why a text names no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is empty.
    Empty,
    /// It is no URL.
    NoUrl,
    /// Its scheme is not `unix`.
    Scheme,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the endpoint is empty",
            Self::NoUrl => "the endpoint is no URL",
            Self::Scheme => "the endpoint's scheme is not unix",
        })
    }
}

impl core::error::Error for EndpointError {}

/// The Unix socket of a KMS plugin.
///
/// ```
/// use atrest::KmsEndpoint;
///
/// let endpoint = KmsEndpoint::parse("unix:///run/kms.sock")?;
/// assert_eq!(endpoint, KmsEndpoint::from_path("/run/kms.sock"));
/// # Ok::<(), atrest::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KmsEndpoint(PathBuf);

impl KmsEndpoint {
    /// Reads a URL with the scheme `unix`, whose path is that of the socket; `/@name` is the abstract socket `name`.
    ///
    /// As in Kubernetes, host, query and fragment are ignored, and a URL without a path, such as `unix:kms.sock`, is
    /// an endpoint that no call ever reaches.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(endpoint: &str) -> Result<Self, EndpointError> {
        if endpoint.is_empty() {
            return Err(EndpointError::Empty);
        }
        let url = Url::parse(endpoint).ok_or(EndpointError::NoUrl)?;
        if !url.scheme.eq_ignore_ascii_case("unix") {
            return Err(EndpointError::Scheme);
        }
        let path = match url.path.as_slice() {
            [b'/', name @ ..] if name.starts_with(b"@") => name.to_vec(),
            _ => url.path,
        };
        Ok(Self(OsString::from_vec(path).into()))
    }

    /// The socket of this path; a path that begins with `@` is the abstract socket of the name that follows.
    #[must_use]
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path; for an abstract socket `@` and its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The parts of a URL that matter.
struct Url<'u> {
    scheme: &'u str,
    path: Vec<u8>,
}

impl<'u> Url<'u> {
    fn parse(url: &'u str) -> Option<Self> {
        if url.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
        unescape(fragment)?;
        let (scheme, rest) = split_scheme(url)?;
        let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
        if !rest.starts_with('/') {
            // What follows a scheme is opaque then; without one it must not look like a scheme.
            let first = rest.split('/').next().unwrap_or_default();
            let is_url = !scheme.is_empty() || !first.contains(':');
            return is_url.then_some(Self { scheme, path: Vec::new() });
        }
        let path = match rest.strip_prefix("//") {
            Some(rest) if !scheme.is_empty() || !rest.starts_with('/') => {
                let host_len = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(host_len)?;
                check_authority(authority)?;
                path
            }
            _ => rest,
        };
        Some(Self { scheme, path: unescape(path)? })
    }
}

/// Scheme and rest; the scheme is empty where there is none.
fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let len = url.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    match url.as_bytes().get(len) {
        Some(b':') if len == 0 => None,
        Some(b':') if url.as_bytes().first()?.is_ascii_alphabetic() => Some((url.get(..len)?, url.get(len + 1..)?)),
        _ => Some(("", url)),
    }
}

/// User, host and port in forms that Go takes; they are of no use here.
fn check_authority(authority: &str) -> Option<()> {
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
            user.bytes().all(is_plain).then_some(())?;
            unescape(user)?;
            host
        }
        None => authority,
    };
    if host.starts_with('[') {
        let (_, after) = host.rsplit_once(']')?;
        return is_port(after).then_some(());
    }
    if let Some(colon) = host.rfind(':') {
        is_port(host.get(colon..)?).then_some(())?;
    }
    // Only bytes outside of ASCII may be escaped in a host.
    let unescaped = unescape(host)?;
    let escapes = host.bytes().filter(|&byte| byte == b'%').count();
    let raw_not_ascii = host.bytes().filter(|byte| !byte.is_ascii()).count();
    let not_ascii = unescaped.iter().filter(|byte| !byte.is_ascii()).count();
    let is_host_byte =
        |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"%".contains(&byte);
    (not_ascii - raw_not_ascii == escapes && host.bytes().all(is_host_byte)).then_some(())
}

fn is_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' { digit(bytes.next()?)? << 4 | digit(bytes.next()?)? } else { byte });
    }
    Some(out)
}
