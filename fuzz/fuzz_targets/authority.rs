//! Any bytes as a client of a plugin may send them: the filter in front of HTTP/2 changes `%` in the values of
//! `:authority` and nothing else, however the bytes are cut, and holds back no more than a frame.
//!
//! What the headers say, of what goes in and of what comes out, is decoded by another implementation of HPACK.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::authority::run(input));

#[cfg(not(fuzzing))]
fn main() {}
