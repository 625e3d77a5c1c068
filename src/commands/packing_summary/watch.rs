//! `shardctl packing-summary --watch`: who is where and what it costs, as it changes, until interrupted.
//!
//! Nodes and pods are watched; what they use can't be, and is asked for every so often, which also shows that the API server is
//! still there where a network has fallen silent.

use std::io::IsTerminal as _;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::catalogue::{Chosen, catalogue};
use super::refresh::Kept;
use super::{no_answer, page, refreshed, usage, wish};
use crate::cli::{PackingOutput, PackingSummary};
use crate::cluster::connect::Connection;
use crate::cluster::watch::Watches;
use crate::commands::Context;
use crate::commands::connection::open;
use crate::commands::output::print_to_reader;
use crate::commands::progress::Spinner;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::money::Discount;
use crate::model::read::Skip;
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::operations::observe::measure::{Measured, measure};
use crate::operations::observe::weigh;
use crate::plan::packing::changes::{Look, changes};
use crate::plan::packing::figures::Machines;
use crate::plan::packing::present::{present, region};
use crate::plan::packing::zones::of_disks;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;
use crate::report::json;
use crate::report::packing::watch::{Frame, Marks, Moved, Screen, Trouble, board, change, state, trouble};

/// How often it is asked what is used: metrics servers measure every 15 s as a rule.
const ASKED: Duration = Duration::from_secs(15);
/// How soon it is asked again where the cluster didn't answer.
const TRIED: Duration = Duration::from_secs(2);
/// How long an answer to that is waited for before the cluster counts as silent.
const SILENT: Duration = Duration::from_secs(15);
/// What happens within this time is one change.
const TOGETHER: Duration = Duration::from_millis(250);
/// How often the ages on a screen are drawn anew.
const DRAWN: Duration = Duration::from_secs(1);

/// Runs it, until interrupted or until nobody reads it any more.
///
/// # Errors
/// Where there is nothing to watch: usage, an unreachable cluster, no set, no right to watch it.
pub async fn run(context: &Context, arguments: &PackingSummary, policy: &Policy) -> Result<ExitCode> {
    if arguments.output == PackingOutput::Csv {
        return Err(Error::usage("-o csv is a table of one moment, and --watch has no end")
            .hint("for programs there is a line of JSON a change:")
            .hint("$ shardctl packing-summary --watch -o json"));
    }
    let connection = open(context).await?;
    let spinner = Spinner::start(context, "looking at the cluster");
    let mut base = weigh(&connection, context.settings.word("statefulset")).await?;
    refreshed(context, arguments, &base, policy).await?;
    let eye = Eye::new(arguments, &base, policy)?;
    let mut watches = watches(&connection, &base)?;
    watches.ready().await.map_err(|failure| {
        let what = "watch the StatefulSet and its pods";
        failure.into_error(what, connection.endpoint())
    })?;
    drop(spinner);
    let mut view = View::new(context, arguments.output);
    let mut asking = Box::pin(later(&connection, ASKED));
    let mut silent = None;
    let mut second = interval(DRAWN);
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let looked = Instant::now();
        let snapshot = watches.over(&base);
        let now = snapshot.taken.at;
        let seen = eye.look(&snapshot);
        let trouble = watches.trouble().or_else(|| silent.clone());
        let is_read = match seen {
            Ok((look, frame)) => view.show(look, frame, trouble)?,
            // Without the set there is nothing to tell until it is back.
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => view.keep(now, trouble.or(Some(why)))?,
        };
        if !is_read {
            return Ok(ExitCode::Done);
        }
        loop {
            tokio::select! {
                () = watches.changed() => break,
                measured = &mut asking => {
                    silent = measured.trouble.clone();
                    asking = Box::pin(later(&connection, if silent.is_some() { TRIED } else { ASKED }));
                    if silent.is_none() {
                        measured.into_snapshot(&mut base);
                    }
                    break;
                }
                _ = second.tick() => view.draw(watches.snapshot().taken.at),
            }
        }
        sleep_until(looked + TOGETHER).await;
    }
}

/// What is used, after a pause.
async fn later(connection: &Connection, pause: Duration) -> Measured {
    sleep(pause).await;
    match timeout(SILENT, measure(connection)).await {
        Ok(measured) => measured,
        Err(_) => Measured::silent(format!("the API server has been silent for {} s", SILENT.as_secs())),
    }
}

fn watches(connection: &Connection, first: &Snapshot) -> Result<Watches> {
    let found = first
        .set()
        .and_then(|set| Some((set::name(set), &set.spec.as_ref()?.selector)));
    let Some((name, selector)) = found else {
        return Err(Error::bug("the set was looked at and isn't there"));
    };
    Ok(Watches::start(connection, connection.namespace(), name, selector, &[]).with_all_pods(connection))
}

/// What looks, with the prices and the wish that stay the same.
struct Eye<'a> {
    policy: &'a Policy,
    chosen: Chosen,
    discount: Discount,
}

