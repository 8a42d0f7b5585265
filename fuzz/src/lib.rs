//! What the targets share: a fixed list of providers, a list of the fuzzer's choice, the shape of an
//! input, and a stream in pieces.

mod chosen;
mod config;
mod keys;
mod meaning;
mod pieces;
mod reference;
pub mod targets;
mod value;

pub use chosen::Chosen;
pub use config::Configuration;
pub use keys::{Lists, lists};
pub use meaning::meaning;
pub use pieces::{Pieces, read_all};
pub use value::Value;
