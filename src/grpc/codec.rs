//! How messages become bytes, and the bound on them.

use alloc::string::ToString;
use core::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Bytes of the longest message that is read. The largest that Kubernetes' KMS has a use for holds 32 KiB of
/// annotations, in entries as short as 3 bytes, or a wrapped DEK of 64 KiB.
pub(super) const MESSAGE_LEN_MAX: usize = 128 * 1024;

/// Bytes of all headers of a request or answer together; an error's text is one of them.
pub(super) const HEADERS_LEN_MAX: u32 = 16 * 1024;

/// Messages are short: most fit the first buffer, so that no copy of a DEK is left behind in a shorter one.
fn buffers() -> BufferSettings {
    BufferSettings::new(4096, MESSAGE_LEN_MAX)
}

/// Protocol Buffers: writes `W`, reads `R`.
pub(super) struct Protobuf<W, R>(PhantomData<(W, R)>);

impl<W, R> Protobuf<W, R> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<W, R> Codec for Protobuf<W, R>
where
    W: Message + 'static,
    R: Message + Default + 'static,
{
    type Encode = W;
    type Decode = R;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::new()
    }

    fn decoder(&mut self) -> Self {
        Self::new()
    }
}

impl<W: Message, R> Encoder for Protobuf<W, R> {
    type Item = W;
    type Error = Status;

    fn encode(&mut self, message: W, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(out).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

impl<W, R: Message + Default> Decoder for Protobuf<W, R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        R::decode(bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
