//! The two that are asked: a real control plane, and the rehearsal cluster.

use std::time::Duration;

use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kube::client::Body;
use regex::Regex;
use serde_json::{Map, Value, json};
use shardctl::model::right::Rule;
use shardctl::sim::controllers::Pace;
use shardctl::sim::kind::Kind;
use shardctl::sim::plane::Plane;
use shardctl::sim::transport::Cluster;

use super::plain;
use super::script::{Asked, Scene, Step};

/// For how long a value is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

/// Who is asked.
pub struct Side {
    client: kube::Client,
    rehearsal: Option<Cluster>,
}

struct Got {
    code: u16,
    content_type: String,
    retry_after: Option<String>,
    text: String,
}

/// Runs what waits on the rehearsal cluster, in virtual time.
pub fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

impl Side {
    /// A real control plane.
    pub fn real(client: kube::Client) -> Side {
        Side {
            client,
            rehearsal: None,
        }
    }

    /// A rehearsal cluster with nothing in it but what every cluster has.
    pub fn rehearsal() -> Side {
        let mut plane = Plane::new(Pace::default());
        for name in ["default", "kube-system"] {
            plane.store.load(
                Kind::Namespaces,
                json!({"metadata": {"name": name}, "status": {"phase": "Active"}}),
            );
        }
        let epoch: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let cluster = Cluster::new(plane, epoch);
        tokio::spawn(cluster.clone().keep_time());
        Side {
            client: cluster.client("default"),
            rehearsal: Some(cluster),
        }
    }

    /// Does what the scene says; the answers by their names, without what can't be the same.
    pub async fn play(&self, scene: &Scene) -> Map<String, Value> {
        let mut answers = Map::new();
        let namespace = format!("conformance-{}", scene.name);
        for step in &scene.steps {
            match step {
                Step::Ask(name, asked) => {
                    let got = self.send(&namespace, asked).await;
                    let answer = plain::answer(asked, &got.text, got.code, &got.content_type, got.retry_after);
                    let before = answers.insert((*name).to_owned(), answer);
                    assert!(before.is_none(), "two requests are called {name:?}");
                }
                Step::Do(asked) => {
                    let got = self.send(&namespace, asked).await;
                    assert!(
                        got.code < 300,
                        "{} {}: {} {}",
                        asked.method,
                        asked.target,
                        got.code,
                        got.text
                    );
                }
                Step::Until(path, pointer, value) => self.until(&path.replace("NS", &namespace), pointer, value).await,
            }
        }
        if let Some(cluster) = &self.rehearsal {
            assert_eq!(
                cluster.with(|plane, _| plane.strays.clone()),
                Vec::<String>::new(),
                "{}",
                scene.name
            );
        }
        answers
    }

    async fn until(&self, path: &str, pointer: &str, value: &Value) {
        let wait = async {
            loop {
                let got = self.carry(&super::script::get(path)).await;
                let object: Value = serde_json::from_str(&got.text).unwrap_or_default();
                if object.pointer(pointer) == Some(value) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        waited.unwrap_or_else(|_| panic!("{path} has not {value} at {pointer}"));
    }

    async fn send(&self, namespace: &str, asked: &Asked) -> Got {
        let asked = Asked {
            target: self.filled(&asked.target.replace("NS", namespace)).await,
            body: self.filled(&asked.body.replace("NS", namespace)).await,
            ..asked.clone()
        };
        self.deny(&asked, true);
        let got = self.carry(&asked).await;
        self.deny(&asked, false);
        got
    }

    /// A real server knows that nobody may do anything; the rehearsal cluster is told so for the one request.
    fn deny(&self, asked: &Asked, denied: bool) {
        let Some(cluster) = self.rehearsal.as_ref().filter(|_| asked.by_nobody) else {
            return;
        };
        cluster.with(|plane, _| {
            plane.access.user = if denied { "nobody".to_owned() } else { String::new() };
            plane.access.denied = if denied { everything(asked) } else { Vec::new() };
        });
    }

    /// The text with the uids and versions that it names.
    async fn filled(&self, text: &str) -> String {
        let wanted = Regex::new("<(uid|version) ([^>]+)>").unwrap();
        let mut filled = text.to_owned();
        while let Some(found) = wanted.captures(&filled.clone()) {
            let got = self.carry(&super::script::get(&found[2])).await;
            let object: Value = serde_json::from_str(&got.text).unwrap();
            let key = if &found[1] == "uid" { "uid" } else { "resourceVersion" };
            filled = filled.replace(&found[0], object["metadata"][key].as_str().unwrap());
        }
        filled
    }

    async fn carry(&self, asked: &Asked) -> Got {
        let mut request = http::Request::builder()
            .method(asked.method)
            .uri(&asked.target)
            .header("Accept", asked.accept);
        if !asked.body.is_empty() {
            request = request.header("Content-Type", asked.content_type);
        }
        if asked.by_nobody && self.rehearsal.is_none() {
            request = request.header("Impersonate-User", "nobody");
        }
        let request = request.body(Body::from(asked.body.clone().into_bytes())).unwrap();
        let response = self.client.send(request).await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let (code, content_type, retry_after) = (
            response.status().as_u16(),
            header("content-type").unwrap_or_default(),
            header("retry-after"),
        );
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Got {
            code,
            content_type,
            retry_after,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}

/// The rules that somebody without rights lacks for a request.
fn everything(asked: &Asked) -> Vec<Rule> {
    let path = asked.target.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return Vec::new(),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let resource = match rest {
        [plural, _, subresource] => format!("{plural}/{subresource}"),
        [plural, ..] => (*plural).to_owned(),
        [] => return Vec::new(),
    };
    ["get", "list", "watch", "create", "update", "patch", "delete"]
        .into_iter()
        .map(|verb| Rule {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.clone(),
            namespace: namespace.clone(),
            name: None,
        })
        .collect()
}
