//! The crate's own envelope: any bytes, opened with keys loaded; and values that were sealed here and then changed, which
//! never open.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::envelope::run(input));
