//! `shardctl upgrade` and `upgrade undo`: arguments in, the question, the operation with its view, an exit code out.

use std::io::IsTerminal;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};

use super::again;
use super::confirm;
use super::connection::{open, policy};
use super::output::{complain, print};
use super::progress::Spinner;
use super::show::{Question, View, exit_code};
use super::{Context, upgrade_status};
use crate::cli::{Change, DryRun, OnFailure, Pace, StatusOutput, Upgrade, UpgradeCommand};
use crate::cluster::connect::Connection;
use crate::config::{duration, not_a_duration};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::nearest::no_such;
use crate::operations::emit::Emitter;
use crate::operations::tasks::{Ask, Gate, Tasks};
use crate::operations::upgrade::{Asked, Prepared, execute, prepare};
use crate::plan::image::Wanted;
use crate::plan::operation::Planner as _;
use crate::plan::pre_pull::targets;
use crate::plan::safety::catalogue::{Allowed, NotAllowed};
use crate::plan::template;
use crate::plan::upgrade::policy::{self as plan, Goal};
use crate::plan::verify::residue::running;
use crate::report::plan_page::{self, PlanPage, Turn};
use crate::report::refusals;

/// What stands for no limit at all (`--shard-timeout 0`).
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// What only looks: `upgrade status` and dry runs.
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Upgrade) -> Result<ExitCode> {
    if let Some(UpgradeCommand::Status(status)) = &arguments.command {
        return upgrade_status::run(context, status).await;
    }
    let parts = Parts::of(arguments)?;
    let connection = open(context).await?;
    let prepared = read(context, &connection, &parts).await?;
    dry_run(context, &connection, &parts, &prepared).await
}

/// Runs it.
///
/// # Errors
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Upgrade, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let parts = Parts::of(arguments)?;
    let as_json = parts.change.output == StatusOutput::Json;
    let prepared = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = async {
            let connection = open(context).await?;
            let prepared = read(context, &connection, &parts).await?;
            Ok::<_, Error>((connection, prepared))
        } => prepared?,
    };
    let (connection, prepared) = prepared;
    let (left, _) = prepared.refusals();
    let early = if prepared.is_idle() {
        Some((End::NothingToDo, nothing_to_do(&prepared)))
    } else {
        left.first().map(|first| {
            // What another run is at looks like many things that are wrong; that it runs says all of them.
            let name = set::name(&prepared.set);
            match running(&prepared.seen(), name) {
                Some(holder) => {
                    let summary = format!("{holder} holds the lock on statefulset/{name}; nothing was changed");
                    (End::Locked, summary)
                }
                None => (End::Refused, format!("refused: {}: {}", first.object, first.message)),
            }
        })
    };
    if let Some((end, summary)) = early {
        return ends_early(context, &prepared, as_json, end, summary);
    }
    if !as_json && !context.global.quiet {
        complain(&plan_page::render(&page(&prepared), context.stderr()));
    }
    let place = format!(
        "statefulset/{} in namespace/{}",
        set::name(&prepared.set),
        connection.namespace()
    );
    let question = match prepared.order().len() {
        0 => format!("No shard of {place} has to move. Finish what is left to do there?"),
        count => format!("Move {} of {place}, one at a time?", counted(count)),
    };
    let permit = confirm::ask(&question, parts.change.yes).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (asks, questions) = unbounded_channel();
    let tasks = tasks(&parts, asks);
    let (events, from) = Emitter::channel(connection.api().server_time().clone());
    let viewer = tokio::spawn(View::choose(context, as_json).follow(from, questions));
    let outcome = execute(&connection, prepared, permit, tasks, events.clone(), stop).await;
    let code = match outcome {
        Ok(outcome) => {
            let code = outcome.end;
            events.emit(Fact::Ended(Box::new(outcome)));
            Ok(exit_code(code))
        }
        Err(error) => Err(error),
    };
    drop(events);
    let shown = viewer.await.unwrap_or(Ok(()));
    match code {
        // What can't be shown is an error only where there is nothing worse to say.
        Ok(ExitCode::Done) => shown.map(|()| ExitCode::Done),
        code => code,
    }
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted; nothing was changed")
}

