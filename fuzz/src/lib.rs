//! What the targets share: a fixed list of providers, a list of the fuzzer's choice, and the shape of an input.

mod chosen;
mod config;
mod keys;
mod meaning;
mod reference;
pub mod targets;
mod value;

pub use chosen::Chosen;
pub use config::Configuration;
pub use keys::{Lists, lists};
pub use meaning::meaning;
pub use value::Value;
