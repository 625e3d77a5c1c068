//! `shardctl events`: what was said about the shards, merged; with `--watch`, what is said from now on as well.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::connection::{open, policy};
use super::output::{complain, print_to_reader};
use super::progress::Spinner;
use super::{Context, snapshot_file};
use crate::cli::{Events, EventsOutput, Source};
use crate::cluster::connect::Connection;
use crate::cluster::watch::Watches;
use crate::config::{duration, not_a_duration};
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::model::read::Skip;
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::nearest::nearest;
use crate::operations::observe::{derive, listen};
use crate::plan::story::{Story, Told, story};
use crate::plan::verify::policy::Policy;
use crate::report::json;
use crate::report::page::Page;
use crate::report::story::StoryLines;
use crate::report::style::Tone;

/// Runs it.
///
/// # Errors
/// Where nothing could be told: usage, an unreachable cluster, no set, a file that isn't a snapshot.
pub async fn run(context: &Context, arguments: &Events) -> Result<ExitCode> {
    let policy = policy(context, &[])?;
    let since = arguments.since.as_deref().map(since).transpose()?;
    if let Some(path) = arguments.from.as_ref().and_then(Source::file) {
        let snapshot = snapshot_file::read_meant(context, path)?.1;
        return Teller::new(context, arguments, since).tell(&snapshot, &policy);
    }
    let connection = open(context).await?;
    let spinner = Spinner::start(context, "listening to the cluster");
    let snapshot = look(context, &connection).await?;
    drop(spinner);
    let mut teller = Teller::new(context, arguments, since);
    let code = teller.tell(&snapshot, &policy)?;
    if !arguments.watch {
        return Ok(code);
    }
    watch(&connection, &snapshot, &mut teller, &policy).await
}

/// Tells what is said from now on, until interrupted or until nobody reads it any more.
async fn watch(
    connection: &Connection,
    first: &Snapshot,
    teller: &mut Teller<'_>,
    policy: &Policy,
) -> Result<ExitCode> {
    let set = first
        .set()
        .and_then(|set| Some((set::name(set), &set.spec.as_ref()?.selector)));
    let Some((name, selector)) = set else {
        return Err(Error::bug("the set was told of and isn't there"));
    };
    let mut watches = Watches::start(connection, connection.namespace(), name, selector, &[]);
    watches.ready().await.map_err(|failure| {
        failure.into_error(&format!("watch statefulset/{name} and its pods"), connection.endpoint())
    })?;
    while teller.is_read {
        let mut snapshot = watches.snapshot();
        // A volume stays that of its claim, and isn't watched.
        snapshot.volumes.clone_from(&first.volumes);
        match teller.tell(&snapshot, policy) {
            Ok(_) => teller.trouble(watches.trouble()),
            // Without the set there is nothing to tell until it is back.
            Err(error) if error.kind() != ErrorKind::Output => teller.trouble(Some(error.message().to_owned())),
            Err(error) => return Err(error),
        }
        watches.changed().await;
    }
    Ok(ExitCode::Done)
}

async fn look(context: &Context, connection: &Connection) -> Result<Snapshot> {
    derive(&listen(connection, context.settings.word("statefulset")).await?)
}

/// What `--since` says.
fn since(text: &str) -> Result<Duration> {
    duration(text).ok_or_else(|| not_a_duration(text, "--since"))
}

/// Prints what wasn't printed yet.
struct Teller<'a> {
    context: &'a Context,
    arguments: &'a Events,
    since: Option<Duration>,
    from: Option<Timestamp>,
    lines: Option<StoryLines>,
    told: BTreeSet<Told>,
    missing: BTreeSet<String>,
    trouble: Option<String>,
    is_read: bool,
}

