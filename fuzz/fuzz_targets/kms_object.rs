//! Any bytes as an object of KMS v2: nothing panics, `prost` reads the same, and what is read is written so that it
//! reads the same again.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::kms_object::run(input));
