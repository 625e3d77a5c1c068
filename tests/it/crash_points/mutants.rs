//! Broken operations: each does one thing that it must not, and the referee catches it every time.
//!
//! They are made on the wire: a wrapper around the client that changes, withholds or adds requests, or lies about answers. The
//! product has no switch for any of it.

mod workload;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use kube::client::Body;
use serde_json::{Value, json};
use shardctl::sim::faults::Faults;
use tower::service_fn;

use super::cases::{self, Case};
use super::play::{Act, play_with};
use super::referee::at_rest;
use super::scene::{SET, SPACE, Scene};
use super::workers;

type Answer = Response<UnsyncBoxBody<Bytes, <Body as hyper::body::Body>::Error>>;
type Answered = Result<Answer, kube::Error>;

/// One request, read, and what can be done with it.
struct Sent {
    client: kube::Client,
    head: http::request::Parts,
    body: Value,
}

impl Sent {
    fn is(&self, method: &str, part: &str) -> bool {
        self.head.method == method && self.head.uri.path().contains(part)
    }

    /// Whether it takes a shard down.
    fn takes_down(&self) -> bool {
        let path = self.head.uri.path();
        let pod = path.strip_suffix("/eviction").unwrap_or(path);
        let shard = pod
            .rsplit_once('/')
            .is_some_and(|(_, name)| name.starts_with(&format!("{SET}-")));
        shard && path.contains("/pods/") && ["DELETE", "POST"].contains(&self.head.method.as_str())
    }

    fn options(&mut self) -> &mut Value {
        if self.head.uri.path().ends_with("/eviction") {
            &mut self.body["deleteOptions"]
        } else {
            &mut self.body
        }
    }

    /// The steps of a patch but for those at some paths.
    fn without(&mut self, unwanted: impl Fn(&str) -> bool) {
        if let Some(steps) = self.body.as_array_mut() {
            steps.retain(|step| !unwanted(step["path"].as_str().unwrap_or_default()));
        }
    }

    async fn goes(self) -> Answered {
        let body = if self.body.is_null() {
            Body::empty()
        } else {
            Body::from(self.body.to_string().into_bytes())
        };
        let mut head = self.head;
        head.headers.remove(http::header::CONTENT_LENGTH);
        let answered = self.client.send(Request::from_parts(head, body)).await?;
        Ok(answered.map(|body| body.boxed_unsync()))
    }

    /// Another request by the same client.
    async fn beside(&self, method: &str, path: &str, body: &Value) -> Answered {
        let request = Request::builder().method(method).uri(path);
        let kind = if method == "PATCH" {
            "application/json-patch+json"
        } else {
            "application/json"
        };
        let request = request.header(http::header::CONTENT_TYPE, kind);
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let answered = self
            .client
            .clone()
            .send(request.body(Body::from(body)).unwrap())
            .await?;
        Ok(answered.map(|body| body.boxed_unsync()))
    }

    /// Takes a field off the node of the shard that it takes down.
    async fn lets_go(&self, field: &str) -> Result<(), kube::Error> {
        let path = self.head.uri.path();
        let pod = path.strip_suffix("/eviction").unwrap_or(path);
        let found = read(self.beside("GET", pod, &Value::Null).await?).await;
        let node = format!(
            "/api/v1/nodes/{}",
            found["spec"]["nodeName"].as_str().unwrap_or_default()
        );
        let gone = json!([{"op": "remove", "path": field}]);
        self.beside("PATCH", &node, &gone).await.map(drop)
    }

    /// It is withheld, and answered as if it had been done.
    async fn withheld(self) -> Answered {
        let posted = self.head.method == "POST";
        if posted || self.head.method == "PUT" {
            let mut made = self.body.clone();
            made["metadata"]["resourceVersion"] = json!("1");
            made["metadata"]["uid"] = json!("withheld");
            return Ok(answer(if posted { 201 } else { 200 }, &made));
        }
        let path = self.head.uri.path().to_owned();
        self.beside("GET", &path, &Value::Null).await
    }
}

fn answer(code: u16, body: &Value) -> Answer {
    let response = Response::builder().status(code);
    let response = response.header(http::header::CONTENT_TYPE, "application/json");
    response
        .body(Body::from(body.to_string().into_bytes()).boxed_unsync())
        .unwrap()
}

