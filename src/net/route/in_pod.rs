//! A request from inside the cluster: by curl, or else wget, in a pod of the set or one made for it, to a shard's DNS name.
//!
//! No shell is needed for curl. Which tool the image has is found out by the first request and kept.

mod curl;
mod wget;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::tls::name_of;
use super::{Asker, Cluster, in_ms, resolve};
use crate::model::route::answer::{Answer, Failed, Seen, Timing};
use crate::model::route::entry::Entry;
use crate::model::route::failure::Failure;
use crate::model::route::wire::{Manner, Request, Trust};
use crate::net::dns;
use crate::net::exec::{self, End, Ran};

/// For the upgrade and the start of the process, beside the tool's own limits.
const START: Duration = Duration::from_secs(5);

/// What the shards' image has to ask with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Curl,
    Wget,
    None,
}

/// Who asks inside the cluster, and with what.
#[derive(Default)]
pub(super) struct InPod {
    tool: Mutex<Option<Tool>>,
    /// Who asks in the shards' place.
    asker: Option<Asker>,
}

/// A pod to run a command in.
#[derive(Clone, Copy)]
struct Place<'a> {
    cluster: &'a Cluster,
    pod: &'a str,
    container: Option<&'a str>,
}

/// One request as a tool is to send it.
struct Errand<'a> {
    name: &'a str,
    port: u16,
    /// Where TLS is spoken, the name that the certificate must have.
    tls: Option<&'a str>,
    /// Whether all that matters is that a connection is taken.
    knocks: bool,
    request: &'a Request,
    manner: &'a Manner,
}

impl InPod {
    pub(super) fn by(asker: Asker) -> Self {
        Self {
            tool: Mutex::default(),
            asker: Some(asker),
        }
    }

    /// Whether there is anything to ask with.
    pub(super) async fn can_ask(&self, cluster: &Cluster, manner: &Manner) -> Result<bool, Failed> {
        let place = self.place(cluster, "").ok_or_else(nobody_asks)?;
        for (tool, command) in [(Tool::Curl, curl::is_there()), (Tool::Wget, wget::is_there())] {
            let ran = run(place, &command, manner).await;
            let ran = ran.map_err(|words| Failed::new(Failure::ApiTunnel, words))?;
            if ran.end == End::TimedOut {
                return Err(timed_out(manner));
            }
            if !is_missing(&ran.end) {
                self.keep(tool);
                return Ok(true);
            }
        }
        self.keep(Tool::None);
        Ok(false)
    }

    /// Who asks for `name`.
    fn place<'a>(&'a self, cluster: &'a Cluster, name: &str) -> Option<Place<'a>> {
        let (pod, container) = match &self.asker {
            Some(asker) => (asker.pod.as_str(), &asker.container),
            None => (asker(&cluster.askers, name)?, &cluster.container),
        };
        Some(Place {
            cluster,
            pod,
            container: container.as_deref(),
        })
    }

    /// Sends a request to `name`, from a pod that isn't `name`'s own where there is another.
    pub(super) async fn ask(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        entry: &Entry,
        name: &str,
        port: u16,
        request: &Request,
    ) -> Seen {
        let errand = Errand {
            name,
            port,
            tls: entry.tls.then(|| name_of(&entry.host)),
            knocks: false,
            request,
            manner,
        };
        if entry.tls && matches!(manner.trust, Trust::Authorities(_)) {
            let words = "a command inside a pod can't be given the authorities of --ca";
            return failed(Failed::new(Failure::ApiTunnel, words));
        }
        self.send(cluster, &errand).await
    }

    /// Opens a connection to `name` and asks for nothing that matters: a command can't open one and say nothing.
    pub(super) async fn knock(&self, cluster: &Cluster, manner: &Manner, name: &str, port: u16) -> Seen {
        let request = Request {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            host: format!("{name}:{port}"),
            headers: Vec::new(),
            body: None,
            keep: Vec::new(),
        };
        let errand = Errand {
            name,
            port,
            tls: None,
            knocks: true,
            request: &request,
            manner,
        };
        let mut seen = self.send(cluster, &errand).await;
        // Whatever was answered, or that it wasn't, came over a connection; where a tool doesn't know of one, it isn't of these.
        let taken = match &seen.result {
            Ok(_) => true,
            Err(failed) => matches!(failed.class, Failure::Reset | Failure::ReadTimeout | Failure::Tls),
        };
        if taken {
            seen.result = Ok(Answer::default());
        }
        seen
    }

