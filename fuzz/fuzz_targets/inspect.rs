//! Any bytes, looked at without a key: nothing panics or prints a control character, and what opens was foretold.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::inspect::run(input));
