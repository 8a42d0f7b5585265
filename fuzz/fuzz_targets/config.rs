//! Any text as a configuration: it is refused with faults that print cleanly, or it is linted, written and read again
//! with the same meaning, and its transformers open what they seal.
//!
//! ```text
//! input = whether with automatic reload (1 byte, its lowest bit) ++ text
//! ```

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| atrest_fuzz::targets::config::run(input));
