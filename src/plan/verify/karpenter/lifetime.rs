//! KARP-02 and KARP-03: what ends a node whatever protects its pods. NodeClaims hold copies of both settings, made when they
//! were made; the copies are what counts, and a pool that differs from them speaks of the next nodes only.

use super::{Held, closed_budget, ground, patch_pool};
use crate::model::check::{Category, Description};
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::karpenter::{NodeClaim, NodePool};
use crate::model::node;
use crate::model::read::Skip;
use crate::model::report::Phase;
use crate::model::resource::Resource;
use crate::model::span::{Span, words};
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;
use jiff::Timestamp;

const READS: &[Resource] = &[
    Resource::StatefulSets,
    Resource::Pods,
    Resource::Nodes,
    Resource::NodePools,
    Resource::NodeClaims,
];

/// KARP-02.
pub const KARP_02: Check = Check {
    about: Description {
        id: "KARP-02",
        category: Category::Karpenter,
        severity: Severity::Error,
        title: "no node that holds shards expires (stable phase)",
        reads: READS,
        also: "",
        why: "When a NodeClaim reaches expireAfter, Karpenter deletes it, whatever the budgets and do-not-disrupt say. The drain \
              that follows waits for a closed disruption budget and for do-not-disrupt pods, but the node takes no new pods any \
              more: a shard that restarts there can't come back to it, and with a terminationGracePeriod the shards are killed. \
              The default is 720 hours, and nodes that were made together expire together. In the explore phase the hours \
              that are left are told, and NODE-03 warns when they run out.",
        mend: "expireAfter is part of the pool's hash: changing it drifts every NodeClaim, and the claims keep their copies. \
               So forbid the replacing of drifted nodes first, change it, then move the shards node by node.\n\
               $ kubectl patch nodepool NAME --type merge -p '{\"spec\":{\"disruption\":{\"budgets\":[{\"nodes\":\"0\",\
               \"reasons\":[\"Drifted\",\"Underutilized\"]}]}}}'\n\
               $ kubectl patch nodepool NAME --type merge -p '{\"spec\":{\"template\":{\"spec\":{\"expireAfter\":\"Never\"}}}}'\n\
               $ shardctl drain NODE",
        source: "Karpenter pkg/controllers/nodeclaim/expiration/controller.go; pkg/apis/v1/nodeclaim.go (default 720h)",
        entails: &["NODE-03", "THR-01"],
    },
    judge: karp_02,
};

/// When a claim expires and after which length of life; none where it never does.
///
/// # Errors
/// The words of a setting that can't be understood.
pub fn expiry(claim: NodeClaim<'_>, pool: Option<NodePool<'_>>) -> Result<Option<(Timestamp, Span)>, String> {
    let span = match claim.expire_after() {
        Some(own) => own?,
        None => match pool {
            Some(pool) => pool.expire_after()?,
            None => return Err("its pool, which says so under v1beta1, doesn't exist".to_owned()),
        },
    };
    let Span::After(length) = span else { return Ok(None) };
    let made = claim
        .created()
        .ok_or_else(|| "it doesn't say when it was made".to_owned())?;
    let at = made
        .checked_add(length)
        .map_err(|_| "it expires beyond the calendar".to_owned())?;
    Ok(Some((at, span)))
}

/// `in 3d 4h`, `now`, or `3h ago`.
pub fn from_now(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    if left.as_secs() == 0 {
        "now".to_owned()
    } else if left.is_negative() {
        format!("{} ago", words(left))
    } else {
        format!("in {}", words(left))
    }
}

