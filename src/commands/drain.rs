//! `shardctl drain`: arguments in, the question or the name typed out, the operation with its view, an exit code out.

use jiff::SignedDuration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::change::{Changing, counted, interrupted, length};
use super::connection::{open, policy};
use super::drain_plan::page;
use super::output::complain;
use super::progress::Spinner;
use super::rehearsal::stage::Actor;
use super::rehearsal::{self, Play};
use super::show::{View, beside};
use super::{Context, again, confirm, early};
use crate::cli::{Drain, DryRun, PrewarmWhen, StrategyName};
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::model::when::When;
use crate::operations::drain::{Asked, Prepared, execute, prepare};
use crate::operations::drain_trial::try_drain;
use crate::operations::gather;
use crate::operations::identity::own_pod;
use crate::operations::tasks::Tasks;
use crate::plan::drain::placeholder::{PAUSE, Prewarm};
use crate::plan::drain::policy::Policy;
use crate::plan::drain::{Afterwards, Flags, Strategy};
use crate::plan::operation::{Planner as _, Wishes};
use crate::plan::safety::rights::of_drain;
use crate::report::drain_page::render;
use crate::report::plan_page::step_words;

/// Only looks (`--dry-run`, `--rehearse`).
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Drain) -> Result<ExitCode> {
    let parts = Parts::of(arguments)?;
    if arguments.rehearse.rehearse {
        return Box::pin(rehearse(context, parts)).await;
    }
    let connection = open(context).await?;
    let prepared = Box::pin(read(context, &connection, &parts)).await?;
    dry_run(context, &connection, &parts, &prepared).await
}

/// Runs it.
///
/// # Errors
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Drain, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let parts = Parts::of(arguments)?;
    let as_json = parts.shared.as_json();
    let (connection, prepared) = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = async {
            let connection = open(context).await?;
            let prepared = Box::pin(read(context, &connection, &parts)).await?;
            Ok::<_, Error>((connection, prepared))
        } => prepared?,
    };
    let early = if prepared.is_idle() {
        Some((End::NothingToDo, nothing_to_do(&prepared)))
    } else {
        early::refused(&prepared.seen(), set::name(&prepared.set), &prepared.refusals().0)
    };
    let plan = page(&prepared);
    if let Some((end, summary)) = early {
        // What stands in the way is on the nodes: a refusal is read beside what is there.
        if end == End::Refused && !as_json && !context.global.quiet {
            complain(&render(&plan, context.stderr()));
            complain("\n");
        }
        return ends_early(context, &prepared, as_json, end, &summary);
    }
    if !as_json && !context.global.quiet {
        complain(&render(&plan, context.stderr()));
    }
    let permit = confirmed(&parts, &prepared, &connection, &stop).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (asks, questions) = unbounded_channel();
    let tasks = parts.shared.tasks(asks, &stop);
    let time = connection.api().server_time().clone();
    Box::pin(beside(View::choose(context, as_json), &time, questions, |events| {
        execute(&connection, prepared, permit, tasks, events, stop)
    }))
    .await
}

/// The question; for a downtime, the set's name.
async fn confirmed(
    parts: &Parts<'_>,
    prepared: &Prepared,
    connection: &Connection,
    stop: &watch::Receiver<u32>,
) -> Result<Permit> {
    let name = set::name(&prepared.set);
    let place = format!("statefulset/{name} in namespace/{}", connection.namespace());
    let nodes = prepared.drain.aim.order.join(", ");
    let count = prepared.order().len();
    if prepared.asked.policy.strategy == Strategy::Downtime && count > 0 {
        let warning = format!(
            "{} of {place} go down together, and the system with them.",
            counted(count)
        );
        return confirm::ask_for_name(&warning, name, parts.arguments.confirm.as_deref(), stop).await;
    }
    let question = match count {
        0 => format!("Empty {nodes}? No shard of {place} is there."),
        _ => format!("Empty {nodes}: move {} of {place}, one at a time?", counted(count)),
    };
    confirm::ask(&question, parts.shared.change.yes, stop).await
}

/// The arguments, read.
struct Parts<'a> {
    arguments: &'a Drain,
    shared: Changing,
    timeout: SignedDuration,
}

