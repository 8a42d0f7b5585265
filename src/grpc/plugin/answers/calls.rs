//! The methods of both services.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tonic::Status;

use crate::driver::AsyncKek;
use crate::grpc::proto::{v1beta1, v2};
use crate::grpc::refusal::status as refused;
use crate::kek::{Wrapped, WrappedDek};
use crate::kms::validate_answer;

type Answer<A> = Result<A, Status>;

pub(super) async fn status(kek: Arc<dyn AsyncKek>, _asked: v2::StatusRequest) -> Answer<v2::StatusResponse> {
    let key_id = kek.key_id().await.map_err(|error| refused(&error))?;
    Ok(v2::StatusResponse { version: "v2".into(), healthz: "ok".into(), key_id })
}

pub(super) async fn encrypt(kek: Arc<dyn AsyncKek>, asked: v2::EncryptRequest) -> Answer<v2::EncryptResponse> {
    let wrapped = kek.wrap_dek(&asked.plaintext, &[]).await.map_err(|error| refused(&error))?;
    // What no value can hold is refused here, where it is known whose fault it is.
    validate_answer(&wrapped).map_err(|_| Status::internal("the KEK gave what no value of KMS v2 can hold"))?;
    let (ciphertext, key_id) = (wrapped.bytes().to_vec(), wrapped.key_id().into());
    Ok(v2::EncryptResponse { ciphertext, key_id, annotations: wrapped.annotations().clone() })
}

pub(super) async fn decrypt(kek: Arc<dyn AsyncKek>, asked: v2::DecryptRequest) -> Answer<v2::DecryptResponse> {
    let annotations: Vec<_> = asked.annotations.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let wrapped = WrappedDek::new(&asked.key_id, &asked.ciphertext, &[]).with_annotations(&annotations);
    let dek = kek.unwrap_dek(wrapped).await.map_err(|error| refused(&error))?;
    Ok(v2::DecryptResponse { plaintext: dek.expose_into_vec() })
}

pub(super) async fn version_v1(_asked: v1beta1::VersionRequest) -> Answer<v1beta1::VersionResponse> {
    Ok(v1beta1::VersionResponse {
        version: v1beta1::VERSION.into(),
        runtime_name: env!("CARGO_PKG_NAME").into(),
        runtime_version: env!("CARGO_PKG_VERSION").into(),
    })
}

pub(super) async fn encrypt_v1(
    kek: Arc<dyn AsyncKek>,
    asked: v1beta1::EncryptRequest,
) -> Answer<v1beta1::EncryptResponse> {
    check_version(&asked.version)?;
    let wrapped = kek.wrap_dek(&asked.plain, &[]).await.map_err(|error| refused(&error))?;
    fits_v1(&wrapped)?;
    Ok(v1beta1::EncryptResponse { cipher: wrapped.bytes().to_vec() })
}

pub(super) async fn decrypt_v1(
    kek: Arc<dyn AsyncKek>,
    asked: v1beta1::DecryptRequest,
) -> Answer<v1beta1::DecryptResponse> {
    check_version(&asked.version)?;
    let dek = kek.unwrap_dek(WrappedDek::new("", &asked.cipher, &[])).await.map_err(|error| refused(&error))?;
    Ok(v1beta1::DecryptResponse { plain: dek.expose_into_vec() })
}

fn check_version(version: &str) -> Result<(), Status> {
    if version == v1beta1::VERSION {
        return Ok(());
    }
    Err(Status::unimplemented("the plugin speaks version ".to_string() + v1beta1::VERSION))
}

/// Values of KMS v1 hold nothing but the wrapped DEK, and its length in 16 bits.
fn fits_v1(wrapped: &Wrapped) -> Result<(), Status> {
    if wrapped.annotations().is_empty() && u16::try_from(wrapped.bytes().len()).is_ok() {
        return Ok(());
    }
    Err(Status::internal("the KEK gave what no value of KMS v1 can hold"))
}
