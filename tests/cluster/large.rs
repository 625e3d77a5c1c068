//! An API server that makes up a cluster too large to run: thousands of nodes and tens of thousands of pods, page by page, as a
//! real one would write them. It only answers reads, and nothing changes there.
//!
//! 1,000 nodes per 10,000 pods are usual, so each node has ten: its shards where it has some, pods of DaemonSets, and others.
//! The shards are three to a node of Karpenter's pool `shards`, in three zones, with a disk each.

mod binary;
mod objects;

use super::certificates::{Authority, Signed};
use super::kubeconfig;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use objects::Weight;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The namespace of the shards.
pub const NAMESPACE: &str = "db";
/// The forms of an answer.
pub const BINARY: &str = "application/vnd.kubernetes.protobuf";
pub const JSON: &str = "application/json";
/// Pods on each node.
const ON_A_NODE: usize = 10;
/// Of these, pods of DaemonSets.
const DAEMONS: usize = 3;
/// Shards on each node of their pool.
const SHARDS_ON_A_NODE: usize = 3;

/// How large the cluster is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Nodes, with ten pods each.
    pub nodes: usize,
    /// Shards, three to a node.
    pub shards: usize,
    /// Whether objects carry all that real ones do (managedFields, images, environments), or what is looked at alone.
    pub whole: bool,
}

/// The server. It ends with its runtime, when dropped.
pub struct Large {
    runtime: tokio::runtime::Runtime,
    port: u16,
    authority: Authority,
    shared: Arc<Shared>,
}

struct Shared {
    size: Size,
    weight: Weight,
    binary: binary::Weight,
    asked: Mutex<Vec<(String, &'static str)>>,
    /// What was answered before, by form and request: making it isn't what is measured.
    made: Mutex<BTreeMap<(bool, String), Made>>,
}

impl Large {
    /// Starts it.
    pub fn start(size: Size) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = Authority::new();
        let acceptor = acceptor(&authority.server());
        let shared = Arc::new(Shared {
            size,
            weight: Weight::new(size.whole),
            binary: binary::Weight::new(size.whole),
            asked: Mutex::default(),
            made: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port on loopback");
        let port = listener.local_addr().expect("its address").port();
        let at_work = shared.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, acceptor.clone(), at_work.clone()));
            }
        });
        Self {
            runtime,
            port,
            authority,
            shared,
        }
    }

    /// Writes a kubeconfig for it into a folder.
    pub fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let user = self.authority.client("admin", &["system:masters"]);
        let server = format!("https://127.0.0.1:{}", self.port);
        let file = folder.join("kubeconfig");
        kubeconfig::write(&file, &server, &self.authority.certificate, &user, NAMESPACE)
    }

    /// The lists that were asked for so far and the form of the answer, each once, whatever the number of its pages.
    pub fn lists(&self) -> Vec<(String, &'static str)> {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

fn acceptor(server: &Signed) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(server.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes()).expect("its key");
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the server's certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(client: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let _ = client.set_nodelay(true);
    let Ok(client) = acceptor.accept(client).await else {
        return;
    };
    let service = service_fn(|request| answer(shared.clone(), request));
    // An end before its time is the client's affair.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(client), service)
        .await;
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let accepted = request.headers().get("Accept");
    let accepts_binary = accepted.is_some_and(|accepted| accepted.as_bytes().starts_with(BINARY.as_bytes()));
    let asked = (accepts_binary, request.uri().to_string());
    let known = shared.made().get(&asked).cloned();
    let made = known.unwrap_or_else(|| {
        let made = shared.answer(request.uri(), accepts_binary);
        shared.made().insert(asked, made.clone());
        made
    });
    let answer = Response::builder().status(made.code).header("Content-Type", made.form);
    Ok(answer.body(Full::new(made.body)).expect("an answer"))
}

/// An answer.
#[derive(Clone)]
struct Made {
    code: u16,
    form: &'static str,
    body: Bytes,
}

