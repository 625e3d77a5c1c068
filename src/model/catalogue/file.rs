//! A catalogue in a file (`--catalog`), for clouds whose sizes aren't built in: docs/packing.md has its columns.

use std::collections::BTreeMap;

use super::table::{Row, Table};
use super::{Catalogue, Fault, Refused, Source, no_such, priced};
use crate::model::asked;
use crate::model::price::Known;
use crate::model::size::Size;

const NEEDED: [&str; 3] = ["size", "vcpu", "memory"];
/// The architectures that nodes of the clouds have, by the label `kubernetes.io/arch`.
const ARCHS: [&str; 2] = ["amd64", "arm64"];
const MAY: [&str; 13] = [
    "arch",
    "data_disks",
    "max_pods",
    "isolated",
    "allocatable_memory",
    "allocatable_cpu",
    "region",
    "on-demand",
    "spot",
    "savings-1y",
    "savings-3y",
    "reserved-1y",
    "reserved-3y",
];

impl Catalogue {
    /// The catalogue that a file holds, for a region. A file without the column `region` holds for every one. A size may lack
    /// every price; it can't be bought then.
    ///
    /// # Errors
    /// Where the file isn't such a table, something in it can't be understood, a size is there twice for one region, says
    /// different things of itself in two regions, or the region isn't in it.
    pub fn of_file(text: &str, region: Option<&str>) -> Result<Catalogue, Refused> {
        let table = Table::read(text)?;
        table.has(&NEEDED, &MAY)?;
        let by_region = table.columns().contains(&"region");
        let mut made = Catalogue::empty(region, Source::File);
        let mut lines: BTreeMap<(String, Option<&str>), usize> = BTreeMap::new();
        for row in table.rows() {
            let size = size(&row)?;
            let name = size.name.clone();
            let here = if by_region { Some(row.need("region")?) } else { None };
            if let Some(before) = lines.insert((name.clone(), here), row.line) {
                return Err(row.fault(format!("{name} is there already, on line {before}")).into());
            }
            if let Some(before) = made.sizes.insert(name.clone(), size)
                && before != made.sizes[&name]
            {
                return Err(row.fault(format!("{name} is another machine than further up")).into());
            }
            let prices = priced(&row)?;
            if here.is_some() && here != region {
                continue;
            }
            for (kind, mut price) in prices {
                price.known = Known::Given;
                made.prices.insert((name.clone(), kind), price);
            }
        }
        if made.sizes.is_empty() {
            let line = 1;
            let what = "there are no sizes here".to_owned();
            return Err(Fault { line, what }.into());
        }
        let mut regions: Vec<&str> = lines.keys().filter_map(|(_, region)| *region).collect();
        regions.sort_unstable();
        regions.dedup();
        if let Some(wanted) = region.filter(|wanted| by_region && !regions.contains(wanted)) {
            return Err(no_such("region", wanted, regions.into_iter().map(str::to_owned).collect()).into());
        }
        Ok(made)
    }
}

fn size(row: &Row<'_>) -> Result<Size, Fault> {
    let said = |column: &str, what: String| row.fault(format!("{column}: {what}"));
    let whole = |column: &str, least: i64| match row.get(column) {
        None => Ok(None),
        Some(cell) => match cell.parse::<i64>() {
            Ok(number) if (least..=100_000).contains(&number) => Ok(Some(number)),
            _ => Err(said(column, format!("`{cell}` is no number from {least} to 100000"))),
        },
    };
    let amount = |column: &str, read: fn(&str) -> Result<i64, String>| {
        row.get(column)
            .map(|cell| read(cell).map_err(|what| said(column, what)))
            .transpose()
    };
    let name = row.need("size")?.to_owned();
    row.need("vcpu")?;
    let vcpu = u32::try_from(whole("vcpu", 1)?.unwrap_or(1)).unwrap_or(1);
    let memory = asked::memory(row.need("memory")?).map_err(|what| said("memory", what))?;
    let allocatable = match (
        amount("allocatable_memory", asked::memory)?,
        amount("allocatable_cpu", asked::cpu)?,
    ) {
        (Some(left), _) if left > memory => {
            return Err(row.fault("allocatable_memory is more than memory"));
        }
        (_, Some(left)) if left > i64::from(vcpu) * 1000 => {
            return Err(row.fault("allocatable_cpu is more than vcpu"));
        }
        (Some(memory), Some(cpu)) => Some((memory, cpu)),
        (None, None) => None,
        _ => return Err(row.fault("allocatable_memory and allocatable_cpu belong together")),
    };
    let isolated = match row.get("isolated") {
        None | Some("no") => false,
        Some("yes") => true,
        Some(other) => return Err(said("isolated", format!("`{other}` is neither yes nor no"))),
    };
    let arch = row.get("arch").unwrap_or("amd64");
    if !ARCHS.contains(&arch) {
        return Err(said(
            "arch",
            format!("`{arch}` is neither amd64 nor arm64, as nodes name them"),
        ));
    }
    Ok(Size {
        name,
        vcpu,
        memory,
        arch: arch.to_owned(),
        data_disks: whole("data_disks", 0)?,
        max_pods: whole("max_pods", 1)?,
        isolated,
        allocatable,
    })
}
