//! Which sizes may be bought for the shards, how many each holds, and why the others are left out.

use std::collections::BTreeMap;
use std::fmt;

use super::figures::{Capacity, Holds, Machines};
use super::layout::Choice;
use crate::model::catalogue::{Catalogue, Unknown};
use crate::model::money::{Discount, Money};
use crate::model::price::{Kind, Price};
use crate::model::room::Take;
use crate::model::size::Size;

/// What narrows the choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// Only these sizes, by name or with one `*` in it; all where there are none.
    pub sizes: Vec<String>,
    /// Not these, in the same form.
    pub exclude: Vec<String>,
    /// Only machines of these architectures; all where there are none.
    pub archs: Vec<String>,
    /// How they are paid for.
    pub kind: Kind,
    /// What comes off the listed price.
    pub discount: Discount,
}

impl Default for Narrowed {
    fn default() -> Narrowed {
        Narrowed {
            sizes: Vec::new(),
            exclude: Vec::new(),
            archs: Vec::new(),
            kind: Kind::OnDemand,
            discount: Discount::default(),
        }
    }
}

/// A size that may be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What the cloud says of it.
    pub size: Size,
    /// What is left of it for pods, and who says so.
    pub capacity: Capacity,
    /// How many shards it holds.
    pub holds: Holds,
    /// Its price as it is known.
    pub price: Price,
    /// What is paid of it.
    pub hourly: Money,
}

impl Offer {
    /// How many shards a layout reckons with.
    pub fn slots(&self) -> u32 {
        self.holds.slots().count
    }

    /// What an hour costs for each shard of a full machine; none where it holds none.
    pub fn hourly_a_shard(&self) -> Option<Money> {
        (self.slots() > 0).then(|| self.hourly.share(1, i64::from(self.slots())))
    }

    /// The same for the search.
    pub fn choice(&self) -> Choice {
        Choice {
            size: self.size.name.clone(),
            slots: self.slots(),
            hourly: self.hourly,
        }
    }
}

/// Why a size isn't among the offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It was excluded, or isn't among those that were asked for.
    Unwanted,
    /// The shards run on another architecture.
    Arch,
    /// It is a whole host, which few zones have, and wasn't asked for by name.
    Isolated,
    /// Nobody says what is left of it for pods.
    NoFigure,
    /// No price is known.
    NoPrice,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeftOut::Unwanted => "not asked for",
            LeftOut::Arch => "of another architecture than the shards' nodes",
            LeftOut::Isolated => "a whole host, which few zones have: name it in --sizes to have it considered",
            LeftOut::NoFigure => "nobody says what is left of it for pods",
            LeftOut::NoPrice => "no price is known",
        })
    }
}

/// What may be bought, and what may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Market {
    /// The sizes that may be bought and whose price is known, those that hold no shard among them.
    pub offers: Vec<Offer>,
    /// The others, by name.
    pub left_out: BTreeMap<String, LeftOut>,
}

impl Market {
    /// Those that hold a shard, for the search.
    pub fn choices(&self) -> Vec<Choice> {
        let holding = self.offers.iter().filter(|offer| offer.slots() > 0);
        holding.map(Offer::choice).collect()
    }

    /// The offer of a size.
    pub fn offer(&self, size: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.size.name == size)
    }
}

/// Looks through the catalogue.
///
/// # Errors
/// Where a size that was named, or a pattern, matches nothing.
pub fn market(
    catalogue: &Catalogue,
    machines: &Machines,
    daemons: &Take,
    shard: &Take,
    narrowed: &Narrowed,
) -> Result<Market, Unknown> {
    for pattern in narrowed.sizes.iter().chain(&narrowed.exclude) {
        if !catalogue.sizes().any(|size| matches(pattern, &size.name)) {
            // Asked by its name, the answer has the names that there are.
            catalogue.size(pattern)?;
        }
    }
    let mut found = Market::default();
    for size in catalogue.sizes() {
        match offer(catalogue, machines, daemons, shard, narrowed, size) {
            Ok(offer) => found.offers.push(offer),
            Err(why) => {
                found.left_out.insert(size.name.clone(), why);
            }
        }
    }
    Ok(found)
}