    async fn send(&self, cluster: &Cluster, errand: &Errand<'_>) -> Seen {
        let Some(place) = self.place(cluster, errand.name) else {
            return failed(nobody_asks());
        };
        let known = *self.tool.lock().unwrap_or_else(PoisonError::into_inner);
        let tools = match &known {
            Some(tool) => std::slice::from_ref(tool),
            None => &[Tool::Curl, Tool::Wget],
        };
        for tool in tools {
            let command = match tool {
                Tool::Curl => curl::command(errand),
                Tool::Wget => wget::command(errand),
                Tool::None => break,
            };
            let start = Instant::now();
            let ran = match run(place, &command, errand.manner).await {
                Ok(ran) => ran,
                Err(words) => return failed(Failed::new(Failure::ApiTunnel, words)),
            };
            if is_missing(&ran.end) {
                continue;
            }
            self.keep(*tool);
            let (result, timing) = match tool {
                Tool::Wget => (wget::read(&ran, errand, start.elapsed()), Timing::default()),
                Tool::Curl | Tool::None => curl::read(&ran, errand),
            };
            let result = match result {
                // The tools don't say why a name has no address.
                Err(failed) if failed.class == Failure::DnsNxdomain => {
                    Err(why_no_address(place, errand.name, errand.manner, failed).await)
                }
                result => result,
            };
            return Seen {
                result,
                timing,
                reopened: None,
            };
        }
        self.keep(Tool::None);
        let words = format!("the image of pod/{} has neither curl nor wget", place.pod);
        failed(Failed::new(Failure::ApiTunnel, words))
    }

    fn keep(&self, tool: Tool) {
        *self.tool.lock().unwrap_or_else(PoisonError::into_inner) = Some(tool);
    }
}

fn failed(failed: Failed) -> Seen {
    Seen {
        result: Err(failed),
        timing: Timing::default(),
        reopened: None,
    }
}

fn nobody_asks() -> Failed {
    Failed::new(
        Failure::ApiTunnel,
        "no shard is Ready, from whose inside the others could be asked",
    )
}

/// Who asks: another than who is asked, since a pod may reach itself where nobody else does.
fn asker<'a>(askers: &'a [String], name: &str) -> Option<&'a str> {
    let asked = name.split('.').next().unwrap_or_default();
    let other = askers.iter().find(|pod| *pod != asked);
    other.or_else(|| askers.first()).map(String::as_str)
}

async fn run(place: Place<'_>, command: &[String], manner: &Manner) -> Result<Ran, String> {
    let Place {
        cluster,
        pod,
        container,
    } = place;
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let limit = START + manner.connect_limit + manner.read_limit;
    exec::run(&cluster.client, &cluster.namespace, pod, container, &words, limit)
        .await
        .map_err(|error| error.message().to_owned())
}

async fn why_no_address(place: Place<'_>, name: &str, manner: &Manner, failed: Failed) -> Failed {
    let Place {
        cluster,
        pod,
        container,
    } = place;
    let ask = dns::Ask::new(vec![format!("{name}.")], manner.connect_limit);
    let asked = dns::by_exec(&cluster.client, &cluster.namespace, pod, container, &ask).await;
    let answer = asked.servers.into_iter().next();
    let answer = answer.and_then(|server| server.answers.into_values().next());
    match answer {
        // Neither tells more than the tool did.
        None | Some(crate::model::dns::Answer::Addresses { .. } | crate::model::dns::Answer::Unreachable { .. }) => {
            failed
        }
        answer => resolve::addresses_in(name, answer).err().unwrap_or(failed),
    }
}

fn is_missing(end: &End) -> bool {
    let End::Failed(words) = end else { return false };
    let signs = ["executable file not found", "no such file or directory"];
    signs.iter().any(|sign| words.contains(sign)) || matches!(exit_code(words), Some(126 | 127))
}

/// The exit code in a kubelet's words: containerd says `exit code 6`, others `exit status 6`.
pub(super) fn exit_code(words: &str) -> Option<u16> {
    let (_, rest) = words
        .rsplit_once("exit code ")
        .or_else(|| words.rsplit_once("exit status "))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What both tools end with when the time is up from outside. Their own limits are shorter: it is the way to them that is slow.
fn timed_out(manner: &Manner) -> Failed {
    let limit = START + manner.connect_limit + manner.read_limit;
    Failed::new(
        Failure::ApiTunnel,
        format!("the command inside the pod hadn't ended after {}", in_ms(limit)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_read_from_every_kubelets_words() {
        assert_eq!(exit_code("command terminated with exit code 6 (curl: (6) x)"), Some(6));
        assert_eq!(exit_code("error executing command: exit status 28"), Some(28));
        assert_eq!(exit_code("the connection was closed"), None);
        assert!(is_missing(&End::Failed(
            "OCI runtime exec failed: exec: \"curl\": executable file not found in $PATH".into()
        )));
        assert!(!is_missing(&End::Failed("command terminated with exit code 6".into())));
    }

    #[test]
    fn another_pod_asks_where_there_is_one() {
        let (two, one) = (["db-0".to_owned(), "db-1".to_owned()], ["db-0".to_owned()]);
        assert_eq!(asker(&two, "db-0.db.shop.svc.cluster.local"), Some("db-1"));
        assert_eq!(asker(&two, "db-1.db.shop.svc.cluster.local"), Some("db-0"));
        assert_eq!(asker(&one, "db-0.db.shop.svc.cluster.local"), Some("db-0"));
    }
}
