//! Any text as a configuration: it is refused with faults that print cleanly, or it is linted, written and read again
//! with the same meaning, and its transformers open what they seal.
//!
//! ```text
//! input = whether with automatic reload (1 byte, its lowest bit) ++ text
//! ```

use crate::meaning;
use atrest::{ConfigError, ConfigOptions, EncryptionConfiguration};

/// Resources of a configuration that are tried.
const RESOURCES_MAX: usize = 4;

/// Runs one input.
pub fn run(input: &[u8]) {
    let Some((flags, text)) = input.split_first() else { return };
    let options = ConfigOptions { reload: flags & 1 == 1 };
    match EncryptionConfiguration::from_yaml(text, options) {
        Ok(config) => is_sound(&config, options),
        Err(error) => prints_cleanly(&error),
    }
}

fn prints_cleanly(error: &ConfigError) {
    assert!(!error.faults().is_empty() && error.faults().len() <= 100);
    for fault in error.faults() {
        let line = fault.to_string();
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!fault.problem().is_empty() && !fault.advice().is_empty());
    }
}

fn is_sound(config: &EncryptionConfiguration, options: ConfigOptions) {
    for finding in config.lint() {
        assert!(!finding.to_string().contains(char::is_control));
    }
    let text = config.draft().to_yaml(options).expect("what was read can be written");
    let again = EncryptionConfiguration::from_yaml(text.as_bytes(), options).expect("what was written can be read");
    assert_eq!(meaning(again.entries()), meaning(config.entries()));
    assert_eq!(again.resources(), config.resources());
    assert_eq!(again.kms_close_grace_period(), config.kms_close_grace_period());
    assert_eq!(again.health_checks(), config.health_checks());
    for resource in config.resources().iter().take(RESOURCES_MAX) {
        assert!(config.is_configured(resource));
        if let Ok(transformer) = config.transformer(resource) {
            let stored = transformer.seal(b"aad", b"plain").expect("no key is used up");
            let opened = transformer.open(b"aad", &stored).expect("what was sealed opens");
            assert_eq!(opened.plaintext(), b"plain");
        }
    }
}