/// A field of a query.
fn field<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl Shared {
    fn made(&self) -> MutexGuard<'_, BTreeMap<(bool, String), Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, uri: &Uri, binary: bool) -> Made {
        let found = self.body(uri.path(), uri.query().unwrap_or_default(), binary);
        let (code, (form, body)) = match found {
            Some(body) => (200, body),
            None => {
                let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
                    "message": "the server could not find the requested resource"});
                (404, (JSON, body.to_string().into_bytes()))
            }
        };
        let body = Bytes::from(body);
        Made { code, form, body }
    }

    /// An answer, with its form. The lists of the whole cluster have a binary one too.
    fn body(&self, path: &str, query: &str, binary: bool) -> Option<(&'static str, Vec<u8>)> {
        if let Some(whole) = self.document(path) {
            return Some((JSON, whole.to_string().into_bytes()));
        }
        let own_pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let own_claims = format!("/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims");
        let Size { nodes, shards, .. } = self.size;
        let (total, item): (usize, Box<dyn Fn(usize) -> String>) = match path {
            "/api/v1/nodes" => (
                nodes,
                Box::new(|at| objects::node(self.zone(at), self.pool(at), at, &self.weight)),
            ),
            "/apis/storage.k8s.io/v1/csinodes" => (nodes, Box::new(objects::csi_node)),
            "/api/v1/pods" => (nodes * ON_A_NODE, Box::new(|at| self.pod(at))),
            "/api/v1/persistentvolumes" => (
                shards,
                Box::new(|at| objects::volume(at, self.zone(at / SHARDS_ON_A_NODE))),
            ),
            _ if path == own_claims => (shards, Box::new(objects::claim)),
            _ if path == own_pods && query.contains("helper") => (0, Box::new(objects::claim)),
            _ if path == own_pods => (
                shards,
                Box::new(|at| objects::shard(at, at / SHARDS_ON_A_NODE, &self.weight)),
            ),
            _ => return None,
        };
        let packed = if binary { self.packed(path) } else { None };
        let from: usize = field(query, "continue").map_or(0, |token| token.parse().expect("a token of ours"));
        if from == 0 {
            let narrowed: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("limit=")).collect();
            let list = format!("{path}?{}", narrowed.join("&"));
            let form = if packed.is_some() { BINARY } else { JSON };
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push((list, form));
        }
        let limit: usize = field(query, "limit").map_or(total, |limit| limit.parse().expect("a number"));
        let upto = total.min(from + limit);
        let more = if upto < total { upto.to_string() } else { String::new() };
        if let Some((kind, item)) = packed {
            return Some((BINARY, binary::page(kind, &more, (from..upto).map(item))));
        }
        let mut body = format!(
            r#"{{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"7","continue":"{more}"}},"items":["#
        );
        for at in from..upto {
            body.push_str(if at > from { "," } else { "" });
            body.push_str(&item(at));
        }
        body.push_str("]}");
        Some((JSON, body.into_bytes()))
    }

    /// A kind and its items in binary form, where the list has one.
    fn packed(&self, path: &str) -> Option<(&'static str, Packed<'_>)> {
        Some(match path {
            "/api/v1/nodes" => (
                "NodeList",
                Box::new(|at| binary::node(self.zone(at), self.pool(at), at, &self.binary)),
            ),
            "/apis/storage.k8s.io/v1/csinodes" => ("CSINodeList", Box::new(binary::csi_node)),
            "/api/v1/pods" => (
                "PodList",
                Box::new(|at| match self.place(at) {
                    Place::Shard(shard, node) => binary::shard(shard, node, &self.binary),
                    Place::Other(owner, node) => binary::pod(at, node, owner, &self.binary),
                }),
            ),
            _ => return None,
        })
    }

    /// What isn't a list of many.
    fn document(&self, path: &str) -> Option<Value> {
        let list = |items: Value| json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items});
        let group = json!({"groupVersion": "karpenter.sh/v1", "version": "v1"});
        Some(
            match path.strip_prefix(&format!("/apis/apps/v1/namespaces/{NAMESPACE}/")) {
                Some("statefulsets") => list(json!([objects::set(self.size.shards)])),
                Some(_) => return None,
                None => match path {
                    "/version" => json!({"gitVersion": "v1.36.0"}),
                    "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
                    {"name": "karpenter.sh", "versions": [group], "preferredVersion": group}]}),
                    "/apis/karpenter.sh/v1/nodepools" => {
                        list(json!([objects::pool("shards"), objects::pool("others")]))
                    }
                    "/apis/policy/v1/namespaces/db/poddisruptionbudgets" => list(json!([])),
                    "/api/v1/namespaces/db" => {
                        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}})
                    }
                    _ => return None,
                },
            },
        )
    }

    fn zone(&self, node: usize) -> usize {
        node % 3 + 1
    }

    fn pool(&self, node: usize) -> &'static str {
        if node < self.size.shards.div_ceil(SHARDS_ON_A_NODE) {
            "shards"
        } else {
            "others"
        }
    }

    /// A pod of the whole cluster, node by node.
    fn pod(&self, at: usize) -> String {
        match self.place(at) {
            Place::Shard(shard, node) => objects::shard(shard, node, &self.weight),
            Place::Other(owner, node) => objects::pod(at, node, owner, &self.weight),
        }
    }

    fn place(&self, at: usize) -> Place {
        let (node, place) = (at / ON_A_NODE, at % ON_A_NODE);
        let shard = node * SHARDS_ON_A_NODE + place;
        if place < SHARDS_ON_A_NODE && shard < self.size.shards {
            Place::Shard(shard, node)
        } else if place >= ON_A_NODE - DAEMONS {
            Place::Other("DaemonSet", node)
        } else {
            Place::Other("ReplicaSet", node)
        }
    }
}

/// The items of a list in binary form, by their place in it.
type Packed<'s> = Box<dyn Fn(usize) -> binary::Message + 's>;

/// What stands on a node, and on which.
enum Place {
    Shard(usize, usize),
    /// Somebody else's pod, by the kind of its owner.
    Other(&'static str, usize),
}