/// Something broken.
struct Mutant {
    /// What it does.
    name: &'static str,
    /// The case that it does it in.
    case: &'static str,
    /// What the referee says of it.
    caught: &'static str,
    /// How each request is handled; the number counts those that take a shard down, from 0.
    handle: fn(Sent, usize) -> BoxFuture<'static, Answered>,
}

const BUDGET: &str = "/poddisruptionbudgets/";
const MARK: &str = "/metadata/annotations/shardctl.dev~1mark";

/// Whether a patch of the budget closes it again.
fn closes(sent: &Sent) -> bool {
    let steps = sent.body.as_array().into_iter().flatten();
    let mut taken = steps.filter(|step| step["path"] == MARK);
    sent.is("PATCH", BUDGET) && taken.any(|step| step["op"] == "remove")
}

fn mutants() -> Vec<Mutant> {
    vec![
        Mutant {
            name: "deletes whichever pod has the name",
            case: "upgrade",
            caught: "whichever pod of that name it is",
            handle: |mut sent, _| {
                if sent.takes_down() {
                    sent.options()["preconditions"] = Value::Null;
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "evicts whichever pod has the name",
            case: "drain-relax",
            caught: "whichever pod of that name it is",
            handle: |mut sent, _| {
                if sent.takes_down() {
                    sent.options()["preconditions"] = Value::Null;
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "gives a shard no time to stop",
            case: "drain-direct",
            caught: "isn't given the time to stop",
            handle: |mut sent, _| {
                if sent.takes_down() {
                    sent.options()["gracePeriodSeconds"] = json!(0);
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "closes the budget late",
            case: "drain-relax",
            caught: "is open for more than",
            handle: |sent, _| {
                Box::pin(async move {
                    if closes(&sent) {
                        let late = tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_secs(20)).await;
                            sent.goes().await
                        });
                        return late.await.unwrap();
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "never closes the budget",
            case: "drain-relax",
            caught: "is open for more than",
            handle: |sent, _| {
                Box::pin(async move {
                    if closes(&sent) {
                        return sent.withheld().await;
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "opens the budget without a mark",
            case: "drain-relax",
            caught: "and no mark says why",
            handle: |mut sent, _| {
                if sent.is("PATCH", BUDGET) && !closes(&sent) {
                    sent.without(|path| path.starts_with("/metadata"));
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "opens the budget by two",
            case: "drain-relax",
            caught: "its mark says otherwise",
            handle: |mut sent, _| {
                if sent.is("PATCH", BUDGET) && !closes(&sent) {
                    let steps = sent.body.as_array_mut().into_iter().flatten();
                    for step in steps.filter(|step| step["op"] != "test" && step["path"] == "/spec/minAvailable") {
                        step["value"] = json!(step["value"].as_i64().unwrap_or(0) - 1);
                    }
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "works without the lock",
            case: "restart",
            caught: "without the lock",
            handle: |sent, _| {
                Box::pin(async move {
                    let lock = ["POST", "PUT"].iter().any(|method| sent.is(method, "/leases"));
                    if lock { sent.withheld().await } else { sent.goes().await }
                })
            },
        },
        Mutant {
            name: "lets Karpenter have the node too soon",
            case: "upgrade-karpenter",
            caught: "while Karpenter may take",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.takes_down() {
                        sent.lets_go("/metadata/annotations/karpenter.sh~1do-not-disrupt")
                            .await?;
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "uncordons too soon",
            case: "drain-direct",
            caught: "which takes it back",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.takes_down() {
                        sent.lets_go("/spec/unschedulable").await?;
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "cordons without a mark",
            case: "drain-direct",
            caught: "and no mark says so",
            handle: |mut sent, _| {
                if sent.is("PATCH", "/nodes/") {
                    sent.without(|path| path == MARK);
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "deletes the claim with the pod",
            case: "restart",
            caught: "which holds a shard's data, is deleted",
            handle: |sent, _| {
                Box::pin(async move {
                    if sent.takes_down() {
                        let pod = sent.head.uri.path().rsplit('/').next().unwrap_or_default();
                        let claim = format!("/api/v1/namespaces/{SPACE}/persistentvolumeclaims/data-{pod}");
                        drop(sent.beside("DELETE", &claim, &Value::Null).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "takes two shards at once",
            case: "upgrade",
            caught: "is taken down while",
            handle: |sent, taken| {
                Box::pin(async move {
                    if sent.takes_down() && taken == 0 {
                        let other = format!("/api/v1/namespaces/{SPACE}/pods/{}", Scene::pod(0));
                        let found = read(sent.beside("GET", &other, &Value::Null).await?).await;
                        let uid = json!({"preconditions": {"uid": found["metadata"]["uid"]}});
                        drop(sent.beside("DELETE", &other, &uid).await);
                    }
                    sent.goes().await
                })
            },
        },
        Mutant {
            name: "takes every shard for Ready",
            case: "upgrade-ordered",
            caught: "is taken down while",
            handle: |sent, _| {
                Box::pin(async move {
                    let pods = sent.is("GET", "/pods");
                    let answered = sent.goes().await?;
                    Ok(if pods { rosy(answered) } else { answered })
                })
            },
        },
        Mutant {
            name: "changes the template without a journal",
            case: "upgrade",
            caught: "no journal says what it was",
            handle: |mut sent, _| {
                if sent.is("PATCH", "/statefulsets/") {
                    sent.without(|path| path.contains("shardctl.dev~1journal"));
                }
                Box::pin(sent.goes())
            },
        },
        Mutant {
            name: "leaves its helper pods behind",
            case: "upgrade",
            caught: "helper pod",
            handle: |sent, _| {
                Box::pin(async move {
                    let helper = sent.is("DELETE", "/pods/shardctl-");
                    if helper {
                        sent.withheld().await
                    } else {
                        sent.goes().await
                    }
                })
            },
        },
    ]
}

/// Says of every pod that it is Ready.
fn rosy(answered: Answer) -> Answer {
    let (mut head, body) = answered.into_parts();
    head.headers.remove(http::header::CONTENT_LENGTH);
    let body = body.map_frame(|frame| {
        frame.map_data(|data| {
            let text = String::from_utf8_lossy(&data).into_owned();
            text.replace(
                "\"status\":\"False\",\"type\":\"Ready\"",
                "\"status\":\"True\",\"type\":\"Ready\"",
            )
            .into()
        })
    });
    Response::from_parts(head, body.boxed_unsync())
}

async fn read(answered: Answer) -> Value {
    let bytes = answered.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn wrapped(client: kube::Client, handle: fn(Sent, usize) -> BoxFuture<'static, Answered>) -> kube::Client {
    let taken = Arc::new(AtomicUsize::new(0));
    let service = service_fn(move |request: Request<Body>| {
        let (client, taken) = (client.clone(), taken.clone());
        async move {
            let (head, body) = request.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&bytes).unwrap_or_default();
            let sent = Sent { client, head, body };
            let before = taken.load(Ordering::Relaxed);
            if sent.takes_down() {
                taken.fetch_add(1, Ordering::Relaxed);
            }
            handle(sent, before).await
        }
    });
    kube::Client::new(service, SPACE)
}

/// Everything that the referee says of a mutant.
fn said(mutant: &Mutant, case: &Case) -> Vec<String> {
    let (stage, first) = case.stage();
    let act = Act {
        command: case.command.clone(),
        faults: Faults::default(),
    };
    let handle = mutant.handle;
    let played = play_with(stage, &act, &move |client| wrapped(client, handle));
    let left = at_rest(case.scene, &first, &played.stage.plane.store, &case.left);
    played.broken.into_iter().chain(left).collect()
}

#[test]
fn every_broken_operation_is_caught_and_said_by_what() {
    let mutants: Vec<Mutant> = mutants().into_iter().chain(workload::mutants()).collect();
    let cases = cases::all();
    let came = workers::all(&mutants, |mutant| {
        let case = cases.iter().find(|case| case.name == mutant.case).expect("a case");
        said(mutant, case)
    });
    for (mutant, said) in mutants.iter().zip(&came) {
        let caught = said.iter().find(|word| word.contains(mutant.caught));
        let caught = caught.unwrap_or_else(|| panic!("{}: not caught: {said:#?}", mutant.name));
        eprintln!("it {}: {caught}", mutant.name);
    }
    eprintln!("{} broken operations, each caught", mutants.len());
}

#[test]
fn a_wrapper_that_changes_nothing_breaks_nothing() {
    let cases = cases::all();
    let same = Mutant {
        name: "does as it should",
        case: "drain-relax",
        caught: "",
        handle: |sent, _| Box::pin(sent.goes()),
    };
    let said = workers::one(|| {
        let case = cases.iter().find(|case| case.name == same.case).expect("a case");
        said(&same, case)
    });
    assert_eq!(said, Vec::<String>::new());
}
