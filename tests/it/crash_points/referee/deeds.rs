//! What a request may change, and what has to be so when it does.

use jiff::Timestamp;
use serde_json::Value;
use shardctl::sim::kind::Kind;
use shardctl::sim::store::{Change, Key, Store, What};
use shardctl::sim::transport::Deed;

use super::Referee;
use super::json::{MARK, differences, is_leaving, is_off, is_ready, label, mark, name, text};
use crate::crash_points::scene::{NODE, SET};

const HELPER: &str = "shardctl.dev/helper";
pub(super) const JOURNAL: &str = "shardctl.dev/journal";
const HOLD: &str = "karpenter.sh/do-not-disrupt";

impl Referee {
    /// Judges one change that a request made.
    pub(super) fn judge_deed(&mut self, store: &Store, change: &Change, deed: &Deed<'_>, now: Timestamp) {
        if let Some(job) = self.licence.workload
            && self.judge_of_workload(store, change, deed, job, now)
        {
            return;
        }
        let object: &Value = &change.object;
        match change.kind {
            Kind::Events => {}
            Kind::Leases => self.judge_lease(change, deed, now),
            Kind::Pods => self.judge_pod(store, change, deed, now),
            Kind::Budgets => self.only(change, &["spec.minAvailable", &on(MARK)], now),
            Kind::StatefulSets => self.judge_set(change, deed, now),
            Kind::Nodes => self.judge_node(store, change, deed, now),
            Kind::Claims => {
                let ordinal = name(object)
                    .rsplit_once('-')
                    .and_then(|(_, digits)| digits.parse::<i64>().ok());
                let extra = ordinal.is_some_and(|ordinal| ordinal >= self.scene.shards);
                if !(extra && ends(change)) {
                    self.breaks(now, format!("claim {} isn't ours to change", name(object)));
                }
            }
            Kind::NodeClaims => {
                let of = text(object, "/status/nodeName");
                if !(self.licence.release && of == NODE && ends(change)) {
                    self.breaks(now, format!("NodeClaim {} isn't ours to change", name(object)));
                }
                let shards = self
                    .shards
                    .iter()
                    .filter(|(_, shard)| shard.node == of && shard.down.is_none());
                let left: Vec<&str> = shards.map(|(name, _)| name.as_str()).collect();
                if !left.is_empty() {
                    self.breaks(
                        now,
                        format!("the NodeClaim of {of} is deleted while {left:?} are on it"),
                    );
                }
                self.needs_lock(deed, "a NodeClaim is deleted", now);
            }
            kind => self.breaks(
                now,
                format!("{} {} isn't ours to change", kind.served().name, name(object)),
            ),
        }
    }

    fn judge_lease(&mut self, change: &Change, deed: &Deed<'_>, now: Timestamp) {
        if name(&change.object) != format!("shardctl-{SET}") {
            return self.breaks(now, format!("lease {} isn't ours to change", name(&change.object)));
        }
        if change.what == What::Deleted {
            if self.lock != Some(deed.life) {
                self.breaks(now, "the lock is given back by somebody who hasn't got it".to_owned());
            }
            self.lock = None;
            return;
        }
        if self
            .lock
            .is_some_and(|holder| holder != deed.life && !self.ended.contains(&holder))
        {
            self.breaks(now, "the lock is taken from somebody who lives".to_owned());
        }
        self.lock = Some(deed.life);
    }

    pub(super) fn needs_lock(&mut self, deed: &Deed<'_>, what: &str, now: Timestamp) {
        if self.lock != Some(deed.life) {
            self.breaks(now, format!("{what} without the lock"));
        }
    }

    fn judge_pod(&mut self, store: &Store, change: &Change, deed: &Deed<'_>, now: Timestamp) {
        let pod: &Value = change.before.as_deref().unwrap_or(&change.object);
        let helper = label(pod, HELPER).is_some();
        if change.what == What::Added {
            if !helper || label(pod, "app").is_some() {
                self.breaks(
                    now,
                    format!("pod {} is made, which isn't a helper, or counts as a shard", name(pod)),
                );
            }
            return;
        }
        if !ends(change) {
            return self.breaks(now, format!("pod {} isn't ours to change", name(pod)));
        }
        if !names_the_uid(deed.request.body.as_slice()) {
            self.breaks(
                now,
                format!("pod {} is deleted, whichever pod of that name it is", name(pod)),
            );
        }
        if helper {
            return;
        }
        if self.is_shard(name(pod)) {
            return self.judge_take_down(store, pod, deed, now);
        }
        let by_eviction = deed.request.path.ends_with("/eviction");
        let there = self.drained() == Some(text(pod, "/spec/nodeName"));
        if !(there && by_eviction) {
            self.breaks(now, format!("pod {} isn't ours to delete", name(pod)));
        }
        self.needs_lock(deed, "a pod of somebody else's is evicted", now);
    }

