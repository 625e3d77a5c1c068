//! NODE-03: the NodeClaims under the shards, what Karpenter means to do with them, and when.

use jiff::{SignedDuration, Timestamp};

use super::consolidation::moves_pods;
use super::lifetime::{expiry, from_now};
use super::{Held, ground, held, in_words};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::karpenter::{NodeClaim, NodePool, Reason};
use crate::model::node;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::{Check, shield};

/// How long before its expiry a claim is warned of: long enough to move its shards by day.
const SOON: SignedDuration = SignedDuration::from_hours(72);

/// NODE-03.
pub const NODE_03: Check = Check {
    about: Description {
        id: "NODE-03",
        category: Category::Nodes,
        severity: Severity::Error,
        title: "Karpenter means to keep the nodes that hold shards",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::Budgets,
            Resource::NodePools,
            Resource::NodeClaims,
        ],
        also: "",
        why: "A NodeClaim that is drifted or about to expire is a node that Karpenter will replace: as soon as what stops it now \
              stops no longer, or, at its expiry, whatever stops it. One that is being deleted takes no new pods, and where it \
              has a time limit its shards are killed when that is reached: this alone is an error.",
        mend: "Move its shards yourself, one at a time, at an hour of your choosing; the emptied node then goes by itself.\n\
               $ shardctl drain NODE",
        source: "Karpenter pkg/apis/v1/nodeclaim_status.go (Drifted, Consolidatable), pkg/controllers/disruption, \
                 pkg/controllers/nodeclaim/expiration",
        entails: &["THR-01", "NODE-01"],
    },
    judge: node_03,
};

fn node_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let held = held(seen)?;
    let claims = seen.snapshot.node_claims.need()?;
    let grounds = ground(seen)?;
    let mut verdict = Verdict::new();
    let mut earliest: Option<Timestamp> = None;
    for found in &held {
        let pool = grounds.get(found.pool).and_then(|ground| ground.pool);
        let Some(claim) = found.claim(claims) else {
            verdict
                .warn(
                    format!("node/{}", node::name(found.node)),
                    format!(
                        "it is labelled as of nodepool/{}, but no NodeClaim names it: Karpenter doesn't look after it",
                        found.pool
                    ),
                )
                .remedy(seen.kubectl_cluster(&format!("get nodeclaims -l {}={}", node::NODE_POOL, found.pool)));
            continue;
        };
        if let Some(since) = claim.deleted() {
            judge_deleted(seen, found, claim, since, &mut verdict);
            continue;
        }
        judge_drift(seen, found, claim, pool, &mut verdict);
        judge_consolidation(seen, found, claim, pool, &mut verdict);
        match expiry(claim, pool) {
            Ok(Some((at, span))) => {
                earliest = Some(earliest.map_or(at, |before| before.min(at)));
                if at.duration_since(seen.now()) < SOON {
                    verdict
                        .warn(
                            format!("nodeclaim/{}", claim.name()),
                            format!(
                                "under {} it expires {} (expireAfter {span}): Karpenter then deletes it, budget or not{}",
                                found.words(),
                                from_now(at, seen.now()),
                                after_that(claim)
                            ),
                        )
                        .remedy(drain(seen, found));
                }
            }
            Ok(None) => {}
            Err(why) => verdict.unsure(format!("when nodeclaim/{} expires: {why}", claim.name())),
        }
    }
    let next = match earliest {
        Some(at) => format!("the first expires {}", from_now(at, seen.now())),
        None => "none expires".to_owned(),
    };
    Ok(verdict.seen(format!("{} NodeClaims, {next}", held.len())))
}

fn drain(seen: &Seen<'_>, found: &Held<'_>) -> String {
    seen.shardctl(&format!("drain {}", node::name(found.node)))
}

fn after_that(claim: NodeClaim<'_>) -> String {
    match claim.termination_grace() {
        Some(grace) => format!(", and {grace} later kills the shards"),
        None => ", and the node takes no new pods".to_owned(),
    }
}