fn offer(
    catalogue: &Catalogue,
    machines: &Machines,
    daemons: &Take,
    shard: &Take,
    narrowed: &Narrowed,
    size: &Size,
) -> Result<Offer, LeftOut> {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &size.name));
    if any(&narrowed.exclude) || !narrowed.sizes.is_empty() && !any(&narrowed.sizes) {
        return Err(LeftOut::Unwanted);
    }
    if !narrowed.archs.is_empty() && !narrowed.archs.contains(&size.arch) {
        return Err(LeftOut::Arch);
    }
    if size.isolated && !narrowed.sizes.contains(&size.name) {
        return Err(LeftOut::Isolated);
    }
    let capacity = machines.capacity(size).ok_or(LeftOut::NoFigure)?;
    let price = catalogue.price(&size.name, narrowed.kind).ok_or(LeftOut::NoPrice)?;
    Ok(Offer {
        size: size.clone(),
        holds: capacity.holds(daemons, shard),
        capacity,
        price,
        hourly: narrowed.discount.off(price.hourly),
    })
}

/// Whether a pattern with at most one `*` matches a whole name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::allocatable::Model;
    use crate::model::room::GIB;
    use crate::plan::packing::daemons::OBSERVED;

    const SHARD: Take = Take {
        memory: 32 * GIB,
        cpu: 2000,
        disks: 1,
        pods: 1,
    };

    fn bought(narrowed: &Narrowed) -> Result<Market, Unknown> {
        let machines = Machines {
            kubelet: Some(Model::KubeletAks),
            forecast: Some(Model::KarpenterAzure),
            max_pods: 250,
            ..Machines::default()
        };
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        market(&catalogue, &machines, &OBSERVED.take, &SHARD, narrowed)
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_is_left_out_is_left_out_for_a_reason() {
        let all = bought(&Narrowed {
            archs: strings(&["amd64"]),
            exclude: strings(&["Standard_M*"]),
            ..Narrowed::default()
        })
        .unwrap();
        assert_eq!(all.left_out["Standard_E16ps_v5"], LeftOut::Arch);
        assert_eq!(all.left_out["Standard_M8ms"], LeftOut::Unwanted);
        assert_eq!(all.left_out["Standard_E104is_v5"], LeftOut::Isolated);
        assert_eq!(all.offers.len() + all.left_out.len(), 370);
        assert_eq!(all.offer("Standard_E16s_v5").unwrap().slots(), 3);
        assert_eq!(all.offer("Standard_D2s_v5").unwrap().slots(), 0);
        assert!(all.choices().iter().all(|choice| choice.slots > 0));
        let named = bought(&Narrowed {
            sizes: strings(&["Standard_E104is_v5", "Standard_E*s_v5"]),
            ..Narrowed::default()
        })
        .unwrap();
        assert!(named.offer("Standard_E104is_v5").is_some());
        assert!(named.offer("Standard_E16s_v5").is_some());
        assert!(named.offer("Standard_D16s_v5").is_none());
    }

    #[test]
    fn only_a_known_price_is_a_price() {
        let spot = bought(&Narrowed {
            kind: Kind::Spot,
            ..Narrowed::default()
        })
        .unwrap();
        let names: Vec<&str> = spot.offers.iter().map(|offer| offer.size.name.as_str()).collect();
        assert_eq!(names, ["Standard_E16s_v5"]);
        assert_eq!(spot.left_out["Standard_E32s_v5"], LeftOut::NoPrice);
    }

    #[test]
    fn a_discount_comes_off_what_is_paid_and_not_off_the_list() {
        let market = bought(&Narrowed {
            discount: Discount::parse("50%").unwrap(),
            ..Narrowed::default()
        })
        .unwrap();
        let offer = market.offer("Standard_E16s_v5").unwrap();
        assert_eq!(
            (offer.price.hourly.to_string(), offer.hourly.to_string()),
            ("1.008".to_owned(), "0.504".to_owned())
        );
        assert_eq!(offer.hourly_a_shard().unwrap().to_string(), "0.168");
    }

    #[test]
    fn a_name_that_matches_nothing_is_refused() {
        for narrowed in [
            Narrowed {
                sizes: strings(&["Standard_E16_v5"]),
                ..Narrowed::default()
            },
            Narrowed {
                exclude: strings(&["Standard_X*"]),
                ..Narrowed::default()
            },
        ] {
            assert_eq!(bought(&narrowed).unwrap_err().kind, "size");
        }
        assert!(matches("Standard_E*s_v5", "Standard_E16s_v5"));
        assert!(!matches("Standard_E16s*16s_v5", "Standard_E16s_v5"));
    }
}
