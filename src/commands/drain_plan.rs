//! What a drain found, as the page that is shown before the question.

use k8s_openapi::api::core::v1::Node;

use crate::model::read::Skip;
use crate::model::set;
use crate::model::{node, volume};
use crate::operations::drain::Prepared;
use crate::plan::drain::Afterwards;
use crate::plan::drain::arithmetic::arithmetic;
use crate::plan::drain::homes::{Move, Place};
use crate::plan::drain::node::{Cordon, claim_of, cordon};
use crate::plan::drain::others::{self, Others, Row};
use crate::plan::drain::placeholder::{Prewarm, wanted};
use crate::plan::verify::seen::Seen;
use crate::report::drain_page::{DrainPage, NodePlan, PodPlan, Verdict};

/// The page of a drain that is ready to begin, or refused.
pub fn page(prepared: &Prepared) -> DrainPage {
    let seen = prepared.seen();
    let policy = &prepared.asked.policy;
    let found = &prepared.found;
    let plan = |(name, others): &(String, Others)| {
        let place = seen.node(name).ok().flatten();
        NodePlan {
            node: name.clone(),
            about: place.map(about).unwrap_or_default(),
            pods: others
                .rows
                .iter()
                .map(|row| pod_plan(&seen, row, &found.moves, policy.prewarm))
                .collect(),
            afterwards: place
                .map(|place| afterwards(&seen, place, policy.then, &prepared.drain.run))
                .unwrap_or_default(),
        }
    };
    let moves_any = !found.moves.is_empty();
    let estimate = prepared.drain.estimate(&seen).filter(|_| moves_any);
    DrainPage {
        goal: format!(
            "{}/{}: {}",
            prepared.snapshot.taken.namespace,
            set::name(&prepared.set),
            prepared.goal()
        ),
        nodes: found.nodes.iter().map(plan).collect(),
        costs: found.costs.clone(),
        budget: if moves_any {
            arithmetic(&seen, policy.strategy)
        } else {
            String::new()
        },
        estimates: estimate
            .map(|estimate| format!("about {:.0} s a shard ({})", estimate.seconds, estimate.made_from))
            .into_iter()
            .collect(),
        first: String::new(),
        notes: found.preflight.notes.clone(),
    }
}

/// A node's zone and size.
fn about(place: &Node) -> Vec<String> {
    let size = node::label(place, node::INSTANCE_TYPE);
    let words = [volume::node_zone(place), size];
    words.into_iter().flatten().map(str::to_owned).collect()
}

fn pod_plan(seen: &Seen<'_>, row: &Row, moves: &[Move], prewarm: Prewarm) -> PodPlan {
    let (verdict, words) = match &row.verdict {
        others::Verdict::Shard(ordinal) => shard(seen, moves.iter().find(|one| one.ordinal == *ordinal), prewarm),
        others::Verdict::Goes => match (row.last, row.warning) {
            (None, None) => (Verdict::Goes, "goes now".to_owned()),
            (Some(need), None) => (Verdict::GoesWith, format!("goes after the shards: it {need}")),
            (None, Some(warning)) => (Verdict::GoesWith, format!("goes now ({warning})")),
            (Some(need), Some(warning)) => (
                Verdict::GoesWith,
                format!("goes after the shards: it {need} ({warning})"),
            ),
        },
        others::Verdict::Waits(why) => (Verdict::Waits, why.clone()),
        others::Verdict::Kept(why) | others::Verdict::Never(why) => (Verdict::Never, format!("can't go: {why}")),
        others::Verdict::Skipped(why) => (Verdict::Stays, why.clone()),
    };
    let is_shard = matches!(row.verdict, others::Verdict::Shard(_));
    PodPlan {
        pod: if is_shard { row.name.clone() } else { row.title() },
        what: row.what.clone(),
        verdict,
        words,
    }
}

fn shard(seen: &Seen<'_>, moved: Option<&Move>, prewarm: Prewarm) -> (Verdict, String) {
    let Some(moved) = moved else {
        return (Verdict::NoHome, "where it would go isn't known".to_owned());
    };
    let zone = match moved.zones.as_slice() {
        [] => String::new(),
        zones => format!(" ({})", zones.join(" or ")),
    };
    let first = if wanted(prewarm, moved) {
        ", once a placeholder holds its room there"
    } else {
        ""
    };
    let down = if moved.is_down { "is down already; " } else { "" };
    let (verdict, goes) = match &moved.to {
        Place::Node(name) => {
            let place = seen.node(name).ok().flatten();
            let zone = place
                .and_then(volume::node_zone)
                .map_or(String::new(), |zone| format!(" ({zone})"));
            (Verdict::Moves, format!("goes to {name}{zone}{first}"))
        }
        Place::Pool(pool) => (
            Verdict::Moves,
            format!("goes to a new node of pool {pool}{zone}{first}"),
        ),
        Place::Autoscaler => (
            Verdict::Moves,
            format!("goes to a new node that Cluster Autoscaler makes{zone}{first}"),
        ),
        Place::Nowhere => (Verdict::NoHome, format!("has no place to go to{zone}")),
    };
    (verdict, format!("{down}{goes}"))
}

/// What becomes of a node when it is empty, a clause.
fn afterwards(seen: &Seen<'_>, place: &Node, then: Afterwards, run: &str) -> String {
    let theirs = cordon(place, run) == Cordon::Theirs;
    match then {
        Afterwards::Cordoned if theirs => "it stays cordoned, as somebody had it before".to_owned(),
        Afterwards::Cordoned => "it stays cordoned, as with kubectl drain".to_owned(),
        Afterwards::Uncordoned if theirs => {
            "it stays cordoned, since somebody had it so before; shardctl uncordon lets it take pods again".to_owned()
        }
        Afterwards::Uncordoned => "it takes pods again".to_owned(),
        Afterwards::Released => match claim_of(seen, node::name(place)) {
            Ok(Some(claim)) => format!("nodeclaim/{} is deleted, and Karpenter ends the machine", claim.name()),
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                format!("whether it can be released isn't known: {why}")
            }
            Ok(None) => "it can't be released: Karpenter didn't make it".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::safety::home::Home;
    use crate::plan::verify::testing::Scene;

    fn moved(to: Place, zones: &[&str], is_down: bool) -> Move {
        Move {
            ordinal: 1,
            shard: "db-1".to_owned(),
            from: "node-1".to_owned(),
            to,
            home: Home::default(),
            zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
            is_down,
            is_cold: false,
        }
    }

    #[test]
    fn a_shard_is_said_to_go_where_it_goes() {
        let scene = Scene::healthy(3);
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let zone = seen.node("node-2").unwrap().and_then(volume::node_zone).unwrap();
        let words = |to: Place, down| shard(&seen, Some(&moved(to, &["zone-9"], down)), Prewarm::Auto).1;
        assert_eq!(
            words(Place::Node("node-2".to_owned()), false),
            format!("goes to node-2 ({zone})")
        );
        let pool = Place::Pool("stable".to_owned());
        assert_eq!(
            words(pool.clone(), false),
            "goes to a new node of pool stable (zone-9), once a placeholder holds its room there"
        );
        // Nothing is gained by waiting for a shard that is down.
        assert_eq!(
            words(pool, true),
            "is down already; goes to a new node of pool stable (zone-9)"
        );
        let nowhere = shard(&seen, Some(&moved(Place::Nowhere, &["zone-9"], false)), Prewarm::Auto);
        assert_eq!(nowhere, (Verdict::NoHome, "has no place to go to (zone-9)".to_owned()));
    }
}
