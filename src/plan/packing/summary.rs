//! The whole answer in one value: what runs, what could be bought, which layouts are worth a look, what to change.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::advice::{Advice, advice};
use super::choice::{Market, Narrowed, market};
use super::daemons::{OBSERVED, Profile};
use super::disks::{Disks, disks};
use super::figures::Machines;
use super::layout::Layout;
use super::options::{Obstacle, Options, Stands, WithLess, options, with_less_memory};
use super::placement::{Placement, placement};
use super::pools::pinned;
use super::present::{Present, archs, present, shard};
use super::zones::{Asked, Bound, of_disks, wished};
use crate::model::allocatable::Model;
use crate::model::catalogue::{Catalogue, Unknown};
use crate::model::karpenter::NodePool;
use crate::model::price::Kind;
use crate::model::read::Skip;
use crate::model::room::Take;
use crate::plan::verify::seen::Seen;

/// What somebody asks for instead of what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How many shards, and where.
    pub asked: Asked,
    /// A shard's memory, in bytes.
    pub memory: Option<i64>,
    /// A shard's CPU, in thousandths of a core.
    pub cpu: Option<i64>,
    /// Which sizes, how paid for.
    pub narrowed: Narrowed,
    /// What a layout has to stand.
    pub stands: Stands,
    /// The model of what fits, instead of the cloud's.
    pub kubelet: Option<Model>,
    /// The model of what Karpenter counts with, instead of the cloud's.
    pub forecast: Option<Model>,
    /// How many pods a node takes, instead of what the nodes say.
    pub max_pods: Option<u32>,
}

/// Who says what DaemonSets take of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemons {
    /// The nodes that are there: the most of any.
    Seen(Take),
    /// A profile that was seen elsewhere.
    Profile(Profile),
}

impl Daemons {
    /// What they take.
    pub const fn take(&self) -> Take {
        match self {
            Daemons::Seen(take) => *take,
            Daemons::Profile(profile) => profile.take,
        }
    }
}

/// The whole answer.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What runs now.
    pub present: Present,
    /// What a shard takes, as it was asked for.
    pub shard: Take,
    /// What the template says of where shards may be.
    pub placement: Placement,
    /// Where the shards have to be, as it was asked for.
    pub bound: Bound,
    /// What the shards' disks cost, the same in every layout.
    pub disks: Disks,
    /// What DaemonSets take.
    pub daemons: Daemons,
    /// Who reckons what is left of sizes that aren't there.
    pub machines: Machines,
    /// The sizes, how many shards each holds, and why others are left out.
    pub market: Market,
    /// The layouts, or why there is none.
    pub options: Result<Options, Vec<Obstacle>>,
    /// What a little less memory would change.
    pub with_less: Vec<WithLess>,
    /// What to change of the pools of the shards' nodes so that they keep what is there, where that is one of the layouts worth a
    /// look, else the best layout of one size, which is what the stable phase pins.
    pub advice: Vec<Advice>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Something couldn't be read, or isn't there.
    Skip(Skip),
    /// A size that was named isn't known.
    Unknown(Unknown),
    /// The wish contradicts itself, a clause.
    Wish(String),
}

impl From<Skip> for NoAnswer {
    fn from(skip: Skip) -> NoAnswer {
        NoAnswer::Skip(skip)
    }
}

