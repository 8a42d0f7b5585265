//! The values under a prefix, a page at a time, in bounded memory.

use core::num::NonZeroU32;

use etcd_client::{Error, GetOptions, KeyValue, KvClient};

/// The longest answer of etcd that is read, in bytes. By default etcd takes no value of more than 1.5 MiB.
pub const MESSAGE_MAX: usize = 16 << 20;

/// Reads the values under a prefix in the order of their keys.
///
/// It goes from key to key through the newest state, and not through the state of one revision, which etcd's next
/// compaction would take away under a long run. What another writes behind the reader's back is sealed with today's key
/// already, if its configuration is today's.
#[derive(Debug)]
pub struct Pages {
    next: Vec<u8>,
    end: Vec<u8>,
    limit: i64,
    limit_max: i64,
    is_done: bool,
}

impl Pages {
    /// Begins in front of the first key. A page has at most `limit` values, and as many less as keep it within
    /// [`MESSAGE_MAX`].
    #[must_use]
    pub fn new(prefix: &[u8], limit: NonZeroU32) -> Self {
        let limit = i64::from(limit.get());
        Self { next: prefix.to_vec(), end: end_of(prefix), limit, limit_max: limit, is_done: false }
    }

    /// The next page, empty if nothing is there, or `None` behind the last one.
    ///
    /// # Errors
    /// What etcd said; or that a single value is longer than [`MESSAGE_MAX`], if `kv` has that limit.
    pub async fn next(&mut self, kv: &mut KvClient) -> Result<Option<Vec<KeyValue>>, Error> {
        if self.is_done {
            return Ok(None);
        }
        loop {
            let options = GetOptions::new().with_range(self.end.clone()).with_limit(self.limit);
            let mut page = match kv.get(self.next.clone(), Some(options)).await {
                Ok(page) => page,
                Err(error) if is_too_long(&error) && self.limit > 1 => {
                    self.limit /= 2;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.limit = self.limit_max.min(self.limit * 2);
            let values = page.take_kvs();
            match values.last() {
                Some(last) => self.next = [last.key(), b"\0"].concat(),
                None => self.is_done = true,
            }
            self.is_done |= !page.more();
            return Ok(Some(values));
        }
    }
}

/// The first key behind all that begin with the prefix. etcd takes a single zero byte for the end of everything.
pub(crate) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|&byte| byte < u8::MAX);
    match kept.and_then(|last| prefix.get(..=last)) {
        Some([start @ .., last]) => [start, &[last.saturating_add(1)]].concat(),
        _ => vec![0],
    }
}

/// Whether fewer values would have had room in the answer.
fn is_too_long(error: &Error) -> bool {
    // 8 and 11 are what the two sides of gRPC call a message beyond the limit; etcd has the first for other ends too.
    matches!(error, Error::GRpcStatus(status) if matches!(status.code() as i32, 8 | 11) && status.message().contains("larg"))
}

#[cfg(test)]
mod tests {
    use super::end_of;

    #[test]
    fn a_range_ends_behind_its_prefix() {
        assert_eq!(end_of(b"/registry/secrets/"), b"/registry/secrets0");
        assert_eq!(end_of(b"a\xff\xff"), b"b");
        assert_eq!(end_of(b"\xff"), b"\0");
        assert_eq!(end_of(b""), b"\0");
    }
}
