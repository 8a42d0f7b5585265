//! All values under a prefix, several at a time.

use core::num::{NonZeroU32, NonZeroUsize};
use core::pin::pin;

use etcd_client::{GetOptions, KeyValue, KvClient};
use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream, TryStreamExt};

use crate::error::Stop;
use crate::pages::{Pages, end_of};
use crate::report::Report;
use crate::resource::{Judgement, Resource};
use crate::settle::{Outcome, Settled, settle};

/// Whether values are only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is written.
    Scan,
    /// Stale values are sealed again.
    Rewrite,
}

/// What to go through, and how.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the keys begin with, such as `/registry/secrets/`.
    pub prefix: Vec<u8>,
    /// How many values are read at once.
    pub page: NonZeroU32,
    /// How many values are under way at the same time.
    pub in_flight: NonZeroUsize,
    /// Whether anything is written.
    pub mode: Mode,
}

/// How many keys there are under a prefix, now.
///
/// # Errors
/// [`Stop`].
pub async fn count_keys(kv: &mut KvClient, prefix: &[u8]) -> Result<u64, Stop> {
    let options = GetOptions::new().with_range(end_of(prefix)).with_count_only();
    Ok(kv.get(prefix, Some(options)).await?.count().try_into().unwrap_or_default())
}

/// Goes through all values, counts them in `report`, and tells of each. KMS plugins are asked for their keys at the start
/// and once a minute.
///
/// # Errors
/// [`Stop`], with what was done until then in the report.
pub async fn run(
    kv: &KvClient,
    resource: &Resource,
    run: &Run,
    report: &mut Report,
    mut told: impl FnMut(&Settled),
) -> Result<(), Stop> {
    // A plugin that only another resource needs may be away.
    let _ = resource.check().await;
    let under_way = values(kv.clone(), run)
        .map_ok(|read| one(kv.clone(), resource, run.mode, read))
        .try_buffer_unordered(run.in_flight.get())
        .try_for_each(|settled| {
            report.add(&settled);
            told(&settled);
            async { Ok(()) }
        });
    match select(pin!(under_way), pin!(resource.keep_checking())).await {
        Either::Left((done, _)) => done,
        Either::Right((never, _)) => match never {},
    }
}

/// Page by page, the next one when there is room for its values.
fn values(kv: KvClient, run: &Run) -> impl Stream<Item = Result<KeyValue, Stop>> {
    let pages = Pages::new(&run.prefix, run.page);
    let pages = stream::try_unfold((pages, kv), |(mut pages, mut kv)| async {
        let page = pages.next(&mut kv).await?;
        Ok::<_, Stop>(page.map(|page| (page, (pages, kv))))
    });
    pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten()
}

async fn one(mut kv: KvClient, resource: &Resource, mode: Mode, read: KeyValue) -> Result<Settled, Stop> {
    if mode == Mode::Rewrite {
        return settle(&mut kv, resource, read).await;
    }
    let outcome = match resource.judge(read.key(), read.value()).await? {
        Judgement::Fresh => Outcome::Fresh,
        Judgement::Stale(_) => Outcome::Stale,
        Judgement::Unreadable(why) => Outcome::Unreadable(why),
    };
    Ok(Settled { outcome, read, conflicts: 0 })
}
