//! What a cleanup says of itself: its goal, what stays, how it ends.

use jiff::Timestamp;

use super::Prepared;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::refusal::Refusal;
use crate::model::shell::shell_word;
use crate::plan::cleanup::Claim;
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

    /// What stays, and goes on costing: claims where the data stays, volumes that outlive their claims.
    pub fn stays(&self) -> Vec<Finding> {
        let mut stays = self.left.clone();
        if !self.asked.data {
            let claims = self.claims.iter();
            stays.extend(claims.map(|claim| {
                let words = format!("stays, and goes on costing: {}", claim.about());
                Finding::new(Severity::Information, format!("pvc/{}", claim.name), words)
            }));
            return stays;
        }
        let retained = self.claims.iter().filter(|claim| claim.volume_is_retained);
        let retained: Vec<(&Claim, &String)> = retained.filter_map(|of| Some((of, of.volume.as_ref()?))).collect();
        let names: Vec<&str> = retained.iter().map(|(_, volume)| volume.as_str()).collect();
        for (claim, volume) in &retained {
            let words = format!(
                "stays though pvc/{} goes (its policy is Retain), and goes on costing: {}",
                claim.name, claim.size
            );
            let mut finding = Finding::new(Severity::Warning, format!("pv/{volume}"), words);
            // Once, after the last of them.
            if Some(&volume.as_str()) == names.last() {
                let patch = r#"-p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'"#;
                let command = format!("patch pv {} {patch}", names.join(" "));
                finding
                    .remedy("to have what stays deleted with its disks as well, now or later:")
                    .remedy(self.asked.judging.kubectl_cluster(&command));
            }
            stays.push(finding);
        }
        stays
    }

    /// The outcome; `deleted` is what this run deleted.
    pub fn ends(&self, end: End, summary: &str, deleted: &[String], findings: Vec<Finding>, now: Timestamp) -> Outcome {
        let data_gone = deleted.iter().any(|object| object.starts_with("pvc/"));
        let judging = &self.asked.judging;
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary: summary.to_owned(),
            shards: Vec::new(),
            shard_seconds: 0.0,
            seconds: now.duration_since(self.at).as_secs_f64().max(0.0),
            data: if data_gone {
                "deleted, as asked".to_owned()
            } else {
                match self.claims.len() {
                    0 => String::new(),
                    count => format!("{count} claims untouched"),
                }
            },
            findings,
            state_now: match deleted {
                [] => "as it was".to_owned(),
                deleted => format!("deleted: {}", deleted.join(", ")),
            },
            how_to_undo: match (deleted.is_empty(), data_gone) {
                (true, _) => vec!["nothing to undo".to_owned()],
                (_, true) => vec!["data that was deleted doesn't come back but from a backup".to_owned()],
                _ => vec![
                    "deploy it again, with the flags that it was deployed with: the shards find their claims"
                        .to_owned(),
                    judging.shardctl(&format!(
                        "deploy explore --name {}",
                        shell_word(&self.asked.workload.name)
                    )),
                ],
            },
            how_to_resume: vec![if matches!(end, End::Done | End::NothingToDo) {
                "nothing to resume".to_owned()
            } else {
                format!("$ {}", self.asked.again)
            }],
        }
    }
}
