//! What is used against what is asked for: per node, and per shard with a word where the two are far apart.
//!
//! One measurement is a moment, not a peak. So nothing is said of a shard that has just started, and "too much" is a reason to
//! look at a week of measurements, not to lower a request.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::load::take_of_pod;
use crate::model::pod;
use crate::model::read::Read;
use crate::model::room::{Limit, Take};
use crate::model::usage::{Fit, NodeMetrics, PodMetrics, Used};

use crate::plan::verify::seen::Seen;

/// Below this share of its request, in thousandths, a shard asks for too much: half of what is kept for it lies idle.
pub const HALF: i64 = 500;
/// From this share of its request, in thousandths, a shard is near it.
pub const NEAR: i64 = 900;
/// How long a shard has to be Ready before too little use is held against its request: data is loaded, caches fill.
pub const SETTLED: SignedDuration = SignedDuration::from_mins(10);

/// One thing that a shard uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bytes, or thousandths of a core.
    pub used: i64,
    /// What is asked for.
    pub asked: i64,
    /// How the two fit.
    pub fit: Fit,
}

impl Measured {
    fn of(used: i64, asked: i64, settled: bool) -> Measured {
        let fit = match share(used, asked) {
            None => Fit::NothingAsked,
            Some(..HALF) if !settled => Fit::TooSoon,
            Some(..HALF) => Fit::TooMuchAsked,
            Some(HALF..NEAR) => Fit::Fits,
            Some(NEAR..) if used <= asked => Fit::Near,
            Some(_) => Fit::Over,
        };
        Measured { used, asked, fit }
    }

    /// How much of the request is used, in thousandths; none where nothing is asked for.
    pub fn share(&self) -> Option<i64> {
        share(self.used, self.asked)
    }
}

/// A part in thousandths of the whole; none where there is no whole.
pub fn share(part: i64, whole: i64) -> Option<i64> {
    let share = i128::from(part) * 1000 / i128::from(Some(whole).filter(|whole| *whole > 0)?);
    Some(i64::try_from(share).unwrap_or(i64::MAX))
}

/// What a shard uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardUse {
    /// Memory, in bytes.
    pub memory: Measured,
    /// CPU, in thousandths of a core.
    pub cpu: Measured,
}

impl ShardUse {
    /// Memory or CPU; none of what nobody measures.
    pub const fn of(&self, limit: Limit) -> Option<Measured> {
        match limit {
            Limit::Memory => Some(self.memory),
            Limit::Cpu => Some(self.cpu),
            Limit::Disks | Limit::Pods => None,
        }
    }
}

/// All that was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What each node uses, by its name.
    pub nodes: BTreeMap<String, Used>,
    /// What each shard uses, by its name.
    pub shards: BTreeMap<String, ShardUse>,
    /// Shards of which there is no measurement though others have one: those that have just started.
    pub unmeasured: Vec<String>,
    /// The end of the oldest measurement that counts here.
    pub since: Option<Timestamp>,
    /// Why not all is known, a clause each; where nothing is measured, requests are all there is.
    pub unseen: Vec<String>,
}

impl Usage {
    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.shards.is_empty()
    }

    /// The shards whose use of one thing fits their request so, with the figures.
    pub fn fitting(&self, limit: Limit, fit: Fit) -> Vec<(&str, Measured)> {
        let measured = self
            .shards
            .iter()
            .filter_map(|(name, of)| Some((name.as_str(), of.of(limit)?)));
        measured.filter(|(_, of)| of.fit == fit).collect()
    }
}

/// Holds what was measured against what is asked for. What can't be read is said in the answer, never an error: requests are
/// known without it.
pub fn usage(seen: &Seen<'_>) -> Usage {
    let mut found = Usage::default();
    let (nodes, pods) = (&seen.snapshot.node_usage, &seen.snapshot.pod_usage);
    if let (Read::Absent(_), Read::Absent(_)) = (nodes, pods) {
        found.unseen.push("the cluster serves no metrics.k8s.io".to_owned());
        return found;
    }
    match nodes {
        Read::Got(all) => measure_nodes(&mut found, all),
        Read::Absent(why) | Read::Unreadable(why) => found.unseen.push(why.clone()),
    }
    match pods {
        Read::Got(all) => measure_shards(&mut found, seen, all),
        Read::Absent(why) | Read::Unreadable(why) => found.unseen.push(why.clone()),
    }
    found
}

fn older(since: Option<Timestamp>, at: Option<Timestamp>) -> Option<Timestamp> {
    [since, at].into_iter().flatten().min()
}

fn measure_nodes(found: &mut Usage, all: &[NodeMetrics]) {
    for of in all {
        if let (Some(name), Some(used)) = (&of.metadata.name, of.used()) {
            found.since = older(found.since, of.timestamp.as_ref().map(|time| time.0));
            found.nodes.insert(name.clone(), used);
        }
    }
}

