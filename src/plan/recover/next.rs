//! What a recovery does next, and what it waits for: marks and helpers at once; a surge step by step; a node that is off last.

use jiff::Timestamp;

use super::{Found, Marked, Recover, node_off};
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::End;
use crate::model::read::Skip;
use crate::model::span::words;
use crate::model::step::{Act, Step, Wait};
use crate::plan::operation::Acted;
use crate::plan::surge;
use crate::plan::undo::{Fate, out_of_service};
use crate::plan::verify::seen::Seen;

/// A node that is to be declared off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Off {
    /// The node.
    pub node: String,
    /// The shards that were there when somebody said so.
    pub shards: Vec<String>,
    /// Whether it is declared off by now.
    pub declared: bool,
}

impl Off {
    /// What came of it, a clause; none before it is declared.
    pub(super) fn told(&self) -> Option<String> {
        let Off { node, shards, declared } = self;
        declared.then(|| {
            if shards.is_empty() {
                format!("node {node} holds nothing any more")
            } else {
                format!("moved off node {node}: {}", shards.join(", "))
            }
        })
    }
}

/// What is waited for.
pub(super) struct Awaited {
    words: String,
    remedy: Vec<String>,
}

impl Recover {
    /// The next thing to do; none where nothing can be done now.
    pub(super) fn work(&self, seen: &Seen<'_>, found: &Found) -> Option<Act> {
        let marked = found.marks.iter().find_map(|marked| self.of_mark(seen, marked));
        let helper = || {
            found.helpers.first().map(|helper| Act::RemoveHelper {
                pod: helper.name.clone(),
                uid: helper.uid.clone(),
            })
        };
        marked.or_else(helper).or_else(|| self.declaration())
    }

    fn of_mark(&self, seen: &Seen<'_>, marked: &Marked) -> Option<Act> {
        if let Some((mark, written)) = surge::of(seen).filter(|(_, written)| *written == marked.written) {
            return match surge::next(seen, &mark, written) {
                Ok(surge::Next::Act(act)) => Some(act),
                Ok(surge::Next::Wait { .. } | surge::Next::Over) | Err(_) => None,
            };
        }
        if self.is_our_declaration(marked) && self.to_come(seen).is_some() {
            return None;
        }
        Some(Act::UndoMark {
            object: marked.object.clone(),
            path: marked.path.clone(),
            written: marked.written.clone(),
        })
    }

    /// The mark beside the taint that this very run works with.
    fn is_our_declaration(&self, marked: &Marked) -> bool {
        let taint = out_of_service();
        let node = self.off.as_ref().map(|off| format!("node/{}", off.node));
        node.is_some_and(|node| marked.object == node) && marked.undo.of(Fate::PutBack).any(|field| field.path == taint)
    }

    fn declaration(&self) -> Option<Act> {
        let off = self.off.as_ref().filter(|off| !off.declared)?;
        let object = format!("node/{}", off.node);
        let failed = self.failed.iter().any(|finding| finding.object == object);
        (!failed).then(|| Act::DeclareOff { node: off.node.clone() })
    }

    /// The shards that aren't Ready elsewhere yet.
    fn to_come(&self, seen: &Seen<'_>) -> Option<String> {
        let off = self.off.as_ref().filter(|off| off.declared)?;
        node_off::to_come(seen, &off.node, &off.shards)
    }

    /// What has to come by itself before there is more to do, or before all is well.
    pub(super) fn awaited(&self, seen: &Seen<'_>, found: &Found) -> Option<Awaited> {
        if let Some(words) = self.to_come(seen) {
            return Some(Awaited {
                words,
                remedy: vec!["see what holds a shard up:".to_owned(), seen.shardctl("events")],
            });
        }
        let off = self.off.as_ref().filter(|off| off.declared);
        if let Some(kept) = off.and_then(|off| found.kept.iter().find(|kept| kept.node == off.node)) {
            return Some(Awaited {
                words: format!("node {} is to let go: {}", kept.node, kept.why),
                remedy: kept.finding.remedy.clone(),
            });
        }
        found.marks.iter().find_map(|marked| {
            let (mark, written) = surge::of(seen).filter(|(_, written)| *written == marked.written)?;
            match surge::next(seen, &mark, written) {
                Ok(surge::Next::Wait { words, remedy }) => Some(Awaited { words, remedy }),
                Ok(surge::Next::Act(_) | surge::Next::Over) => None,
                Err(Skip::Unknown(words) | Skip::NotApplicable(words)) => Some(Awaited {
                    words,
                    remedy: Vec::new(),
                }),
            }
        })
    }

    /// Waits, or gives up where that has taken too long.
    pub(super) fn wait(&self, awaited: Awaited, found: &Found, now: Timestamp) -> Step {
        let until = self.began.checked_add(self.patience).unwrap_or(Timestamp::MAX);
        if now < until {
            return Step::Wait(Wait {
                words: awaited.words,
                until: Some(until),
            });
        }
        let left = !found.marks.is_empty() || !found.kept.is_empty() || !self.failed.is_empty();
        let mut finding = Finding::new(Severity::Error, "wait", &awaited.words);
        finding.remedy = awaited.remedy;
        finding
            .remedy("then the same again:")
            .remedy(format!("$ {}", self.again.same));
        let mut findings = vec![finding];
        findings.extend(self.findings(found));
        Step::End {
            end: if left { End::MarkLeft } else { End::TimedOut },
            summary: format!("waited {} in vain: {}", words(self.patience), awaited.words),
            findings,
        }
    }

    pub(super) fn interrupted(&self, found: &Found) -> Step {
        let left = found.marks.len() + found.helpers.len() + found.kept.len();
        // What this very run wrote is a mark that it leaves; what it found was there before.
        let declared = self.off.as_ref().is_some_and(|off| off.declared);
        Step::End {
            end: if declared && left > 0 {
                End::MarkLeft
            } else {
                End::Interrupted
            },
            summary: format!("interrupted: {} undone, {left} left", self.undone.len()),
            findings: self.findings(found),
        }
    }

    /// The node can't be declared off after all.
    pub(super) fn refusal(&self) -> Step {
        let words: Vec<&str> = self.refused.iter().map(|refusal| refusal.message.as_str()).collect();
        Step::End {
            end: End::Refused,
            summary: format!("the node wasn't declared off: {}", words.join("; ")),
            findings: Vec::new(),
        }
    }

    /// Remembers what became of a step on the way: of a surge that is taken back, or of a declaration.
    pub(super) fn acted_on_the_way(&mut self, act: &Act, became: &Acted) {
        match (act, became) {
            (Act::DeclareOff { .. }, Acted::Done) => {
                if let Some(off) = &mut self.off {
                    off.declared = true;
                }
            }
            (Act::DeclareOff { .. }, Acted::Refused(refusals)) => self.refused.clone_from(refusals),
            (Act::RemoveClaim { claim, .. }, Acted::Done) => self.undone.push(format!("pvc/{claim}")),
            (Act::DeclareOff { .. } | Act::ScaleBack | Act::RemoveClaim { .. }, Acted::Failed(finding)) => {
                self.failed.push((**finding).clone());
                // Not tried again and again: the mark stays and says what is left.
                self.dealt_with.extend(self.surge.take());
            }
            _ => {}
        }
    }
}
