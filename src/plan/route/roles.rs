//! Shards that don't speak HTTP: whether each takes a connection, or what each answers to a command.

use std::collections::{BTreeMap, BTreeSet};

use super::column::Column;
use crate::model::route::answer::{Failed, Seen};
use crate::model::route::ask::Probe;
use crate::model::route::entry::Entry;
use crate::model::route::failure::Failure;
use crate::model::route::outcome::{EntryOutcome, Role};
use crate::model::set::Ordinal;

/// The longest part of an answer that is kept, in characters.
const KEPT: usize = 200;

/// How many different answers of one shard are kept.
const ANSWERS: usize = 2;

/// What was seen so far. An answer that all shards give is no constant here: a role is shared.
#[derive(Clone, Debug)]
pub struct Roles {
    asks: bool,
    columns: Vec<Column>,
    answers: BTreeMap<Ordinal, BTreeSet<String>>,
}

impl Roles {
    /// Nothing seen yet.
    pub fn new(probe: &Probe, entries: Vec<Entry>) -> Roles {
        Roles {
            asks: matches!(probe, Probe::Exec(_)),
            columns: entries.into_iter().map(Column::new).collect(),
            answers: BTreeMap::new(),
        }
    }

    /// Takes in what came of one try; `entry` by its place.
    pub fn take(&mut self, entry: usize, seen: &Seen) {
        let Some(column) = self.columns.get_mut(entry) else {
            return;
        };
        column.take(seen);
        let answer = match &seen.result {
            Ok(_) if !self.asks => {
                column.answered += 1;
                return;
            }
            Ok(answer) => answer,
            Err(failed) => return column.fail(failed.clone()),
        };
        let said: String = String::from_utf8_lossy(&answer.body)
            .trim()
            .chars()
            .take(KEPT)
            .collect();
        if answer.status != 0 {
            let words = format!("the command ended with exit code {}: {said}", answer.status);
            return column.fail(Failed::new(Failure::NoIdentity, words));
        }
        if said.is_empty() {
            return column.fail(Failed::new(Failure::NoIdentity, "the command wrote nothing"));
        }
        column.answered += 1;
        let Some(shard) = column.entry.ordinal() else {
            return;
        };
        let answers = self.answers.entry(shard).or_default();
        if !answers.is_empty() && !answers.contains(&said) {
            column.fail(Failed::new(
                Failure::Flapping,
                format!("it answered otherwise before: {said}"),
            ));
        }
        // Who answers otherwise every time is told by two answers.
        if answers.len() < ANSWERS {
            answers.insert(said);
        }
    }

    /// Counts a try that is left out, since nothing comes from that entry.
    pub fn leave_out(&mut self, entry: usize) {
        if let Some(column) = self.columns.get_mut(entry) {
            column.left_out += 1;
        }
    }

    /// What was seen at each entry.
    pub fn entries(&self) -> Vec<EntryOutcome> {
        self.columns
            .iter()
            .map(|column| column.outcome(BTreeMap::new()))
            .collect()
    }

    /// Each answer with the shards that gave it: those of one shard first, who may be the writer.
    pub fn roles(&self) -> Vec<Role> {
        let mut roles: BTreeMap<&str, Vec<Ordinal>> = BTreeMap::new();
        for (shard, answers) in &self.answers {
            for answer in answers {
                roles.entry(answer).or_default().push(*shard);
            }
        }
        let mut roles: Vec<Role> = roles
            .into_iter()
            .map(|(answer, shards)| Role {
                answer: answer.to_owned(),
                shards,
            })
            .collect();
        roles.sort_by_key(|role| role.shards.len());
        roles
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::route::answer::{Answer, Timing};
    use crate::model::route::entry::Way;

    fn shard(ordinal: Ordinal) -> Entry {
        Entry {
            name: format!("db-{ordinal}"),
            way: Way::Shard {
                ordinal,
                pod: format!("db-{ordinal}"),
                port: 80,
            },
            tls: false,
            host: "db".to_owned(),
        }
    }

    fn said(status: u16, words: &str) -> Seen {
        Seen {
            result: Ok(Answer {
                status,
                headers: Vec::new(),
                body: words.as_bytes().to_vec(),
            }),
            timing: Timing::default(),
            reopened: None,
        }
    }

    fn roles(probe: &Probe) -> Roles {
        Roles::new(probe, (0..3).map(shard).collect())
    }

    fn classes(roles: &Roles, entry: usize) -> Vec<Failure> {
        roles.entries()[entry].failures.iter().map(|one| one.class).collect()
    }

    #[test]
    fn a_shared_answer_is_a_role_and_the_single_one_comes_first() {
        let mut roles = roles(&Probe::Exec("role".to_owned()));
        for (entry, words) in [(0, "replica"), (1, "writer\n"), (2, "replica")] {
            roles.take(entry, &said(0, words));
        }
        let found = roles.roles();
        assert_eq!(
            (found[0].answer.as_str(), found[0].shards.as_slice()),
            ("writer", [1].as_slice())
        );
        assert_eq!(found[1].shards, [0, 2]);
        assert!((0..3).all(|entry| classes(&roles, entry).is_empty()));
    }

    #[test]
    fn a_command_that_fails_or_says_nothing_gives_no_identity_and_one_that_changes_its_mind_flaps() {
        let mut roles = roles(&Probe::Exec("role".to_owned()));
        roles.take(0, &said(3, "no"));
        roles.take(1, &said(0, " "));
        roles.take(2, &said(0, "a"));
        roles.take(2, &said(0, "b"));
        assert_eq!(classes(&roles, 0), [Failure::NoIdentity]);
        assert_eq!(classes(&roles, 1), [Failure::NoIdentity]);
        assert_eq!(classes(&roles, 2), [Failure::Flapping]);
        assert!(roles.entries()[0].failures[0].first.contains("exit code 3: no"));
    }

    #[test]
    fn a_connection_that_is_taken_needs_no_answer() {
        let mut roles = roles(&Probe::Tcp);
        roles.take(0, &said(0, ""));
        assert_eq!((roles.entries()[0].answered, roles.roles().len()), (1, 0));
    }
}
