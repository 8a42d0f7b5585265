//! Following the changes of a file while it is in use. Format document: 5.5. Kubernetes:
//! `encryptionconfig/controller/controller.go`.

mod live;
mod rules;
mod watcher;

pub use live::{ConfigurationInUse, LiveConfiguration};
pub use rules::{Reload, ReloadEvent, ReloadStep};
pub use watcher::{ConfigWatcher, WatchingThread};
