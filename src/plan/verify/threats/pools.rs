//! Karpenter as an actor: consolidation, drift, expiry, repair, for each node that holds shards.

use super::{Roll, got};
use crate::model::karpenter::NodeClaim;
use crate::model::node;
use crate::model::read::Skip;
use crate::plan::verify::karpenter::claims::against_drift;
use crate::plan::verify::karpenter::consolidation::moves_pods;
use crate::plan::verify::karpenter::lifetime::{expiry, from_now};
use crate::plan::verify::karpenter::{Ground, Held, ground};
use crate::plan::verify::seen::Seen;
use crate::plan::verify::shield;

/// Adds what Karpenter may do to the shards' nodes.
pub fn judge(seen: &Seen<'_>, roll: &mut Roll) {
    let grounds = match ground(seen) {
        Ok(grounds) => grounds,
        Err(Skip::NotApplicable(_)) => return,
        Err(Skip::Unknown(why)) => return roll.unsure(why),
    };
    let claims = got(&seen.snapshot.node_claims, roll);
    for (name, ground) in &grounds {
        judge_consolidation(seen, name, ground, roll);
        for held in &ground.nodes {
            judge_repair(held, roll);
            if let Some(claim) = held.claim(claims) {
                judge_claim(seen, ground, held, claim, roll);
            }
        }
    }
}

fn judge_consolidation(seen: &Seen<'_>, name: &str, ground: &Ground<'_>, roll: &mut Roll) {
    let Some(pool) = ground.pool.filter(|_| !ground.nodes.is_empty()) else {
        return;
    };
    let who = format!("Karpenter's consolidation in nodepool/{name}");
    let how = match moves_pods(pool) {
        Ok(Some(how)) => how,
        Ok(None) => return roll.stopped(&who, "it lets only empty nodes go"),
        Err(why) => return roll.unsure(format!("consolidateAfter of nodepool/{name}: {why}")),
    };
    let mut shields: Vec<Vec<String>> = Vec::new();
    for held in &ground.nodes {
        match shield::on_node(seen, held.node, &held.pods) {
            Ok(found) if found.is_empty() => {
                roll.open(
                    format!("node/{}", node::name(held.node)),
                    format!("{who} ({how}) may move {}, and nothing stops it", held.shards()),
                )
                .remedy("see KARP-01, PDB-01 and PDB-02");
            }
            Ok(found) => shields.push(found),
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => roll.unsure(format!("what stops {who}: {why}")),
        }
    }
    if !shields.is_empty() {
        roll.stopped(&who, &in_common(&shields));
    }
}

/// What all nodes are protected by, such as the budget; all that protects any of them, where they have nothing in common.
fn in_common(shields: &[Vec<String>]) -> String {
    let common = |shield: &&String| shields.iter().all(|of_node| of_node.contains(shield));
    let mut all: Vec<&String> = shields.iter().flatten().collect();
    if all.iter().any(common) {
        all.retain(common);
    }
    let all: std::collections::BTreeSet<&str> = all.into_iter().map(String::as_str).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

fn judge_claim(seen: &Seen<'_>, ground: &Ground<'_>, held: &Held<'_>, claim: NodeClaim<'_>, roll: &mut Roll) {
    let object = format!("nodeclaim/{}", claim.name());
    let drain = seen.shardctl(&format!("drain {}", node::name(held.node)));
    if let Some(since) = claim.deleted() {
        judge_deletion(seen, held, claim, &from_now(since, seen.now()), roll);
        return;
    }
    if claim.is("Drifted") {
        let who = format!("Karpenter's replacing of the drifted {}", held.words());
        match against_drift(seen, held, claim, ground.pool) {
            Ok(shields) if shields.is_empty() => {
                roll.open(object.clone(), format!("{who}: nothing stops it"))
                    .remedy(drain.clone());
            }
            Ok(shields) => roll.stopped(&who, &shields.join(", ")),
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => roll.unsure(format!("what stops {who}: {why}")),
        }
    }
    match expiry(claim, ground.pool) {
        Ok(Some((at, _))) if at <= seen.now() => {
            roll.open(
                object,
                format!(
                    "it expired {}: Karpenter deletes it now, whatever protects {}",
                    from_now(at, seen.now()),
                    held.shards()
                ),
            )
            .remedy(drain);
        }
        // KARP-02 and NODE-03 tell when it is due.
        Ok(_) => {}
        Err(why) => roll.unsure(format!("when nodeclaim/{} expires: {why}", claim.name())),
    }
}

fn judge_deletion(seen: &Seen<'_>, held: &Held<'_>, claim: NodeClaim<'_>, since: &str, roll: &mut Roll) {
    let object = format!("nodeclaim/{}", claim.name());
    let who = format!("Karpenter's drain of {}, deleted {since}", held.words());
    if let Some(at) = claim.kills_at() {
        roll.open(
            object,
            format!(
                "{who}: its time limit kills the shards {}, past the budget",
                from_now(at, seen.now())
            ),
        )
        .remedy(seen.shardctl(&format!("drain {}", node::name(held.node))));
        return;
    }
    // The drain leaves out pods that say do-not-disrupt and evicts the others: every one of them needs its own protection.
    let told = held
        .pods
        .iter()
        .all(|found| shield::says_do_not_disrupt(seen, found))
        .then(|| "do-not-disrupt on every shard there".to_owned());
    roll.evictor(&object, &who, told);
}

/// Node repair goes past everything, but only for a node whose condition is bad.
fn judge_repair(held: &Held<'_>, roll: &mut Roll) {
    if !node::is_ready(held.node) {
        roll.open(
            format!("node/{}", node::name(held.node)),
            format!(
                "it is not Ready: where node repair is on, Karpenter deletes it after some minutes, with {}, past the budget",
                held.shards()
            ),
        )
        .remedy("see NODE-01");
    }
}
