//! Any configuration: what it seals it opens again, and a changed byte or another AAD is noticed where the
//! cipher promises that.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::seal_open::run(input));
