//! The Go module as a child process: one JSON request a line, one answer a line.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct Upstream {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// What an operation gave; fields that it does not give are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) ok: bool,
    pub(crate) error: String,
    pub(crate) handle: u64,
    pub(crate) text: String,
    bytes: Option<String>,
    pub(crate) stale: bool,
    pub(crate) version: String,
    pub(crate) healthz: String,
    pub(crate) key_id: String,
    annotations: BTreeMap<String, Option<String>>,
}

fn decode(text: Option<&str>) -> Vec<u8> {
    STANDARD.decode(text.unwrap_or_default()).unwrap()
}

impl Answer {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        decode(self.bytes.as_deref())
    }

    pub(crate) fn annotations(&self) -> BTreeMap<String, Vec<u8>> {
        self.annotations.iter().map(|(name, value)| (name.clone(), decode(value.as_deref()))).collect()
    }

    /// The answer, if upstream did what it was asked.
    pub(crate) fn expect(self) -> Self {
        assert!(self.ok, "upstream: {}", self.error);
        self
    }
}

impl Upstream {
    /// Builds the module in this folder and starts it.
    pub(crate) fn start(folder: &Path) -> Self {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
        let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(folder).status();
        assert!(built.is_ok_and(|status| status.success()), "go build failed");
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    pub(crate) fn ask(&mut self, request: &Value) -> Answer {
        let mut line = String::new();
        writeln!(line, "{request}").unwrap();
        self.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        line.clear();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) fn load(&mut self, config: &Value) -> Answer {
        self.ask(&json!({"op": "load", "text": config.to_string()}))
    }

    pub(crate) fn seal(&mut self, handle: u64, aad: &[u8], plaintext: &[u8]) -> Answer {
        let (aad, bytes) = (STANDARD.encode(aad), STANDARD.encode(plaintext));
        self.ask(&json!({"op": "seal", "handle": handle, "aad": aad, "bytes": bytes}))
    }

    pub(crate) fn open(&mut self, handle: u64, aad: &[u8], stored: &[u8]) -> Answer {
        let (aad, bytes) = (STANDARD.encode(aad), STANDARD.encode(stored));
        self.ask(&json!({"op": "open", "handle": handle, "aad": aad, "bytes": bytes}))
    }

    pub(crate) fn close(&mut self, handle: u64) {
        self.ask(&json!({"op": "close", "handle": handle})).expect();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // It ends when its input does.
        self.stdin = None;
        let _ = self.child.wait();
    }
}
