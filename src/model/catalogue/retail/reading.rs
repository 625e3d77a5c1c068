//! Which rows of the list are prices of our machines and disks, and what is refused.
//!
//! Only what is left without doubt is taken. The list holds other systems' licences, an older service and whole hosts under the
//! same sizes, totals of years under the unit of an hour, prices that are over and prices to come.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{DISKS, Row};
use crate::model::catalogue::Catalogue;
use crate::model::disk;
use crate::model::money::Money;
use crate::model::price::Kind;

/// How many hours a year has, as the reservations reckon.
const HOURS_A_YEAR: i64 = 8_760;
/// The least that a commitment leaves of the price on demand, one part in so many: what is below isn't a price of an hour.
const LEAST: i64 = 20;

/// Why a row is passed over without a word about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passed {
    /// It isn't Linux on a machine of one's own: Windows, Cloud Services, a dedicated host.
    Product,
    /// A machine of low priority, which is no spot machine; a meter that is no longer sold.
    Meter,
    /// It is neither paid by the hour nor reserved for one or three years.
    Way,
    /// It isn't counted by the hour (a disk by the month), or only from some amount on.
    Unit,
    /// It isn't in US dollars.
    Currency,
    /// It is of another region, or not what a bill in this one names.
    Region,
    /// It isn't in force yet, or no longer.
    Date,
    /// The catalogue has no such size.
    Unknown,
}

impl Passed {
    /// A few words for it, of several rows.
    pub const fn words(self) -> &'static str {
        match self {
            Passed::Product => "of other products (Windows, Cloud Services, dedicated hosts)",
            Passed::Meter => "of low priority machines or meters that ended",
            Passed::Way => "of another way to pay",
            Passed::Unit => "by another unit",
            Passed::Currency => "in another currency",
            Passed::Region => "of another region",
            Passed::Date => "not in force today",
            Passed::Unknown => "of sizes that the catalogue lacks",
        }
    }
}

/// What the rows come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What an hour costs, by size and way to pay.
    pub prices: BTreeMap<(String, Kind), Money>,
    /// What a month costs, by a disk's tier.
    pub disks: BTreeMap<String, Money>,
    /// What was refused, a sentence each.
    pub refused: Vec<String>,
    /// How many rows were passed over, by reason.
    pub passed: BTreeMap<Passed, usize>,
}

impl Reading {
    /// How many sizes have a price.
    pub fn sizes(&self) -> usize {
        self.prices.keys().map(|(size, _)| size).collect::<BTreeSet<_>>().len()
    }
}

/// How a thing is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Hour(Kind),
    Month,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Hour(kind) => kind.fmt(f),
            Way::Month => f.write_str("a month"),
        }
    }
}

/// A price that may be the one.
struct Candidate<'r> {
    row: &'r Row,
    since: Timestamp,
    price: f64,
    /// Over how many hours it is spread.
    hours: i64,
}

impl Candidate<'_> {
    /// The price of a unit; none where it is no price.
    fn money(&self) -> Option<Money> {
        if !(self.price > 0.0 && self.price < 1e9) {
            return None;
        }
        let total = Money::parse(&format!("{:.9}", self.price)).ok()?;
        Some(total.share(1, self.hours)).filter(|money| !money.is_zero())
    }
}

impl fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (price, row) = (self.price, self.row);
        let meter = row.meter_id.get(..8).unwrap_or(&row.meter_id);
        write!(f, "{price} ({}, {}, meter {meter})", row.product_name, row.meter_name)
    }
}

/// Reads rows as prices of the catalogue's sizes in a region, in force at a moment.
pub fn read(rows: &[Row], catalogue: &Catalogue, region: &str, now: Timestamp) -> Reading {
    let mut found = Reading::default();
    let mut candidates: BTreeMap<(String, Way), Vec<Candidate<'_>>> = BTreeMap::new();
    for row in rows {
        match candidate(row, catalogue, region, now) {
            Ok((name, way, hours, since)) => {
                let mut add = |way, price, hours| {
                    let price = Candidate {
                        row,
                        since,
                        price,
                        hours,
                    };
                    candidates.entry((name.clone(), way)).or_default().push(price);
                };
                add(way, row.retail_price, hours);
                if way == Way::Hour(Kind::OnDemand) {
                    for plan in row.savings_plan.iter().flatten() {
                        if let Some((kind, _)) = term(&plan.term, Kind::Savings1y, Kind::Savings3y) {
                            add(Way::Hour(kind), plan.retail_price, 1);
                        }
                    }
                }
            }
            Err(passed) => *found.passed.entry(passed).or_default() += 1,
        }
    }
    let mut doubtful = BTreeSet::new();
    for ((name, way), candidates) in &candidates {
        match decided(candidates) {
            Ok(money) => match way {
                Way::Hour(kind) => {
                    found.prices.insert((name.clone(), *kind), money);
                }
                Way::Month => {
                    found.disks.insert(name.clone(), money);
                }
            },
            Err(Doubt::Several(why)) => {
                found
                    .refused
                    .push(format!("{name} has no price: two were found {way}: {why}"));
                doubtful.insert(name.clone());
            }
            Err(Doubt::Nothing(why)) => found.refused.push(format!("{name} has no price {way}: {why}")),
        }
    }
    found.prices.retain(|(name, _), _| !doubtful.contains(name));
    plausible(&mut found);
    found
}

