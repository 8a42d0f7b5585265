//! Opens one stored value as an API server with this configuration would:
//! `cargo run --example open_with_config --features config -- CONFIG RESOURCE KEY < stored`
//!
//! RESOURCE is such as `secrets` or `deployments.apps`, KEY the value's key in etcd, such as
//! `/registry/secrets/default/login1`. The exact plaintext goes to stdout. If the value does not open, what it is and why
//! go to stderr, and the exit status is 1.

use core::error::Error;
use std::env;
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use atrest::{ConfigOptions, EncryptionConfiguration, inspect};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [config, resource, key] = &arguments[..] else {
        eprintln!("usage: open_with_config CONFIG RESOURCE KEY < stored");
        return ExitCode::from(2);
    };
    let mut stored = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut stored) {
        eprintln!("the value cannot be read: {error}");
        return ExitCode::FAILURE;
    }
    match open(config, &resource.to_string_lossy(), key.as_encoded_bytes(), &stored) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\nthe value is: {}", inspect(&stored));
            ExitCode::FAILURE
        }
    }
}

fn open(config: &OsString, resource: &str, aad: &[u8], stored: &[u8]) -> Result<(), Box<dyn Error>> {
    let config = EncryptionConfiguration::from_path(config, ConfigOptions::default())?;
    let transformer = config.transformer(resource)?;
    let opened = transformer.open(aad, stored).map_err(|error| {
        let listed: Vec<_> = transformer.providers().map(|provider| format!("{provider:?}")).collect();
        format!("{error}\nproviders of {resource:?}: {}", listed.join("; "))
    })?;
    let mut out = io::stdout().lock();
    out.write_all(opened.plaintext())?;
    out.flush()?;
    if opened.is_stale() {
        eprintln!("stale: {resource} would be written otherwise today");
    }
    Ok(())
}
