//! The page from top to bottom: how it ended and what to do next first, then where the time went, then the rest.

use jiff::Timestamp;

use super::course::{Course, outcome};
use super::markup::Markup;
use super::style::{SHEET, class};
use super::{tables, timeline};
use crate::event::{Event, Fact};
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::refusal::Refusal;
use crate::report::lines::{Lines, ended};
use crate::report::style::{Style, Tone};
use crate::report::time::{moment, seconds};

/// What keeps a page from loading or running anything, whatever got into it: browsers obey it before anything else in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Why a run broke off without an end of its own.
pub struct Trouble<'a> {
    /// What happened.
    pub message: &'a str,
    /// What to do next; a command begins with `$ `.
    pub hints: &'a [String],
    /// The exit code.
    pub exit_code: u8,
}

/// The page of a run, as its events tell it. `command` is the command line, where it is known better than the events know it.
pub fn render(events: &[Event], command: Option<&str>, trouble: Option<&Trouble<'_>>) -> String {
    let about = About::of(events, command);
    let end = outcome(events);
    let course = Course::of(events);
    let mut page = Markup::default();
    page.fixed("<!DOCTYPE html>\n");
    page.within("html", &[("lang", "en")], |html| {
        html.within("head", &[], |head| top(head, &about));
        html.fixed("\n");
        html.within("body", &[], |body| {
            body.element("h1", "", &about.title());
            how_it_ended(body, events, end, trouble);
            in_the_way(body, events, end, trouble);
            if let Some(end) = end {
                facts(body, end);
            }
            if let Some(course) = course.as_ref().filter(|course| !course.lanes.is_empty()) {
                section(body, "Where the time went");
                timeline::draw(body, course);
                if let Some(end) = end {
                    tables::shards(body, end);
                }
                tables::waits(body, &course.waited);
            }
            worth_knowing(body, events);
            tables::deeds(body, events, &about.by);
            tables::said_meanwhile(body, events);
            the_run(body, &about, course.as_ref());
            every_event(body, events);
            let version = concat!(
                "Written by shardctl ",
                env!("CARGO_PKG_VERSION"),
                ". Times are the server's, in UTC."
            );
            body.element("footer", "", version);
        });
    });
    page.fixed("\n");
    page.into_text()
}

/// What the run was about.
#[derive(Default)]
struct About {
    operation: String,
    run: String,
    by: String,
    set: String,
    goal: String,
    command: String,
}

impl About {
    fn of(events: &[Event], command: Option<&str>) -> About {
        let started = events.iter().find_map(|event| match &event.fact {
            Fact::Started {
                operation,
                run,
                by,
                namespace,
                statefulset,
                goal,
                command,
                ..
            } => Some(About {
                operation: operation.clone(),
                run: run.clone(),
                by: by.clone(),
                set: format!("{namespace}/{statefulset}"),
                goal: goal.clone(),
                command: command.clone(),
            }),
            _ => None,
        });
        let mut about = started.unwrap_or_default();
        if let Some(command) = command {
            command.clone_into(&mut about.command);
        }
        about
    }

    fn title(&self) -> String {
        if self.operation.is_empty() {
            return if self.command.is_empty() {
                "shardctl".to_owned()
            } else {
                self.command.clone()
            };
        }
        format!("shardctl {} · {} · {}", self.operation, self.set, self.goal)
    }
}

fn top(head: &mut Markup, about: &About) {
    head.within("meta", &[("charset", "utf-8")], |_| {});
    let policy = [("http-equiv", "Content-Security-Policy"), ("content", POLICY)];
    head.within("meta", &policy, |_| {});
    let narrow = [("name", "viewport"), ("content", "width=device-width, initial-scale=1")];
    head.within("meta", &narrow, |_| {});
    head.element("title", "", &about.title());
    head.within("style", &[], |style| style.fixed(SHEET));
}

/// A part's heading.
pub(super) fn section(body: &mut Markup, words: &str) {
    body.fixed("\n");
    body.element("h2", "", words);
}

