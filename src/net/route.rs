//! One request to one entry of a route test, always over a connection of its own: what came of it, and how long each part took.
//!
//! A load balancer or a URL is asked over a socket, a shard through a port-forward, a shard's name by curl or wget inside a pod.
//! Nothing here judges an answer; a failure is told apart by what was really seen of it.

mod exchange;
mod in_pod;
mod rehearsed;
mod resolve;
mod socket;
mod tls;
mod tunnel;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::error::Error;
use crate::model::route::answer::{Answer, Failed, Seen, Timing};
use crate::model::route::entry::{Entry, Way};
use crate::model::route::failure::Failure;
use crate::model::route::wire::{Manner, Request};
use crate::net::exec::{self, End};
use in_pod::InPod;
use tls::Tls;
use tunnel::Tunnels;

/// The ways to every entry of a run. From one request to the next it keeps what leads to the API server, and to kubelets through it,
/// but no connection to an entry.
pub struct Ways {
    manner: Manner,
    tls: Tls,
    cluster: Option<Cluster>,
    tunnels: Tunnels,
    in_pod: InPod,
}

/// What leads into pods.
#[derive(Clone)]
pub struct Cluster {
    /// A client that speaks HTTP/1.1: port-forwards and execs are upgraded connections.
    pub client: kube::Client,
    /// The namespace of the shards.
    pub namespace: String,
    /// The shards' container, for commands; their only one where none is named.
    pub container: Option<String>,
    /// The pods that may be made to ask for names, each of which has curl or wget or hasn't.
    pub askers: Vec<String>,
    /// Whether it lives in this process: then no socket is opened, and the client leads to its load balancers, too.
    pub in_process: bool,
}

/// A pod that asks from inside the cluster, where shards can't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The pod, in the shards' namespace.
    pub pod: String,
    /// Its container; its only one where none is named.
    pub container: Option<String>,
}

impl Ways {
    /// The ways of a run; without a cluster only sockets are among them.
    ///
    /// # Errors
    /// No certificate can be read where some are to be trusted.
    pub fn new(manner: Manner, cluster: Option<Cluster>) -> Result<Self, Error> {
        Ok(Self {
            tls: Tls::new(&manner)?,
            manner,
            cluster,
            tunnels: Tunnels::default(),
            in_pod: InPod::default(),
        })
    }

    /// Has another pod than the shards' ask from inside the cluster.
    #[must_use]
    pub fn asked_inside_by(mut self, asker: Asker) -> Self {
        self.in_pod = InPod::by(asker);
        self
    }

    /// Whether the pod that asks from inside the cluster has anything to ask with.
    ///
    /// # Errors
    /// No command can be run there.
    pub async fn can_ask_inside(&self) -> Result<bool, Failed> {
        let cluster = self.cluster.as_ref().ok_or_else(no_cluster)?;
        self.in_pod.can_ask(cluster, &self.manner).await
    }

    /// Sends one request to an entry, and waits for the whole answer.
    ///
    /// It may be dropped at any time: the connection goes with it.
    pub async fn ask(&self, entry: &Entry, request: &Request) -> Seen {
        let mut course = Course::start();
        if let Way::InCluster { name, port, .. } = &entry.way {
            let Some(cluster) = &self.cluster else {
                return course.failed(no_cluster());
            };
            return self
                .in_pod
                .ask(cluster, &self.manner, entry, name, *port, request)
                .await;
        }
        let pod = match &entry.way {
            Way::Shard { pod, .. } => Some((pod, self.tunnels.breaks(pod))),
            _ => None,
        };
        let result = self.ask_once(entry, request, &mut course).await;
        let (Some((pod, breaks)), Err(failed)) = (pod, &result) else {
            return course.ended(result);
        };
        // What changes something isn't sent twice: nobody knows whether it has arrived.
        if failed.class != Failure::ApiTunnel || !is_safe(&request.method) {
            return course.ended(result);
        }
        let Some(opens) = self.tunnels.may_reopen(pod, breaks) else {
            return course.ended(result);
        };
        let mut again = Course::start();
        again.reopened = opens.then(|| failed.words.clone()).or(course.reopened);
        let result = self.ask_once(entry, request, &mut again).await;
        again.ended(result)
    }

    async fn ask_once(&self, entry: &Entry, request: &Request, course: &mut Course) -> Result<Answer, Failed> {
        match &entry.way {
            Way::Shard { pod, port, .. } => {
                let stream = self.tunnel(pod, *port, course).await?;
                self.converse(stream, entry, request, course).await
            }
            Way::Lb { address, port } | Way::Url { address, port, .. } => {
                let stream = self.connected(address, *port, course).await?;
                self.converse(stream, entry, request, course).await
            }
            Way::InCluster { .. } => Err(no_cluster()),
        }
    }

    /// Opens a connection to an entry and closes it, having said nothing.
    pub async fn knock(&self, entry: &Entry) -> Seen {
        let mut course = Course::start();
        let result = match &entry.way {
            Way::Shard { pod, port, .. } => match self.tunnel(pod, *port, &mut course).await {
                Ok(stream) => tunnel::is_taken(stream, self.manner.connect_limit).await,
                Err(failed) => Err(failed),
            },
            Way::Lb { address, port } | Way::Url { address, port, .. } => {
                self.connected(address, *port, &mut course).await.map(drop)
            }
            Way::InCluster { name, port, .. } => {
                let Some(cluster) = &self.cluster else {
                    return course.failed(no_cluster());
                };
                return self.in_pod.knock(cluster, &self.manner, name, *port).await;
            }
        };
        course.ended(result.map(|()| Answer::default()))
    }

