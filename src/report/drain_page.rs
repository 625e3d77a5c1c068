//! What a drain is about to do, for the question before it and for a dry run: every pod of each node with what becomes of it, what
//! that costs, what the budget comes to.

use serde::Serialize;

use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use crate::model::finding::Finding;

/// How many pods that simply go have a line of their own on each node.
const SHOWN: usize = 10;
/// How wide the column of names may be: a longer name has a line of its own.
const WIDEST: usize = 40;

/// What is about to be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainPage {
    /// The goal, a sentence without a full stop.
    pub goal: String,
    /// The nodes, in the order in which they are emptied.
    pub nodes: Vec<NodePlan>,
    /// What the strategy costs, a sentence each.
    pub costs: Vec<String>,
    /// What the budget comes to, a sentence; empty where no shard moves.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub budget: String,
    /// How long it may take, a line each, with what the estimate is made of.
    pub estimates: Vec<String>,
    /// The first step, a clause; empty where it isn't asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first: String,
    /// What is worth knowing and stops nothing.
    pub notes: Vec<Finding>,
}

/// A node that is to be emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePlan {
    /// The node.
    pub node: String,
    /// Its zone and size, as far as it says them.
    pub about: Vec<String>,
    /// Its pods, the shards first.
    pub pods: Vec<PodPlan>,
    /// What becomes of the node when it is empty, a clause.
    pub afterwards: String,
}

/// A pod of such a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodPlan {
    /// The pod: a shard by its name, any other as `namespace/name`.
    pub pod: String,
    /// What it is: `shard 3`, `ReplicaSet web-5d8`.
    pub what: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The same in words: `goes to node-7 (zone-1)`.
    pub words: String,
}

/// What becomes of a pod, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A shard that has a place to go to.
    Moves,
    /// A shard that has none.
    NoHome,
    /// It goes at once.
    Goes,
    /// It goes, and there is something to know of that.
    GoesWith,
    /// It goes when its budget lets it.
    Waits,
    /// It can't go.
    Never,
    /// It is left where it is.
    Stays,
}

impl Verdict {
    const fn tone(self) -> Tone {
        match self {
            Verdict::Moves => Tone::Plain,
            Verdict::NoHome | Verdict::Never => Tone::Bad,
            Verdict::Waits | Verdict::GoesWith => Tone::Warn,
            Verdict::Goes | Verdict::Stays => Tone::Faint,
        }
    }
}

/// The page.
pub fn render(plan: &DrainPage, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &plan.goal);
    for node in &plan.nodes {
        one_node(&mut page, node);
    }
    section(&mut page, "What it costs", &plan.costs);
    section(&mut page, "The budget", std::slice::from_ref(&plan.budget));
    section(&mut page, "How long", &plan.estimates);
    section(&mut page, "First step", std::slice::from_ref(&plan.first));
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

fn section(page: &mut Page, heading: &str, lines: &[String]) {
    let mut lines = lines.iter().filter(|line| !line.is_empty()).peekable();
    if lines.peek().is_some() {
        title(page, heading);
        lines.for_each(|line| page.line(Tone::Plain, 2, 4, line));
    }
}

fn one_node(page: &mut Page, node: &NodePlan) {
    page.blank();
    let about = if node.about.is_empty() {
        "with".to_owned()
    } else {
        format!("({}) with", node.about.join(", "))
    };
    let count = match node.pods.len() {
        1 => "1 pod".to_owned(),
        count => format!("{count} pods"),
    };
    let lead = format!("node/{} ", node.node);
    let words = format!("{about} {count}");
    page.lead(&[(Tone::Heading, lead.as_str())], Tone::Plain, 0, 2, &words);
    let mut plain = 0_usize;
    let mut shown: Vec<&PodPlan> = Vec::new();
    for pod in &node.pods {
        match pod.verdict {
            Verdict::Stays => continue,
            Verdict::Goes => plain += 1,
            _ => {}
        }
        if pod.verdict != Verdict::Goes || plain <= SHOWN {
            shown.push(pod);
        }
    }
    let width = |text: &str| textwrap::core::display_width(&super::untrusted::visible(text));
    let column = shown
        .iter()
        .map(|pod| width(&pod.pod))
        .filter(|width| *width <= WIDEST)
        .max()
        .unwrap_or_default();
    for pod in &shown {
        row(page, pod, column, width(&pod.pod));
    }
    if plain > SHOWN {
        let words = format!("… and {} more that go now", plain - SHOWN);
        page.line(Tone::Faint, 2, 4, &words);
    }
    if let Some(words) = staying(&node.pods) {
        page.line(Tone::Faint, 2, 4, &words);
    }
    page.line(Tone::Plain, 2, 4, &format!("then: {}", node.afterwards));
}

fn row(page: &mut Page, pod: &PodPlan, column: usize, width: usize) {
    let hang = 2 + column + 2;
    if width > column {
        page.row(&[(Tone::Plain, "  "), (Tone::Plain, pod.pod.as_str())]);
        page.line(pod.verdict.tone(), hang, hang, &pod.words);
        return;
    }
    let pad = " ".repeat(column - width + 2);
    let lead = [(Tone::Plain, pod.pod.as_str()), (Tone::Plain, pad.as_str())];
    page.lead(&lead, pod.verdict.tone(), 2, hang, &pod.words);
}

