//! A whole configuration: from its text or its file to transformers.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::time::Duration;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path as FilePath;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::build::{self, Element, KmsRequired, Rules};
use super::decode::decode;
use super::fault::{ConfigError, ConfigStage, Faults, Path, Place};
use super::model::{KmsApiVersion, KmsEntry, ProviderEntry, ResourceEntry};
use super::node::{Builder, Stopped};
use super::raw::RawConfiguration;
use super::validate::validate;
use super::{json, yaml};
use crate::secret::stack_wiped;
use crate::transformer::Transformer;

/// Bytes of the stack that reading is given.
const STACK: usize = 64 * 1024;

/// The longest file that is read.
const FILE_MAX: usize = 16 << 20;

/// How a configuration is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigOptions {
    /// Whether the API server runs with `--encryption-provider-config-automatic-reload`, which forbids two KMS v1
    /// plugins of one name and joins the health checks to one.
    pub reload: bool,
}

/// What an API server does with an `EncryptionConfiguration`: its resources, providers and keys, and a transformer
/// for every resource that reads and writes exactly what that API server would.
///
/// A file has at most 16 MiB, 500,000 values, 100 levels and a million providers, counted for each resource, is UTF-8,
/// and its YAML aliases and merges repeat at most 8 MiB in all.
///
/// # Where it differs from the API server
/// Recorded configurations are accepted and refused alike. These texts are known to be treated differently.
///
/// The API server takes, and here is refused:
/// - what is beyond the bounds above, and UTF-16;
/// - U+0085, U+2028 and U+2029 unescaped in YAML: they end a line, and a comment, in YAML 1.1 alone;
/// - the tags `!!binary` and `!!timestamp`; an anchor with another character right behind its name, such as `&a:b`;
/// - a comment right behind a bracket or a quote, as in `[secrets]#x`, and text behind `...`;
/// - text in quotes that goes on in a line less indented, or indented with a tab; a tab that begins a line between
///   brackets, or a blank line or a comment of a deep value;
/// - the escape `\'` within double quotes; a byte order mark within the text; a zone of an IPv6 address with other
///   escapes;
/// - a control character far behind the first document.
///
/// The API server refuses, and here is taken:
/// - aliases that are many for the size of the file, though they repeat little;
/// - a text behind `|` or `>` whose first line begins with a tab behind its indentation.
///
/// # Security
/// The meaning is the API server's, not the safest one: identity stores a plaintext that begins with
/// `k8s:enc:`. [`lint`](Self::lint) tells what is legal and unwise. A key of AES-GCM counts its seals from zero each
/// time a file is read.
///
/// # Example
/// ```
/// use atrest::{ConfigOptions, EncryptionConfiguration};
///
/// let text = "
/// apiVersion: apiserver.config.k8s.io/v1
/// kind: EncryptionConfiguration
/// resources:
/// - resources: [secrets]
///   providers:
///   - secretbox: {keys: [{name: '2026-11', secret: YSBzZWNyZXQgb2YgMzIgYnl0ZXMsIG5vIG1vcmUuLi4=}]}
///   - identity: {}
/// ";
/// let config = EncryptionConfiguration::from_yaml(text, ConfigOptions::default())?;
/// let secrets = config.transformer("secrets")?;
/// let stored = secrets.seal(b"/registry/secrets/default/login1", b"hunter2")?;
/// assert!(stored.starts_with(b"k8s:enc:secretbox:v1:2026-11:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EncryptionConfiguration {
    entries: Vec<ResourceEntry>,
    rules: Rules,
    hash: String,
    options: ConfigOptions,
    others_can_read: bool,
}

/// A KMS plugin that someone must connect to before the resources that list it can be read and written.
#[derive(Clone, Copy, Debug)]
pub struct KmsConnectionRequest<'c> {
    settings: &'c KmsEntry,
    entry: usize,
    provider: usize,
}

impl<'c> KmsConnectionRequest<'c> {
    /// API version, name, size of the cache, endpoint and timeout.
    #[must_use]
    pub const fn settings(&self) -> &'c KmsEntry {
        self.settings
    }

    /// Index of the entry in [`EncryptionConfiguration::entries`]; its resources share the connection.
    #[must_use]
    pub const fn entry_index(&self) -> usize {
        self.entry
    }

    /// Index of the provider in its entry.
    #[must_use]
    pub const fn provider_index(&self) -> usize {
        self.provider
    }
}