/// The end in a word and a sentence, and its figures.
fn how_it_ended(body: &mut Markup, events: &[Event], end: Option<&Outcome>, trouble: Option<&Trouble<'_>>) {
    let (said, tone, summary) = match (end, trouble) {
        (Some(end), _) => (word(end.end), ended(end.end).1, end.summary.as_str()),
        (None, Some(trouble)) => {
            let begun = events.iter().any(|event| matches!(event.fact, Fact::Started { .. }));
            let said = if begun { "Broke off" } else { "Not begun" };
            (said, Tone::Bad, trouble.message)
        }
        (None, None) => ("No end", Tone::Unsure, "what became of it isn't known"),
    };
    body.within("div", &[("class", &format!("end {}", class(tone)))], |banner| {
        banner.element("p", "said", said);
        banner.element("p", "summary", summary);
        banner.within("dl", &[("class", "figures")], |figures| {
            if let Some(end) = end {
                if !end.shards.is_empty() {
                    figure(figures, "shard-seconds down", &format!("{:.1}", end.shard_seconds));
                    let longest = end.shards.iter().map(|shard| shard.down_seconds).fold(0.0, f64::max);
                    figure(figures, "the longest of one shard", &seconds(longest));
                    let done = end.shards.iter().filter(|shard| shard.done).count();
                    figure(figures, "shards done", &format!("{done} of {}", wanted(events, end)));
                }
                figure(figures, "the whole run", &seconds(end.seconds));
            }
            let code = end
                .map(|end| end.exit_code)
                .or(trouble.map(|trouble| trouble.exit_code));
            if let Some(code) = code {
                figure(figures, "exit code", &code.to_string());
            }
        });
    });
}

/// How many shards it was about: those it set out for, and whatever else it touched.
fn wanted(events: &[Event], end: &Outcome) -> usize {
    let order = events.iter().find_map(|event| match &event.fact {
        Fact::Started { order, .. } => Some(order.len()),
        _ => None,
    });
    order.unwrap_or_default().max(end.shards.len())
}

fn figure(figures: &mut Markup, name: &str, value: &str) {
    figures.within("div", &[], |one| {
        one.element("dt", "", name);
        one.element("dd", "", value);
    });
}

/// An end in a word or two.
fn word(end: End) -> &'static str {
    match end {
        End::Done => "Done",
        End::NothingToDo => "Nothing to do",
        End::Refused => "Refused",
        End::Halted => "Stopped short",
        End::TimedOut => "Out of time",
        End::Interrupted => "Interrupted",
        End::Locked => "Locked",
        End::MarkLeft => "Something of ours is left",
        End::Unreachable => "Cut off",
        End::Unjudged => "Not everything could be seen",
    }
}

/// Refusals, failures and findings of the end, each once, with evidence and remedy.
fn in_the_way(body: &mut Markup, events: &[Event], end: Option<&Outcome>, trouble: Option<&Trouble<'_>>) {
    let mut findings: Vec<&Finding> = end.map(|end| end.findings.iter().collect()).unwrap_or_default();
    for event in events {
        if let Fact::ShardFailed { finding, .. } = &event.fact
            && !findings.iter().any(|found| found.message == finding.message)
        {
            findings.push(finding);
        }
    }
    let refusals: Vec<&Refusal> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Refused { refusal } => Some(refusal),
            _ => None,
        })
        .collect();
    let hints = trouble.map(|trouble| trouble.hints).unwrap_or_default();
    if findings.is_empty() && refusals.is_empty() && hints.is_empty() {
        return;
    }
    let good = end.is_some_and(|end| matches!(end.end, End::Done | End::NothingToDo));
    section(body, if good { "What to look at" } else { "What is in the way" });
    for finding in findings {
        found(body, finding);
    }
    for refusal in refusals {
        let what = format!("{} ({})", refusal.message, refusal.id);
        boxed(
            body,
            "bad",
            &refusal.object,
            &what,
            (&refusal.evidence, &refusal.remedy),
        );
    }
    body.within("div", &[], |next| advice(next, hints));
}

