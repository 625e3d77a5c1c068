//! Requests for a stream: port-forwards, and commands inside a container.
//!
//! Source: `pkg/registry/core/pod/rest/subresources.go`.

use super::answer::Answer;
use super::route::{At, Route};
use super::{Request, access};
use crate::sim::application;
use crate::sim::json::{condition, text, uid};
use crate::sim::kind::Kind;
use crate::sim::names;
use crate::sim::plane::Plane;
use crate::sim::refused::Refused;
use crate::sim::store::Key;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Connections to ports of a pod.
    Ports(Key, Vec<u16>),
    /// A command inside a pod.
    Command(Key, Vec<String>),
}

/// Who listens on a port of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listener {
    /// A name server.
    Names,
    /// The application of the shard with this uid.
    Application(String),
}

/// The stream that a request asks for.
///
/// # Errors
/// The answer to a request that gets none.
pub fn stream(plane: &mut Plane, request: &Request) -> Result<Stream, Answer> {
    wanted(plane, request).map_err(|refused| {
        if refused.code == 501 {
            let stray = format!("{} {}: {}", request.method, request.path, refused.message);
            plane.strays.push(stray);
        }
        Answer::refused(&refused)
    })
}

fn wanted(plane: &Plane, request: &Request) -> Result<Stream, Refused> {
    let at = match Route::of(request)? {
        Route::Objects(at) if at.kind == Kind::Pods => at,
        _ => return Err(Refused::not_modelled("a stream of anything but a pod")),
    };
    access::check(&plane.access, request, &at)?;
    let key = at.key(at.name.as_deref().unwrap_or_default());
    let pod = plane.store.need(&key)?;
    if text(pod, "/spec/nodeName").is_empty() {
        let message = format!("pod {} does not have a host assigned", key.name);
        return Err(Refused::bad_request(message));
    }
    let node = text(pod, "/spec/nodeName");
    let home = plane.store.get(&Key::wide(Kind::Nodes, node));
    if home.is_none_or(|home| condition(home, "Ready") == "Unknown") {
        let message = format!("error dialing backend: dial tcp: {node}:10250: i/o timeout");
        return Err(Refused::new(500, "", message));
    }
    match at.subresource.as_deref() {
        Some("portforward") => Ok(Stream::Ports(key, ports(&at)?)),
        Some("exec") => Ok(Stream::Command(key, all(request, "command"))),
        _ => Err(Refused::not_modelled("this stream")),
    }
}

fn ports(at: &At) -> Result<Vec<u16>, Refused> {
    let ports = at.parameter("ports").split(',');
    let ports: Option<Vec<u16>> = ports.map(|port| port.parse().ok()).collect();
    ports.ok_or_else(|| Refused::bad_request(format!("unable to parse \"{}\" as a port", at.parameter("ports"))))
}

/// Every value of a parameter that may be there more than once.
fn all(request: &Request, name: &str) -> Vec<String> {
    let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    let values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.filter_map(super::route::decoded).collect()
}

/// Who listens on a port of a pod.
///
/// # Errors
/// Nobody does: the kubelet's words.
pub fn listener(plane: &Plane, pod: &Key, port: u16) -> Result<Listener, String> {
    let found = plane.store.get(pod);
    let answers_names = found.is_some_and(|found| {
        text(found, "/metadata/labels/k8s-app") == "kube-dns" && condition(found, "Ready") == "True"
    });
    match found {
        _ if answers_names && port == 53 => Ok(Listener::Names),
        Some(found) if application::listens(found, port) => Ok(Listener::Application(uid(found).to_owned())),
        _ => Err(format!(
            "error forwarding port {port} to pod {}, uid : failed to connect to localhost:{port} inside namespace: connection \
             refused",
            pod.name
        )),
    }
}

/// What a command inside a pod writes; none where its image hasn't it. Nothing runs here but what tells of the pod's names.
pub fn command(pod: &Key, command: &[String]) -> Option<String> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let space = &pod.namespace;
    (words == ["cat", "/etc/resolv.conf"]).then(|| {
        let domain = names::DOMAIN;
        format!("search {space}.svc.{domain} svc.{domain} {domain}\nnameserver 10.0.0.10\noptions ndots:5\n")
    })
}