impl<'a> Eye<'a> {
    fn new(arguments: &PackingSummary, first: &Snapshot, policy: &'a Policy) -> Result<Eye<'a>> {
        let seen = Seen::of(first, policy);
        let of_nodes = region(&seen).map_err(|skip| no_answer(skip.into(), first, policy))?;
        let chosen = catalogue(&arguments.prices, of_nodes, &Kept::of_user())?;
        let discount = wish::wish(arguments, &chosen.catalogue)?.narrowed.discount;
        let eye = Eye {
            policy,
            chosen,
            discount,
        };
        eye.look(first).map_err(|skip| no_answer(skip.into(), first, policy))?;
        Ok(eye)
    }

    fn look(&self, snapshot: &Snapshot) -> std::result::Result<(Look, Frame), Skip> {
        let seen = Seen::of(snapshot, self.policy);
        let driver = of_disks(&seen)?.driver;
        let machines = Machines::of(snapshot, driver.as_deref());
        let found = present(&seen, &machines, &self.chosen.catalogue, self.discount)?;
        let measured = crate::plan::packing::usage::usage(&seen);
        let mut shown = page::present(&found);
        usage::beside(&mut shown, &measured);
        let frame = Frame {
            at: snapshot.taken.at,
            namespace: snapshot.taken.namespace.clone(),
            statefulset: snapshot.taken.statefulset.clone(),
            present: shown,
            usage: usage::usage(&measured),
            unread: found.unseen.iter().cloned().collect(),
            trouble: None,
        };
        Ok((Look::of(snapshot, found), frame))
    }
}

/// How it is shown.
enum Shown {
    /// In place.
    Screen(Screen),
    /// As lines that stay.
    Lines,
    /// As lines of JSON.
    Json,
}

/// What has been shown so far.
struct View<'a> {
    context: &'a Context,
    wide: bool,
    shown: Shown,
    last: Option<(Look, Frame)>,
    marks: Marks,
    trouble: Option<Trouble>,
}

impl<'a> View<'a> {
    fn new(context: &'a Context, output: PackingOutput) -> View<'a> {
        let shown = match output {
            PackingOutput::Json => Shown::Json,
            _ if std::io::stdout().is_terminal() => Shown::Screen(Screen::on_stdout()),
            _ => Shown::Lines,
        };
        View {
            context,
            wide: output == PackingOutput::Wide,
            shown,
            last: None,
            marks: Marks::default(),
            trouble: None,
        }
    }

    /// Shows what is new; false where nobody reads it any more.
    fn show(&mut self, look: Look, mut frame: Frame, why: Option<String>) -> Result<bool> {
        let now = frame.at;
        let mut text = self.trouble(now, why)?;
        frame.trouble.clone_from(&self.trouble);
        let movements = match &self.last {
            Some((before, _)) => changes(before, &look),
            None => Vec::new(),
        };
        let is_first = self.last.is_none();
        let measured = self
            .last
            .as_ref()
            .is_none_or(|(_, last)| last.usage.since != frame.usage.since);
        for movement in movements {
            let moved = Moved { at: now, movement };
            self.marks.note(&moved);
            match self.shown {
                Shown::Screen(_) => {}
                Shown::Lines => text.push_str(&change(&moved, self.context.stdout())),
                Shown::Json => text.push_str(&line("PackingChange", &moved)?),
            }
        }
        match self.shown {
            Shown::Screen(_) => {}
            Shown::Lines if is_first => text.push_str(&state(&frame, self.context.stdout())),
            Shown::Lines => {}
            Shown::Json if is_first || measured || !text.is_empty() => text.push_str(&line("PackingState", &frame)?),
            Shown::Json => {}
        }
        self.last = Some((look, frame));
        self.draw(now);
        print_to_reader(&text)
    }

    /// Goes on showing what was seen last.
    fn keep(&mut self, now: Timestamp, why: Option<String>) -> Result<bool> {
        let text = self.trouble(now, why)?;
        if let Some((_, frame)) = &mut self.last {
            frame.trouble.clone_from(&self.trouble);
        }
        self.draw(now);
        print_to_reader(&text)
    }

    /// Takes note that what is seen is old, or isn't any more. What is wrong in another way is no news.
    fn trouble(&mut self, now: Timestamp, why: Option<String>) -> Result<String> {
        let new = why.map(|why| Trouble {
            why,
            since: self.trouble.as_ref().map_or(now, |before| before.since),
        });
        let before = std::mem::replace(&mut self.trouble, new);
        if before.is_some() == self.trouble.is_some() {
            return Ok(String::new());
        }
        match self.shown {
            Shown::Screen(_) => Ok(String::new()),
            Shown::Lines => Ok(trouble(
                now,
                before.as_ref(),
                self.trouble.as_ref(),
                self.context.stdout(),
            )),
            Shown::Json => line(
                "PackingTrouble",
                &serde_json::json!({"at": now, "trouble": self.trouble}),
            ),
        }
    }

    /// Draws the screen anew, where there is one.
    fn draw(&mut self, now: Timestamp) {
        self.marks.forget(now);
        if let (Shown::Screen(screen), Some((_, frame))) = (&mut self.shown, &self.last) {
            let style = self.context.stdout();
            let style = if self.wide { style.unwrapped() } else { style };
            screen.draw(board(frame, &self.marks, now, style, screen.rows()));
        }
    }
}

fn line(kind: &'static str, body: &impl serde::Serialize) -> Result<String> {
    json::line(kind, body).map_err(|error| Error::bug(format!("failed to write {kind} as JSON: {error}")))
}
