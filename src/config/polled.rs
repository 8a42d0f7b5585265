//! KMS plugins that are asked how they are when the API server asks its own. Kubernetes: `encryptionconfig/config.go`,
//! `getKMSProbes` and what they check.

use alloc::vec::Vec;

use futures_util::future::join_all;

use super::connect::ConnectedConfiguration;
use crate::grpc::{KmsPoller, KmsV1Client};
use crate::kms::KmsHealth;

/// A plugin and what is remembered of its health.
#[derive(Debug)]
pub(super) enum Polled {
    /// Is asked when somebody wants to know.
    V1(KmsV1Client),
    /// Is asked by itself, too.
    V2(KmsPoller),
}

impl Polled {
    async fn check(&self) -> KmsHealth {
        match self {
            Self::V1(client) => client.check().await,
            Self::V2(poller) => poller.check().await,
        }
    }
}

impl ConnectedConfiguration {
    /// How each KMS plugin is, by the index of its request in
    /// [`EncryptionConfiguration::kms`](super::EncryptionConfiguration::kms): what an API server's health checks
    /// `kms-provider-0` and following say.
    ///
    /// A plugin that was found healthy less than 20 seconds ago, or not healthy less than 3 seconds ago, is not asked; any
    /// other is, one of API version v1 by having a few bytes wrapped and unwrapped. `None` where
    /// [`poll_plugins`](super::EncryptionConfiguration::poll_plugins) did not connect them.
    pub async fn health(&self) -> Option<Vec<(usize, KmsHealth)>> {
        let polled = self.polled()?.iter().enumerate();
        Some(join_all(polled.map(async |(request, plugin)| (request, plugin.check().await))).await)
    }
}