fn found(body: &mut Markup, finding: &Finding) {
    let tone = match finding.severity {
        Severity::Information => "",
        Severity::Warning => "warn",
        Severity::Error => "bad",
    };
    let proof = (finding.evidence.as_slice(), finding.remedy.as_slice());
    boxed(body, tone, &finding.object, &finding.message, proof);
}

fn boxed(body: &mut Markup, tone: &str, object: &str, message: &str, (evidence, remedy): (&[String], &[String])) {
    body.within("div", &[("class", &format!("box {tone}"))], |inside| {
        inside.within("p", &[], |line| {
            line.element("span", "word", object);
            line.text(": ");
            line.text(message);
        });
        if !evidence.is_empty() {
            inside.within("pre", &[("class", "faint")], |pre| {
                evidence.iter().for_each(|line| pre.lines(line));
            });
        }
        advice(inside, remedy);
    });
}

/// Lines of advice: commands to copy stand apart.
fn advice(inside: &mut Markup, lines: &[String]) {
    for line in lines {
        match line.strip_prefix("$ ") {
            Some(command) => inside.element("pre", "", command),
            None => inside.element("p", "", line),
        }
    }
}

/// The three facts that every run ends with.
fn facts(body: &mut Markup, end: &Outcome) {
    body.within("dl", &[("class", "facts")], |facts| {
        fact(facts, "Now", |now| {
            now.element("p", "", &end.state_now);
            if !end.data.is_empty() {
                now.element("p", "", &end.data);
            }
        });
        for (name, lines) in [("To go on", &end.how_to_resume), ("To undo it", &end.how_to_undo)] {
            if !lines.is_empty() {
                fact(facts, name, |inside| advice(inside, lines));
            }
        }
    });
}

fn fact(facts: &mut Markup, name: &str, inside: impl FnOnce(&mut Markup)) {
    facts.element("dt", "", name);
    facts.within("dd", &[], inside);
}

/// What stops nothing: notes, what was allowed, requests that failed on the way, somebody's wish to stop.
fn worth_knowing(body: &mut Markup, events: &[Event]) {
    let notes: Vec<&Event> = events
        .iter()
        .filter(|event| {
            matches!(
                event.fact,
                Fact::Noted { .. } | Fact::Allowed { .. } | Fact::Trouble { .. } | Fact::Stopping { .. }
            )
        })
        .collect();
    if notes.is_empty() {
        return;
    }
    section(body, "Worth knowing");
    for event in notes {
        match &event.fact {
            Fact::Noted { finding } => found(body, finding),
            Fact::Allowed { refusal } => {
                let words = format!("--allow {}, though {}", refusal.id, refusal.message);
                boxed(body, "warn", &refusal.object, &words, (&refusal.evidence, &[]));
            }
            Fact::Trouble { message } => boxed(body, "warn", &moment(event.at), message, (&[], &[])),
            _ => {
                let words = "somebody pressed Ctrl-C: what was in hand was finished, then marks were put back";
                boxed(body, "warn", &moment(event.at), words, (&[], &[]));
            }
        }
    }
}

/// Which run this was: when, whose, by which command.
fn the_run(body: &mut Markup, about: &About, course: Option<&Course>) {
    section(body, "This run");
    body.within("dl", &[("class", "facts")], |facts| {
        if let Some((began, ended)) = course.map(Course::ends) {
            let words = |at: Timestamp| moment(at);
            fact(facts, "From", |inside| inside.text(&words(began)));
            fact(facts, "To", |inside| inside.text(&words(ended)));
        }
        for (name, value) in [("By", &about.by), ("Run", &about.run), ("Set", &about.set)] {
            if !value.is_empty() {
                fact(facts, name, |inside| inside.text(value));
            }
        }
        if !about.command.is_empty() {
            fact(facts, "Command", |inside| inside.element("pre", "", &about.command));
        }
    });
}

/// All of it, in the words of the terminal.
fn every_event(body: &mut Markup, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    body.fixed("\n");
    body.within("details", &[], |details| {
        details.element("summary", "", &format!("Every event ({})", events.len()));
        details.within("pre", &[], |pre| {
            let mut lines = Lines::new(Style::PLAIN);
            for event in events {
                pre.lines(&lines.of(event));
            }
        });
    });
}
