//! How the cluster is talked to: connecting, reading, watching, changing, the lock. Effects only; decisions are `plan`'s,
//! words `report`'s.

pub mod announce;
pub mod choose;
pub mod connect;
pub mod endpoint;
pub mod everywhere;
pub mod evict;
pub mod failure;
pub mod fresh;
pub mod get;
pub mod lease;
pub mod metadata;
pub mod offered;
pub mod permit;
pub mod protection;
pub mod read;
pub mod recording;
pub mod retry;
pub mod rights;
pub mod server_time;
#[cfg(test)]
pub(crate) mod test_server;
pub mod watch;
pub mod write;
