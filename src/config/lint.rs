//! What is legal in a configuration and unwise.

mod entries;
mod keys;
mod weakness;

use alloc::string::{String, ToString as _};

use alloc::vec::Vec;
use core::fmt;

use super::configuration::EncryptionConfiguration;
use super::fault::Path;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know; it can be meant so.
    Notice,
    /// Weaker than it could easily be, or likely a mistake.
    Warning,
    /// Data is not protected.
    Danger,
}

/// A rule of [`EncryptionConfiguration::lint`]. The names stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LintRule {
    /// `identity-first`: identity writes, so that what is written is not encrypted.
    IdentityFirst,
    /// `aescbc-writes`: aescbc writes, which does not notice changed data.
    AesCbcWrites,
    /// `key-twice`: a name stands twice in one list of keys.
    KeyTwice,
    /// `secret-under-two-names`: one provider has one secret under several names.
    SecretUnderTwoNames,
    /// `secret-in-two-ciphers`: providers of different kinds have one secret.
    SecretInTwoCiphers,
    /// `example-key`: the secret is one that documentation has printed.
    ExampleKey,
    /// `weak-secret`: the secret is not random.
    WeakSecret,
    /// `kms-v1`: a plugin speaks v1, which Kubernetes has switched off by default.
    KmsV1,
    /// `readable-file`: others than its owner could read or change the file, when it was read by
    /// [`EncryptionConfiguration::from_path`].
    ReadableFile,
    /// `no-identity`: what was stored before encryption was switched on cannot be read.
    NoIdentity,
    /// `masking-rule`: an earlier rule takes resources away from a wildcard.
    MaskingRule,
    /// `resource-twice`: a later element names a resource again, and its providers only read.
    ResourceTwice,
}

impl LintRule {
    /// All rules.
    pub const ALL: [Self; 12] = [
        Self::IdentityFirst,
        Self::AesCbcWrites,
        Self::KeyTwice,
        Self::SecretUnderTwoNames,
        Self::SecretInTwoCiphers,
        Self::ExampleKey,
        Self::WeakSecret,
        Self::KmsV1,
        Self::ReadableFile,
        Self::NoIdentity,
        Self::MaskingRule,
        Self::ResourceTwice,
    ];

    /// The name by which the rule is told and silenced.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdentityFirst => "identity-first",
            Self::AesCbcWrites => "aescbc-writes",
            Self::KeyTwice => "key-twice",
            Self::SecretUnderTwoNames => "secret-under-two-names",
            Self::SecretInTwoCiphers => "secret-in-two-ciphers",
            Self::ExampleKey => "example-key",
            Self::WeakSecret => "weak-secret",
            Self::KmsV1 => "kms-v1",
            Self::ReadableFile => "readable-file",
            Self::NoIdentity => "no-identity",
            Self::MaskingRule => "masking-rule",
            Self::ResourceTwice => "resource-twice",
        }
    }

    /// The rule of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// How much a finding of the rule matters.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::IdentityFirst | Self::ExampleKey | Self::WeakSecret | Self::ReadableFile => Severity::Danger,
            Self::AesCbcWrites
            | Self::KeyTwice
            | Self::SecretUnderTwoNames
            | Self::SecretInTwoCiphers
            | Self::KmsV1
            | Self::ResourceTwice => Severity::Warning,
            Self::NoIdentity | Self::MaskingRule => Severity::Notice,
        }
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::IdentityFirst => (
                "identity is the first provider, so that what is written is not encrypted",
                "put a provider that encrypts in front of it, unless encryption is being switched off",
            ),
            Self::AesCbcWrites => (
                "aescbc writes, which does not notice when stored data is changed or moved",
                "put secretbox, aesgcm or kms in front of it, write everything again, then remove it",
            ),
            Self::KeyTwice => (
                "an earlier key of the list has the same name, and each value is tried with both",
                "give each key a name that was never used before, such as the date",
            ),
            Self::SecretUnderTwoNames => (
                "an earlier key of the provider has the same secret, so that this is no other key",
                "generate a secret for each key",
            ),
            Self::SecretInTwoCiphers => {
                ("a provider of another kind has the same secret", "generate a secret for each provider")
            }
            Self::ExampleKey => (
                "the secret is one that documentation has printed, which everybody knows",
                "generate a secret, put its key first, write everything again, then remove this one",
            ),
            Self::WeakSecret => (
                "the secret is text or a pattern, and can be guessed",
                "generate a secret, put its key first, write everything again, then remove this one",
            ),
            Self::KmsV1 => (
                "the plugin speaks v1, which is deprecated and switched off by default since Kubernetes 1.29",
                "use apiVersion v2",
            ),
            Self::ReadableFile => {
                ("others than its owner can read or change the file", "chmod 600, and take the keys for known")
            }
            Self::NoIdentity => (
                "no provider reads what was stored before encryption was switched on",
                "put identity: {} last until everything has been written again",
            ),
            Self::MaskingRule => (
                "an earlier element applies to a resource that this wildcard covers too",
                "remember both when keys are changed",
            ),
            Self::ResourceTwice => (
                "an earlier element names the resource too, and the providers of this one only read",
                "name each resource once, with all its providers",
            ),
        }
    }
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something legal and unwise. Like a [`Fault`](crate::Fault) it quotes no value of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    rule: LintRule,
    path: String,
}

