//! What a recovery is about to do, for the question before it and for a dry run: whose run left what, what is put back to what,
//! and what is left alone and why.

use serde::Serialize;

use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use crate::model::finding::Finding;
use crate::model::proof::Proof;

/// What was found, and what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoverPage {
    /// What is to be done, a clause.
    pub goal: String,
    /// Objects that are put back.
    pub put_back: Vec<PutBack>,
    /// Helper pods that are deleted, as objects and whose.
    pub delete: Vec<Whose>,
    /// The node that is to be declared off: what is known, and what has to be seen first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<Proof>,
    /// The Lease that is taken over where its holder is dead, and whose it is.
    pub lock: Option<Whose>,
    /// What of ours can't be taken away.
    pub stuck: Vec<Finding>,
    /// What is left alone, and why.
    pub left_alone: Vec<Finding>,
    /// What couldn't be read, a clause each.
    pub unknown: Vec<String>,
}

/// An object that is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutBack {
    /// The object, and whose run changed it.
    #[serde(flatten)]
    pub left: Whose,
    /// Each of its fields: what is put back to what, and what stays and why.
    pub fields: Vec<String>,
}

/// An object and whose run left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Whose {
    /// The object, as `kind/name`.
    pub object: String,
    /// The run, who ran it and when, a clause.
    pub by: String,
}

/// The page.
pub fn render(found: &RecoverPage, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &found.goal);
    if !found.put_back.is_empty() {
        title(&mut page, "Put back, and the mark taken away");
        for one in &found.put_back {
            whose(&mut page, &one.left);
            for field in &one.fields {
                page.line(Tone::Plain, 4, 6, field);
            }
        }
    }
    if !found.delete.is_empty() {
        title(&mut page, "Deleted");
        found.delete.iter().for_each(|one| whose(&mut page, one));
    }
    if let Some(proof) = &found.off {
        declared_off(&mut page, proof);
    }
    if let Some(lock) = &found.lock {
        title(&mut page, "Taken over if nobody renews it, and given back");
        whose(&mut page, lock);
    }
    for (words, findings) in [
        ("Ours, and can't be taken away", &found.stuck),
        ("Left alone", &found.left_alone),
    ] {
        if !findings.is_empty() {
            title(&mut page, words);
            findings.iter().for_each(|finding| finding_lines(&mut page, finding, 2));
        }
    }
    if !found.unknown.is_empty() {
        title(&mut page, "Not known, since it can't be read");
        found.unknown.iter().for_each(|why| page.line(Tone::Unsure, 2, 4, why));
    }
    page.into_text()
}

/// What would be better comes first: whoever reads on has decided against it.
fn declared_off(page: &mut Page, proof: &Proof) {
    title(
        page,
        "Declared off, and the taint taken away once the shards are Ready elsewhere",
    );
    page.line(Tone::Heading, 2, 4, &format!("node/{}", proof.node));
    proof.notes.iter().for_each(|note| finding_lines(page, note, 4));
    proof.seen.iter().for_each(|line| page.line(Tone::Plain, 4, 6, line));
    page.line(
        Tone::Bad,
        4,
        6,
        "nothing of this proves that its machine is off: if it still runs, its disks are written from two machines and lost",
    );
    for line in &proof.to_see {
        match line.strip_prefix("$ ") {
            Some(command) => page.command(4, &format!("→ {command}")),
            None => page.line(Tone::Plain, 4, 6, line),
        }
    }
}

fn title(page: &mut Page, words: &str) {
    page.blank();
    page.line(Tone::Heading, 0, 0, words);
}

fn whose(page: &mut Page, one: &Whose) {
    let lead = format!("{}  ", one.object);
    page.lead(&[(Tone::Heading, lead.as_str())], Tone::Faint, 2, 4, &one.by);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Severity;
    use crate::report::testing::HOSTILE;

    #[test]
    fn the_page_says_of_each_object_whose_it_is_and_what_becomes_of_it() {
        let whose = |object: &str, by: &str| Whose {
            object: object.to_owned(),
            by: by.to_owned(),
        };
        let found = RecoverPage {
            goal: "shop/db: put 1 object back as it was, delete 1 helper pod".to_owned(),
            put_back: vec![PutBack {
                left: whose("pdb/db", "left by drain/shop/db/4f2a, run by ada@laptop"),
                fields: vec![
                    "spec.minAvailable: 9 → 10".to_owned(),
                    format!("spec.maxUnavailable is {HOSTILE} by now"),
                ],
            }],
            delete: vec![whose("pod/shardctl-pre-pull-db-1", "a helper pod (pre-pull)")],
            off: None,
            lock: Some(whose("lease/shardctl-db", "held by ada@laptop")),
            stuck: vec![Finding::new(
                Severity::Error,
                "node/node-1",
                "a mark that can't be followed",
            )],
            left_alone: Vec::new(),
            unknown: vec!["NodePools: bob may not list them".to_owned()],
        };
        assert_eq!(
            render(&found, Style::of_width(80)),
            "\
shop/db: put 1 object back as it was, delete 1 helper pod

Put back, and the mark taken away
  pdb/db  left by drain/shop/db/4f2a, run by ada@laptop
    spec.minAvailable: 9 → 10
    spec.maxUnavailable is gone\\e[2J\\u{202e}txt by now

Deleted
  pod/shardctl-pre-pull-db-1  a helper pod (pre-pull)

Taken over if nobody renews it, and given back
  lease/shardctl-db  held by ada@laptop

Ours, and can't be taken away
  node/node-1: a mark that can't be followed

Not known, since it can't be read
  NodePools: bob may not list them
"
        );
    }

    #[test]
    fn before_a_node_is_declared_off_it_says_what_is_better_what_is_known_and_what_must_be_seen() {
        let mut better = Finding::new(Severity::Warning, "node/node-7", "Karpenter made it");
        better.remedy("$ kubectl delete nodeclaim pool-x");
        let found = RecoverPage {
            goal: "shop/db: declare node node-7 off".to_owned(),
            off: Some(Proof {
                node: "node-7".to_owned(),
                seen: vec![format!("the node controller says: {HOSTILE}")],
                to_see: vec![
                    "it must say stopped:".to_owned(),
                    "$ aws ec2 describe-instances".to_owned(),
                ],
                notes: vec![better],
                shards: vec!["db-1".to_owned()],
                declared: false,
            }),
            ..RecoverPage::default()
        };
        assert_eq!(
            render(&found, Style::of_width(100)),
            "\
shop/db: declare node node-7 off

Declared off, and the taint taken away once the shards are Ready elsewhere
  node/node-7
    node/node-7: Karpenter made it
      → kubectl delete nodeclaim pool-x
    the node controller says: gone\\e[2J\\u{202e}txt
    nothing of this proves that its machine is off: if it still runs, its disks are written from two
      machines and lost
    it must say stopped:
    → aws ec2 describe-instances
"
        );
    }
}