/// Whether a row counts: what it is a price of, how paid for, over how many hours, since when.
fn candidate(
    row: &Row,
    catalogue: &Catalogue,
    region: &str,
    now: Timestamp,
) -> Result<(String, Way, i64, Timestamp), Passed> {
    if row.arm_region_name != region || !row.is_primary_meter_region {
        return Err(Passed::Region);
    }
    let (name, way, hours) = match row.service_name.as_str() {
        "Virtual Machines" => machine(row)?,
        "Storage" => (disk(row)?, Way::Month, 1),
        _ => return Err(Passed::Product),
    };
    let unit = match way {
        Way::Hour(_) => "1 Hour",
        Way::Month => "1/Month",
    };
    if row.unit_of_measure != unit || row.tier_minimum_units != 0.0 {
        return Err(Passed::Unit);
    }
    if row.currency_code != "USD" {
        return Err(Passed::Currency);
    }
    let since = moment(&row.effective_start_date).ok_or(Passed::Date)?;
    let until = match row.effective_end_date.as_deref().filter(|date| !date.is_empty()) {
        Some(date) => Some(moment(date).ok_or(Passed::Date)?),
        None => None,
    };
    if since > now || until.is_some_and(|until| until <= now) {
        return Err(Passed::Date);
    }
    if matches!(way, Way::Hour(_)) && catalogue.size(&name).is_err() {
        return Err(Passed::Unknown);
    }
    Ok((name, way, hours, since))
}

fn machine(row: &Row) -> Result<(String, Way, i64), Passed> {
    if !is_linux(&row.product_name) {
        return Err(Passed::Product);
    }
    let ends = |word: &str| row.sku_name.ends_with(word) || row.meter_name.ends_with(word);
    if ends(" Low Priority") || ends("Expired") {
        return Err(Passed::Meter);
    }
    let (kind, hours) = match (row.kind.as_str(), ends(" Spot")) {
        ("Consumption", false) => (Kind::OnDemand, 1),
        ("Consumption", true) => (Kind::Spot, 1),
        ("Reservation", false) => row
            .reservation_term
            .as_deref()
            .and_then(|said| term(said, Kind::Reserved1y, Kind::Reserved3y))
            .ok_or(Passed::Way)?,
        _ => return Err(Passed::Way),
    };
    let size = row.arm_sku_name.clone().ok_or(Passed::Unknown)?;
    Ok((size, Way::Hour(kind), hours))
}

/// Whether a product is Linux on a machine of one's own: "Virtual Machines Easv5 Series", some with " Linux" after it. What the
/// same sizes cost otherwise is under "… Series Windows", "Easv5 Series CloudServices", "… Series Dedicated Host".
fn is_linux(product: &str) -> bool {
    let Some(rest) = product.strip_prefix("Virtual Machines ") else {
        return false;
    };
    let series = rest.strip_suffix(" Linux").unwrap_or(rest);
    series.to_ascii_lowercase().ends_with("series")
}

/// A disk's tier. Beside the disk itself there are meters for its operations, for sharing it and for bursts.
fn disk(row: &Row) -> Result<String, Passed> {
    let tier = row.sku_name.as_str();
    if !DISKS.contains(&row.product_name.as_str()) || !disk::is_tier(tier) {
        return Err(Passed::Product);
    }
    let itself = row.meter_name.strip_prefix(tier);
    if !matches!(itself, Some(" Disk" | " Disks")) {
        return Err(Passed::Meter);
    }
    if row.kind != "Consumption" {
        return Err(Passed::Way);
    }
    Ok(tier.to_owned())
}

/// The kind and the hours of a term.
fn term(said: &str, one: Kind, three: Kind) -> Option<(Kind, i64)> {
    match said {
        "1 Year" => Some((one, HOURS_A_YEAR)),
        "3 Years" => Some((three, 3 * HOURS_A_YEAR)),
        _ => None,
    }
}

/// A moment as the list writes it, with or without its zone, which is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}

enum Doubt {
    /// Two that differ.
    Several(String),
    /// One that is no price.
    Nothing(String),
}

/// The one price of the candidates: of each meter the newest, and all meters have to agree.
fn decided(candidates: &[Candidate<'_>]) -> Result<Money, Doubt> {
    let mut newest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for one in candidates {
        let entry = newest.entry(&one.row.meter_id).or_insert(one.since);
        *entry = one.since.max(*entry);
    }
    let mut first: Option<(&Candidate<'_>, Money)> = None;
    for one in candidates {
        if newest.get(one.row.meter_id.as_str()) != Some(&one.since) {
            continue;
        }
        let Some(money) = one.money() else {
            return Err(Doubt::Nothing(format!("{one} is none")));
        };
        match first {
            None => first = Some((one, money)),
            Some((_, before)) if before == money => {}
            Some((other, _)) => return Err(Doubt::Several(format!("{other} and {one}"))),
        }
    }
    match first {
        Some((_, money)) => Ok(money),
        None => Err(Doubt::Nothing("nothing was found".to_owned())),
    }
}

/// Refuses what can't be: a commitment or a spot machine that costs more than on demand, or next to nothing, which would be
/// a total that was taken for an hour or the other way round.
fn plausible(found: &mut Reading) {
    let listed: BTreeMap<String, Money> = found
        .prices
        .iter()
        .filter(|((_, kind), _)| *kind == Kind::OnDemand)
        .map(|((size, _), money)| (size.clone(), *money))
        .collect();
    let refused = &mut found.refused;
    found.prices.retain(|(size, kind), money| {
        let (Some(listed), true) = (listed.get(size), *kind != Kind::OnDemand) else {
            // What costs something otherwise and nothing is known of it on demand can't be judged.
            return *kind == Kind::OnDemand;
        };
        let least = match kind {
            Kind::Spot => Money::ZERO,
            _ => listed.share(1, LEAST),
        };
        let can_be = *money <= *listed && *money >= least;
        if !can_be {
            refused.push(format!(
                "{size} has no price {kind}: {money} an hour can't be, with {listed} on demand"
            ));
        }
        can_be
    });
}
