//! Any draft of a configuration: what it writes, if it is valid, is read with the same meaning.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::config_write::run(input));
