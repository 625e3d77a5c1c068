//! What an operation is about to do, for the question before it and for a dry run: the whole change, the order, the estimates.

use serde::Serialize;

use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use crate::model::finding::Finding;
use crate::model::refusal::Refusal;
use crate::model::step::{Act, Step, When};

/// How many shards of the order have a line of their own.
const SHOWN: usize = 20;

/// A plan for programs, with what stands in its way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned<'a, P> {
    /// The plan.
    #[serde(flatten)]
    pub plan: &'a P,
    /// Why it wouldn't begin.
    pub refusals: &'a [Refusal],
}

/// What is about to be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanPage {
    /// The goal, a sentence without a full stop.
    pub goal: String,
    /// Every field of the template that changes.
    pub changes: Vec<Change>,
    /// The shards, in the order in which they will be taken.
    pub order: Vec<Turn>,
    /// What will be fetched beforehand, and where, a line each.
    pub pre_pull: Vec<String>,
    /// How long it may take, a line each, with what the estimate is made of.
    pub estimates: Vec<String>,
    /// The first step, a clause; empty where it isn't asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first: String,
    /// What is worth knowing and stops nothing.
    pub notes: Vec<Finding>,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its path: `spec.containers[db].image`.
    pub path: String,
    /// What it is; none where it is new.
    pub old: Option<String>,
    /// What it will be; none where it goes away.
    pub new: Option<String>,
}

/// One shard's turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// The shard.
    pub shard: String,
    /// The node that it is on.
    pub node: Option<String>,
    /// Why it comes out of its turn: `down already`, `--last`.
    pub why: Option<String>,
}

/// A step as a clause: `delete pod db-2, after the gate has seen every other shard Ready`.
pub fn step_words(step: &Step) -> String {
    match step {
        Step::End { summary, .. } => summary.clone(),
        Step::Wait(wait) => format!("wait for {}", wait.words),
        Step::Act(act) => match act {
            Act::Freeze { node, cordon: true, .. } => format!("cordon node {node}"),
            Act::Freeze { node, .. } => format!("keep the autoscaler off node {node}"),
            Act::LeaveNode { node, uncordon: true } => format!("let node {node} take pods again"),
            Act::LeaveNode { node, .. } => format!("leave node {node} cordoned"),
            Act::ReleaseNode { claim, .. } => format!("delete nodeclaim {claim}"),
            Act::EvictPod(pod) => format!("evict pod {}/{}", pod.namespace, pod.name),
            Act::MakePlaceholder { shard, .. } => format!("have room made for {shard} by a placeholder"),
            Act::Scale { to, .. } => format!("scale the set to {to}"),
            Act::ScaleBack => "scale the set back".to_owned(),
            Act::RemoveClaim { claim, .. } => format!("delete claim {claim}, which this run made"),
            Act::DeclareOff { node } => format!("declare node {node} off"),
            Act::OwnMark { object, .. } => format!("go on with the mark of an earlier run on {object}"),
            Act::UndoMark { object, .. } => format!("put {object} back as its mark says"),
            Act::Unfreeze { node } => format!("let the autoscaler at node {node} again"),
            Act::TryTemplate => "let the API server try the template, and look for everything that it names".to_owned(),
            Act::PrePull { node } => format!("fetch the images onto node {node}"),
            Act::RemoveHelper { pod, .. } => format!("delete the helper pod {pod}"),
            Act::ChangeTemplate(change) => format!("write the template: {}", change.what),
            Act::DeleteShard { pod, .. } => {
                format!(
                    "delete pod {}, once every other shard was seen Ready in an uncached read",
                    pod.name
                )
            }
            Act::EvictShard { pod, relax: true, .. } => {
                format!(
                    "evict pod {}, the budget opened for one eviction and closed at once, when every shard was seen Ready in an \
                     uncached read",
                    pod.name
                )
            }
            Act::EvictShard { pod, .. } => format!("evict pod {}, as the budget allows", pod.name),
            Act::Task(task) => match task.when {
                When::Before(ordinal) => format!("run the --before command for shard {ordinal}"),
                When::After(ordinal) => format!("run the --after command for shard {ordinal}"),
                When::Gate => "pass the gate".to_owned(),
            },
            Act::AskToGoOn { done } => format!("ask whether to go on after {done}"),
            Act::FinishJournal => "close the journal".to_owned(),
        },
    }
}

