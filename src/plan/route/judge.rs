//! What a route test comes to: one outcome of everything that was seen, and whether it is good, bad or can't be said.

use std::collections::BTreeMap;
use std::ops::Range;

use super::balance::balance;
use super::matrix::Matrix;
use super::roles::Roles;
use crate::model::finding::Severity;
use crate::model::report::Conclusion;
use crate::model::route::outcome::{
    Balance, Comparison, Identities, KeyVerdict, ProbeKind, RouteOutcome, UnknownEntry,
};
use crate::model::set::Ordinal;

/// How many keys that aren't stable are listed.
pub const LISTED: usize = 20;

/// What a run was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub statefulset: String,
    /// Its shards.
    pub shards: Range<Ordinal>,
    /// How shards were asked.
    pub probe: ProbeKind,
    /// How many keys were asked about.
    pub keys: usize,
    /// How often each, from every entry.
    pub rounds: u32,
    /// The entries that couldn't be tried.
    pub unknown: Vec<UnknownEntry>,
    /// What is worth knowing of how it was seen.
    pub notes: Vec<String>,
}

/// The outcome of a run over keys that came to its end.
pub fn of_keys(
    subject: &Subject,
    identities: Identities,
    matrix: &Matrix,
    comparison: Option<Comparison>,
) -> RouteOutcome {
    let mut verdicts: BTreeMap<KeyVerdict, usize> = BTreeMap::new();
    let mut owners: BTreeMap<Ordinal, usize> = BTreeMap::new();
    for (_, verdict, owner) in matrix.verdicts() {
        *verdicts.entry(verdict).or_default() += 1;
        if let Some(owner) = owner {
            *owners.entry(owner).or_default() += 1;
        }
    }
    let (rows, rows_left_out) = matrix.rows(LISTED);
    let mut found = RouteOutcome {
        identities: Some(identities),
        entries: matrix.entries(),
        verdicts,
        rows,
        rows_left_out,
        balance: balance(&owners, subject.shards.clone(), matrix.source()).map(|found| {
            // Where keys have no owner that is known, nothing is known of whom they were to belong to.
            let whole = found.keys == subject.keys;
            Balance {
                enough_for_every_shard: found.enough_for_every_shard && whole,
                uneven: found.uneven && whole,
                ..found
            }
        }),
        comparison,
        ..void(subject, String::new())
    };
    if !matrix.knows_owners() {
        let words =
            "each shard answers for itself, whatever the key: only a load balancer or --url shows whose a key is";
        found.notes.push(words.to_owned());
    }
    found.void = None;
    found.conclusion = conclusion(&found);
    found
}

/// The outcome of a run without keys that came to its end.
pub fn of_roles(subject: &Subject, roles: &Roles) -> RouteOutcome {
    let mut found = RouteOutcome {
        entries: roles.entries(),
        roles: roles.roles(),
        void: None,
        ..void(subject, String::new())
    };
    found.conclusion = conclusion(&found);
    found
}

/// The outcome of a run of which nothing counts, and why.
pub fn void(subject: &Subject, why: String) -> RouteOutcome {
    RouteOutcome {
        namespace: subject.namespace.clone(),
        statefulset: subject.statefulset.clone(),
        shards: subject.shards.clone().collect(),
        probe: subject.probe,
        keys: subject.keys,
        rounds: subject.rounds,
        identities: None,
        entries: Vec::new(),
        unknown: subject.unknown.clone(),
        roles: Vec::new(),
        notes: subject.notes.clone(),
        verdicts: BTreeMap::new(),
        rows: Vec::new(),
        rows_left_out: 0,
        balance: None,
        comparison: None,
        void: Some(why),
        conclusion: Conclusion::Unknown,
    }
}

/// Why a run is void whose pods' uids were `before` and are `after`; none where they are the same.
pub fn moved(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Option<String> {
    let changed: Vec<&str> = before
        .iter()
        .filter(|(pod, uid)| after.get(*pod) != Some(*uid))
        .map(|(pod, _)| pod.as_str())
        .chain(
            after
                .keys()
                .filter(|pod| !before.contains_key(*pod))
                .map(String::as_str),
        )
        .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "topology moved, result void: another pod than at the beginning: {}",
            changed.join(", ")
        )
    })
}