/// The arguments of `upgrade` or of `upgrade undo`, read.
struct Parts {
    goal: Goal,
    pace: Pace,
    change: Change,
    allowed: Allowed,
    gate: Option<Gate>,
    lease: Duration,
    /// How long a shard, a node's fetching and a command of the user's may take.
    limit: Duration,
}

impl Parts {
    fn of(arguments: &Upgrade) -> Result<Parts> {
        let (goal, pace, change) = match &arguments.command {
            Some(UpgradeCommand::Undo(undo)) => (
                Goal::Undo {
                    to: undo.to_revision.clone(),
                },
                &undo.pace,
                &undo.change,
            ),
            _ if arguments.restart => (Goal::Restart, &arguments.pace, &arguments.change),
            _ if arguments.images.is_empty() => (Goal::Pending, &arguments.pace, &arguments.change),
            _ => {
                let images = arguments
                    .images
                    .iter()
                    .map(|text| Wanted::parse(text).map_err(|error| Error::usage(format!("--image {text}: {error}"))));
                (
                    Goal::Images(images.collect::<Result<_>>()?),
                    &arguments.pace,
                    &arguments.change,
                )
            }
        };
        let lease = duration(&change.lease_duration)
            .ok_or_else(|| not_a_duration(&change.lease_duration, "--lease-duration"))?;
        if lease < Duration::from_secs(1) {
            return Err(
                Error::usage(format!("a lock of {} is over at once", change.lease_duration))
                    .hint("give --lease-duration at least 1s"),
            );
        }
        let limit =
            duration(&pace.shard_timeout).ok_or_else(|| not_a_duration(&pace.shard_timeout, "--shard-timeout"))?;
        let parts = Parts {
            goal,
            pace: pace.clone(),
            change: change.clone(),
            allowed: allowed(&change.allow)?,
            gate: pace.gate.as_deref().map(gate).transpose()?,
            lease,
            limit: if limit.is_zero() { NO_LIMIT } else { limit },
        };
        // What is mistyped is told before any server is asked.
        parts.policy(Timestamp::UNIX_EPOCH)?;
        Ok(parts)
    }

    /// How the upgrade is to go; `now` in the server's time.
    fn policy(&self, now: Timestamp) -> Result<plan::Policy> {
        let pace = &self.pace;
        Ok(plan::Policy {
            goal: self.goal.clone(),
            only: pace.only.iter().copied().collect(),
            last: pace.last.iter().copied().collect(),
            canary: pace.canary.and_then(|count| usize::try_from(count).ok()),
            pause: length(&pace.pause, "--pause")?,
            gate: self.gate.is_some(),
            before: pace.before.is_some(),
            after: pace.after.is_some(),
            deadline: pace.deadline.as_deref().map(|text| deadline(text, now)).transpose()?,
            min_ready: pace
                .min_ready
                .as_deref()
                .map(|text| length(text, "--min-ready"))
                .transpose()?,
            shard_timeout: SignedDuration::try_from(self.limit)
                .map_err(|_| not_a_duration(&pace.shard_timeout, "--shard-timeout"))?,
            on_failure: match pace.on_failure {
                OnFailure::Halt => plan::OnFailure::Halt,
                OnFailure::Undo => plan::OnFailure::Undo,
            },
            pre_pull: !pace.no_prepull,
            max_restarts: pace.max_restarts,
            allowed: self.allowed.clone(),
        })
    }
}

async fn read(context: &Context, connection: &Connection, parts: &Parts) -> Result<Prepared> {
    let quiet = parts.change.output == StatusOutput::Json;
    let _spinner = (!quiet).then(|| Spinner::start(context, "looking at the cluster"));
    // The deadline is in the server's time, which its first answer tells.
    let now = connection.api().server_time().now();
    let asked = Asked {
        statefulset: context.settings.word("statefulset").map(str::to_owned),
        judging: policy(context, &[])?,
        policy: parts.policy(now)?,
        again: again::of_upgrade(context, std::env::args()),
        lease: parts.lease,
    };
    prepare(connection, asked, None).await
}

