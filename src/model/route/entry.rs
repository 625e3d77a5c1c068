//! Where a route test knocks: the load balancer, an address, each shard, each shard's name from inside.

use crate::model::set::Ordinal;

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in every output: `lb`, `shop.example.com`, `db-3`, `in db-3`. Unique in a run.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// The host that is asked for: the Host header, and the name that a certificate must have. With a port only where a
    /// client would write one.
    pub host: String,
}

/// How an entry is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// From here, over a socket: a load balancer's address.
    Lb {
        /// An IP address or a host name.
        address: String,
        /// The Service's port.
        port: u16,
    },
    /// From here, over a socket: a URL that was given.
    Url {
        /// The host, a name or an IP address (IPv6 without brackets).
        address: String,
        /// The port.
        port: u16,
        /// Path and query, `{key}` for the key.
        template: UrlTemplate,
    },
    /// Through a port-forward of the API server: it dials localhost inside the pod.
    Shard {
        /// Which shard.
        ordinal: Ordinal,
        /// Its pod.
        pod: String,
        /// The container's port.
        port: u16,
    },
    /// By a command inside the cluster, by the shard's DNS name.
    InCluster {
        /// Which shard.
        ordinal: Ordinal,
        /// `db-3.db.shop.svc.cluster.local`.
        name: String,
        /// The container's port.
        port: u16,
    },
}

/// The path and query of a URL that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlTemplate {
    /// It has `{key}` itself, and is used as it is.
    Own {
        /// The path, with a leading slash.
        path: String,
        /// The query; empty for none.
        query: String,
    },
    /// It goes before the path that is asked elsewhere, as an ingress that takes a prefix off.
    Prefix(
        /// Without a slash at its end; empty for none.
        String,
    ),
}

impl Entry {
    /// The shard that it leads to, where it leads to one.
    pub fn ordinal(&self) -> Option<Ordinal> {
        match &self.way {
            Way::Shard { ordinal, .. } | Way::InCluster { ordinal, .. } => Some(*ordinal),
            Way::Lb { .. } | Way::Url { .. } => None,
        }
    }
}
