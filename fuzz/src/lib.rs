//! What the targets share: a fixed list of providers, a list of the fuzzer's choice, and the shape of an input.

mod config;
mod keys;
mod meaning;
mod value;

pub use config::Configuration;
pub use keys::{Lists, lists};
pub use meaning::meaning;
pub use value::Value;
