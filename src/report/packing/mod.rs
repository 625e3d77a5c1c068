//! What runs where, what it costs and what would be better, as it is shown: for people, as JSON, as CSV.

pub mod csv;
mod figures;
mod table;
#[cfg(test)]
pub mod testing;
pub mod text;
pub mod usage;
pub mod watch;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::grade::Grade;
use crate::model::money::Money;
use crate::model::recording::Taken;

/// The whole answer; in JSON the document `PackingSummary`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackingPage {
    /// When and where it was looked.
    pub taken: Taken,
    /// What a shard takes, as it was asked for.
    pub shard: Amounts,
    /// What was asked for instead of what is there, a clause each; empty where the layouts are for the shards that are there.
    pub instead: Vec<String>,
    /// Where the shards of the layouts have to be.
    pub zones: Vec<Zone>,
    /// How many may be in any zone.
    pub anywhere: u32,
    /// By what layouts were chosen and reckoned where that isn't the list's price alone, a clause each.
    pub terms: Vec<String>,
    /// Whose prices these are.
    pub prices: Prices,
    /// What the shards' disks cost.
    pub disks: Disks,
    /// What runs now.
    pub present: Present,
    /// The sizes that may be bought, the cheapest for each shard first; those that hold none last.
    pub sizes: Vec<Size>,
    /// The names of the others, by the reason why they are left out.
    pub left_out: BTreeMap<String, Vec<String>>,
    /// The present layout, then those that are worth a look; only the present one where there are none.
    pub layouts: Vec<Layout>,
    /// Why there is no layout, a clause each.
    pub obstacles: Vec<String>,
    /// What a little less memory would change.
    pub with_less: Vec<WithLess>,
    /// The command by which Karpenter buys the cheapest layout; none where it is there, or no pool is.
    pub buy: Option<String>,
    /// What to change of Karpenter's pools.
    pub advice: Vec<Advice>,
    /// What is used against what is asked for.
    pub usage: usage::Usage,
    /// What had to be assumed, a sentence each.
    pub assumptions: Vec<String>,
    /// What is worth a warning, a sentence each.
    pub warnings: Vec<String>,
    /// What couldn't be read, a clause each.
    pub unread: Vec<String>,
}

/// Amounts of what a node has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Bytes.
    pub memory: i64,
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Disks that can be attached; none where nobody said.
    pub disks: Option<i64>,
    /// Pods.
    pub pods: i64,
}

/// How many shards have to be in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// The zone.
    pub zone: String,
    /// How many.
    pub shards: u32,
}

/// Whose prices these are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    /// The region; none where it isn't known.
    pub region: Option<String>,
    /// Where the list comes from: `built-in`, a file, or the address that was asked.
    pub source: String,
    /// The day of the list.
    pub date: Option<String>,
    /// The file with prices in place of the list's.
    pub file: Option<String>,
    /// How machines of the layouts are paid for.
    pub pay: String,
    /// What comes off every listed price; none where nothing does.
    pub discount: Option<String>,
}

/// What the shards' disks cost, the same in every layout.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disks {
    /// Those whose price is known, by tier.
    pub tiers: Vec<Tier>,
    /// What they cost a month; none where no price is known.
    pub monthly: Option<Money>,
    /// Those that aren't in it, and why.
    pub excluded: Vec<String>,
}

/// Disks of one tier.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tier {
    /// The tier, as Azure calls it: `P30 LRS`.
    pub tier: String,
    /// How many.
    pub disks: u32,
    /// What all of them cost a month.
    pub monthly: Money,
}