/// Failed where anything failed; unknown where something couldn't be judged; else healthy.
fn conclusion(found: &RouteOutcome) -> Conclusion {
    let failing = |one: &KeyVerdict| !matches!(one, KeyVerdict::Stable | KeyVerdict::Unknown);
    let mut failures = found.entries.iter().flat_map(|entry| &entry.failures);
    let failed = found.verdicts.keys().any(failing)
        || failures.clone().any(|one| one.class.severity() == Severity::Error)
        || found
            .balance
            .as_ref()
            .is_some_and(|balance| balance.enough_for_every_shard && !balance.without_key.is_empty())
        || found.comparison.as_ref().is_some_and(|one| !one.moved.is_empty());
    if failed {
        return Conclusion::Failed;
    }
    let unknown = !found.unknown.is_empty()
        || found.entries.is_empty()
        || failures.next().is_some()
        || found.verdicts.contains_key(&KeyVerdict::Unknown)
        || found.probe == ProbeKind::Http && found.balance.is_none()
        || found
            .comparison
            .as_ref()
            .is_some_and(|one| one.compared == 0 || one.missing > 0);
    match unknown {
        true => Conclusion::Unknown,
        false => Conclusion::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::route::failure::Failure;
    use crate::model::route::outcome::{EntryOutcome, Failures, Latency, Moved};

    fn good() -> RouteOutcome {
        let subject = Subject {
            namespace: "shop".to_owned(),
            statefulset: "db".to_owned(),
            shards: 0..2,
            probe: ProbeKind::Http,
            keys: 100,
            rounds: 2,
            unknown: Vec::new(),
            notes: Vec::new(),
        };
        RouteOutcome {
            void: None,
            entries: vec![entry(Vec::new())],
            verdicts: BTreeMap::from([(KeyVerdict::Stable, 100)]),
            balance: balance(&BTreeMap::from([(0, 50), (1, 50)]), 0..2, "lb".to_owned()),
            ..void(&subject, String::new())
        }
    }

    fn entry(failures: Vec<Failures>) -> EntryOutcome {
        EntryOutcome {
            name: "lb".to_owned(),
            port_forward: false,
            requests: 100,
            answered: 99,
            left_out: 0,
            owners: BTreeMap::new(),
            failures,
            reopened: None,
            latency: Latency::default(),
        }
    }

    fn with_failure(class: Failure) -> RouteOutcome {
        let failures = vec![Failures {
            class,
            count: 1,
            first: "seen".to_owned(),
        }];
        RouteOutcome {
            entries: vec![entry(failures)],
            ..good()
        }
    }

    #[test]
    fn every_class_of_failure_fails_but_a_way_that_couldnt_be_opened() {
        assert_eq!(conclusion(&good()), Conclusion::Healthy);
        for class in Failure::ALL {
            let wanted = match class {
                Failure::ApiTunnel => Conclusion::Unknown,
                _ => Conclusion::Failed,
            };
            assert_eq!(conclusion(&with_failure(class)), wanted, "{}", class.id());
        }
    }

    #[test]
    fn what_couldnt_be_judged_is_unknown_and_a_failure_counts_before_it() {
        let mut found = good();
        found.unknown.push(UnknownEntry {
            name: "lb".to_owned(),
            why: "it has no address yet".to_owned(),
        });
        assert_eq!(conclusion(&found), Conclusion::Unknown);
        found.verdicts.insert(KeyVerdict::Disagreement, 1);
        assert_eq!(conclusion(&found), Conclusion::Failed);
        let unjudged = RouteOutcome {
            balance: None,
            ..good()
        };
        assert_eq!(conclusion(&unjudged), Conclusion::Unknown);
        // Without keys there is no balance to judge; without any entry nothing was seen at all.
        let without_keys = RouteOutcome {
            probe: ProbeKind::Tcp,
            ..unjudged
        };
        assert_eq!(conclusion(&without_keys), Conclusion::Healthy);
        let nobody = RouteOutcome {
            entries: Vec::new(),
            ..without_keys
        };
        assert_eq!(conclusion(&nobody), Conclusion::Unknown);
    }

    #[test]
    fn a_shard_without_a_key_and_a_key_that_moved_fail() {
        let lopsided = RouteOutcome {
            balance: balance(&BTreeMap::from([(0, 100)]), 0..2, "lb".to_owned()),
            ..good()
        };
        assert_eq!(conclusion(&lopsided), Conclusion::Failed);
        let moved = Comparison {
            compared: 100,
            moved: vec![Moved {
                key: "a".to_owned(),
                from: 0,
                to: 1,
            }],
            ..Comparison::default()
        };
        let compared = |comparison| RouteOutcome {
            comparison: Some(comparison),
            ..good()
        };
        assert_eq!(conclusion(&compared(moved)), Conclusion::Failed);
        assert_eq!(conclusion(&compared(Comparison::default())), Conclusion::Unknown);
        let partly = Comparison {
            compared: 100,
            missing: 1,
            ..Comparison::default()
        };
        assert_eq!(conclusion(&compared(partly)), Conclusion::Unknown);
    }

    #[test]
    fn another_uid_voids_the_run_and_names_the_pod() {
        let pods = |uids: &[(&str, &str)]| -> BTreeMap<String, String> {
            uids.iter()
                .map(|(pod, uid)| ((*pod).to_owned(), (*uid).to_owned()))
                .collect()
        };
        let before = pods(&[("db-0", "a"), ("db-1", "b")]);
        assert_eq!(moved(&before, &before), None);
        let why = moved(&before, &pods(&[("db-0", "a"), ("db-1", "c"), ("db-2", "d")])).unwrap();
        assert!(why.ends_with("db-1, db-2"), "{why}");
        assert!(moved(&before, &pods(&[("db-0", "a")])).unwrap().ends_with("db-1"));
    }
}
