//! The messages of the KMS services and the paths of their methods.
//!
//! Source: Kubernetes' `kms/apis/v1beta1/api.proto` and `kms/apis/v2/api.proto`.

/// API version v1.
pub(super) mod v1beta1 {
    use alloc::string::String;
    use alloc::vec::Vec;

    use crate::secret::wipe;

    pub(in crate::grpc) const VERSION_METHOD: &str = "/v1beta1.KeyManagementService/Version";
    pub(in crate::grpc) const DECRYPT_METHOD: &str = "/v1beta1.KeyManagementService/Decrypt";
    pub(in crate::grpc) const ENCRYPT_METHOD: &str = "/v1beta1.KeyManagementService/Encrypt";

    /// What stands in every request, and has to stand in the answer to the first.
    pub(in crate::grpc) const VERSION: &str = "v1beta1";

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct VersionRequest {
        #[prost(string, tag = "1")]
        pub(in crate::grpc) version: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct VersionResponse {
        #[prost(string, tag = "1")]
        pub(in crate::grpc) version: String,
        #[prost(string, tag = "2")]
        pub(in crate::grpc) runtime_name: String,
        #[prost(string, tag = "3")]
        pub(in crate::grpc) runtime_version: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct DecryptRequest {
        #[prost(string, tag = "1")]
        pub(in crate::grpc) version: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(in crate::grpc) cipher: Vec<u8>,
    }

    #[derive(prost::Message)]
    #[prost(skip_debug)]
    pub(in crate::grpc) struct DecryptResponse {
        #[prost(bytes = "vec", tag = "1")]
        pub(in crate::grpc) plain: Vec<u8>,
    }

    impl Drop for DecryptResponse {
        fn drop(&mut self) {
            wipe(&mut self.plain);
        }
    }

    #[derive(prost::Message)]
    #[prost(skip_debug)]
    pub(in crate::grpc) struct EncryptRequest {
        #[prost(string, tag = "1")]
        pub(in crate::grpc) version: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(in crate::grpc) plain: Vec<u8>,
    }

    impl Drop for EncryptRequest {
        fn drop(&mut self) {
            wipe(&mut self.plain);
        }
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct EncryptResponse {
        #[prost(bytes = "vec", tag = "1")]
        pub(in crate::grpc) cipher: Vec<u8>,
    }
}

/// API version v2.
pub(super) mod v2 {
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use alloc::vec::Vec;

    use crate::secret::wipe;

    pub(in crate::grpc) const STATUS_METHOD: &str = "/v2.KeyManagementService/Status";
    pub(in crate::grpc) const DECRYPT_METHOD: &str = "/v2.KeyManagementService/Decrypt";
    pub(in crate::grpc) const ENCRYPT_METHOD: &str = "/v2.KeyManagementService/Encrypt";

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct StatusRequest {}

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct StatusResponse {
        #[prost(string, tag = "1")]
        pub(in crate::grpc) version: String,
        #[prost(string, tag = "2")]
        pub(in crate::grpc) healthz: String,
        #[prost(string, tag = "3")]
        pub(in crate::grpc) key_id: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct DecryptRequest {
        #[prost(bytes = "vec", tag = "1")]
        pub(in crate::grpc) ciphertext: Vec<u8>,
        #[prost(string, tag = "2")]
        pub(in crate::grpc) uid: String,
        #[prost(string, tag = "3")]
        pub(in crate::grpc) key_id: String,
        #[prost(btree_map = "string, bytes", tag = "4")]
        pub(in crate::grpc) annotations: BTreeMap<String, Vec<u8>>,
    }

    #[derive(prost::Message)]
    #[prost(skip_debug)]
    pub(in crate::grpc) struct DecryptResponse {
        #[prost(bytes = "vec", tag = "1")]
        pub(in crate::grpc) plaintext: Vec<u8>,
    }

    impl Drop for DecryptResponse {
        fn drop(&mut self) {
            wipe(&mut self.plaintext);
        }
    }

    #[derive(prost::Message)]
    #[prost(skip_debug)]
    pub(in crate::grpc) struct EncryptRequest {
        #[prost(bytes = "vec", tag = "1")]
        pub(in crate::grpc) plaintext: Vec<u8>,
        #[prost(string, tag = "2")]
        pub(in crate::grpc) uid: String,
    }

    impl Drop for EncryptRequest {
        fn drop(&mut self) {
            wipe(&mut self.plaintext);
        }
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::grpc) struct EncryptResponse {
        #[prost(bytes = "vec", tag = "1")]
        pub(in crate::grpc) ciphertext: Vec<u8>,
        #[prost(string, tag = "2")]
        pub(in crate::grpc) key_id: String,
        #[prost(btree_map = "string, bytes", tag = "3")]
        pub(in crate::grpc) annotations: BTreeMap<String, Vec<u8>>,
    }
}