/// What runs now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Present {
    /// The nodes, by name.
    pub nodes: Vec<Node>,
    /// Shards that are on no node.
    pub without_node: Vec<String>,
    /// What it comes to together.
    pub totals: Totals,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its name.
    pub node: String,
    /// Its size.
    pub size: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// How it is paid for, in the cluster's word.
    pub capacity_type: Option<String>,
    /// Its Karpenter pool.
    pub pool: Option<String>,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether it takes no new pods.
    pub cordoned: bool,
    /// What it has for pods.
    pub allocatable: Option<Amounts>,
    /// The shards on it.
    pub shards: Vec<String>,
    /// What these ask for.
    pub by_shards: Amounts,
    /// What pods of DaemonSets ask for; none where it couldn't be seen.
    pub by_daemons: Option<Amounts>,
    /// What all others ask for.
    pub by_others: Option<Amounts>,
    /// How much of the memory is asked for, in percent.
    pub memory_percent: Option<f64>,
    /// The same of the CPU.
    pub cpu_percent: Option<f64>,
    /// What is in use, where that is measured.
    pub used: Option<usage::NodeUse>,
    /// The larger of both, graded.
    pub grade: Option<Grade>,
    /// How many more shards fit.
    pub free_slots: Option<u32>,
    /// Bytes that nobody asks for and no further shard fits into.
    pub stranded_memory: Option<i64>,
    /// What these cost an hour.
    pub stranded_hourly: Option<Money>,
    /// The listed price of an hour.
    pub listed_hourly: Option<Money>,
    /// What is paid of it.
    pub hourly: Option<Money>,
}

/// What the nodes come to together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Nodes.
    pub nodes: usize,
    /// Those without a shard.
    pub empty: usize,
    /// Shards on nodes.
    pub shards: usize,
    /// What an hour costs of all whose price is known.
    pub hourly: Money,
    /// The same a month.
    pub monthly: Money,
    /// What a month costs for each shard; none where a price is missing.
    pub monthly_a_shard: Option<Money>,
    /// Nodes whose price isn't known.
    pub unpriced: Vec<String>,
    /// How much memory is asked for, in percent.
    pub memory_percent: Option<f64>,
    /// The same of the CPU.
    pub cpu_percent: Option<f64>,
    /// How many more shards fit.
    pub free_slots: Option<u32>,
    /// Bytes stranded.
    pub stranded_memory: Option<i64>,
    /// What these cost an hour.
    pub stranded_hourly: Option<Money>,
    /// How many shards are down at most when one node dies.
    pub lost_with_a_node: usize,
    /// The same of a zone.
    pub lost_with_a_zone: usize,
    /// What pods that are neither shards nor of DaemonSets ask for on these nodes; none where it couldn't be seen.
    pub by_others: Option<Amounts>,
}

/// A size that may be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Its name.
    pub size: String,
    /// Cores.
    pub vcpu: u32,
    /// Bytes of memory, as the cloud sells it.
    pub memory: i64,
    /// Its architecture.
    pub arch: String,
    /// How many shards a layout reckons with.
    pub shards: u32,
    /// What there is too little of for one more, the scarcest first.
    pub short: Vec<Short>,
    /// Whether only that is missing, and at most a tenth of a shard's.
    pub near_miss: bool,
    /// What fits.
    pub fits: Figure,
    /// What Karpenter counts with when it buys; none where it isn't there, or doesn't reckon otherwise.
    pub counted: Option<Figure>,
    /// The listed price of an hour.
    pub listed_hourly: Money,
    /// How well that is known: `listed`, `corrected`, `converted` or `given`.
    pub known: &'static str,
    /// What is paid of it.
    pub hourly: Money,
    /// What a month costs for each shard of a full machine.
    pub monthly_a_shard: Option<Money>,
    /// The listed prices of an hour by each way to pay that is known.
    pub listed: BTreeMap<&'static str, Money>,
    /// When those other than on demand were seen: a month or a day.
    pub seen: Option<String>,
}

/// What one more shard would need beyond what there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Short {
    /// Of what: `memory`, `cpu`, `data disks`, `pods`.
    pub of: &'static str,
    /// Bytes, thousandths of a core, disks or pods.
    pub missing: i64,
    /// The same as people write it.
    pub words: String,
}

