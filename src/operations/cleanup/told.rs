//! What a cleanup says of itself: its goal, what stays, how it ends.

use jiff::Timestamp;

use super::Prepared;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::shell::shell_word;
use crate::plan::cleanup::{Claim, Outlived};
use crate::plan::manifest::names::Names;

impl Prepared {
    /// Those of the refusals that `--allow` doesn't cover, and those that it does.
    pub fn refusals(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        let covers = |refusal: &Refusal| self.asked.allowed.covers(refusal);
        let (allowed, left) = self.refusals.iter().cloned().partition(covers);
        (left, allowed)
    }

    /// How a run ends that is refused: what another run is at looks like something that is wrong, and that it runs says all of it.
    /// None where nothing refuses.
    pub fn refused(&self, left: &[Refusal]) -> Option<(End, String)> {
        let first = left.first()?;
        Some(match &self.holder {
            Some(holder) => {
                let set = Names::of(&self.asked.workload).set;
                let words = format!("{holder} holds the lock on statefulset/{set}; nothing was deleted");
                (End::Locked, words)
            }
            None => (End::Refused, format!("refused: {}: {}", first.object, first.message)),
        })
    }

    /// Whether there is nothing to delete.
    pub fn is_idle(&self) -> bool {
        self.items.is_empty() && (self.claims.is_empty() || !self.asked.data)
    }

    /// What is to be done, a clause.
    pub fn goal(&self) -> String {
        let objects = match self.items.len() {
            1 => "1 object".to_owned(),
            count => format!("{count} objects"),
        };
        let what = match self.asked.phase {
            Some(phase) => format!("{objects} that only the {} phase has", phase.word()),
            None => objects,
        };
        format!("delete {what}; {}", self.of_the_data())
    }

    /// What becomes of the data, a clause.
    pub fn of_the_data(&self) -> String {
        if self.asked.phase.is_some() {
            return "no claim is touched".to_owned();
        }
        match (self.claims.len(), self.asked.data) {
            (0, _) => "there is no claim of a shard".to_owned(),
            (1, true) => "delete 1 claim with its data".to_owned(),
            (count, true) => format!("delete {count} claims with their data"),
            (1, false) => "1 claim stays, with its data, and goes on costing".to_owned(),
            (count, false) => format!("{count} claims stay, with their data, and go on costing"),
        }
    }

    /// What is said where there is nothing to delete.
    pub fn nothing(&self) -> String {
        let workload = &self.asked.workload;
        let mut words = match self.asked.phase {
            Some(phase) => format!(
                "nothing to delete that only the {} phase of {} has",
                phase.word(),
                workload.name
            ),
            None => format!(
                "nothing to delete of {} in namespace {}; {}",
                workload.name,
                workload.namespace,
                self.of_the_data()
            ),
        };
        match self.outlived.len() {
            0 => {}
            1 => words.push_str("; 1 volume has outlived its claim, and goes on costing"),
            count => words.push_str(&format!(
                "; {count} volumes have outlived their claims, and go on costing"
            )),
        }
        let left: Vec<&str> = self.left.iter().map(|one| one.object.as_str()).collect();
        if !left.is_empty() {
            words.push_str(&format!(
                "; not labelled as {}'s, and left: {}",
                workload.name,
                left.join(", ")
            ));
        }
        words
    }

    /// What stays, and goes on costing: claims where the data stays, volumes that outlive their claims or have done so.
    pub fn stays(&self) -> Vec<Finding> {
        let mut stays = self.left.clone();
        let mut volumes: Vec<&str> = Vec::new();
        if self.asked.data {
            let retained = self.claims.iter().filter(|claim| claim.volume_is_retained);
            for (claim, volume) in retained.filter_map(|of| Some((of, of.volume.as_ref()?))) {
                let words = format!(
                    "stays though pvc/{} goes (its policy is Retain), and goes on costing: {}",
                    claim.name, claim.size
                );
                volumes.push(volume);
                stays.push(Finding::new(Severity::Warning, format!("pv/{volume}"), words));
            }
        } else {
            stays.extend(self.claims.iter().map(|claim| {
                let words = format!("stays, and goes on costing: {}", claim.about());
                Finding::new(Severity::Information, format!("pvc/{}", claim.name), words)
            }));
        }
        for Outlived { volume, claim, size } in &self.outlived {
            let words = format!("stays though pvc/{claim} is gone (its policy is Retain), and goes on costing: {size}");
            volumes.push(volume);
            stays.push(Finding::new(Severity::Warning, format!("pv/{volume}"), words));
        }
        // Once, after the last of them.
        if let Some(last) = stays.last_mut().filter(|_| !volumes.is_empty()) {
            let patch = r#"-p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'"#;
            let command = format!("patch pv {} {patch}", volumes.join(" "));
            last.remedy("to have what stays deleted with its disks as well, now or later:")
                .remedy(self.asked.judging.kubectl_cluster(&command));
        }
        stays
    }