impl<'a> Parts<'a> {
    fn of(arguments: &'a Drain) -> Result<Parts<'a>> {
        if arguments.others.grace_period == 0 {
            return Err(Error::usage(
                "--grace-period 0 would force pods off without waiting for them: what may still write to a disk isn't forced",
            )
            .hint("give it at least 1, or leave it out: each pod then gets its own")
            .hint("a pod that doesn't stop is reported with what has to be proven first"));
        }
        Ok(Parts {
            arguments,
            shared: Changing::of(&arguments.pace, &arguments.change)?,
            timeout: length(&arguments.others.timeout, "--timeout")?,
        })
    }

    /// How the drain is to go.
    fn policy(&self) -> Result<Policy> {
        let (arguments, paced) = (self.arguments, self.shared.paced()?);
        Ok(Policy {
            nodes: arguments.nodes.clone(),
            selector: arguments.selector.clone(),
            strategy: match arguments.strategy {
                StrategyName::Relax => Strategy::Relax,
                StrategyName::Surge => Strategy::Surge,
                StrategyName::Direct => Strategy::Direct,
                StrategyName::Downtime => Strategy::Downtime,
            },
            then: match (arguments.then_uncordon, arguments.then_release) {
                (true, _) => Afterwards::Uncordoned,
                (_, true) => Afterwards::Released,
                _ => Afterwards::Cordoned,
            },
            flags: Flags {
                ignore_daemonsets: arguments.others.ignore_daemonsets,
                delete_emptydir_data: arguments.others.delete_emptydir_data,
                force: arguments.others.force,
            },
            prewarm: match arguments.prewarm {
                PrewarmWhen::Auto => Prewarm::Auto,
                PrewarmWhen::Always => Prewarm::Always,
                PrewarmWhen::Never => Prewarm::Never,
            },
            pause_image: arguments.pause_image.clone().unwrap_or_else(|| PAUSE.to_owned()),
            grace: Some(arguments.others.grace_period).filter(|seconds| *seconds > 0),
            until: Some(When::After(self.timeout)).filter(|_| !self.timeout.is_zero()),
            last: paced.last,
            pause: paced.pause,
            tasks: paced.tasks,
            deadline: paced.deadline,
            min_ready: paced.min_ready,
            shard_timeout: paced.shard_timeout,
            max_restarts: paced.max_restarts,
            allowed: self.shared.allowed.clone(),
            own: own_pod(),
        })
    }
}

async fn read(context: &Context, connection: &Connection, parts: &Parts<'_>) -> Result<Prepared> {
    let _spinner = (!parts.shared.as_json()).then(|| Spinner::start(context, "looking at the cluster"));
    Box::pin(prepare(connection, asked(context, parts)?, None)).await
}

fn asked(context: &Context, parts: &Parts<'_>) -> Result<Asked> {
    Ok(Asked {
        statefulset: context.settings.word("statefulset").map(str::to_owned),
        judging: policy(context, &[])?,
        policy: parts.policy()?,
        again: again::of_drain(context, again::without_rehearsing(context.arguments())),
        lease: parts.shared.lease,
    })
}

/// Plays it on a copy of the cluster.
async fn rehearse(context: &Context, mut parts: Parts<'_>) -> Result<ExitCode> {
    let left_out;
    (parts.shared, left_out) = parts.shared.without_commands();
    let how = parts.policy()?;
    let rights = how.strategy.rights(how.then);
    let (rehearse, as_json) = (&parts.arguments.rehearse, parts.shared.as_json());
    let mut play = Play::read(
        context,
        rehearse,
        None,
        gather::Asked::default(),
        as_json,
        |namespace, set| of_drain(namespace, Some(set), rights),
    )
    .await?;
    let mut asked = asked(context, &parts)?;
    asked.statefulset = play.statefulset();
    play.left_out = left_out;
    play.left_out
        .push("pods of other workloads that go: nothing makes them anew elsewhere".to_owned());
    play.waits = vec![how.pause, how.shard_timeout];
    let tasks = parts.shared.rehearsed_tasks();
    play.show(context, move |actor| perform(actor, asked, tasks)).await
}

/// The whole run, with nobody to ask.
///
/// # Errors
/// Where the cluster can't be read before anything was changed.
pub async fn perform(actor: Actor, asked: Asked, tasks: Tasks) -> Result<Outcome> {
    let prepared = Box::pin(prepare(&actor.connection, asked, None)).await?;
    let idle = prepared.is_idle().then(|| nothing_to_do(&prepared));
    let left = prepared.refusals().0;
    if let Some((end, summary)) =
        rehearsal::ends_early(&actor.events, &prepared.seen(), set::name(&prepared.set), idle, left)
    {
        return Ok(prepared.ends(end, &summary));
    }
    Box::pin(execute(
        &actor.connection,
        prepared,
        actor.permit,
        tasks,
        actor.events,
        actor.stop,
    ))
    .await
}

fn nothing_to_do(prepared: &Prepared) -> String {
    let nodes: Vec<String> = prepared
        .drain
        .aim
        .order
        .iter()
        .map(|name| format!("node/{name}"))
        .collect();
    let are = if nodes.len() == 1 { "is" } else { "are" };
    let then = match prepared.asked.policy.then {
        Afterwards::Cordoned => "empty and cordoned",
        Afterwards::Uncordoned => "empty, and open to pods",
        Afterwards::Released => "released",
    };
    format!("nothing to do: {} {are} {then}", nodes.join(", "))
}

/// An end before anything was asked: nothing to do, or refused.
fn ends_early(context: &Context, prepared: &Prepared, as_json: bool, end: End, summary: &str) -> Result<ExitCode> {
    let (left, allowed) = prepared.refusals();
    let found = early::Found {
        at: prepared.at,
        notes: &prepared.found.preflight.notes,
        left,
        allowed,
    };
    early::end(context, as_json, found, prepared.ends(end, summary))
}

/// Prints what would be done. With `server`, the API server tries each kind of write as well.
async fn dry_run(
    context: &Context,
    connection: &Connection,
    parts: &Parts<'_>,
    prepared: &Prepared,
) -> Result<ExitCode> {
    let as_json = parts.shared.as_json();
    if prepared.is_idle() {
        return ends_early(context, prepared, as_json, End::NothingToDo, &nothing_to_do(prepared));
    }
    let mut plan = page(prepared);
    let (mut left, _) = prepared.refusals();
    if parts.shared.change.dry_run == Some(DryRun::Server) {
        let tried = try_drain(connection, prepared).await?;
        left.extend(parts.shared.allowed.left(tried.refusals));
        plan.notes.extend(tried.notes);
    }
    let first = prepared
        .drain
        .next_step(&prepared.seen(), Wishes::default(), prepared.at);
    plan.first = step_words(&first);
    early::dry_run(context, as_json, &plan, &left, render)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    /// The policy of a command line, or its usage error.
    fn policy_of(line: &str) -> Result<Policy, String> {
        let words = line.split(' ');
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Drain(arguments) = cli.command else {
            return Err("another command".to_owned());
        };
        let parts = Parts::of(&arguments).map_err(|error| error.to_string())?;
        parts.policy().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_kubectl_has_it_and_careful() {
        let policy = policy_of("shardctl drain node-1 node/node-2").unwrap();
        assert_eq!(policy.nodes, ["node-1", "node/node-2"]);
        assert_eq!(policy.strategy, Strategy::Relax);
        assert_eq!(policy.then, Afterwards::Cordoned);
        assert_eq!(policy.prewarm, Prewarm::Auto);
        assert_eq!((policy.grace, policy.until, policy.deadline), (None, None, None));
        let expected = Flags {
            ignore_daemonsets: true,
            delete_emptydir_data: false,
            force: false,
        };
        assert_eq!(policy.flags, expected);
        assert_eq!(policy.shard_timeout, SignedDuration::from_mins(10));
        assert_eq!(policy.pause_image, PAUSE);
    }

    #[test]
    fn kubectls_flags_mean_what_they_mean_there() {
        let line = "shardctl maintenance-drain node-1 --ignore-daemonsets=false --delete-emptydir-data --force=true \
                    --grace-period 20 --timeout 90s";
        let policy = policy_of(line).unwrap();
        let expected = Flags {
            ignore_daemonsets: false,
            delete_emptydir_data: true,
            force: true,
        };
        assert_eq!((policy.flags, policy.grace), (expected, Some(20)));
        assert_eq!(policy.until, Some(When::After(SignedDuration::from_secs(90))));
        assert!(
            policy_of("shardctl drain node-1 --ignore-daemonsets")
                .unwrap()
                .flags
                .ignore_daemonsets
        );
        assert_eq!(
            policy_of("shardctl drain node-1 --grace-period=-1").unwrap().grace,
            None
        );
        assert_eq!(policy_of("shardctl drain node-1 --timeout 0").unwrap().until, None);
    }

    #[test]
    fn strategies_and_what_comes_afterwards_are_read() {
        let policy =
            policy_of("shardctl drain -l pool=old --strategy downtime --then-release --prewarm never").unwrap();
        assert_eq!(policy.selector.as_deref(), Some("pool=old"));
        assert_eq!(policy.strategy, Strategy::Downtime);
        assert_eq!((policy.then, policy.prewarm), (Afterwards::Released, Prewarm::Never));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_reason() {
        for (line, words) in [
            ("shardctl drain", "<NODE>..."),
            ("shardctl drain node-1 -l pool=old", "cannot be used with"),
            (
                "shardctl drain node-1 --then-release --then-uncordon",
                "cannot be used with",
            ),
            (
                "shardctl drain node-1 --strategy gently",
                "[possible values: relax, surge, direct, downtime]",
            ),
            ("shardctl drain node-1 --grace-period 0", "isn't forced"),
            ("shardctl drain node-1 --timeout soon", "--timeout"),
            ("shardctl drain node-1 --allow claim-missing", "can't be allowed"),
        ] {
            let error = policy_of(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn the_help_names_the_image_that_holds_room() {
        let help = Cli::try_parse_from(["shardctl", "drain", "--help"])
            .unwrap_err()
            .to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&format!("[default: {PAUSE}]")), "{help}");
    }
}
