//! The JSON of one case, as the recorder wrote it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A case whose fields fit together.
pub(crate) struct Case {
    pub(crate) aad: Vec<u8>,
    /// The case is about a resource that the configuration does not name.
    pub(crate) is_unconfigured: bool,
    pub(crate) task: Task,
}

/// What is done, and what upstream answered.
pub(crate) enum Task {
    Read {
        stored: Vec<u8>,
        /// `stored` is what upstream writes for these providers.
        written_by_go: bool,
        expected: Read,
    },
    Write {
        plaintext: Vec<u8>,
        expected: Write,
    },
}

pub(crate) enum Read {
    Opened { plaintext: Vec<u8>, stale: bool },
    Refused { class: Option<String> },
}

pub(crate) enum Write {
    Sealed { prefix: Vec<u8>, len: usize },
    Refused,
}

#[derive(Deserialize)]
struct RawCase {
    aad_b64: Base64,
    read_resource: Option<String>,
    op: Option<String>,
    stored_b64: Option<Base64>,
    #[serde(default)]
    written_by_go: bool,
    plaintext_b64: Option<Base64>,
    expect: RawExpect,
}

#[derive(Deserialize)]
struct RawExpect {
    ok: bool,
    class: Option<String>,
    plaintext: Option<RawPlaintext>,
    stale: Option<bool>,
    prefix_b64: Option<Base64>,
    len: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawPlaintext {
    B64(Base64),
    Pattern { len: usize, seed: i64 },
}

pub(crate) struct Base64(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|error| D::Error::custom(format!("not base64: {error}")))
    }
}

impl Case {
    pub(crate) fn from_json(json: &Value) -> Result<Self, String> {
        let raw = RawCase::deserialize(json).map_err(|error| error.to_string())?;
        let task = match raw.op.as_deref() {
            None => {
                let stored = raw.stored_b64.ok_or("missing field `stored_b64`")?.0;
                let expected = raw.expect.read(stored.len())?;
                Task::Read { stored, written_by_go: raw.written_by_go, expected }
            }
            Some("encrypt") => {
                let plaintext = raw.plaintext_b64.ok_or("missing field `plaintext_b64`")?.0;
                Task::Write { plaintext, expected: raw.expect.write()? }
            }
            Some(op) => return Err(format!("unknown op {op:?}")),
        };
        Ok(Self { aad: raw.aad_b64.0, is_unconfigured: raw.read_resource.is_some(), task })
    }
}

impl RawExpect {
    fn read(self, stored_len: usize) -> Result<Read, String> {
        if !self.ok {
            return Ok(Read::Refused { class: self.class });
        }
        let plaintext = self.plaintext.ok_or("missing field `plaintext`")?.bytes(stored_len)?;
        Ok(Read::Opened { plaintext, stale: self.stale.ok_or("missing field `stale`")? })
    }

    fn write(self) -> Result<Write, String> {
        if !self.ok {
            return Ok(Write::Refused);
        }
        let prefix = self.prefix_b64.ok_or("missing field `prefix_b64`")?.0;
        Ok(Write::Sealed { prefix, len: self.len.ok_or("missing field `len`")? })
    }
}

impl RawPlaintext {
    fn bytes(self, stored_len: usize) -> Result<Vec<u8>, String> {
        match self {
            Self::B64(bytes) => Ok(bytes.0),
            // No stored value holds more, and a slip in the file must not ask for terabytes.
            Self::Pattern { len, .. } if len > stored_len => {
                Err(format!("a pattern of {len} bytes from a stored value of {stored_len}"))
            }
            Self::Pattern { len, seed } => Ok(pattern(len, seed)),
        }
    }
}

/// Byte `i` is `(i * 131 + (i >> 8) * 17 + seed) & 0xff`.
fn pattern(len: usize, seed: i64) -> Vec<u8> {
    let [seed, ..] = seed.to_le_bytes();
    (0..len)
        .map(|i| {
            let [byte, ..] = i.wrapping_mul(131).wrapping_add((i >> 8).wrapping_mul(17)).to_le_bytes();
            byte.wrapping_add(seed)
        })
        .collect()
}
