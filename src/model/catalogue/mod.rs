//! The sizes that can be bought in a region and what they cost: built in for Azure, or a file's. What isn't in it isn't known.

mod file;
mod prices;
pub mod refreshed;
pub mod retail;
pub mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use self::refreshed::Refreshed;
use self::table::{Fault, Row, Table};
use super::money::Money;
use super::price::{Kind, Price};
use super::room::GIB;
use super::size::Size;

/// The built-in table: sizes, and prices on demand by region.
const AZURE: &str = include_str!("../../../data/azure.csv");
/// Spot prices, savings plans and reservations, where they are known.
const COMMITMENTS: &str = include_str!("../../../data/azure-commitments.csv");
/// Where the built-in table's sizes end and its regions begin.
const FACTS: [&str; 6] = ["size", "vcpu", "memory_gib", "arch", "data_disks", "isolated"];
/// The day of the built-in prices on demand.
pub const PRICED: &str = "2026-06-18";

/// A name that isn't there, and those that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What it would be: `size`, `region`.
    pub kind: &'static str,
    /// The name.
    pub wanted: String,
    /// The names that there are.
    pub known: Vec<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} named {}", self.kind, self.wanted)
    }
}

impl std::error::Error for Unknown {}

/// Why a catalogue can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Something is wrong with a table.
    Fault(Fault),
    /// A name isn't known.
    Unknown(Unknown),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        Refused::Fault(fault)
    }
}

impl From<Unknown> for Refused {
    fn from(unknown: Unknown) -> Refused {
        Refused::Unknown(unknown)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Fault(fault) => fault.fmt(f),
            Refused::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

/// Where a catalogue's words come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The table that was built in, and the day of its prices.
    BuiltIn {
        /// The day.
        priced: &'static str,
    },
    /// A file of the user's.
    File,
    /// The sizes are built in, the prices were asked for anew.
    Refreshed(Refreshed),
}

/// The sizes and prices of one region.
#[derive(Clone, Debug)]
pub struct Catalogue {
    region: Option<String>,
    source: Source,
    sizes: BTreeMap<String, Size>,
    prices: BTreeMap<(String, Kind), Price>,
    /// What a month of a disk costs, by its tier.
    disks: BTreeMap<String, Money>,
    /// The days on which prices other than those on demand were seen, by size.
    seen: BTreeMap<String, String>,
}

impl Catalogue {
    /// The built-in catalogue of Azure in a region; without one the sizes have no prices.
    ///
    /// # Errors
    /// Where the region isn't known. A fault of the built-in tables would be a bug.
    pub fn azure(region: Option<&str>) -> Result<Catalogue, Refused> {
        let table = Table::read(AZURE)?;
        if let Some(wanted) = region
            && (FACTS.contains(&wanted) || !table.columns().contains(&wanted))
        {
            return Err(no_such("region", wanted, Catalogue::regions()?).into());
        }
        let mut made = Catalogue::empty(region, Source::BuiltIn { priced: PRICED });
        for row in table.rows() {
            let size = built_in(&row)?;
            if let Some(cell) = region.and_then(|region| row.get(region)) {
                let price = Price::read(cell).map_err(|what| row.fault(what))?;
                made.prices.insert((size.name.clone(), Kind::OnDemand), price);
            }
            made.sizes.insert(size.name.clone(), size);
        }
        for row in Table::read(COMMITMENTS)?.rows() {
            if row.get("region") != region {
                continue;
            }
            let name = row.need("size")?;
            for (kind, price) in priced(&row)? {
                made.prices.insert((name.to_owned(), kind), price);
            }
            made.seen.insert(name.to_owned(), row.need("seen")?.to_owned());
        }
        Ok(made)
    }

    /// The regions that the built-in table has prices of.
    ///
    /// # Errors
    /// A fault of the built-in table, which would be a bug.
    pub fn regions() -> Result<Vec<String>, Fault> {
        let table = Table::read(AZURE)?;
        let regions = table.columns().iter().filter(|name| !FACTS.contains(name));
        Ok(regions.map(|name| (*name).to_owned()).collect())
    }

    fn empty(region: Option<&str>, source: Source) -> Catalogue {
        Catalogue {
            region: region.map(str::to_owned),
            source,
            sizes: BTreeMap::new(),
            prices: BTreeMap::new(),
            disks: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// The region whose prices these are.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether a region may be one: of another cloud's names nothing is known.
    pub(super) fn is_region(&self, name: &str) -> bool {
        let known = || Catalogue::regions().is_ok_and(|all| all.iter().any(|known| known == name));
        self.region() == Some(name) || self.source == Source::File || known()
    }

    /// Where it comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// All sizes, by name.
    pub fn sizes(&self) -> impl Iterator<Item = &Size> {
        self.sizes.values()
    }

    /// A size by its name.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn size(&self, name: &str) -> Result<&Size, Unknown> {
        self.sizes
            .get(name)
            .ok_or_else(|| no_such("size", name, self.sizes.keys().cloned().collect()))
    }

    /// What an hour of a size costs, paid for in a way; none where that isn't known.
    pub fn price(&self, size: &str, kind: Kind) -> Option<Price> {
        self.prices.get(&(size.to_owned(), kind)).copied()
    }

    /// Everything that is known of a size's prices.
    pub fn prices(&self, size: &str) -> impl Iterator<Item = (Kind, Price)> {
        Kind::ALL
            .into_iter()
            .filter_map(move |kind| Some((kind, self.price(size, kind)?)))
    }

    /// What a month of a disk costs, by its tier (`P30 LRS`), however much of it is used; none where that isn't known.
    pub fn disk_price(&self, tier: &str) -> Option<Money> {
        self.disks.get(tier).copied()
    }

    /// When the built-in prices of a size other than those on demand were seen: a month or a day.
    pub fn seen(&self, size: &str) -> Option<&str> {
        self.seen.get(size).map(String::as_str)
    }
}

fn no_such(kind: &'static str, wanted: &str, known: Vec<String>) -> Unknown {
    Unknown {
        kind,
        wanted: wanted.to_owned(),
        known,
    }
}

fn built_in(row: &Row<'_>) -> Result<Size, Fault> {
    let whole = |column: &str| -> Result<i64, Fault> {
        let cell = row.need(column)?;
        cell.parse()
            .map_err(|_| row.fault(format!("{column} is `{cell}`, which is no number")))
    };
    Ok(Size {
        name: row.need("size")?.to_owned(),
        vcpu: u32::try_from(whole("vcpu")?).map_err(|_| row.fault("vcpu is out of range"))?,
        memory: whole("memory_gib")?.saturating_mul(GIB),
        arch: row.need("arch")?.to_owned(),
        data_disks: Some(whole("data_disks")?),
        max_pods: None,
        isolated: row.get("isolated").is_some(),
        allocatable: None,
    })
}

/// The prices of a row that has a column for each way to pay.
fn priced(row: &Row<'_>) -> Result<Vec<(Kind, Price)>, Fault> {
    let of = |kind: Kind| {
        let cell = row.get(kind.word())?;
        let price = Price::read(cell).map_err(|what| row.fault(format!("{}: {what}", kind.word())));
        Some(price.map(|price| (kind, price)))
    };
    Kind::ALL.into_iter().filter_map(of).collect()
}