/// What is left of a size for pods, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Who says so: `node/NAME`, `file`, or the name of a model.
    pub basis: String,
    /// What is left.
    pub room: Amounts,
    /// How many shards that holds.
    pub shards: u32,
}

/// A layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    /// What it is: `now`, `cheapest`, `balanced`, `most-available`, `of-one-size`.
    pub name: &'static str,
    /// Its zones.
    pub zones: Vec<LayoutZone>,
    /// Shards.
    pub shards: u32,
    /// Nodes.
    pub nodes: u32,
    /// What an hour costs; none where a price isn't known.
    pub hourly: Option<Money>,
    /// A month.
    pub monthly: Option<Money>,
    /// A month for each shard.
    pub monthly_a_shard: Option<Money>,
    /// What a month costs less than the present one; below nothing where it costs more, none where they can't be compared.
    pub saved_monthly: Option<Money>,
    /// How many shards are down at most when one node dies.
    pub lost_with_a_node: u32,
    /// The same of a zone.
    pub lost_with_a_zone: u32,
    /// How many more shards could be started.
    pub spare: Option<u32>,
}

/// What stands in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayoutZone {
    /// The zone; none where the shards are bound to none.
    pub zone: Option<String>,
    /// Shards.
    pub shards: u32,
    /// The machines.
    pub machines: Vec<Machines>,
}

/// Machines of one size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machines {
    /// The size; none where a node doesn't say.
    pub size: Option<String>,
    /// How many.
    pub count: u32,
    /// What an hour of one costs.
    pub hourly: Option<Money>,
}

/// What a little less memory would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WithLess {
    /// A shard's memory in bytes.
    pub memory: i64,
    /// The layout, as `3 × Standard_E32s_v5`.
    pub machines: String,
    /// What that saves a month against the cheapest layout.
    pub saved_monthly: Money,
}

/// What to change of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// The pool.
    pub pool: String,
    /// The version that it is served in.
    pub version: String,
    /// The layout that it is to keep.
    pub keeps: String,
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// The nodes that drift by it.
    pub drifting: Vec<Drifting>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// One patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Why.
    pub why: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// The command that does it.
    pub command: String,
}

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The field.
    pub field: String,
    /// What is there; none where nothing is.
    pub from: Option<String>,
    /// What it becomes; none where it goes.
    pub to: Option<String>,
}

/// A node that drifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drifting {
    /// The node.
    pub node: String,
    /// The shards on it.
    pub shards: Vec<String>,
    /// Why, a clause each.
    pub why: Vec<String>,
}

impl Layout {
    /// The one size of all its machines; none where there are several.
    pub fn size(&self) -> Option<&str> {
        let mut sizes = self
            .zones
            .iter()
            .flat_map(|zone| &zone.machines)
            .map(|of| of.size.as_deref());
        let first = sizes.next()??;
        sizes.all(|size| size == Some(first)).then_some(first)
    }

    /// Its machines together: `2 × Standard_E32s_v5 + 1 × Standard_E8s_v5`.
    pub fn machines(&self) -> String {
        let mut all: BTreeMap<&str, u32> = BTreeMap::new();
        for of in self.zones.iter().flat_map(|zone| &zone.machines) {
            *all.entry(of.size.as_deref().unwrap_or("size unknown")).or_default() += of.count;
        }
        machines(all)
    }
}

impl LayoutZone {
    /// Its machines, in the same form.
    pub fn machines(&self) -> String {
        machines(
            self.machines
                .iter()
                .map(|of| (of.size.as_deref().unwrap_or("size unknown"), of.count)),
        )
    }
}

fn machines<'a>(all: impl IntoIterator<Item = (&'a str, u32)>) -> String {
    let all: Vec<String> = all
        .into_iter()
        .map(|(size, count)| format!("{count} × {size}"))
        .collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join(" + ")
    }
}