impl Finding {
    /// The rule.
    #[must_use]
    pub const fn rule(&self) -> LintRule {
        self.rule
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// Which value, such as `resources[0].providers[0]`; empty for the file as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is unwise.
    #[must_use]
    pub const fn problem(&self) -> &'static str {
        self.rule.texts().0
    }

    /// What would be better.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        self.rule.texts().1
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity() {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Danger => "danger",
        };
        let path = if self.path.is_empty() { "the file" } else { &self.path };
        write!(f, "{severity}: {path}: {}; {} [{}]", self.problem(), self.advice(), self.rule)
    }
}

impl EncryptionConfiguration {
    /// What is legal in the configuration and unwise, what matters most first.
    ///
    /// # Example
    /// ```
    /// use atrest::{ConfigOptions, EncryptionConfiguration, LintRule};
    ///
    /// let text = "{\"apiVersion\": \"apiserver.config.k8s.io/v1\", \"kind\": \"EncryptionConfiguration\",
    ///     \"resources\": [{\"resources\": [\"secrets\"], \"providers\": [{\"identity\": {}}]}]}";
    /// let config = EncryptionConfiguration::from_yaml(text, ConfigOptions::default())?;
    /// let findings = config.lint();
    /// assert_eq!(findings[0].rule().name(), "identity-first");
    /// assert!(config.lint_without(&[LintRule::IdentityFirst]).is_empty());
    /// # Ok::<(), atrest::ConfigError>(())
    /// ```
    #[must_use]
    pub fn lint(&self) -> Vec<Finding> {
        self.lint_without(&[])
    }

    /// As [`lint`](Self::lint), without the findings of some rules; [`LintRule::by_name`] finds them by name.
    #[must_use]
    pub fn lint_without(&self, silenced: &[LintRule]) -> Vec<Finding> {
        let mut findings = Findings { silenced, list: Vec::new() };
        if self.others_can_read() {
            findings.add(LintRule::ReadableFile, &Path::Root);
        }
        entries::lint(self.entries(), &mut findings);
        keys::lint(self.entries(), &mut findings);
        findings.list.sort_by_key(|finding| core::cmp::Reverse(finding.severity()));
        findings.list
    }
}

/// What has been found so far.
struct Findings<'s> {
    silenced: &'s [LintRule],
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: LintRule, path: &Path<'_>) {
        if !self.silenced.contains(&rule) {
            self.list.push(Finding { rule, path: path.to_string() });
        }
    }
}
