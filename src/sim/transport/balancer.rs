//! The way to load balancers, for who stands outside the cluster: a request to connect, as to a proxy, and then bytes.
//!
//! A client of the rehearsal cluster has no other network, and opens no socket: what isn't in the cluster isn't there.

use std::sync::atomic::Ordering;

use http::{Request as HttpRequest, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use super::pods::connect;
use super::{Cluster, Life, body};
use crate::sim::balancers::{Nobody, behind};

/// Answers such a request, and carries bytes from then on. Where nothing is at the address no answer comes, as from there.
pub(super) async fn open(cluster: &Cluster, life: &Life, request: &mut HttpRequest<Incoming>) -> Response<body::Sent> {
    let (host, port) = match request.uri().authority().map(|to| (to.host(), to.port_u16())) {
        Some((host, Some(port))) => (host.trim_matches(['[', ']']).to_owned(), port),
        _ => return refuse(StatusCode::BAD_REQUEST, "no address and port".to_owned()),
    };
    let found = behind(&cluster.plane().store, &host, port);
    let stream = match found {
        Err(Nobody::Silence) => std::future::pending().await,
        Err(Nobody::NoName) => return refuse(StatusCode::NOT_FOUND, format!("{host} has no address here")),
        Err(Nobody::Refused(why)) => return refuse(StatusCode::BAD_GATEWAY, why),
        Ok(endpoints) => {
            let turn = cluster.inner.passed_on.fetch_add(1, Ordering::Relaxed);
            let chosen = endpoints.get(turn % endpoints.len().max(1));
            match chosen.map(|(pod, port)| connect(cluster, pod, *port)) {
                Some(Ok(stream)) => stream,
                Some(Err(why)) => return refuse(StatusCode::BAD_GATEWAY, why),
                None => return refuse(StatusCode::BAD_GATEWAY, "no endpoint".to_owned()),
            }
        }
    };
    let upgrade = hyper::upgrade::on(request);
    let carried = async move {
        let (Ok(upgraded), mut stream) = (upgrade.await, stream) else {
            return;
        };
        // Whoever has gone doesn't hear the rest.
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut stream).await;
    };
    tokio::spawn(life.clone().while_it_lasts(carried));
    Response::new(body::whole(String::new()))
}

fn refuse(status: StatusCode, why: String) -> Response<body::Sent> {
    let mut response = Response::new(body::whole(why));
    *response.status_mut() = status;
    response
}
