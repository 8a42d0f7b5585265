//! Lists with a KEK that answers whatever it is asked: no input panics, a failed open leaves zeros, a second open with the DEK at
//! hand does the same, and a value that was sealed here and changed opens to its plaintext or not at all.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::kms_open::run(input));
