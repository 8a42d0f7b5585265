//! One value: judged, sealed again, and swapped for what was read, if that is still there.

use etcd_client::{Compare, CompareOp, Error, GetOptions, KeyValue, KvClient, PutOptions, Txn, TxnOp, TxnOpResponse};

use crate::error::Stop;
use crate::resource::{Judgement, Resource};

/// How often a value is read again that another changes all the time, and with an old key.
const TRIES: u32 = 32;

/// What etcd says of a request beyond its limit. Source: etcd's `api/v3rpc/rpctypes/error.go`.
const TOO_LARGE: &str = "etcdserver: request is too large";

/// What became of a value.
#[derive(Debug)]
pub enum Outcome {
    /// It needed nothing.
    Fresh,
    /// It is stale, and was only looked at.
    Stale,
    /// It was stale, and is sealed with today's key.
    Rewritten {
        /// What is stored now.
        stored: Vec<u8>,
    },
    /// It was deleted in the meantime.
    Gone,
    /// It does not open, why not, and it is as it was.
    Unreadable(String),
    /// It is stale still, and why.
    Left(String),
}

/// What became of a value, and how often another came first.
#[derive(Debug)]
pub struct Settled {
    /// What became of it.
    pub outcome: Outcome,
    /// The value as it was read last.
    pub read: KeyValue,
    /// Swaps that were not made, because the value was another one by then.
    pub conflicts: u32,
}

/// What etcd did with a swap.
enum Swap {
    Made,
    /// Another one came first; this is there now.
    Lost(Option<KeyValue>),
    /// etcd does not take the value, and why.
    Refused(String),
}

/// Seals a value that was read again if it is stale, and stores that in its place if it is still there; if not, it reads
/// and judges anew what is.
///
/// # Errors
/// [`Stop`]. The value may have been sealed again all the same.
pub async fn settle(kv: &mut KvClient, resource: &Resource, read: KeyValue) -> Result<Settled, Stop> {
    let mut settled = Settled { outcome: Outcome::Fresh, read, conflicts: 0 };
    loop {
        let read = &settled.read;
        let plaintext = match resource.judge(read.key(), read.value()).await? {
            Judgement::Fresh => return Ok(settled),
            Judgement::Unreadable(why) => return Ok(Settled { outcome: Outcome::Unreadable(why), ..settled }),
            Judgement::Stale(plaintext) => plaintext,
        };
        let stored = resource.seal(read.key(), plaintext.expose()).await?;
        // It is not needed while etcd answers.
        drop(plaintext);
        match swap(kv, read, stored.clone()).await? {
            Swap::Made => return Ok(Settled { outcome: Outcome::Rewritten { stored }, ..settled }),
            Swap::Refused(why) => return Ok(Settled { outcome: Outcome::Left(why), ..settled }),
            Swap::Lost(now) => {
                settled.conflicts += 1;
                match now {
                    None => return Ok(Settled { outcome: Outcome::Gone, ..settled }),
                    Some(now) => settled.read = now,
                }
            }
        }
        if settled.conflicts >= TRIES {
            let why = format!("another wrote it {TRIES} times in the meantime, with an old key");
            return Ok(Settled { outcome: Outcome::Left(why), ..settled });
        }
    }
}

/// Stores a value in place of what was read, if that has not been written since; its lease stays.
async fn swap(kv: &mut KvClient, read: &KeyValue, stored: Vec<u8>) -> Result<Swap, Error> {
    let is_unchanged = Compare::mod_revision(read.key(), CompareOp::Equal, read.mod_revision());
    let put = TxnOp::put(read.key(), stored, Some(PutOptions::new().with_ignore_lease()));
    let get = TxnOp::get(read.key(), None::<GetOptions>);
    match kv.txn(Txn::new().when([is_unchanged]).and_then([put]).or_else([get])).await {
        Ok(answer) if answer.succeeded() => Ok(Swap::Made),
        Ok(answer) => Ok(Swap::Lost(answer.op_responses().into_iter().find_map(first_value))),
        // Only what is about this value: an invalid argument is much else too, such as a user that is missing.
        Err(Error::GRpcStatus(status)) if status.message() == TOO_LARGE => {
            Ok(Swap::Refused(format!("etcd does not take it: {}", status.message().escape_debug())))
        }
        Err(error) => Err(error),
    }
}

fn first_value(response: TxnOpResponse) -> Option<KeyValue> {
    match response {
        TxnOpResponse::Get(mut got) => got.take_kvs().into_iter().next(),
        _ => None,
    }
}