impl From<Unknown> for NoAnswer {
    fn from(unknown: Unknown) -> NoAnswer {
        NoAnswer::Unknown(unknown)
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::Skip(Skip::Unknown(why) | Skip::NotApplicable(why)) | NoAnswer::Wish(why) => f.write_str(why),
            NoAnswer::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

impl std::error::Error for NoAnswer {}

/// Works it all out.
///
/// # Errors
/// Where the set, its pods, claims or nodes can't be read, a size isn't known, or the wish contradicts itself.
pub fn summary(seen: &Seen<'_>, catalogue: &Catalogue, wish: &Wish) -> Result<Summary, NoAnswer> {
    let bound = of_disks(seen)?;
    let mut machines = Machines::of(seen.snapshot, bound.driver.as_deref());
    machines.kubelet = wish.kubelet.or(machines.kubelet);
    machines.forecast = wish.forecast.or(machines.forecast);
    machines.max_pods = wish.max_pods.map_or(machines.max_pods, i64::from);
    let present = present(seen, &machines, catalogue, wish.narrowed.discount)?;
    let daemons = present.daemons().map_or(Daemons::Profile(OBSERVED), Daemons::Seen);
    let template = shard(seen)?;
    let shard = Take {
        memory: wish.memory.unwrap_or(template.memory),
        cpu: wish.cpu.unwrap_or(template.cpu),
        ..template
    };
    let bound = wished(&bound, &wish.asked).map_err(NoAnswer::Wish)?;
    let mut narrowed = wish.narrowed.clone();
    if narrowed.archs.is_empty() {
        narrowed.archs = archs(seen)?.into_iter().collect();
    }
    let taken = daemons.take();
    let template = placement(seen)?;
    let stands = Stands {
        a_node: if template.one_a_node {
            Some(1)
        } else {
            wish.stands.a_node
        },
        ..wish.stands
    };
    let market = market(catalogue, &machines, &taken, &shard, &narrowed)?;
    let options = options(&bound.spread, &market, stands, narrowed.kind, catalogue.region());
    let with_less = match &options {
        Ok(_) => with_less_memory(&bound.spread, &market, &taken, &shard, stands),
        Err(_) => Vec::new(),
    };
    let advice = advised(seen, &present, options.as_ref().ok(), catalogue);
    Ok(Summary {
        disks: disks(seen, catalogue, wish.narrowed.discount)?,
        present,
        shard,
        placement: template,
        bound,
        daemons,
        machines,
        market,
        options,
        with_less,
        advice,
    })
}

/// The advice for each pool of the shards' nodes.
fn advised(seen: &Seen<'_>, present: &Present, options: Option<&Options>, catalogue: &Catalogue) -> Vec<Advice> {
    let Some(options) = options else { return Vec::new() };
    let Some(best) = options.of_one_size.first() else {
        return Vec::new();
    };
    let settled = options.worth_a_look().any(|layout| present.is(layout));
    let layout = |pool: &NodePool<'_>| {
        if settled {
            present.of_pool(pool.name())
        } else {
            best.clone()
        }
    };
    pools_of(seen, present)
        .into_iter()
        .map(|pool| advice(pool, &layout(&pool), present, catalogue))
        .collect()
}

/// The pools of the shards' nodes, the one with the most shards first.
fn pools_of<'a>(seen: &Seen<'a>, present: &Present) -> Vec<NodePool<'a>> {
    let mut shards: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &present.rows {
        if let Some(pool) = &row.pool {
            *shards.entry(pool).or_default() += row.shards.len();
        }
    }
    let pools = seen.snapshot.node_pools.got().map(Vec::as_slice).unwrap_or_default();
    let mut used: Vec<NodePool<'_>> = pools
        .iter()
        .map(NodePool)
        .filter(|pool| shards.contains_key(pool.name()))
        .collect();
    used.sort_by_key(|pool| (Reverse(shards.get(pool.name())), pool.name()));
    used
}