fn karp_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let (phase, _) = seen.phase()?;
    let grounds = ground(seen)?;
    let claims = seen.snapshot.node_claims.need()?;
    let mut verdict = Verdict::new();
    let mut earliest: Option<Timestamp> = None;
    for (name, ground) in &grounds {
        let mut expiring: Vec<(Timestamp, String)> = Vec::new();
        for held in &ground.nodes {
            let Some(claim) = held.claim(claims) else {
                verdict.unsure(format!("no NodeClaim was seen for {}", held.words()));
                continue;
            };
            match expiry(claim, ground.pool) {
                Ok(Some((at, span))) => expiring.push((at, expiring_words(held, claim, at, span, seen.now()))),
                Ok(None) => {}
                Err(why) => verdict.unsure(format!("when nodeclaim/{} expires: {why}", claim.name())),
            }
        }
        expiring.sort();
        earliest = expiring.first().map(|(at, _)| *at).into_iter().chain(earliest).min();
        if let Some((first, _)) = expiring.first() {
            let message = format!(
                "{} of its {} nodes with shards expire, the first {}",
                expiring.len(),
                ground.nodes.len(),
                from_now(*first, seen.now())
            );
            let object = format!("nodepool/{name}");
            let finding = if phase == Phase::Stable {
                verdict.fail(object, message)
            } else {
                verdict.inform(object, message)
            };
            for (_, line) in &expiring {
                finding.evidence(line);
            }
            if phase == Phase::Stable {
                advise(
                    seen,
                    name,
                    ground.pool,
                    "expireAfter",
                    r#""Never""#,
                    &ground.nodes,
                    finding,
                );
            }
        } else if phase == Phase::Stable
            && let Some(pool) = ground.pool
        {
            judge_next_nodes(seen, pool, &ground.nodes, &mut verdict);
        }
    }
    Ok(verdict.seen(match earliest {
        None => "Never".to_owned(),
        Some(at) => format!("explore phase: the first node expires {}", from_now(at, seen.now())),
    }))
}

fn expiring_words(held: &Held<'_>, claim: NodeClaim<'_>, at: Timestamp, span: Span, now: Timestamp) -> String {
    format!(
        "nodeclaim/{}, {}: expireAfter {span}, {}",
        claim.name(),
        held.words(),
        from_now(at, now)
    )
}

