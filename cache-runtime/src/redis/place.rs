//! Which server operations go to: one that is named, or the one that sentinels name.

use super::address::{Address, Kind};
#[cfg(feature = "sentinel")]
use super::sentinel::Sentinels;
use ::redis::{Client, RedisResult};

/// Where the server is, to be asked before each connection.
#[derive(Clone)]
pub(super) enum Place {
    Server(Box<Client>),
    #[cfg(feature = "sentinel")]
    Sentinels(std::sync::Arc<Sentinels>),
}

impl Place {
    /// The place of the one server that `address` leads to; a cluster has no such.
    pub(super) fn of(address: &Address) -> Option<Self> {
        match &address.kind {
            Kind::Server => address.manner.client().ok().map(|client| Self::Server(client.into())),
            #[cfg(feature = "sentinel")]
            Kind::Sentinels { .. } => {
                Sentinels::of(address).map(|sentinels| Self::Sentinels(sentinels.into()))
            }
            #[cfg(feature = "cluster")]
            Kind::Cluster => None,
        }
    }

    /// A client for the server that is the one now.
    #[cfg_attr(not(feature = "sentinel"), expect(clippy::unused_async, reason = "sentinels are asked"))]
    pub(super) async fn client(&self) -> RedisResult<Client> {
        match self {
            Self::Server(client) => Ok(Client::clone(client)),
            #[cfg(feature = "sentinel")]
            Self::Sentinels(sentinels) => sentinels.master().await,
        }
    }
}
