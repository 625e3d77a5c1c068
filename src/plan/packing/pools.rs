//! A layout as NodePools, one for each size in each zone, so that Karpenter buys just that.
//!
//! One pool with several sizes leaves it to Karpenter which of them it buys for what is pending: the cheapest for the batch in
//! hand, zone by zone, which needn't be the cheapest together.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::layout::{Layout, Machines};
use crate::model::catalogue::{Catalogue, Unknown};
use crate::model::karpenter::NodePool;
use crate::model::node::INSTANCE_TYPE;
use crate::model::price::Kind;
use crate::model::room::GIB;
use crate::model::volume::ZONE;

/// The annotation that names the pool which a pool of ours was made like: asked for once more, it gets the same name.
const MADE_LIKE: &str = "shardctl.dev/made-like";
/// The label of how a node is paid for.
const CAPACITY: &str = "karpenter.sh/capacity-type";
/// What else a requirement may say of a machine: beside a size that is pinned it says the same, or contradicts it, and then nothing
/// would ever be bought.
const OF_MACHINES: [&str; 2] = ["karpenter.azure.com/sku-", "karpenter.k8s.aws/instance-"];
/// The label of a machine's architecture, which its size decides.
const ARCH: &str = "kubernetes.io/arch";
/// The longest name that a pool may have: it becomes the value of a label.
const LONGEST: usize = 63;

/// The CPU and memory of machines, and of the largest of them so many times more.
///
/// # Errors
/// Where the catalogue doesn't know a size.
pub fn limits<'a>(
    machines: impl IntoIterator<Item = &'a Machines>,
    catalogue: &Catalogue,
    surge: u32,
) -> Result<Value, Unknown> {
    let (mut cpu, mut memory) = (0_i64, 0_i64);
    let mut largest = (0_i64, 0_i64);
    for of in machines {
        let size = catalogue.size(&of.size)?;
        let each = (i64::from(size.vcpu), size.memory);
        cpu += each.0 * i64::from(of.count);
        memory = memory.saturating_add(each.1.saturating_mul(i64::from(of.count)));
        largest = (largest.0.max(each.0), largest.1.max(each.1));
    }
    cpu += largest.0 * i64::from(surge);
    memory = memory.saturating_add(largest.1.saturating_mul(i64::from(surge)));
    let memory = memory.saturating_add(GIB - 1) / GIB;
    Ok(json!({"cpu": cpu.to_string(), "memory": format!("{memory}Gi")}))
}

/// The pools that buy a layout, made like `like`, each with room for so many nodes more.
///
/// Without that room Karpenter buys just the layout. With it, it may buy more of one size and less of another: where shards are to
/// be on different hosts, were it only preferred, it takes a new node as long as the limits let it.
///
/// # Errors
/// Where the catalogue doesn't know a size of the layout: its limit couldn't be said.
pub fn pinned(
    like: NodePool<'_>,
    layout: &Layout,
    catalogue: &Catalogue,
    kind: Kind,
    surge: u32,
) -> Result<Vec<Value>, Unknown> {
    let made_like = like
        .0
        .pointer("/metadata/annotations")
        .and_then(|all| all[MADE_LIKE].as_str());
    let first = made_like.unwrap_or_else(|| like.name());
    let mut made = Vec::new();
    for (zone, of) in layout.machines() {
        let mut pins = BTreeMap::from([(INSTANCE_TYPE, of.size.as_str()), (CAPACITY, capacity(kind))]);
        pins.extend(zone.name.as_deref().map(|zone| (ZONE, zone)));
        let written = like
            .0
            .pointer("/spec/template/spec/requirements")
            .and_then(Value::as_array);
        let mut requirements: Vec<Value> = written.cloned().unwrap_or_default();
        requirements.retain(|term| {
            term["key"]
                .as_str()
                .is_none_or(|key| !pins.contains_key(key) && !is_of_machine(key) && key != ARCH)
        });
        requirements.extend(
            pins.iter()
                .map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]})),
        );
        let mut spec = like.0["spec"].clone();
        spec["template"]["spec"]["requirements"] = json!(requirements);
        spec["limits"] = limits([of], catalogue, surge)?;
        // A pool of a fixed number of nodes becomes one that buys what is needed.
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("replicas");
        }
        made.push(json!({
            "apiVersion": like.0["apiVersion"],
            "kind": "NodePool",
            "metadata": {
                "name": name(first, zone.name.as_deref(), &of.size),
                "annotations": {MADE_LIKE: first},
            },
            "spec": spec,
        }));
    }
    Ok(made)
}

/// Whether a requirement says of the machine what a pinned size says already.
pub(super) fn is_of_machine(key: &str) -> bool {
    OF_MACHINES.iter().any(|prefix| key.starts_with(prefix))
}