impl Summary {
    /// The NodePools by which Karpenter buys a layout, made like the pool that most of the shards are of; none where they are of no
    /// pool. `kind`: how they are paid for; `surge`: for how many nodes more each has room.
    ///
    /// # Errors
    /// Where the catalogue doesn't know a size of the layout.
    pub fn pools(
        &self,
        seen: &Seen<'_>,
        layout: &Layout,
        catalogue: &Catalogue,
        kind: Kind,
        surge: u32,
    ) -> Result<Vec<Value>, Unknown> {
        match pools_of(seen, &self.present).first() {
            Some(like) => pinned(*like, layout, catalogue, kind, surge),
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Money;
    use crate::model::read::Read;
    use crate::model::resource::Resource;
    use crate::model::room::GIB;
    use crate::plan::packing::figures::Basis;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    /// Ten shards of 32Gi on a node each, of a pool of Karpenter's.
    fn scene() -> Scene {
        let mut scene = Scene::healthy(10);
        for ordinal in 0..10 {
            scene.merge(
                Resource::Nodes,
                &format!("node-{ordinal}"),
                json!({"metadata": {"labels": {"karpenter.sh/nodepool": "shards"}}}),
            );
        }
        let pods = scene.objects[&Resource::Pods].clone();
        scene.set(Resource::NodePods, pods);
        let pool =
            json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "shards"}, "spec": {}});
        scene.set(Resource::NodePools, Read::Got(vec![pool]));
        scene
    }

    fn answer(scene: &Scene, wish: &Wish) -> Result<Summary, NoAnswer> {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        summary(&seen, &Catalogue::azure(Some("eastus")).unwrap(), wish)
    }

    #[test]
    fn the_layouts_stand_beside_the_present() {
        let found = answer(&scene(), &Wish::default()).unwrap();
        assert_eq!(found.present.totals().hourly, Money::parse("10.08").unwrap());
        assert_eq!(found.bound.spread.shards(), 10);
        let options = found.options.unwrap();
        assert!(options.cheapest.hourly() < found.present.totals().hourly);
        assert_eq!(options.cheapest.shards(), 10);
        // The nodes that are there say what is left of an E16s_v5; a model says it of the others.
        let basis = |size: &str| found.market.offer(size).unwrap().capacity.fits.basis.clone();
        assert_eq!(basis("Standard_E16s_v5"), Basis::Node("node-0".to_owned()));
        assert_eq!(basis("Standard_E32s_v5"), Basis::Model(Model::KubeletAks));
        assert_eq!(found.advice.len(), 1);
        assert_eq!(found.advice[0].drifting.len(), 10);
    }

    #[test]
    fn a_wish_is_answered_as_it_was_asked() {
        let wish = Wish {
            asked: Asked {
                shards: Some(12),
                zones: Vec::new(),
            },
            memory: Some(16 * GIB),
            cpu: Some(1000),
            narrowed: Narrowed {
                sizes: vec!["Standard_E16s_v5".to_owned()],
                ..Narrowed::default()
            },
            ..Wish::default()
        };
        let found = answer(&scene(), &wish).unwrap();
        assert_eq!(
            (found.shard.memory, found.shard.cpu, found.shard.disks),
            (16 * GIB, 1000, 1)
        );
        let options = found.options.unwrap();
        assert_eq!((options.cheapest.shards(), options.cheapest.nodes()), (12, 3));
    }

    #[test]
    fn what_daemons_take_is_seen_or_named_as_a_profile() {
        let mut scene = scene();
        assert_eq!(
            answer(&scene, &Wish::default()).unwrap().daemons,
            Daemons::Seen(Take::default())
        );
        scene.unreadable(Resource::NodePods);
        let found = answer(&scene, &Wish::default()).unwrap();
        assert_eq!(found.daemons, Daemons::Profile(OBSERVED));
        assert!(found.present.unseen.is_some());
    }

    #[test]
    fn no_answer_is_told_with_its_reason() {
        let mut unknown = Wish::default();
        unknown.narrowed.sizes.push("Standard_E16_v5".to_owned());
        let told = answer(&scene(), &unknown).unwrap_err().to_string();
        assert_eq!(told, "there is no size named Standard_E16_v5");
        let mut contradiction = Wish::default();
        contradiction.asked.shards = Some(3);
        contradiction.asked.zones = vec![(None, 4)];
        assert!(matches!(answer(&scene(), &contradiction), Err(NoAnswer::Wish(_))));
        let mut blind = scene();
        blind.unreadable(Resource::Nodes);
        assert!(matches!(answer(&blind, &Wish::default()), Err(NoAnswer::Skip(_))));
        let mut hopeless = Wish::default();
        hopeless.stands.a_zone = Some(3);
        let found = answer(&scene(), &hopeless).unwrap();
        assert!(
            found.options.unwrap_err()[0]
                .to_string()
                .contains("4 shards are in zone-1")
        );
        assert!(found.advice.is_empty() && found.with_less.is_empty());
    }
}
