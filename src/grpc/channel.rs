//! One connection to a plugin: made when it is first needed, and again when it was lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::error::Error;
use core::fmt;
use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex as StdMutex, PoisonError};

use http::uri::PathAndQuery;
use http::{Request as HttpRequest, Uri};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::{Request, Status};
use tower::service_fn;

use super::codec::{HEADERS_LEN_MAX, MESSAGE_LEN_MAX, Protobuf};
use super::endpoint::KmsEndpoint;

/// What a plugin sees as the host.
const ORIGIN: &str = "http://localhost";

/// How long after a failed attempt the next is made: twice as long each time, up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

type Sender = SendRequest<Body>;

/// A connection that is there when it is needed.
pub(super) struct Channel {
    endpoint: KmsEndpoint,
    /// Held while connecting, so that there is one attempt at a time.
    sender: Mutex<Option<Sender>>,
    /// Why the last attempt failed, for those whose time is over meanwhile.
    failure: StdMutex<Option<String>>,
}

impl Channel {
    pub(super) fn new(endpoint: KmsEndpoint) -> Self {
        Self { endpoint, sender: Mutex::new(None), failure: StdMutex::new(None) }
    }

    pub(super) const fn endpoint(&self) -> &KmsEndpoint {
        &self.endpoint
    }

    /// Calls a method; waits for the plugin to be there, and for its answer, for so long in all.
    ///
    /// A connection that was lost before the request was on its way is no more than one that has to be made. Where
    /// that cannot be told, the request is made once more: no method of a KMS does harm when it is called twice, and a
    /// plugin that a request kills is not killed without end.
    pub(super) async fn call<Q, A>(
        &self,
        method: &'static str,
        within: Duration,
        request: impl Fn() -> Q + Send,
    ) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        if Handle::try_current().is_err() {
            return Err(Status::failed_precondition("the call was not made within a tokio runtime"));
        }
        let answer = timeout(within, async {
            let (mut tries, mut pause) = (0, PAUSE_FIRST);
            loop {
                let answer = unary(self.connected().await, method, request()).await;
                match answer.as_ref().err().and_then(Lost::of) {
                    // Who closes every connection at once is not to be called all the time.
                    Some(Lost { unsent: true, .. }) => {
                        sleep(pause).await;
                        pause = (pause * 2).min(PAUSE_MAX);
                    }
                    Some(_) if tries == 0 => tries += 1,
                    Some(lost) => return Err(Status::unavailable(lost.to_string())),
                    None => return answer,
                }
            }
        });
        answer.await.unwrap_or_else(|_| Err(Status::deadline_exceeded(self.why_late(within))))
    }

    async fn connected(&self) -> Sender {
        let mut sender = self.sender.lock().await;
        let mut pause = PAUSE_FIRST;
        loop {
            if let Some(sender) = sender.as_ref().filter(|sender| !sender.is_closed()) {
                return sender.clone();
            }
            match dial(self.endpoint.path()).await {
                Ok(dialled) => {
                    self.note(None);
                    *sender = Some(dialled);
                }
                Err(error) => {
                    self.note(Some(error.to_string()));
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn note(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    fn why_late(&self, within: Duration) -> String {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => format!("not connected within {within:?}: {failure}"),
            None => format!("no answer within {within:?}"),
        }
    }
}

/// The connection was lost.
#[derive(Debug)]
struct Lost {
    /// Before the request was on its way.
    unsent: bool,
    error: hyper::Error,
}

impl Lost {
    fn of(status: &Status) -> Option<&Self> {
        status.source()?.downcast_ref()
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection was lost: {}", self.error)
    }
}

impl Error for Lost {}

async fn unary<Q, A>(sender: Sender, method: &'static str, request: Q) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let service = service_fn(move |request: HttpRequest<Body>| {
        let mut sender = sender.clone();
        async move {
            sender.ready().await.map_err(|error| Lost { unsent: true, error })?;
            let answer = sender.send_request(request).await;
            let answer = answer.map_err(|error| Lost { unsent: error.is_canceled(), error })?;
            // With the status in front there is no message (gRPC over HTTP2, "Trailers-Only"), and `tonic` would read one of
            // any length up to a bound of its own.
            let is_over = answer.headers().contains_key("grpc-status");
            Ok::<_, Lost>(answer.map(|body| if is_over { Body::empty() } else { Body::new(body) }))
        }
    });
    let mut grpc = Grpc::with_origin(service, Uri::from_static(ORIGIN)).max_decoding_message_size(MESSAGE_LEN_MAX);
    grpc.ready().await.map_err(|lost| Status::from_error(Box::new(lost)))?;
    let path = PathAndQuery::from_static(method);
    Ok(grpc.unary(Request::new(request), path, Protobuf::<Q, A>::new()).await?.into_inner())
}

async fn dial(path: &Path) -> io::Result<Sender> {
    let stream = UnixStream::connect(address(path)).await?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(HEADERS_LEN_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // It ends with the last sender, or with the plugin; who waits for an answer is told of that by the sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// The path as tokio has it: that of an abstract socket begins with a zero byte.
fn address(path: &Path) -> PathBuf {
    match path.as_os_str().as_bytes() {
        [b'@', name @ ..] => OsString::from_vec([b"\0", name].concat()).into(),
        _ => path.into(),
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