fn tasks(parts: &Parts, asks: UnboundedSender<Question>) -> Tasks {
    let somebody = !parts.change.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    Tasks {
        before: parts.pace.before.clone(),
        after: parts.pace.after.clone(),
        gate: parts.gate.clone(),
        ask: somebody.then(|| -> Ask {
            Box::new(move |done| {
                let asks = asks.clone();
                Box::pin(async move {
                    let (answer, answered) = oneshot::channel();
                    let words = format!("{} done. Go on with the rest?", counted(done));
                    asks.send(Question { words, answer }).is_ok() && answered.await.unwrap_or(false)
                })
            })
        }),
        limit: parts.limit,
    }
}

fn allowed(ids: &[String]) -> Result<Allowed> {
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
        Some(("exec", command)) if !command.trim().is_empty() => Ok(Gate::Exec(command.to_owned())),
        _ => Err(Error::usage(format!("`{text}` (--gate) is no gate"))
            .hint("the gates are `verify` and `exec:COMMAND`, for example --gate 'exec:./replication-caught-up'")),
    }
}

fn length(text: &str, flag: &str) -> Result<SignedDuration> {
    let length = duration(text).ok_or_else(|| not_a_duration(text, flag))?;
    SignedDuration::try_from(length).map_err(|_| not_a_duration(text, flag))
}

fn deadline(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Some(length) = duration(text) {
        return SignedDuration::try_from(length)
            .ok()
            .and_then(|length| now.checked_add(length).ok())
            .ok_or_else(|| not_a_duration(text, "--deadline"));
    }
    text.parse().map_err(|_| {
        Error::usage(format!("`{text}` (--deadline) is neither a duration nor a time")).hint(
            "write how long from now (90m), or when, with its offset (2026-11-21T06:00:00Z, 2026-11-21T07:00:00+01:00)",
        )
    })
}

fn counted(count: usize) -> String {
    if count == 1 {
        "1 shard".to_owned()
    } else {
        format!("{count} shards")
    }
}

fn nothing_to_do(prepared: &Prepared) -> String {
    let seen = prepared.seen();
    let revision = crate::plan::upgrade::observed_revision(&seen).unwrap_or_default();
    let only = &prepared.asked.policy.only;
    let shards = seen.every_shard().unwrap_or_default();
    let wanted = shards
        .iter()
        .filter(|shard| only.is_empty() || only.contains(&shard.ordinal))
        .count();
    let of = if only.is_empty() { "" } else { " of --only" };
    format!("nothing to do: {}{of} Ready on revision {revision}", counted(wanted))
}

/// An end before anything was asked: nothing to do, or refused.
fn ends_early(context: &Context, prepared: &Prepared, as_json: bool, end: End, summary: String) -> Result<ExitCode> {
    let (left, allowed) = prepared.refusals();
    if as_json {
        let step = crate::model::step::Step::End {
            end,
            summary,
            findings: Vec::new(),
        };
        let outcome: Outcome = prepared.upgrade.outcome(&prepared.seen(), &step, prepared.at);
        let mut view = View::choose(context, true);
        let mut facts: Vec<Fact> = Vec::new();
        if end == End::Refused {
            facts.extend(
                prepared
                    .found
                    .notes
                    .iter()
                    .cloned()
                    .map(|finding| Fact::Noted { finding }),
            );
            facts.extend(allowed.into_iter().map(|refusal| Fact::Allowed { refusal }));
            facts.extend(left.into_iter().map(|refusal| Fact::Refused { refusal }));
        }
        facts.push(Fact::Ended(Box::new(outcome)));
        for fact in facts {
            view.show(&crate::event::Event { at: prepared.at, fact })?;
        }
    } else if end == End::Refused {
        complain(&refusals::render(&left, context.stderr()));
    } else {
        print(&format!("{}\n", crate::report::untrusted::visible(&summary)))?;
    }
    Ok(exit_code(end))
}

