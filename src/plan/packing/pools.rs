//! A layout as NodePools, one for each size in each zone, so that Karpenter buys just that.
//!
//! One pool with several sizes leaves it to Karpenter which of them it buys for what is pending: the cheapest for the batch in
//! hand, zone by zone, which needn't be the cheapest together.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::layout::Layout;
use crate::model::catalogue::{Catalogue, Unknown};
use crate::model::karpenter::NodePool;
use crate::model::node::INSTANCE_TYPE;
use crate::model::volume::ZONE;

/// The longest name that a pool may have: it becomes the value of a label.
const LONGEST: usize = 63;

/// The pools that buy a layout, made like `like`, each with room for so many nodes more.
///
/// # Errors
/// Where the catalogue doesn't know a size of the layout: its limit couldn't be said.
pub fn pinned(like: NodePool<'_>, layout: &Layout, catalogue: &Catalogue, surge: u32) -> Result<Vec<Value>, Unknown> {
    let mut made = Vec::new();
    for (zone, of) in layout.machines() {
        let cores = i64::from(catalogue.size(&of.size)?.vcpu) * i64::from(of.count + surge);
        let mut pins = BTreeMap::from([(INSTANCE_TYPE, of.size.as_str())]);
        pins.extend(zone.name.as_deref().map(|zone| (ZONE, zone)));
        let written = like
            .0
            .pointer("/spec/template/spec/requirements")
            .and_then(Value::as_array);
        let mut requirements: Vec<Value> = written.cloned().unwrap_or_default();
        requirements.retain(|term| term["key"].as_str().is_none_or(|key| !pins.contains_key(key)));
        requirements.extend(
            pins.iter()
                .map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]})),
        );
        let mut spec = like.0["spec"].clone();
        spec["template"]["spec"]["requirements"] = json!(requirements);
        spec["limits"] = json!({"cpu": cores.to_string()});
        made.push(json!({
            "apiVersion": like.0["apiVersion"],
            "kind": "NodePool",
            "metadata": {"name": name(like.name(), zone.name.as_deref(), &of.size)},
            "spec": spec,
        }));
    }
    Ok(made)
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
                "template": {"spec": {
                    "taints": [{"key": "shards", "effect": "NoSchedule"}],
                    "requirements": [
                        {"key": INSTANCE_TYPE, "operator": "Exists"},
                        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                    ],
                }},
            },
        });
        let catalogue = Catalogue::azure(None).unwrap();
        let made = pinned(NodePool(&like), &layout, &catalogue, 1).unwrap();
        let told: Vec<_> = made
            .iter()
            .map(|pool| (pool["metadata"].clone(), pool["spec"]["limits"].clone()))
            .collect();
        let named = |name: &str, cpu: &str| (json!({"name": name}), json!({"cpu": cpu}));
        assert_eq!(
            told,
            [
                named("shards-eastus-1-e16s-v5", "48"),
                named("shards-eastus-1-e8s-v5", "16"),
                named("shards-eastus-2-e16s-v5", "32"),
            ]
        );
        assert_eq!(
            made[2]["spec"]["template"]["spec"]["requirements"],
            json!([
                {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                {"key": INSTANCE_TYPE, "operator": "In", "values": ["Standard_E16s_v5"]},
                {"key": ZONE, "operator": "In", "values": ["eastus-2"]},
            ])
        );
        assert_eq!(made[0]["spec"]["template"]["spec"]["taints"][0]["key"], "shards");
        let empty = Catalogue::of_file("size,vcpu,memory\na,1,1Gi\n", None).unwrap();
        assert!(pinned(NodePool(&like), &layout, &empty, 0).is_err());
    }

    #[test]
    fn a_name_fits_into_a_label() {
        let long = name(&"x".repeat(60), Some("eastus-1"), "Standard_E16s_v5");
        assert!(long.len() <= LONGEST && long.ends_with("-eastus-1-e16s-v5"), "{long}");
        assert_eq!(name("p", None, "r6i.2xlarge"), "p-r6i-2xlarge");
    }
}