    /// Runs a command inside a shard, by its shell: the answer is what it writes, trimmed, and its status the exit code.
    pub async fn run(&self, entry: &Entry, command: &str) -> Seen {
        let course = Course::start();
        let (Way::Shard { pod, .. }, Some(cluster)) = (&entry.way, &self.cluster) else {
            let words = "a command is run inside shards, and this entry is none";
            return course.failed(Failed::new(Failure::ApiTunnel, words));
        };
        let limit = self.manner.connect_limit + self.manner.read_limit;
        let container = cluster.container.as_deref();
        let words = ["sh", "-c", command];
        let ran = exec::run(&cluster.client, &cluster.namespace, pod, container, &words, limit).await;
        course.ended(match ran {
            Err(error) => Err(Failed::new(Failure::ApiTunnel, error.message())),
            Ok(ran) => {
                let written = ran.stdout.trim().as_bytes();
                let body = written[..written.len().min(self.manner.body_limit)].to_vec();
                let answer = |status| Answer {
                    status,
                    headers: Vec::new(),
                    body,
                };
                match ran.end {
                    End::Success => Ok(answer(0)),
                    End::Failed(words) => match in_pod::exit_code(&words) {
                        Some(code) => Ok(answer(code)),
                        None => Err(Failed::new(Failure::ApiTunnel, words)),
                    },
                    End::TimedOut => Err(Failed::new(
                        Failure::ReadTimeout,
                        format!("the command was still running after {}", in_ms(limit)),
                    )),
                }
            }
        })
    }

    async fn connected(&self, address: &str, port: u16, course: &mut Course) -> Result<Box<dyn Bytes>, Failed> {
        let limit = course.limit(&self.manner);
        if let Some(cluster) = self.cluster.as_ref().filter(|cluster| cluster.in_process) {
            let stream = rehearsed::connect(&cluster.client, address, port, limit).await?;
            course.connected();
            return Ok(Box::new(stream));
        }
        let addresses = resolve::addresses(address, limit, course).await?;
        let stream = socket::connect(&addresses, port, limit).await?;
        course.connected();
        Ok(Box::new(stream))
    }

    async fn tunnel(&self, pod: &str, port: u16, course: &mut Course) -> Result<tunnel::Stream, Failed> {
        let cluster = self.cluster.as_ref().ok_or_else(no_cluster)?;
        let opened = self.tunnels.open(cluster, pod, port, self.manner.connect_limit).await?;
        course.connected();
        course.reopened = opened.reopened.or(course.reopened.take());
        Ok(opened.stream)
    }

    /// TLS where it is spoken, and then the request.
    async fn converse<S>(
        &self,
        stream: S,
        entry: &Entry,
        request: &Request,
        course: &mut Course,
    ) -> Result<Answer, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if entry.tls {
            let limit = course.limit(&self.manner);
            let stream = self.tls.agree(stream, &entry.host, limit).await?;
            course.agreed();
            exchange::send(stream, "https", request, &self.manner, course).await
        } else {
            exchange::send(stream, "http", request, &self.manner, course).await
        }
    }
}

/// A connection, however it came about.
trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// Until when a connection is to be there: one limit for its name, itself and TLS.
#[derive(Clone, Copy)]
struct Limit {
    whole: Duration,
    until: Instant,
}

/// How far a request has come, and when.
struct Course {
    start: Instant,
    part: Instant,
    timing: Timing,
    /// Why the way had to be opened anew.
    reopened: Option<String>,
}

impl Course {
    fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            part: now,
            timing: Timing::default(),
            reopened: None,
        }
    }

    fn limit(&self, manner: &Manner) -> Limit {
        Limit {
            whole: manner.connect_limit,
            until: self.start + manner.connect_limit,
        }
    }

    fn lap(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let took = now - self.part;
        self.part = now;
        Some(took)
    }

    fn resolved(&mut self) {
        self.timing.dns = self.lap();
    }

    fn connected(&mut self) {
        self.timing.connect = self.lap();
    }

    fn agreed(&mut self) {
        self.timing.tls = self.lap();
    }

    fn answered(&mut self) {
        self.timing.first_byte = self.lap();
    }

    fn ended(self, result: Result<Answer, Failed>) -> Seen {
        Seen {
            result,
            timing: Timing {
                total: self.start.elapsed(),
                ..self.timing
            },
            reopened: self.reopened,
        }
    }

    fn failed(self, failed: Failed) -> Seen {
        self.ended(Err(failed))
    }
}

fn no_cluster() -> Failed {
    Failed::new(Failure::ApiTunnel, "no cluster to reach pods through")
}

/// Whether a request may be sent twice (RFC 9110, section 9.2.1).
fn is_safe(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS", "TRACE"].contains(&method)
}

fn in_ms(limit: Duration) -> String {
    format!("{} ms", limit.as_millis())
}
