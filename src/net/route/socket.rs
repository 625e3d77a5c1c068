//! A fresh TCP connection to the first of some addresses that takes one.

use std::io;
use std::net::IpAddr;

use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::{Limit, in_ms};
use crate::model::route::answer::Failed;
use crate::model::route::failure::Failure;

/// Connects; `limit` is for all addresses together.
pub(super) async fn connect(addresses: &[IpAddr], port: u16, limit: Limit) -> Result<TcpStream, Failed> {
    let mut last = None;
    let attempt = async {
        for address in addresses {
            match TcpStream::connect((*address, port)).await {
                Ok(stream) => return Some(stream),
                Err(error) => last = Some((*address, error)),
            }
        }
        None
    };
    let connected = timeout_at(limit.until, attempt).await;
    let failed = match (connected, last) {
        (Ok(Some(stream)), _) => {
            // Else the kernel waits for more before it sends a small request; a failure costs time only.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
        (Ok(None), Some((address, error))) => not_connected(address, port, &error),
        (Ok(None), None) => Failed::new(Failure::DnsNodata, "there is no address to connect to"),
        (Err(_), _) => {
            let whom: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            Failed::new(
                Failure::ConnectTimeout,
                format!(
                    "no connection to {} port {port} within {}",
                    whom.join(", "),
                    in_ms(limit.whole)
                ),
            )
        }
    };
    Err(failed)
}

fn not_connected(address: IpAddr, port: u16, error: &io::Error) -> Failed {
    let class = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Failure::ConnectTimeout
        }
        io::ErrorKind::ConnectionReset => Failure::Reset,
        _ => Failure::ConnectRefused,
    };
    Failed::new(class, format!("failed to connect to {address} port {port}: {error}"))
}