    /// The outcome; `deleted` is what this run deleted.
    pub fn ends(&self, end: End, summary: &str, deleted: &[String], findings: Vec<Finding>, now: Timestamp) -> Outcome {
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary: summary.to_owned(),
            shards: Vec::new(),
            shard_seconds: 0.0,
            seconds: now.duration_since(self.at).as_secs_f64().max(0.0),
            data: data(&self.claims, deleted, self.takes_claims()),
            findings,
            state_now: match deleted {
                [] => "as it was".to_owned(),
                deleted => format!("deleted: {}", deleted.join(", ")),
            },
            how_to_undo: self.how_to_undo(deleted),
            how_to_resume: vec![if matches!(end, End::Done | End::NothingToDo) {
                "nothing to resume".to_owned()
            } else {
                format!("$ {}", self.asked.again)
            }],
        }
    }

    /// Which set was looked at; none where there was none.
    pub(super) fn uid_of_the_set(&self) -> Option<String> {
        self.there.as_ref().map(|there| there.uid.clone())
    }

    /// Whether the claims go with the set.
    fn takes_claims(&self) -> bool {
        self.there.as_ref().is_some_and(|there| there.takes_claims)
    }

    fn how_to_undo(&self, deleted: &[String]) -> Vec<String> {
        if deleted.is_empty() {
            return vec!["nothing to undo".to_owned()];
        }
        if claims_in(deleted) > 0 {
            return vec!["data that was deleted doesn't come back but from a backup".to_owned()];
        }
        if let Some(phase) = self.asked.phase {
            let phase = phase.word();
            return vec![format!(
                "the {phase} phase's pool is made again by whatever begins that phase next"
            )];
        }
        let stable = format!("nodepool/{}", Names::of(&self.asked.workload).pool(Phase::Stable));
        let phase = match &self.there {
            Some(there) => there.phase,
            // The set went in an earlier run: which pool there was tells.
            None if self.items.iter().any(|item| item.object == stable) => Phase::Stable,
            None => Phase::Explore,
        };
        let command = format!(
            "deploy {} --name {}",
            phase.word(),
            shell_word(&self.asked.workload.name)
        );
        vec![
            "deploy it again, with the flags that it was deployed with: the shards find their claims".to_owned(),
            self.asked.judging.shardctl(&command),
        ]
    }
}

fn claims_in(deleted: &[String]) -> usize {
    deleted.iter().filter(|object| object.starts_with("pvc/")).count()
}

/// What became of the data; `go_with_the_set` says whether the claims are the set's to delete.
fn data(claims: &[Claim], deleted: &[String], go_with_the_set: bool) -> String {
    let all = claims.len();
    let counted = if all == 1 {
        "1 claim".to_owned()
    } else {
        format!("{all} claims")
    };
    let gone = claims_in(deleted);
    let set_is_gone = deleted.iter().any(|object| object.starts_with("statefulset/"));
    match gone {
        _ if all == 0 => String::new(),
        _ if gone == all => "deleted, as asked".to_owned(),
        _ if go_with_the_set && set_is_gone => {
            format!("{counted}: deleted with the set, as its retention policy says ({gone} seen to be gone)")
        }
        0 => format!("{counted} untouched"),
        _ => {
            let is_left = |claim: &&Claim| !deleted.contains(&format!("pvc/{}", claim.name));
            let left: Vec<String> = claims
                .iter()
                .filter(is_left)
                .map(|claim| format!("pvc/{}", claim.name))
                .collect();
            format!("{gone} of {counted} deleted, as asked; untouched: {}", left.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_exactly_which_claims_are_gone() {
        let claim = |ordinal: u32| Claim {
            name: format!("data-db-{ordinal}"),
            uid: String::new(),
            volume: None,
            size: "1Gi".to_owned(),
            volume_is_retained: true,
            is_owned: false,
        };
        let claims: Vec<Claim> = (0..3).map(claim).collect();
        let told = |deleted: &[&str], go_with_the_set: bool| {
            let deleted: Vec<String> = deleted.iter().map(|object| (*object).to_owned()).collect();
            data(&claims, &deleted, go_with_the_set)
        };
        let (set, zero, one, two) = ("statefulset/db", "pvc/data-db-0", "pvc/data-db-1", "pvc/data-db-2");
        assert_eq!(told(&[set], false), "3 claims untouched");
        assert_eq!(
            told(&[set, zero, one], false),
            "2 of 3 claims deleted, as asked; untouched: pvc/data-db-2"
        );
        assert_eq!(told(&[set, zero, one, two], false), "deleted, as asked");
        assert_eq!(
            told(&[set], true),
            "3 claims: deleted with the set, as its retention policy says (0 seen to be gone)"
        );
        // The set is there yet, and its claims with it.
        assert_eq!(told(&[], true), "3 claims untouched");
    }
}
