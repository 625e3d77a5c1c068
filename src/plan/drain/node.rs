//! The nodes of a drain: which are meant, in what order they come, and what is known of each beforehand.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;

use crate::model::finding::{Finding, Severity};
use crate::model::karpenter::{DISRUPTED_TAINT, NodeClaim};
use crate::model::mark::Mark;
use crate::model::read::Skip;
use crate::model::shell::shell_word;
use crate::model::{node, pod, selector, set};
use crate::plan::verify::seen::Seen;

/// Why it isn't known which nodes are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// The nodes can't be read; a clause.
    Unreadable(String),
    /// There is no node of this name.
    NoSuch {
        /// What was typed.
        wanted: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The selector can't be read; a clause.
    Selector(String),
    /// The selector picks no node.
    Nothing(String),
}

/// The nodes that were named (`node/a` is `a`), each once, or those that a label selector picks.
///
/// # Errors
/// [`Unclear`].
pub fn chosen<'a>(seen: &Seen<'a>, names: &[String], label: Option<&str>) -> Result<Vec<&'a Node>, Unclear> {
    let all = match seen.snapshot.nodes.need() {
        Ok(all) => all,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return Err(Unclear::Unreadable(why)),
    };
    let mut found: Vec<&Node> = Vec::new();
    for typed in names {
        let wanted = typed
            .strip_prefix("node/")
            .or_else(|| typed.strip_prefix("nodes/"))
            .unwrap_or(typed);
        let Some(one) = all.iter().find(|one| node::name(one) == wanted) else {
            return Err(Unclear::NoSuch {
                wanted: wanted.to_owned(),
                known: all.iter().map(|one| node::name(one).to_owned()).collect(),
            });
        };
        if !found.iter().any(|before| node::name(before) == wanted) {
            found.push(one);
        }
    }
    if let Some(label) = label {
        let wanted = selector::parse(label).map_err(Unclear::Selector)?;
        found = all
            .iter()
            .filter(|one| set::selects(&wanted, one.metadata.labels.as_ref()))
            .collect();
        found.sort_by_key(|one| node::name(one));
        if found.is_empty() {
            return Err(Unclear::Nothing(label.to_owned()));
        }
    }
    Ok(found)
}

/// The order in which nodes are emptied, one after another: those with shards that are down first, since moving them costs
/// nothing and mends something; then those without shards, which are quick and may be the spare of the next; then the rest, as
/// they were given.
///
/// # Errors
/// Unknown where pods can't be read.
pub fn order<'a>(seen: &Seen<'a>, mut nodes: Vec<&'a Node>) -> Result<Vec<&'a Node>, Skip> {
    let pods = seen.own_pods()?;
    let turn = |place: &&Node| {
        let mut here = pods.iter().filter(|found| pod::node(found) == Some(node::name(place)));
        let empty = here.clone().next().is_none();
        let down = here.any(|found| !pod::is_ready(found));
        match (down, empty) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        }
    };
    nodes.sort_by_key(turn);
    Ok(nodes)
}

/// Who made a node unschedulable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cordon {
    /// Nobody: it takes pods.
    Open,
    /// This operation, or an earlier run of it, whose mark says that the node took pods before.
    Ours,
    /// Somebody else: it stays so, whatever becomes of the drain.
    Theirs,
}

/// Who cordoned a node, as seen by `run`.
pub fn cordon(place: &Node, run: &str) -> Cordon {
    if !node::is_cordoned(place) {
        return Cordon::Open;
    }
    let mark = Mark::of(place.metadata.annotations.as_ref()).and_then(Result::ok);
    let ours = mark.is_some_and(|mark| {
        // A field that wasn't there is `null` or left out; `true` would say that it was cordoned before.
        mark.is_of(run)
            && mark
                .was
                .get("spec.unschedulable")
                .is_some_and(|was| was.as_bool() != Some(true))
    });
    if ours { Cordon::Ours } else { Cordon::Theirs }
}

/// Whether `run` goes on with an earlier one that was cut off: a mark of that is on a node, the budget or the set.
pub fn resumes(seen: &Seen<'_>, run: &str) -> bool {
    let nodes = seen.snapshot.nodes.got().into_iter().flatten();
    let budgets = seen.snapshot.budgets.got().into_iter().flatten();
    let mut marked = nodes
        .map(|found| &found.metadata)
        .chain(budgets.map(|found| &found.metadata))
        .chain(seen.set().ok().map(|found| &found.metadata));
    marked.any(|meta| {
        let mark = Mark::of(meta.annotations.as_ref()).and_then(Result::ok);
        mark.is_some_and(|mark| mark.is_of(run))
    })
}

