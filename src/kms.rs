//! The KMS service as data: what it is asked and answers, with the time passed in. Nothing here does I/O.

mod cache;
mod clock;
mod object;
mod state;
mod status;

pub(crate) use cache::CachedDek;
pub use cache::{CacheLimits, CacheStats, DekCache, DekCacheKey, Evicted};
pub use clock::{Clock, SystemClock, Time};
pub(crate) use object::ObjectLayout;
#[cfg(feature = "kms-plugin")]
pub(crate) use object::validate_answer;
pub use object::{DekSourceKind, EncryptedObject, ObjectError};
pub use state::{KmsAction, KmsRotation, KmsState, WriteKey};
pub use status::{KmsFault, KmsHealth, KmsProbe, KmsStatus};
