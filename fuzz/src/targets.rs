//! What each target does with an input, apart from the fuzzer, so that a corpus can be run through it without one.

// The library has the filter to show only where it is built for fuzzing.
#[cfg(fuzzing)]
pub mod authority;
pub mod backends;
pub mod base64;
pub mod config;
pub mod config_write;
pub mod envelope;
pub mod inspect;
pub mod kms_object;
pub mod kms_open;
pub mod open;
pub mod seal_open;

/// Runs one input.
pub type Run = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const ALL: &[(&str, Run)] = &[
    #[cfg(fuzzing)]
    ("authority", authority::run),
    ("backends", backends::run),
    ("base64", base64::run),
    ("config", config::run),
    ("config_write", config_write::run),
    ("envelope", envelope::run),
    ("inspect", inspect::run),
    ("kms_object", kms_object::run),
    ("kms_open", kms_open::run),
    ("open", open::run),
    ("seal_open", seal_open::run),
];
