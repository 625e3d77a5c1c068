//! Questions to the network: DNS over a socket, a port-forward or a command inside a pod; a public list of prices.
//!
//! Nothing here judges: an answer, an absence and a failure are recorded as they were seen, with the real cause.

pub mod dns;
pub mod exec;
pub mod port_forward;
pub mod prices;
mod refusal;
pub mod route;
