//! Any bytes, opened with every key loaded: all ways to open agree, and a failure leaves no plaintext.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::open::run(input));