/// How Karpenter calls a way to pay: all but spot are a matter of the bill.
pub(super) const fn capacity(kind: Kind) -> &'static str {
    match kind {
        Kind::Spot => "spot",
        _ => "on-demand",
    }
}

/// `shards-eastus-1-e16s-v5`: of the words of the size the cloud's own prefix goes. What is too long loses its beginning, since
/// the end is what tells the pools apart.
fn name(pool: &str, zone: Option<&str>, size: &str) -> String {
    let size = size.strip_prefix("Standard_").unwrap_or(size);
    let words: Vec<&str> = [Some(pool), zone, Some(size)].into_iter().flatten().collect();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let all: String = words.join("-").chars().map(plain).collect();
    let cut = all.len().saturating_sub(LONGEST);
    all[cut..].trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Money;
    use crate::plan::packing::layout::{Choice, Spread, cheapest};

    #[test]
    fn each_size_in_each_zone_gets_a_pool_of_its_own() {
        let choice = |size: &str, slots, price: &str| Choice {
            size: size.to_owned(),
            slots,
            hourly: Money::parse(price).unwrap(),
        };
        let spread = Spread {
            zones: BTreeMap::from([("eastus-1".to_owned(), 7), ("eastus-2".to_owned(), 3)]),
            ..Spread::default()
        };
        let choices = [
            choice("Standard_E8s_v5", 1, "0.504"),
            choice("Standard_E16s_v5", 3, "1.008"),
        ];
        let layout = cheapest(&spread, &choices).unwrap();
        let like = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "shards", "uid": "u"},
            "spec": {
                "limits": {"memory": "1Gi"},
                "replicas": 3,
                "template": {"spec": {
                    "taints": [{"key": "shards", "effect": "NoSchedule"}],
                    "requirements": [
                        {"key": INSTANCE_TYPE, "operator": "Exists"},
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                        {"key": "karpenter.azure.com/sku-family", "operator": "In", "values": ["D"]},
                        {"key": CAPACITY, "operator": "In", "values": ["spot", "on-demand"]},
                    ],
                }},
            },
        });
        let catalogue = Catalogue::azure(None).unwrap();
        let made = pinned(NodePool(&like), &layout, &catalogue, Kind::OnDemand, 1).unwrap();
        let told: Vec<_> = made
            .iter()
            .map(|pool| (pool["metadata"]["name"].clone(), pool["spec"]["limits"].clone()))
            .collect();
        let named = |name: &str, cpu: &str, memory: &str| (json!(name), json!({"cpu": cpu, "memory": memory}));
        assert_eq!(
            told,
            [
                named("shards-eastus-1-e16s-v5", "48", "384Gi"),
                named("shards-eastus-1-e8s-v5", "16", "128Gi"),
                named("shards-eastus-2-e16s-v5", "32", "256Gi"),
            ]
        );
        let exact = pinned(NodePool(&like), &layout, &catalogue, Kind::Spot, 0).unwrap();
        assert_eq!(exact[0]["spec"]["limits"], json!({"cpu": "32", "memory": "256Gi"}));
        assert_eq!(
            exact[0]["spec"]["template"]["spec"]["requirements"][0]["values"],
            json!(["spot"])
        );
        assert!(exact[0]["spec"].get("replicas").is_none());
        assert_eq!(
            made[2]["spec"]["template"]["spec"]["requirements"],
            json!([
                {"key": CAPACITY, "operator": "In", "values": ["on-demand"]},
                {"key": INSTANCE_TYPE, "operator": "In", "values": ["Standard_E16s_v5"]},
                {"key": ZONE, "operator": "In", "values": ["eastus-2"]},
            ])
        );
        assert_eq!(made[0]["spec"]["template"]["spec"]["taints"][0]["key"], "shards");
        // What was bought by a pool of ours is asked for again under the same names.
        assert_eq!(
            pinned(NodePool(&made[2]), &layout, &catalogue, Kind::OnDemand, 1).unwrap(),
            made
        );
        let empty = Catalogue::of_file("size,vcpu,memory\na,1,1Gi\n", None).unwrap();
        assert!(pinned(NodePool(&like), &layout, &empty, Kind::OnDemand, 0).is_err());
    }

    #[test]
    fn a_name_fits_into_a_label() {
        let long = name(&"x".repeat(60), Some("eastus-1"), "Standard_E16s_v5");
        assert!(long.len() <= LONGEST && long.ends_with("-eastus-1-e16s-v5"), "{long}");
        assert_eq!(name("p", None, "r6i.2xlarge"), "p-r6i-2xlarge");
    }
}