/// The pods that stay, counted by why: `7 stay: ignoring DaemonSet-managed Pods (6); a mirror pod (1)`.
fn staying(pods: &[PodPlan]) -> Option<String> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for pod in pods.iter().filter(|pod| pod.verdict == Verdict::Stays) {
        match reasons.iter_mut().find(|(why, _)| *why == pod.words) {
            Some((_, count)) => *count += 1,
            None => reasons.push((&pod.words, 1)),
        }
    }
    let all: usize = reasons.iter().map(|(_, count)| count).sum();
    let words: Vec<String> = match reasons.as_slice() {
        [] => return None,
        [(why, _)] => vec![(*why).to_owned()],
        several => several.iter().map(|(why, count)| format!("{why} ({count})")).collect(),
    };
    let stay = if all == 1 { "stays" } else { "stay" };
    Some(format!("{all} {stay}: {}", words.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;
    use crate::report::testing::HOSTILE;
    use crate::report::untrusted::is_treacherous;

    fn pod(pod: &str, verdict: Verdict, words: &str) -> PodPlan {
        PodPlan {
            pod: pod.to_owned(),
            what: "ReplicaSet web-5d8".to_owned(),
            verdict,
            words: words.to_owned(),
        }
    }

    fn plan() -> DrainPage {
        let held = "waits for pdb/api: needs 2 healthy, has 2, and one more to let one go";
        DrainPage {
            goal: "shop/db: empty node/node-3, 2 shards by relax".to_owned(),
            nodes: vec![NodePlan {
                node: "node-3".to_owned(),
                about: vec!["zone-1".to_owned(), "Standard_E8s_v5".to_owned()],
                pods: vec![
                    pod("db-3", Verdict::Moves, "goes to node-7 (zone-1)"),
                    pod(
                        "db-1",
                        Verdict::Moves,
                        "is down already; goes to a new node of pool stable",
                    ),
                    pod("shop/web-5d8-x", Verdict::Goes, "goes now"),
                    pod("shop/api-6b7-y", Verdict::Waits, held),
                    pod(
                        "kube-system/a-name-that-is-as-long-as-names-may-become-7f9c4",
                        Verdict::GoesWith,
                        "goes after the shards: it answers names",
                    ),
                    pod("shop/agent-1", Verdict::Stays, "ignoring DaemonSet-managed Pods"),
                    pod("shop/agent-2", Verdict::Stays, "ignoring DaemonSet-managed Pods"),
                    pod(
                        "shop/proxy",
                        Verdict::Stays,
                        "a mirror pod: only its kubelet can end it",
                    ),
                ],
                afterwards: "it stays cordoned".to_owned(),
            }],
            costs: vec!["relax: one shard is down at a time".to_owned()],
            budget: "pdb/db (minAvailable 3) keeps 3 of 3: it never lets one go as it is".to_owned(),
            estimates: vec!["about 20 s a shard (as the middle one of 3 pods took)".to_owned()],
            first: String::new(),
            notes: vec![Finding::new(Severity::Warning, "node/node-3", HOSTILE)],
        }
    }

    #[test]
    fn every_pod_has_its_verdict_and_what_stays_is_counted() {
        assert_eq!(
            render(&plan(), Style::of_width(80)),
            "\
shop/db: empty node/node-3, 2 shards by relax

node/node-3 (zone-1, Standard_E8s_v5) with 8 pods
  db-3            goes to node-7 (zone-1)
  db-1            is down already; goes to a new node of pool stable
  shop/web-5d8-x  goes now
  shop/api-6b7-y  waits for pdb/api: needs 2 healthy, has 2, and one more to let
                  one go
  kube-system/a-name-that-is-as-long-as-names-may-become-7f9c4
                  goes after the shards: it answers names
  3 stay: ignoring DaemonSet-managed Pods (2); a mirror pod: only its kubelet
    can end it (1)
  then: it stays cordoned

What it costs
  relax: one shard is down at a time

The budget
  pdb/db (minAvailable 3) keeps 3 of 3: it never lets one go as it is

How long
  about 20 s a shard (as the middle one of 3 pods took)

Worth knowing
  node/node-3: gone\\e[2J\\u{202e}txt
"
        );
    }

    #[test]
    fn on_a_wide_terminal_every_pod_is_one_line() {
        let text = render(&plan(), Style::of_width(200));
        assert!(
            text.contains("  shop/api-6b7-y  waits for pdb/api: needs 2 healthy, has 2, and one more to let one go\n"),
            "{text}"
        );
        assert!(!text.contains("\n    can end it"), "{text}");
    }

    #[test]
    fn a_node_of_fifty_pods_fits_a_screen_and_loses_nobody_that_is_in_the_way() {
        let mut plan = plan();
        let many = (0..50).map(|at| pod(&format!("shop/web-5d8-{at}"), Verdict::Goes, "goes now"));
        plan.nodes[0].pods.extend(many);
        plan.nodes[0]
            .pods
            .push(pod("shop/bare", Verdict::Never, "can never go: nothing makes it anew"));
        let text = render(&plan, Style::of_width(80));
        assert!(text.contains("… and 41 more that go now"), "{text}");
        assert!(text.contains("shop/bare") && text.contains("can never go"), "{text}");
        assert!(text.lines().count() < 40, "{text}");
        for line in text.lines() {
            assert!(
                textwrap::core::display_width(line) <= 80 && !line.contains(is_treacherous),
                "{line}"
            );
        }
    }
}