/// The NodeClaim that Karpenter made a node for; none where there is none.
///
/// # Errors
/// Unknown where NodeClaims can't be read: that isn't none.
pub fn claim_of<'a>(seen: &Seen<'a>, name: &str) -> Result<Option<NodeClaim<'a>>, Skip> {
    match seen.snapshot.node_claims.need() {
        Ok(claims) => Ok(claims.iter().map(NodeClaim).find(|claim| claim.node() == Some(name))),
        Err(Skip::NotApplicable(_)) => Ok(None),
        Err(unknown) => Err(unknown),
    }
}

/// Whether `--then-release` may delete a node's NodeClaim: its name, or why not, a clause.
///
/// # Errors
/// What is still there, or that there is no NodeClaim.
pub fn releasable<'a>(seen: &Seen<'a>, name: &str) -> Result<NodeClaim<'a>, String> {
    let claim = match claim_of(seen, name) {
        Ok(claim) => claim.ok_or_else(|| "no NodeClaim belongs to it: Karpenter didn't make it".to_owned())?,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
            return Err(format!("whether Karpenter made it isn't known: {why}"));
        }
    };
    let pods = match seen.own_pods() {
        Ok(pods) => pods,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return Err(why),
    };
    match pods.iter().find(|found| pod::node(found) == Some(name)) {
        Some(left) => Err(format!("{} is still on it", pod::name(left))),
        None => Ok(claim),
    }
}

/// What is worth knowing of a node before it is emptied: that it is virtual, cordoned by somebody, or being taken away.
pub fn notes(seen: &Seen<'_>, place: &Node, run: &str, now: Timestamp) -> Vec<Finding> {
    let name = node::name(place);
    let object = format!("node/{name}");
    let mut notes = Vec::new();
    let mut note = |severity, words: String| notes.push(Finding::new(severity, &object, words));
    if node::is_virtual(place) {
        note(
            Severity::Information,
            "it is virtual: no shard with a disk can be on it".to_owned(),
        );
    }
    if cordon(place, run) == Cordon::Theirs {
        note(
            Severity::Information,
            "somebody cordoned it already: it stays cordoned, whatever becomes of the drain".to_owned(),
        );
    }
    let claim = claim_of(seen, name).ok().flatten();
    let by_claim = claim.and_then(NodeClaim::deleted);
    let of_node = place.metadata.deletion_timestamp.as_ref().map(|at| at.0);
    let tainted = node::taints(place).iter().any(|taint| taint.key == DISRUPTED_TAINT);
    if let Some(at) = claim.and_then(NodeClaim::kills_at) {
        let left = at.duration_since(now).as_secs().max(0);
        note(
            Severity::Warning,
            format!(
                "Karpenter is taking it away and kills what is still on it at {at} (in {left} s), past every budget and whatever \
                 grace a shard has"
            ),
        );
    } else if by_claim.or(of_node).is_some() || tainted {
        note(
            Severity::Warning,
            "it is being taken away already: whoever does that evicts pods as well, and waits for the same budgets"
                .to_owned(),
        );
    } else if let Some(grace) = claim.and_then(NodeClaim::termination_grace) {
        note(
            Severity::Warning,
            format!(
                "its NodeClaim has terminationGracePeriod {grace}: once it is deleted, by whomever, what is left on it after that \
                 is killed past every budget"
            ),
        );
    }
    notes
}

/// Why nothing can be emptied from a node that is silent, with what to do; none where its kubelet answers, or where somebody
/// has said that its machine is off.
pub fn silent(seen: &Seen<'_>, place: &Node) -> Option<(String, Vec<String>)> {
    let off = node::taints(place)
        .iter()
        .any(|taint| taint.key == node::OUT_OF_SERVICE);
    if node::is_ready(place) || off {
        return None;
    }
    let name = node::name(place);
    let why = node::condition(place, "Ready").map_or_else(String::new, |ready| {
        let said = ready.message.as_deref().unwrap_or_default();
        format!(" ({})", if said.is_empty() { &ready.status } else { said })
    });
    // What is to be seen of the machine itself is right whoever made it.
    let remedy = match claim_of(seen, name).ok().flatten() {
        Some(claim) => vec![
            "if its machine is lost, have Karpenter end it: that proves it off, and frees pods and disks:".to_owned(),
            seen.kubectl_cluster(&format!("delete nodeclaim {}", shell_word(claim.name()))),
        ],
        None => vec![
            "see in the cloud's console that its machine is off: a disk that is written from two machines is lost; then:".to_owned(),
            seen.shardctl(&format!("recover --node-is-off {}", shell_word(name))),
        ],
    };
    Some((
        format!("it isn't Ready{why}: nothing that is deleted there ends before its kubelet answers"),
        remedy,
    ))
}

/// The names of the nodes that no shard may land on while the node at `at` of `order` is emptied: those that are still to come,
/// and those that are done unless they take pods again.
pub fn closed<'a>(order: &[&'a Node], at: usize, reopened: bool) -> BTreeSet<&'a str> {
    let from = if reopened { at } else { 0 };
    order.iter().skip(from).map(|place| node::name(place)).collect()
}

#[cfg(test)]
mod tests;