fn judge_deleted(seen: &Seen<'_>, found: &Held<'_>, claim: NodeClaim<'_>, since: Timestamp, verdict: &mut Verdict) {
    let object = format!("nodeclaim/{}", claim.name());
    let since = from_now(since, seen.now());
    let deleted = format!("it was deleted {since}, and {} still holds shards", found.words());
    let finding = match claim.kills_at() {
        Some(at) => verdict.fail(
            object,
            format!(
                "{deleted}: its time limit ({at}, {}) kills them past the budget",
                from_now(at, seen.now())
            ),
        ),
        None => verdict.warn(
            object,
            format!("{deleted}: Karpenter waits for them for ever, and the node takes no new pods"),
        ),
    };
    finding
        .remedy("a deletion can't be taken back: move the shards before Karpenter does")
        .remedy(drain(seen, found))
        .remedy(seen.kubectl_cluster(&format!("describe nodeclaim {}", shell_word(claim.name()))));
}

fn judge_drift(
    seen: &Seen<'_>,
    found: &Held<'_>,
    claim: NodeClaim<'_>,
    pool: Option<NodePool<'_>>,
    verdict: &mut Verdict,
) {
    let Some(drifted) = claim.condition("Drifted").filter(|drifted| drifted.is_true()) else {
        return;
    };
    let shields = match against_drift(seen, found, claim, pool) {
        Ok(shields) => shields,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
            verdict.unsure(format!("what protects {}: {why}", found.words()));
            Vec::new()
        }
    };
    let stopped = if shields.is_empty() {
        "nothing stops Karpenter from replacing it".to_owned()
    } else {
        format!("stopped by {}", shields.join(", "))
    };
    verdict
        .warn(
            format!("nodeclaim/{}", claim.name()),
            format!(
                "under {} it is drifted ({}); {stopped}",
                found.words(),
                in_words(&drifted)
            ),
        )
        .remedy("move its shards at an hour of your choosing; the new node has what the pool now asks for")
        .remedy(drain(seen, found));
}

/// What keeps Karpenter from replacing a drifted node: an always-on budget of nodes "0", the node's annotation, and, where the
/// claim has no terminationGracePeriod, what protects its pods.
///
/// # Errors
/// As [`shield::on_node`].
pub fn against_drift(
    seen: &Seen<'_>,
    found: &Held<'_>,
    claim: NodeClaim<'_>,
    pool: Option<NodePool<'_>>,
) -> Result<Vec<String>, Skip> {
    let mut shields = Vec::new();
    if pool.is_some_and(|pool| pool.always_forbids(Reason::Drifted)) {
        shields.push(format!("the budget of nodes \"0\" in nodepool/{}", found.pool));
    }
    // With a terminationGracePeriod drift is "eventual": it starts whatever protects the pods.
    let pods: &[_] = if claim.termination_grace().is_some() {
        &[]
    } else {
        &found.pods
    };
    match shield::on_node(seen, found.node, pods) {
        Ok(more) if claim.termination_grace().is_some() => {
            shields.extend(more.into_iter().filter(|shield| shield.starts_with("do-not-disrupt")));
        }
        Ok(more) => shields.extend(more),
        Err(skip) if shields.is_empty() => return Err(skip),
        Err(_) => {}
    }
    Ok(shields)
}

fn judge_consolidation(
    seen: &Seen<'_>,
    found: &Held<'_>,
    claim: NodeClaim<'_>,
    pool: Option<NodePool<'_>>,
    verdict: &mut Verdict,
) {
    // Consolidatable is set on quiet nodes of every pool, also of those that only let empty ones go.
    let moves = pool.and_then(|pool| moves_pods(pool).ok().flatten());
    let Some(how) = moves.filter(|_| claim.is("Consolidatable")) else {
        return;
    };
    match shield::on_node(seen, found.node, &found.pods) {
        Ok(shields) if shields.is_empty() => {
            verdict
                .warn(
                    format!("nodeclaim/{}", claim.name()),
                    format!(
                        "under {} it is consolidatable ({how}), and nothing stops Karpenter from moving its shards",
                        found.words()
                    ),
                )
                .remedy("see PDB-01 and PDB-02: a budget over all shards stops it");
        }
        Ok(_) => {}
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
            verdict.unsure(format!("what protects {}: {why}", found.words()));
        }
    }
}
