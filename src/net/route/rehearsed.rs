//! The network of a cluster that lives in this process: its own client leads to its addresses too, and no socket is opened.

use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use tokio::time::timeout_at;

use super::{Limit, in_ms};
use crate::model::route::answer::Failed;
use crate::model::route::failure::Failure;

/// Connects to an address, or a name, at which a load balancer of the cluster is.
pub(super) async fn connect(
    client: &kube::Client,
    address: &str,
    port: u16,
    limit: Limit,
) -> Result<TokioIo<Upgraded>, Failed> {
    let asked = timeout_at(limit.until, ask(client, address, port)).await;
    asked.unwrap_or_else(|_| {
        let words = format!("no connection to {address} port {port} within {}", in_ms(limit.whole));
        Err(Failed::new(Failure::ConnectTimeout, words))
    })
}

async fn ask(client: &kube::Client, address: &str, port: u16) -> Result<TokioIo<Upgraded>, Failed> {
    let failed = |class, why: String| {
        let words = format!("failed to connect to {address} port {port} of the rehearsal cluster: {why}");
        Failed::new(class, words)
    };
    let refused = |why: String| failed(Failure::ConnectRefused, why);
    let host = match address.contains(':') {
        true => format!("[{address}]"),
        false => address.to_owned(),
    };
    let request = http::Request::connect(format!("{host}:{port}")).body(Body::empty());
    let request = request.map_err(|error| refused(error.to_string()))?;
    let answer = client.send(request).await.map_err(|error| refused(error.to_string()))?;
    let class = match answer.status() {
        StatusCode::OK => {
            let upgraded = hyper::upgrade::on(answer).await;
            return upgraded.map(TokioIo::new).map_err(|error| refused(error.to_string()));
        }
        StatusCode::NOT_FOUND => Failure::DnsNxdomain,
        _ => Failure::ConnectRefused,
    };
    let why = answer.into_body().collect().await;
    let why = why.map(|bytes| String::from_utf8_lossy(&bytes.to_bytes()).into_owned());
    Err(failed(class, why.unwrap_or_else(|error| error.to_string())))
}
