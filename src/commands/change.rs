//! The flags that changing commands share, read before any server is asked: how patiently, by which lock, in spite of what.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

use super::route_arguments;
use super::show::Question;
use crate::cli::{Change, Pace, StatusOutput};
use crate::config::{duration, not_a_duration};
use crate::error::{Error, ErrorKind, Result};
use crate::model::set::Ordinal;
use crate::model::when::When;
use crate::nearest::no_such;
use crate::operations::tasks::{Ask, Gate, Tasks};
use crate::plan::replace::tasks::Asked;
use crate::plan::safety::catalogue::{Allowed, NotAllowed};

/// What stands for no limit at all (`--shard-timeout 0`).
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// The shared flags, read.
pub struct Changing {
    pace: Pace,
    /// How a change is made.
    pub change: Change,
    /// `--allow`.
    pub allowed: Allowed,
    gate: Option<Gate>,
    /// `--lease-duration`.
    pub lease: Duration,
    /// How long a shard, a node's fetching and a command of the user's may take.
    limit: Duration,
}

/// How patiently an operation goes.
pub struct Paced {
    /// `--last`.
    pub last: BTreeSet<Ordinal>,
    /// `--pause`.
    pub pause: SignedDuration,
    /// Which of `--gate`, `--before`, `--after` there are.
    pub tasks: Asked,
    /// `--deadline`.
    pub deadline: Option<When>,
    /// `--min-ready`.
    pub min_ready: Option<SignedDuration>,
    /// `--shard-timeout`.
    pub shard_timeout: SignedDuration,
    /// `--max-restarts`.
    pub max_restarts: i32,
}

impl Changing {
    /// Reads the flags.
    ///
    /// # Errors
    /// A usage error for what is mistyped.
    pub fn of(pace: &Pace, change: &Change) -> Result<Changing> {
        let limit =
            duration(&pace.shard_timeout).ok_or_else(|| not_a_duration(&pace.shard_timeout, "--shard-timeout"))?;
        let read = Changing {
            pace: pace.clone(),
            change: change.clone(),
            allowed: allowed(&change.allow)?,
            gate: pace.gate.as_deref().map(gate).transpose()?,
            lease: lease(&change.lease_duration)?,
            limit: if limit.is_zero() { NO_LIMIT } else { limit },
        };
        read.paced()?;
        Ok(read)
    }

    /// Whether the output is one JSON object a line.
    pub fn as_json(&self) -> bool {
        self.change.output == StatusOutput::Json
    }

    /// How patiently it is to go.
    ///
    /// # Errors
    /// A usage error for what is mistyped.
    pub fn paced(&self) -> Result<Paced> {
        let pace = &self.pace;
        Ok(Paced {
            last: pace.last.iter().copied().collect(),
            pause: length(&pace.pause, "--pause")?,
            tasks: Asked {
                gate: self.gate.is_some(),
                before: pace.before.is_some(),
                after: pace.after.is_some(),
            },
            deadline: pace.deadline.as_deref().map(deadline).transpose()?,
            min_ready: pace
                .min_ready
                .as_deref()
                .map(|text| length(text, "--min-ready"))
                .transpose()?,
            shard_timeout: SignedDuration::try_from(self.limit)
                .map_err(|_| not_a_duration(&pace.shard_timeout, "--shard-timeout"))?,
            max_restarts: pace.max_restarts,
        })
    }

    /// The same without the user's commands and gate, which a rehearsal doesn't run; and what that leaves out, in words.
    pub fn without_commands(mut self) -> (Changing, Vec<String>) {
        let mut left_out = Vec::new();
        self.gate = None;
        for (flag, given) in [
            ("--gate", self.pace.gate.take()),
            ("--before", self.pace.before.take()),
            ("--after", self.pace.after.take()),
        ] {
            left_out.extend(given.map(|given| format!("{flag} {given}: not run, and taken to pass at once")));
        }
        (self, left_out)
    }

    /// What a rehearsal has of them: no command, and yes to whatever is asked.
    pub fn rehearsed_tasks(&self) -> Tasks {
        Tasks {
            before: None,
            after: None,
            gate: None,
            ask: Some(Box::new(|_| Box::pin(std::future::ready(true)))),
            limit: self.limit,
        }
    }

