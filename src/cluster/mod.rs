//! How the cluster is talked to: connecting, reading, retrying. Effects only; decisions are `plan`'s, words `report`'s.

pub mod choose;
pub mod connect;
pub mod endpoint;
pub mod failure;
pub mod get;
pub mod protection;
pub mod read;
pub mod retry;
#[cfg(test)]
pub(crate) mod test_server;
