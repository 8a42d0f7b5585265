//! What reading a configuration leaves of its secrets on the dead part of the stack.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/dead_stack.rs"]
mod dead_stack;
#[path = "common/needles.rs"]
mod needles;
#[path = "common/round_keys.rs"]
mod round_keys;

use atrest::{ConfigOptions, EncryptionConfiguration};
use base64::Engine as _;
use dead_stack::{Needles, assert_clean};
use needles::unlike;

/// A configuration of one key, with its secret in one of three forms of YAML.
fn text(provider: &str, form: usize, secret: &str) -> String {
    let secret = match form {
        0 => secret.to_owned(),
        1 => format!("\"{secret}\""),
        _ => format!("|\n          {secret}"),
    };
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  \
         providers:\n  - {provider}:\n      keys:\n      - name: k\n        secret: {secret}\n"
    )
}

#[test]
fn reading_leaves_nothing() {
    let raw = unlike(1, 32);
    let secret = base64::engine::general_purpose::STANDARD.encode(&raw);
    let needles = Needles::default().with_aes(&raw).with_runs("base64", secret.as_bytes().windows(16));
    for provider in ["aescbc", "aesgcm", "secretbox"] {
        for form in 0..3 {
            let text = text(provider, form, &secret);
            let read = |text: &str| EncryptionConfiguration::from_yaml(text, ConfigOptions::default()).map(drop);
            let name = format!("{provider} {form}");
            assert_clean(&name, || read(&text).unwrap(), |()| needles.clone());
            let refused = format!("{text}  x: y\n");
            assert_clean(&name, || drop(read(&refused).unwrap_err()), |()| needles.clone());
        }
    }
}
