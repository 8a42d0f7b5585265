//! What a plugin answers.

mod blocking;
mod calls;

pub(super) use blocking::Blocking;

use alloc::sync::Arc;
use core::panic::AssertUnwindSafe;
use core::time::Duration;

use futures_util::FutureExt;
use http::{Request, Response};
use prost::Message;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::server::Grpc;
use tower::service_fn;

use super::super::codec::{MESSAGE_LEN_MAX, Protobuf};
use super::super::proto::{v1beta1, v2};
use crate::driver::AsyncKek;

/// Calls under way of all connections, and of a KEK that blocks; and how long one takes, from its first byte.
const CALLS_MAX: usize = 256;
const CALL_TIME_MAX: Duration = Duration::from_secs(30);

/// Answers requests with what a KEK says. Clones are one.
#[derive(Clone)]
pub(super) struct Answers {
    kek: Arc<dyn AsyncKek>,
    room: Arc<Semaphore>,
}

impl Answers {
    pub(super) fn new(kek: Arc<dyn AsyncKek>) -> Self {
        Self { kek, room: Arc::new(Semaphore::new(CALLS_MAX)) }
    }

    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let answer = async {
            let _place = self.room.acquire().await;
            self.route(request).await
        };
        match timeout(CALL_TIME_MAX, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => Status::internal("the KEK panicked").into_http(),
            Err(_) => Status::deadline_exceeded("the call took too long").into_http(),
        }
    }

    async fn route(&self, request: Request<Body>) -> Response<Body> {
        let kek = Arc::clone(&self.kek);
        match request.uri().path() {
            v2::STATUS_METHOD => unary(request, |asked| calls::status(kek, asked)).await,
            v2::ENCRYPT_METHOD => unary(request, |asked| calls::encrypt(kek, asked)).await,
            v2::DECRYPT_METHOD => unary(request, |asked| calls::decrypt(kek, asked)).await,
            v1beta1::VERSION_METHOD => unary(request, calls::version_v1).await,
            v1beta1::ENCRYPT_METHOD => unary(request, |asked| calls::encrypt_v1(kek, asked)).await,
            v1beta1::DECRYPT_METHOD => unary(request, |asked| calls::decrypt_v1(kek, asked)).await,
            _ => Status::unimplemented("there is no such method").into_http(),
        }
    }
}

/// Reads the one message of a request and answers with one.
async fn unary<Q, A, F>(request: Request<Body>, call: impl FnOnce(Q) -> F) -> Response<Body>
where
    Q: Message + Default + 'static,
    A: Message + 'static,
    F: Future<Output = Result<A, Status>>,
{
    let mut call = Some(call);
    let service = service_fn(|request: tonic::Request<Q>| {
        // Called once: a unary call has one message.
        let call = call.take().map(|call| call(request.into_inner()));
        async move {
            let called = call.ok_or_else(|| Status::internal("more than one message"))?;
            called.await.map(tonic::Response::new)
        }
    });
    Grpc::new(Protobuf::<A, Q>::new()).max_decoding_message_size(MESSAGE_LEN_MAX).unary(service, request).await
}