impl<'a> Teller<'a> {
    fn new(context: &'a Context, arguments: &'a Events, since: Option<Duration>) -> Teller<'a> {
        Teller {
            context,
            arguments,
            since,
            from: None,
            lines: None,
            told: BTreeSet::new(),
            missing: BTreeSet::new(),
            trouble: None,
            is_read: true,
        }
    }

    /// Prints what is new in a snapshot.
    ///
    /// # Errors
    /// Where the set isn't known, no shard has the name, or standard output can't be written.
    fn tell(&mut self, snapshot: &Snapshot, policy: &Policy) -> Result<ExitCode> {
        let story = story(snapshot, policy).map_err(|skip| no_story(skip, snapshot, policy))?;
        let shard = match &self.arguments.shard {
            Some(typed) => Some(which(typed, &story, snapshot)?),
            None => None,
        };
        let now = snapshot.taken.at;
        let from = *self.from.get_or_insert_with(|| beginning(now, self.since));
        let lines = self
            .lines
            .get_or_insert_with(|| StoryLines::new(self.context.stdout(), now, story.shards.iter()));
        let wanted =
            |told: &Told| told.happening.said >= from && shard.as_ref().is_none_or(|shard| told.shards.contains(shard));
        let mut text = String::new();
        for told in story.told.into_iter().filter(wanted) {
            if self.told.contains(&told) {
                continue;
            }
            match self.arguments.output {
                EventsOutput::Text => text.push_str(&lines.of(&told.happening, &told.shards)),
                EventsOutput::Json => text.push_str(
                    &json::line("Happening", &told)
                        .map_err(|error| Error::bug(format!("failed to write a happening as JSON: {error}")))?,
                ),
            }
            self.told.insert(told);
        }
        self.is_read &= print_to_reader(&text)?;
        self.note(story.missing);
        if self.missing.is_empty() {
            Ok(ExitCode::Done)
        } else {
            Ok(ExitCode::Unknown)
        }
    }

    /// Says once what couldn't be read.
    fn note(&mut self, missing: Vec<String>) {
        let mut page = Page::new(self.context.stderr());
        for why in missing {
            if self.missing.insert(why.clone()) {
                page.lead(
                    &[(Tone::Unsure, "? ")],
                    Tone::Plain,
                    0,
                    2,
                    &format!("not all is told: {why}"),
                );
            }
        }
        complain(&page.into_text());
    }

    /// Says what is wrong with the watches, once until it changes.
    fn trouble(&mut self, trouble: Option<String>) {
        if let Some(words) = &trouble
            && self.trouble != trouble
            && !self.context.global.quiet
        {
            let mut page = Page::new(self.context.stderr());
            page.lead(&[(Tone::Warn, "! ")], Tone::Plain, 0, 2, words);
            complain(&page.into_text());
        }
        self.trouble = trouble;
    }
}

/// From when on something is told; without `--since`, or with one of 0, everything is.
fn beginning(now: Timestamp, since: Option<Duration>) -> Timestamp {
    let since = since.filter(|since| !since.is_zero());
    let since = since.and_then(|since| now.checked_sub(since).ok());
    since.unwrap_or(Timestamp::MIN)
}

fn no_story(skip: Skip, snapshot: &Snapshot, policy: &Policy) -> Error {
    let namespace = &snapshot.taken.namespace;
    match skip {
        Skip::Unknown(why) => Error::new(ErrorKind::Forbidden, format!("failed to find the shards: {why}"))
            .hint("these rights are enough:")
            .hint(policy.shardctl("rbac")),
        Skip::NotApplicable(_) => {
            Error::usage(format!("there is no StatefulSet in namespace {namespace}")).hint("name the namespace with -n")
        }
    }
}

/// The shard that was meant: a pod's name, `pod/NAME`, or an ordinal.
fn which(typed: &str, story: &Story, snapshot: &Snapshot) -> Result<String> {
    let by_ordinal = typed
        .parse()
        .ok()
        .and_then(|ordinal| snapshot.set().map(|set| set::pod_name(set, ordinal)));
    let name = by_ordinal.unwrap_or_else(|| typed.strip_prefix("pod/").unwrap_or(typed).to_owned());
    if story.shards.contains(&name) {
        return Ok(name);
    }
    let names: Vec<&str> = story.shards.iter().map(String::as_str).collect();
    let near = nearest(&name, &names);
    let error = Error::usage(format!("there is no shard named {typed}"));
    Err(match (near.is_empty(), snapshot.set(), names.len()) {
        (false, ..) => error.hint(format!("did you mean {}?", near.join(" or "))),
        (true, Some(set), 1..) => error.hint(format!(
            "there are {} shards, named {}-ORDINAL",
            names.len(),
            set::name(set)
        )),
        _ => error,
    })
}