/// The page.
pub fn render(plan: &PlanPage, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &plan.goal);
    if !plan.changes.is_empty() {
        title(&mut page, "What changes in the template");
        plan.changes.iter().for_each(|change| difference(&mut page, change));
    }
    if !plan.order.is_empty() {
        let shards = if plan.order.len() == 1 { "shard" } else { "shards" };
        title(
            &mut page,
            &format!("{} {shards}, one at a time, in this order", plan.order.len()),
        );
        order(&mut page, &plan.order);
    }
    for (heading, lines) in [("Fetched beforehand", &plan.pre_pull), ("How long", &plan.estimates)] {
        if !lines.is_empty() {
            title(&mut page, heading);
            lines.iter().for_each(|line| page.line(Tone::Plain, 2, 4, line));
        }
    }
    if !plan.first.is_empty() {
        title(&mut page, "First step");
        page.line(Tone::Plain, 2, 4, &plan.first);
    }
    if !plan.notes.is_empty() {
        title(&mut page, "Worth knowing");
        plan.notes.iter().for_each(|note| finding_lines(&mut page, note, 2));
    }
    page.into_text()
}

fn title(page: &mut Page, words: &str) {
    page.blank();
    page.line(Tone::Heading, 0, 0, words);
}

fn difference(page: &mut Page, change: &Change) {
    page.line(Tone::Plain, 2, 4, &change.path);
    if let Some(old) = &change.old {
        page.lead(&[(Tone::Bad, "- ")], Tone::Bad, 4, 6, old);
    }
    if let Some(new) = &change.new {
        page.lead(&[(Tone::Good, "+ ")], Tone::Good, 4, 6, new);
    }
}

fn order(page: &mut Page, turns: &[Turn]) {
    let width = |text: &str| textwrap::core::display_width(text);
    let shown = &turns[..turns.len().min(SHOWN)];
    let widest = shown.iter().map(|turn| width(&turn.shard)).max().unwrap_or_default();
    let number = shown.len().to_string().len();
    for (at, turn) in shown.iter().enumerate() {
        let pad = " ".repeat(widest - width(&turn.shard));
        let lead = format!("{:>number$}. {}{pad}  ", at + 1, turn.shard);
        let mut words = match &turn.node {
            Some(node) => format!("on {node}"),
            None => "on no node".to_owned(),
        };
        if let Some(why) = &turn.why {
            words.push_str(&format!(" ({why})"));
        }
        page.lead(
            &[(Tone::Plain, lead.as_str())],
            Tone::Faint,
            2,
            4 + number + widest + 2,
            &words,
        );
    }
    if turns.len() > SHOWN {
        let more = format!("… and {} more", turns.len() - SHOWN);
        page.line(Tone::Faint, 2, 2, &more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;
    use crate::report::testing::HOSTILE;
    use crate::report::untrusted::is_treacherous;

    fn plan() -> PlanPage {
        let turn = |shard: &str, node: Option<&str>, why: Option<&str>| Turn {
            shard: shard.to_owned(),
            node: node.map(str::to_owned),
            why: why.map(str::to_owned),
        };
        PlanPage {
            goal: "move 2 shards of shop/db to a new template".to_owned(),
            changes: vec![
                Change {
                    path: "spec.containers[db].image".to_owned(),
                    old: Some("registry.example/db:1.0".to_owned()),
                    new: Some("registry.example/db:2.0".to_owned()),
                },
                Change {
                    path: "metadata.annotations.note".to_owned(),
                    old: None,
                    new: Some(HOSTILE.to_owned()),
                },
            ],
            order: vec![
                turn("db-1", None, Some("down already")),
                turn("db-10", Some("node-10"), None),
            ],
            pre_pull: vec!["registry.example/db:2.0 on 2 nodes".to_owned()],
            first: "fetch the images onto node node-10".to_owned(),
            estimates: vec!["about 20s down a shard, from the pods' own last start".to_owned()],
            notes: vec![Finding::new(Severity::Warning, "node/node-2", "it is Spot")],
        }
    }

    #[test]
    fn the_plan_shows_the_change_the_order_and_the_estimates() {
        assert_eq!(
            render(&plan(), Style::of_width(80)),
            "\
move 2 shards of shop/db to a new template

What changes in the template
  spec.containers[db].image
    - registry.example/db:1.0
    + registry.example/db:2.0
  metadata.annotations.note
    + gone\\e[2J\\u{202e}txt

2 shards, one at a time, in this order
  1. db-1   on no node (down already)
  2. db-10  on node-10

Fetched beforehand
  registry.example/db:2.0 on 2 nodes

How long
  about 20s down a shard, from the pods' own last start

First step
  fetch the images onto node node-10

Worth knowing
  node/node-2: it is Spot
"
        );
    }

    #[test]
    fn a_plan_of_a_thousand_long_names_fits_a_screen() {
        let mut plan = plan();
        plan.order = (0..1000)
            .map(|ordinal| Turn {
                shard: format!("a-rather-long-name-of-a-set-{ordinal}"),
                node: Some("ip-10-0-0-1.a-region.compute.internal".to_owned()),
                why: None,
            })
            .collect();
        let text = render(&plan, Style::of_width(80));
        assert!(text.contains("… and 980 more"), "{text}");
        for line in text.lines() {
            assert!(
                textwrap::core::display_width(line) <= 80 && !line.contains(is_treacherous),
                "{line}"
            );
        }
    }
}