/// A pool whose present nodes never expire, but whose next ones do.
fn judge_next_nodes(seen: &Seen<'_>, pool: NodePool<'_>, nodes: &[Held<'_>], verdict: &mut Verdict) {
    match pool.expire_after() {
        Ok(Span::Never) => {}
        Ok(span) => {
            let finding = verdict.warn(
                format!("nodepool/{}", pool.name()),
                format!("expireAfter is {span}: no node with shards expires, but the next nodes of this pool will"),
            );
            advise(
                seen,
                pool.name(),
                Some(pool),
                "expireAfter",
                r#""Never""#,
                nodes,
                finding,
            );
        }
        Err(why) => verdict.unsure(format!("expireAfter of nodepool/{}: {why}", pool.name())),
    }
}

/// The three steps that change a setting of the hash without Karpenter replacing every node at once.
fn advise(
    seen: &Seen<'_>,
    name: &str,
    pool: Option<NodePool<'_>>,
    field: &str,
    value: &str,
    nodes: &[Held<'_>],
    finding: &mut Finding,
) {
    if pool.is_some_and(NodePool::is_beta) {
        let patch = r#"{"spec":{"disruption":{"expireAfter":"Never"}}}"#;
        finding.remedy(patch_pool(seen, name, patch));
        return;
    }
    finding
        .remedy("first keep Karpenter from replacing drifted nodes (this replaces the pool's budgets):")
        .remedy(closed_budget(seen, name))
        .remedy("then change the pool, which drifts all its NodeClaims:")
        .remedy(patch_pool(
            seen,
            name,
            &format!(r#"{{"spec":{{"template":{{"spec":{{"{field}":{value}}}}}}}}}"#),
        ));
    if !nodes.is_empty() {
        finding.remedy("NodeClaims keep their copies: move the shards to new nodes, one node at a time:");
    }
    for held in nodes {
        finding.remedy(seen.shardctl(&format!("drain {}", node::name(held.node))));
    }
}

/// KARP-03.
pub const KARP_03: Check = Check {
    about: Description {
        id: "KARP-03",
        category: Category::Karpenter,
        severity: Severity::Error,
        title: "no terminationGracePeriod lets Karpenter kill shards",
        reads: READS,
        also: "",
        why: "With a terminationGracePeriod any deletion of a NodeClaim, by drift, expiry, repair or by hand, ends with the \
              shards deleted past the disruption budget and past do-not-disrupt, their own grace period cut to what is left. \
              Without one the deletion waits for them.",
        mend: "The setting is part of the pool's hash, and NodeClaims keep their copies: forbid the replacing of drifted nodes \
               first, take it out of the pool, then move the shards node by node.\n\
               $ kubectl patch nodepool NAME --type merge -p '{\"spec\":{\"template\":{\"spec\":\
               {\"terminationGracePeriod\":null}}}}'\n$ shardctl drain NODE",
        source: "Karpenter pkg/apis/v1/nodeclaim.go (terminationGracePeriod), pkg/controllers/node/termination/terminator",
        entails: &["NODE-03", "THR-01"],
    },
    judge: karp_03,
};

fn karp_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let grounds = ground(seen)?;
    let claims = seen.snapshot.node_claims.need()?;
    let mut verdict = Verdict::new();
    for (name, ground) in &grounds {
        let mut limited: Vec<String> = Vec::new();
        for held in &ground.nodes {
            let Some(claim) = held.claim(claims) else {
                verdict.unsure(format!("no NodeClaim was seen for {}", held.words()));
                continue;
            };
            if let Some(grace) = claim.termination_grace() {
                limited.push(format!("nodeclaim/{}, {}: {grace}", claim.name(), held.words()));
            }
        }
        let of_pool = ground.pool.and_then(NodePool::termination_grace);
        let object = format!("nodepool/{name}");
        let finding = if !limited.is_empty() {
            verdict.fail(
                object,
                format!(
                    "{} of its {} nodes with shards have a terminationGracePeriod: deleting such a NodeClaim kills its \
                     shards past the budget",
                    limited.len(),
                    ground.nodes.len()
                ),
            )
        } else if let Some(grace) = of_pool {
            verdict.warn(
                object,
                format!("terminationGracePeriod is {grace}: no node with shards has it, but the next nodes of this pool will"),
            )
        } else {
            continue;
        };
        for line in limited {
            finding.evidence(line);
        }
        let nodes = if finding.severity == Severity::Error {
            ground.nodes.as_slice()
        } else {
            &[]
        };
        advise(seen, name, None, "terminationGracePeriod", "null", nodes, finding);
    }
    Ok(verdict.seen("none set"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_expires_by_its_own_copy_and_under_v1beta1_by_its_pool() {
        let pool = json!({"apiVersion": "karpenter.sh/v1", "spec": {"template": {"spec": {"expireAfter": "Never"}}}});
        let claim = json!({"apiVersion": "karpenter.sh/v1", "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"expireAfter": "24h"}});
        let (at, _) = expiry(NodeClaim(&claim), Some(NodePool(&pool))).unwrap().unwrap();
        assert_eq!(at.to_string(), "2026-01-02T00:00:00Z");
        let now: Timestamp = "2026-01-01T20:30:00Z".parse().unwrap();
        assert_eq!(from_now(at, now), "in 3h 30m");
        assert_eq!(from_now(now, at), "3h 30m ago");
        assert_eq!(from_now(now, now), "now");

        let beta =
            json!({"apiVersion": "karpenter.sh/v1beta1", "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}});
        let pool = json!({"apiVersion": "karpenter.sh/v1beta1", "spec": {"disruption": {"expireAfter": "Never"}}});
        assert_eq!(expiry(NodeClaim(&beta), Some(NodePool(&pool))), Ok(None));
        assert!(expiry(NodeClaim(&beta), None).is_err());
    }
}
