//! Up or down: N shards Ready, none terminating. The same reading of a pod as the checks have.

use crate::model::mark::Mark;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::report::Expected;
use crate::model::snapshot::Snapshot;
use crate::model::status::{DownShard, State, Status};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::{Seen, Shard};

/// Judges a snapshot; only the set, its pods and budgets need to have been read.
pub fn judge(snapshot: &Snapshot, policy: &Policy) -> Status {
    let seen = Seen::of(snapshot, policy);
    let taken = &snapshot.taken;
    let mut status = Status {
        state: State::Unknown,
        namespace: taken.namespace.clone(),
        statefulset: taken.statefulset.clone(),
        at: taken.at,
        expected: None,
        ready: 0,
        down: Vec::new(),
        since: None,
        marks: marks(snapshot),
        why: None,
    };
    match shards(&seen) {
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => status.why = Some(why),
        Ok(shards) => {
            status.expected = seen
                .expected()
                .ok()
                .map(|expected| match usize::try_from(expected.shards) {
                    Ok(count) if count >= shards.len() => expected,
                    _ => Expected {
                        shards: i32::try_from(shards.len()).unwrap_or(i32::MAX),
                        origin: "spec.replicas".to_owned(),
                    },
                });
            status.down = shards.iter().filter_map(down).collect();
            status.ready = shards.len() - status.down.len();
            let up = status.down.is_empty();
            status.state = if up { State::Up } else { State::Down };
            status.since = if up {
                shards.iter().filter_map(|shard| pod::since(shard.pod?)).max()
            } else {
                status.down.iter().filter_map(|shard| shard.since).min()
            };
        }
    }
    status
}

fn shards<'a>(seen: &Seen<'a>) -> Result<Vec<Shard<'a>>, Skip> {
    if seen.policy.expect.is_none() {
        // How many shards there should be may be the budget's to say.
        seen.snapshot.budgets.need()?;
    }
    // Where the set asks for more shards than the budget keeps, somebody may have lowered the budget: UP is said only when
    // every one of them is Ready.
    let shards = seen.every_shard()?;
    if shards.is_empty() {
        return Err(Skip::Unknown(
            "the set is scaled to no shards, and nothing says how many there should be".to_owned(),
        ));
    }
    Ok(shards)
}

/// Why and since when a shard is down; nothing for one that is Ready.
fn down(shard: &Shard<'_>) -> Option<DownShard> {
    let Some(found) = shard.pod else {
        return Some(DownShard {
            name: shard.name.to_string(),
            why: "no pod".to_owned(),
            since: None,
        });
    };
    if pod::is_ready(found) {
        return None;
    }
    let waiting = pod::container_statuses(found)
        .filter(|status| !status.ready)
        .find_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.clone());
    let why = if pod::is_terminating(found) {
        "terminating".to_owned()
    } else if let Some(reason) = waiting {
        reason
    } else if pod::phase(found) == "Running" {
        "not Ready".to_owned()
    } else {
        pod::phase(found).to_owned()
    };
    Some(DownShard {
        name: shard.name.to_string(),
        why,
        since: pod::since(found),
    })
}

/// The marks on the set and its budgets, in words.
fn marks(snapshot: &Snapshot) -> Vec<String> {
    let sets = snapshot.set().map(|set| ("statefulset", &set.metadata));
    let budgets = snapshot.budgets.got().into_iter().flatten();
    let objects = sets.into_iter().chain(budgets.map(|budget| ("pdb", &budget.metadata)));
    objects
        .filter_map(|(kind, meta)| {
            let name = meta.name.as_deref().unwrap_or_default();
            Some(match Mark::of(meta.annotations.as_ref())? {
                Ok(mark) => format!(
                    "{kind}/{name}: {} by {} since {:.0}",
                    mark.operation, mark.by, mark.since
                ),
                Err(_) => format!("{kind}/{name}: a mark that can't be understood"),
            })
        })
        .collect()
}