impl EncryptionConfiguration {
    /// Reads a configuration from YAML or JSON. The text is the caller's to wipe.
    ///
    /// # Errors
    /// [`ConfigError`] with all that is wrong, at the stages [`Decode`](ConfigStage::Decode),
    /// [`Validate`](ConfigStage::Validate) and [`Build`](ConfigStage::Build).
    pub fn from_yaml(text: impl AsRef<[u8]>, options: ConfigOptions) -> Result<Self, ConfigError> {
        let text = text.as_ref();
        stack_wiped::<STACK, _>(|| {
            let raw = read(text)?;
            let mut faults = Faults::default();
            let entries = validate(raw, options.reload, &mut faults);
            let entries = faults.verdict(ConfigStage::Validate, entries)?;
            Self::build(entries, content_hash(text), options)
        })
    }

    /// Reads a configuration from a file; what is read of it is wiped.
    ///
    /// # Errors
    /// As of [`from_yaml`](Self::from_yaml), and at the stage [`Read`](ConfigStage::Read).
    pub fn from_path(path: impl AsRef<FilePath>, options: ConfigOptions) -> Result<Self, ConfigError> {
        let (content, others_can_read) = read_file(path.as_ref()).map_err(ConfigError::read)?;
        Ok(Self::from_yaml(&*content, options)?.readable_by_others(others_can_read))
    }

    /// The same, whose file others than its owner could read or change, or not.
    pub(super) fn readable_by_others(self, others_can_read: bool) -> Self {
        Self { others_can_read, ..self }
    }

    fn build(entries: Vec<ResourceEntry>, hash: String, options: ConfigOptions) -> Result<Self, ConfigError> {
        let mut faults = Faults::default();
        let rules = build::build(&entries, &mut faults);
        faults.verdict(ConfigStage::Build, Self { entries, rules, hash, options, others_can_read: false })
    }

    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The entries in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[ResourceEntry] {
        &self.entries
    }

    /// The resources and wildcards that are named, sorted, as `resource` or `resource.group`. The wildcard of the core
    /// group is `*`.
    #[must_use]
    pub fn resources(&self) -> Vec<String> {
        self.rules.resources()
    }

    /// The transformer for a resource, such as `secrets` or `deployments.apps`: that of its own rule, else of the
    /// wildcard of its group, else of `*.*`, else identity alone.
    ///
    /// Identity alone reads plaintext, and gives [`Error::Encrypted`](crate::Error::Encrypted) for a value that
    /// begins with `k8s:enc:`.
    ///
    /// # Errors
    /// [`KmsRequired`] if a KMS plugin is among the providers: [`connect`](Self::connect) gives a driver then.
    pub fn transformer(&self, resource: &str) -> Result<&Transformer<'static>, KmsRequired> {
        self.rules.transformer(resource)
    }

    /// Whether a rule applies to a resource; if none does, it is stored as plaintext.
    #[must_use]
    pub fn is_configured(&self, resource: &str) -> bool {
        self.rules.get(resource).is_some()
    }

    /// The KMS plugins to connect to, in the order of the file.
    pub fn kms(&self) -> impl Iterator<Item = KmsConnectionRequest<'_>> {
        self.entries.iter().enumerate().flat_map(|(entry, content)| {
            content.providers.iter().enumerate().filter_map(move |(provider, content)| match content {
                ProviderEntry::Kms(settings) => Some(KmsConnectionRequest { settings, entry, provider }),
                _ => None,
            })
        })
    }

    /// What becomes of the providers of a resource: for each the index of its request in [`kms`](Self::kms), or
    /// `None` for one that needs no connection. Empty for a resource that is not configured.
    #[must_use]
    pub fn connections(&self, resource: &str) -> Vec<Option<usize>> {
        let request = |element: &Element| if let Element::Kms(request) = element { Some(*request) } else { None };
        self.rules.get(resource).map(|rule| rule.elements.iter().map(request).collect()).unwrap_or_default()
    }

    /// The names of the health checks that the API server has for its KMS plugins.
    #[must_use]
    pub fn health_checks(&self) -> Vec<String> {
        let uses = |version| self.kms().any(|kms| kms.settings.api_version == version);
        if self.options.reload || uses(KmsApiVersion::V2) && !uses(KmsApiVersion::V1) {
            return vec!["kms-providers".to_owned()];
        }
        self.kms().enumerate().map(|(i, _)| format!("kms-provider-{i}")).collect()
    }

    /// How long the API server goes on with the KMS plugins of a configuration that it has replaced: twice the sum of
    /// the timeouts, in which v1 counts double.
    #[must_use]
    pub fn kms_close_grace_period(&self) -> Duration {
        let calls = |version| if version == KmsApiVersion::V1 { 2 } else { 1 };
        let sum = self.kms().map(|kms| kms.settings.timeout.saturating_mul(calls(kms.settings.api_version)));
        sum.fold(Duration::ZERO, Duration::saturating_add).saturating_mul(2)
    }

    /// Whether others than its owner could read or change the file when it was read.
    pub(super) const fn others_can_read(&self) -> bool {
        self.others_can_read
    }

    /// `sha256:` and the lower-case hexadecimal SHA-256 of the text that was read.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl fmt::Debug for EncryptionConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionConfiguration").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// Reads a text up to the shape of a configuration.