    /// A shard is taken down by our hand.
    fn judge_take_down(&mut self, store: &Store, pod: &Value, deed: &Deed<'_>, now: Timestamp) {
        let (name, node) = (name(pod), text(pod, "/spec/nodeName"));
        self.needs_lock(deed, &format!("shard {name} is taken down"), now);
        if self.scene.karpenter && !Referee::is_frozen(store, node) {
            self.breaks(
                now,
                format!("shard {name} is taken down while Karpenter may take {node}"),
            );
        }
        if self.licence.drain {
            let place = store.get(&Key::wide(Kind::Nodes, node));
            if place.is_none_or(|place| place["spec"]["unschedulable"] != true) {
                self.breaks(now, format!("shard {name} is taken off {node}, which takes it back"));
            }
        }
        if grace(&deed.request.body) == Some(0) {
            self.breaks(now, format!("shard {name} isn't given the time to stop"));
        }
        if is_leaving(pod) || !is_ready(pod) {
            // It was down already: taking it down costs nothing.
            return;
        }
        let together =
            |other: &str| self.licence.together && self.shards.get(other).is_some_and(|other| other.node == NODE);
        let others: Vec<String> = self
            .shards
            .iter()
            .filter(|(other, shard)| *other != name && shard.was_known_down(deed.life, deed.sent) && !together(other))
            .map(|(other, _)| other.clone())
            .collect();
        if !others.is_empty() {
            self.breaks(
                now,
                format!("shard {name} is taken down while {} is down", others.join(", ")),
            );
        }
        if let Some(shard) = self.shards.get_mut(name) {
            shard.by = Some(deed.life);
        }
    }

    fn judge_set(&mut self, change: &Change, deed: &Deed<'_>, now: Timestamp) {
        let mut may = vec![on(MARK)];
        if self.licence.template {
            may.extend(["spec.template".to_owned(), on(JOURNAL)]);
        }
        if self.licence.replicas {
            may.push("spec.replicas".to_owned());
        }
        let may: Vec<&str> = may.iter().map(String::as_str).collect();
        self.only(change, &may, now);
        self.needs_lock(deed, "the set is changed", now);
        let whole = self.scene.shards;
        let replicas = change.object["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < whole {
            self.breaks(now, format!("the set has {replicas} replicas: {whole} shards are kept"));
        }
        let marked = mark(&change.object).is_some_and(|mark| mark["was"]["spec.replicas"] == whole);
        if replicas > whole && !marked {
            self.breaks(now, format!("the set has {replicas} replicas, and no mark says why"));
        }
        let before = change.before.as_deref().unwrap_or(&Value::Null);
        let written = before["spec"]["template"] != change.object["spec"]["template"];
        if written && !differences(before, &change.object).contains(&on(JOURNAL)) {
            self.breaks(
                now,
                "the template is changed, and no journal says what it was".to_owned(),
            );
        }
    }

    fn judge_node(&mut self, store: &Store, change: &Change, deed: &Deed<'_>, now: Timestamp) {
        let called = name(&change.object).to_owned();
        let (hold, mark_of_ours) = (on(HOLD), on(MARK));
        let mut may = vec!["spec.unschedulable", hold.as_str(), mark_of_ours.as_str()];
        if self.licence.off && called == NODE {
            may.push("spec.taints");
        }
        self.only(change, &may, now);
        let holds_shards = self.shards.values().any(|shard| shard.node == called)
            || store
                .all(Kind::Pods, None)
                .any(|pod| label(pod, "app") == Some(SET) && text(pod, "/spec/nodeName") == called);
        let was = change.before.as_deref().unwrap_or(&Value::Null);
        let touched_before = mark(was).is_some();
        if !holds_shards && !touched_before && self.drained() != Some(&called) {
            self.breaks(now, format!("node {called} holds no shard, and isn't ours to change"));
        }
        if is_off(&change.object) && !is_off(was) && is_ready(&change.object) {
            self.breaks(now, format!("node {called} is declared off, and answers"));
        }
        for field in [
            "spec.unschedulable",
            "metadata.annotations.karpenter.sh/do-not-disrupt",
            "spec.taints.node.kubernetes.io/out-of-service",
        ] {
            let of = |node: &Value| match field {
                "spec.unschedulable" => node["spec"]["unschedulable"] == true,
                "spec.taints.node.kubernetes.io/out-of-service" => is_off(node),
                _ => node["metadata"]["annotations"][HOLD] == "true",
            };
            if of(&change.object) && !of(was) {
                let said = mark(&change.object).is_some_and(|mark| mark["was"].get(field).is_some());
                if !said {
                    self.breaks(now, format!("node {called} is changed ({field}), and no mark says so"));
                }
                self.needs_lock(deed, &format!("node {called} is changed"), now);
            }
        }
    }

    /// Nothing but these fields changes.
    pub(super) fn only(&mut self, change: &Change, may: &[&str], now: Timestamp) {
        let before = change.before.as_deref().unwrap_or(&Value::Null);
        if change.what != What::Modified {
            let kind = change.kind.served().name;
            return self.breaks(
                now,
                format!("{kind} {} isn't ours to make or delete", name(&change.object)),
            );
        }
        for path in differences(before, &change.object) {
            if !may.contains(&path.as_str()) {
                let kind = change.kind.served().name;
                self.breaks(
                    now,
                    format!("{path} of {kind} {} isn't ours to change", name(&change.object)),
                );
            }
        }
    }
}

pub(super) fn on(annotation: &str) -> String {
    format!("metadata.annotations.{annotation}")
}

/// Whether an object goes by a change.
pub(super) fn ends(change: &Change) -> bool {
    change.what == What::Deleted || is_leaving(&change.object)
}

/// Whether a deletion or eviction is about one pod exactly.
pub(super) fn names_the_uid(body: &[u8]) -> bool {
    options(body)
        .pointer("/preconditions/uid")
        .is_some_and(Value::is_string)
}

/// The seconds to stop in that a deletion or eviction gives.
fn grace(body: &[u8]) -> Option<i64> {
    options(body)["gracePeriodSeconds"].as_i64()
}

fn options(body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.get("deleteOptions").cloned().unwrap_or(body)
}
