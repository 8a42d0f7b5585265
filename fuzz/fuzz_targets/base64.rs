//! Base64 of a secret against the `base64` crate, set up as Go's `StdEncoding` decodes.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::base64::run(input));
