//! The backends that the crate chose for this machine against the libraries: the same bytes, and the same verdict on changed ones.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::backends::run(input));