/// What is about to be done, for people.
fn page(prepared: &Prepared) -> PlanPage {
    let seen = prepared.seen();
    let aim = &prepared.upgrade.aim;
    let order = prepared.order();
    let ordinals: Vec<set::Ordinal> = order
        .iter()
        .filter_map(|name| set::ordinal_of(&prepared.set, name))
        .collect();
    let shards = seen.every_shard().unwrap_or_default();
    let turns = order.iter().map(|name| {
        let found = shards.iter().find(|shard| &shard.name == name);
        let pod = found.and_then(|shard| shard.pod);
        let ordinal = found.map(|shard| shard.ordinal);
        Turn {
            shard: name.clone(),
            node: pod.and_then(crate::model::pod::node).map(str::to_owned),
            why: if !pod.is_some_and(crate::model::pod::is_ready) {
                Some("down already".to_owned())
            } else if ordinal.is_some_and(|ordinal| prepared.asked.policy.last.contains(&ordinal)) {
                Some("--last".to_owned())
            } else {
                None
            },
        }
    });
    let spec = aim.typed.spec.as_ref();
    let nodes = spec
        .filter(|_| prepared.asked.policy.pre_pull)
        .and_then(|spec| targets(&seen, spec, &ordinals).ok())
        .unwrap_or_default();
    let images: Vec<&str> = spec
        .map(|spec| {
            let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
            all.filter_map(|container| container.image.as_deref()).collect()
        })
        .unwrap_or_default();
    let pre_pull = if nodes.nodes.is_empty() {
        Vec::new()
    } else {
        vec![format!("{} onto {}", images.join(", "), nodes.nodes.join(", "))]
    };
    let estimates = prepared
        .upgrade
        .estimate_of_all(&seen)
        .into_iter()
        .map(|(seconds, from)| format!("about {seconds:.0} s a shard ({from})"))
        .collect();
    PlanPage {
        goal: format!("{}: {}", set::name(&prepared.set), aim.what),
        changes: template::diff(&aim.running, &aim.template)
            .into_iter()
            .map(|line| plan_page::Change {
                path: line.path,
                old: line.old,
                new: line.new,
            })
            .collect(),
        order: turns.collect(),
        pre_pull,
        estimates,
        first: String::new(),
        notes: prepared.found.notes.clone(),
    }
}

/// Prints what would be done. With `server`, the API server tries each kind of write as well.
async fn dry_run(context: &Context, connection: &Connection, parts: &Parts, prepared: &Prepared) -> Result<ExitCode> {
    let as_json = parts.change.output == StatusOutput::Json;
    if prepared.is_idle() {
        return ends_early(context, prepared, as_json, End::NothingToDo, nothing_to_do(prepared));
    }
    let (mut left, _) = prepared.refusals();
    let mut notes = Vec::new();
    if parts.change.dry_run == Some(DryRun::Server) {
        let tried = prepared.try_it(connection).await?;
        left.extend(
            tried
                .refusals
                .into_iter()
                .filter(|refusal| !parts.allowed.covers(refusal)),
        );
        notes = tried.notes;
    }
    let mut page = page(prepared);
    page.notes.extend(notes);
    let first = prepared
        .upgrade
        .next_step(&prepared.seen(), crate::plan::operation::Wishes::default(), prepared.at);
    page.first = plan_page::step_words(&first);
    if as_json {
        let document = plan_page::Planned {
            plan: &page,
            refusals: &left,
        };
        let text = crate::report::json::document("Plan", &document)
            .map_err(|error| Error::bug(format!("failed to write the plan as JSON: {error}")))?;
        print(&text)?;
    } else {
        print(&plan_page::render(&page, context.stdout()))?;
        complain(&refusals::render(&left, context.stderr()));
    }
    Ok(if left.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Refused
    })
}