fn read(text: &[u8]) -> Result<RawConfiguration, ConfigError> {
    let mut builder = Builder::default();
    let mut stage = ConfigStage::Decode;
    let raw = match read_tree(text, &mut builder) {
        Err(Stopped) => None,
        Ok(()) => {
            let root = builder.finish();
            decode(root.as_deref(), &mut builder.faults).map_err(|refused| stage = refused).ok()
        }
    };
    match builder.faults.verdict(stage, raw)? {
        Some(raw) => Ok(raw),
        // Whoever stops says why.
        None => Err(ConfigError::read(io::ErrorKind::InvalidData.into())),
    }
}

fn read_tree(text: &[u8], builder: &mut Builder) -> Result<(), Stopped> {
    const START: Place = Place { line: 1, column: 1 };
    if text.is_empty() {
        builder.faults.add(&Path::Root, None, "it is empty", "begin with apiVersion and kind");
        return Err(Stopped);
    }
    if text.len() > FILE_MAX {
        return builder.stop(START, "the file is too long", "use no more than 16 MiB");
    }
    let text = match core::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let line = text.iter().take(error.valid_up_to()).filter(|&&byte| byte == b'\n').count() + 1;
            return builder.stop(Place { line, column: 1 }, "a line that is not UTF-8", "save the file as UTF-8");
        }
    };
    if text.trim_start().starts_with('{') { json::read(text, builder) } else { yaml::read(text, builder) }
}

/// The hash that the API server gives to a file.
pub(super) fn content_hash(text: &[u8]) -> String {
    let mut hash = String::from("sha256:");
    for byte in Sha256::digest(text) {
        // Writing to a text cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

/// The content of a file, wiped, and whether others than its owner can read or change it. Of a file that is too long
/// there is one byte too many.
pub(super) fn read_file(path: &FilePath) -> io::Result<(Zeroizing<Vec<u8>>, bool)> {
    let mut file = File::open(path)?;
    #[cfg(unix)]
    let others_can_read = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o066 != 0;
    #[cfg(not(unix))]
    let others_can_read = false;
    let content = read_content(&mut file)?;
    Ok((content, others_can_read))
}

fn read_content(file: &mut File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut content = Zeroizing::new(Vec::new());
    loop {
        // The file can grow while it is read; a vector that grows by itself would leave its old content behind.
        let left = file.metadata()?.len().saturating_sub(content.len() as u64);
        let capacity = content.len().saturating_add(usize::try_from(left).unwrap_or(FILE_MAX)).saturating_add(1);
        // What is no file of a known length is read in steps that double.
        let capacity = capacity.max(2 * content.len()).clamp(4096, FILE_MAX + 1);
        let mut roomy = Zeroizing::new(Vec::with_capacity(capacity));
        roomy.extend_from_slice(&content);
        let old_len = content.len();
        content = roomy;
        let room = content.capacity().min(FILE_MAX + 1) - old_len;
        content.resize(old_len + room, 0);
        let mut filled = old_len;
        while let Some(free) = content.get_mut(filled..).filter(|free| !free.is_empty()) {
            match file.read(free)? {
                0 => {
                    content.truncate(filled);
                    return Ok(content);
                }
                more => filled += more,
            }
        }
        if filled > FILE_MAX {
            return Ok(content);
        }
    }
}