    /// The user's commands and gate; questions in between go to `asks` where somebody can answer them. `stop` ends those.
    pub fn tasks(&self, asks: UnboundedSender<Question>, stop: &watch::Receiver<u32>) -> Tasks {
        let stop = stop.clone();
        let somebody = !self.change.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        Tasks {
            before: self.pace.before.clone(),
            after: self.pace.after.clone(),
            gate: self.gate.clone(),
            ask: somebody.then(|| -> Ask {
                Box::new(move |done| {
                    let (asks, stop) = (asks.clone(), stop.clone());
                    Box::pin(async move {
                        let (answer, answered) = oneshot::channel();
                        let words = format!("{} done. Go on with the rest?", counted(done));
                        asks.send(Question { words, stop, answer }).is_ok() && answered.await.unwrap_or(false)
                    })
                })
            }),
            limit: self.limit,
        }
    }
}

/// How long a lock outlives a run that was killed.
///
/// # Errors
/// A usage error for what isn't a duration, or none at all.
pub fn lease(text: &str) -> Result<Duration> {
    let lease = duration(text).ok_or_else(|| not_a_duration(text, "--lease-duration"))?;
    if lease < Duration::from_secs(1) {
        return Err(Error::usage(format!("a lock of {text} is over at once")).hint("give --lease-duration at least 1s"));
    }
    Ok(lease)
}

/// The error for Ctrl-C before anything was changed.
pub fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted; nothing was changed")
}

/// `1 shard`, `2 shards`.
pub fn counted(count: usize) -> String {
    if count == 1 {
        "1 shard".to_owned()
    } else {
        format!("{count} shards")
    }
}

/// What `--allow` overrides.
///
/// # Errors
/// A usage error for an id that no refusal has, or that can't be allowed.
pub fn allowed(ids: &[String]) -> Result<Allowed> {
    Allowed::parse(ids).map_err(|refused| match refused {
        NotAllowed::Unknown { id, known } => no_such("refusal", &id, &known, " (--allow)").hint("$ shardctl explain"),
        NotAllowed::GuardsData(about) => Error::usage(format!("`{}` can't be allowed: {}", about.id, about.title))
            .hint("data would be lost by going on")
            .hint(format!("$ shardctl explain {}", about.id)),
        NotAllowed::Never(about) => Error::usage(format!("`{}` can't be allowed: {}", about.id, about.title))
            .hint(format!("$ shardctl explain {}", about.id)),
    })
}

fn gate(text: &str) -> Result<Gate> {
    match text.split_once(':') {
        None if text == "verify" => Ok(Gate::Verify),
        _ if text.split_whitespace().next() == Some("route-test") => {
            Ok(Gate::RouteTest(Box::new(route_arguments::of_gate(text)?)))
        }
        Some(("exec", command)) if !command.trim().is_empty() => Ok(Gate::Exec(command.to_owned())),
        _ => Err(Error::usage(format!("`{text}` (--gate) is no gate"))
            .hint("the gates are `verify`, `route-test` (with its own flags after it) and `exec:COMMAND`")
            .hint("for example --gate 'exec:./replication-caught-up', or --gate 'route-test --path /lookup/{key}'")),
    }
}

/// A length of time that `flag` gives.
///
/// # Errors
/// A usage error for what isn't one.
pub fn length(text: &str, flag: &str) -> Result<SignedDuration> {
    let length = duration(text).ok_or_else(|| not_a_duration(text, flag))?;
    SignedDuration::try_from(length).map_err(|_| not_a_duration(text, flag))
}

fn deadline(text: &str) -> Result<When> {
    if let Some(length) = duration(text) {
        return SignedDuration::try_from(length)
            .ok()
            .filter(|length| Timestamp::UNIX_EPOCH.checked_add(*length).is_ok())
            .map(When::After)
            .ok_or_else(|| not_a_duration(text, "--deadline"));
    }
    text.parse().map(When::At).map_err(|_| {
        Error::usage(format!("`{text}` (--deadline) is neither a duration nor a time")).hint(
            "write how long from now (90m), or when, with its offset (2026-11-21T06:00:00Z, 2026-11-21T07:00:00+01:00)",
        )
    })
}