fn measure_shards(found: &mut Usage, seen: &Seen<'_>, all: &[PodMetrics]) {
    let measured: BTreeMap<&str, &PodMetrics> = all
        .iter()
        .filter_map(|of| Some((of.metadata.name.as_deref()?, of)))
        .collect();
    for shard in seen.own_pods().unwrap_or_default() {
        if pod::is_finished(shard) || pod::node(shard).is_none() {
            continue;
        }
        let name = pod::name(shard);
        let of = measured.get(name);
        let Some(used) = of.and_then(|of| of.used()) else {
            found.unmeasured.push(name.to_owned());
            continue;
        };
        let asked: Take = take_of_pod(shard, 0);
        let settled = pod::is_ready(shard)
            && pod::since(shard).is_some_and(|since| seen.snapshot.taken.at.duration_since(since) >= SETTLED);
        found.since = older(found.since, of.and_then(|of| Some(of.timestamp.as_ref()?.0)));
        let of = ShardUse {
            memory: Measured::of(used.memory, asked.memory, settled),
            cpu: Measured::of(used.cpu, asked.cpu, settled),
        };
        found.shards.insert(name.to_owned(), of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::model::room::GIB;
    use crate::plan::verify::testing::{NOW, Scene};
    use serde_json::{Value, json};

    fn pod_metrics(name: &str, memory: &str, cpu: &str) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "shop"}, "timestamp": "2026-03-01T11:59:40Z", "window": "10s",
            "containers": [{"name": "db", "usage": {"memory": memory, "cpu": cpu}}],
        })
    }

    /// Three shards that ask for 32Gi and 4 cores each.
    fn measured(figures: &[(&str, &str)]) -> Scene {
        let mut scene = Scene::healthy(3);
        let of = |(ordinal, (memory, cpu)): (usize, &(&str, &str))| pod_metrics(&format!("db-{ordinal}"), memory, cpu);
        scene.set(
            Resource::PodUsage,
            Read::Got(figures.iter().enumerate().map(of).collect()),
        );
        scene.set(
            Resource::NodeUsage,
            Read::Got(vec![json!({
                "metadata": {"name": "node-0"}, "timestamp": "2026-03-01T11:59:50Z", "window": "10s",
                "usage": {"memory": "40Gi", "cpu": "2500m"},
            })]),
        );
        scene
    }

    fn found(scene: &Scene) -> Usage {
        let snapshot = scene.snapshot();
        usage(&Seen::of(&snapshot, &scene.policy))
    }

    #[test]
    fn over_requested_near_and_over_are_named_with_their_figures() {
        let found = found(&measured(&[("15Gi", "2"), ("30Gi", "3800m"), ("33Gi", "500m")]));
        let names = |limit, fit| {
            let all = found.fitting(limit, fit);
            all.into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(Limit::Memory, Fit::TooMuchAsked), ["db-0"]);
        assert_eq!(names(Limit::Memory, Fit::Near), ["db-1"]);
        assert_eq!(names(Limit::Memory, Fit::Over), ["db-2"]);
        assert_eq!(names(Limit::Cpu, Fit::Fits), ["db-0"]);
        assert_eq!(names(Limit::Cpu, Fit::Near), ["db-1"]);
        assert_eq!(names(Limit::Cpu, Fit::TooMuchAsked), ["db-2"]);
        let memory = found.shards["db-0"].memory;
        assert_eq!(
            (memory.used, memory.asked, memory.share()),
            (15 * GIB, 32 * GIB, Some(468))
        );
        assert_eq!(found.nodes["node-0"].memory, 40 * GIB);
        assert_eq!(found.since, Some("2026-03-01T11:59:40Z".parse().unwrap()));
        assert!(found.unseen.is_empty() && found.unmeasured.is_empty());
    }

    #[test]
    fn the_borders_are_half_and_nine_tenths_and_all() {
        let fits = [0, 499, 500, 899, 900, 1000, 1001].map(|used| Measured::of(used, 1000, true).fit);
        use Fit::{Fits, Near, Over, TooMuchAsked};
        assert_eq!(fits, [TooMuchAsked, TooMuchAsked, Fits, Fits, Near, Near, Over]);
        assert_eq!(Measured::of(5, 0, true).fit, Fit::NothingAsked);
        // A byte more than is asked for is over it, though the share rounds to all of it.
        assert_eq!(Measured::of((32 << 30) + 1, 32 << 30, true).fit, Over);
    }

    #[test]
    fn a_shard_that_has_just_started_or_isnt_ready_is_not_called_over_requested() {
        let mut scene = measured(&[("1Gi", "1"), ("31Gi", "1"), ("1Gi", "1")]);
        for name in ["db-0", "db-1"] {
            scene.edit(Resource::Pods, name, |pod| {
                for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
                    condition["lastTransitionTime"] = json!("2026-03-01T11:50:01Z");
                }
            });
        }
        let found = found(&scene);
        assert_eq!(found.shards["db-0"].memory.fit, Fit::TooSoon);
        // What is near its request is so however young it is.
        assert_eq!(found.shards["db-1"].memory.fit, Fit::Near);
        assert_eq!(found.shards["db-2"].memory.fit, Fit::TooMuchAsked);
        assert!(NOW > "2026-03-01T11:50:01Z");
    }

    #[test]
    fn without_metrics_it_says_why_and_nothing_else() {
        let mut scene = measured(&[]);
        let some = found(&scene);
        assert_eq!(some.unmeasured, ["db-0", "db-1", "db-2"]);
        scene.set(Resource::NodeUsage, Read::Absent("no metrics of nodes".to_owned()));
        scene.set(Resource::PodUsage, Read::Absent("no metrics of pods".to_owned()));
        let none = found(&scene);
        assert_eq!(none.unseen, ["the cluster serves no metrics.k8s.io"]);
        assert!(none.is_empty() && none.unmeasured.is_empty());
        scene.unreadable(Resource::NodeUsage).unreadable(Resource::PodUsage);
        assert_eq!(
            found(&scene).unseen,
            [
                "the user may not list metrics of nodes",
                "the user may not list metrics of pods"
            ]
        );
    }
}
